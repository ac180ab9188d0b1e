//! K5: the power goes while the real binary works. It starts again on what a disk has kept that keeps what was synced, and of the rest what
//! it pleases ([`crate::outage`]), and comes to the same end.

use std::fs;
use std::process::Command;
use std::time::Duration;

use destilation::config::{Dirs, set};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::outage::{Record, Recorder};
use crate::sandbox::{Ran, Sandbox};
use crate::teacher::{Reply, Teacher};

const TASKS: u64 = 24;
const AT_ONCE: u64 = 4;

/// A run, a person's decision after it, an export and a copy of the database.
struct Life {
    sandbox: Sandbox,
    teacher: Teacher,
    record: Record,
    /// The sample a person rejected.
    rejected: String,
    /// The step before which that was said to be done.
    decided: usize,
}

/// The samples that are accepted, in plan order.
fn accepted(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.run(&["samples", "list", "job:t", "status:accepted"]);
    let rows = listed.stdout.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["id"].as_str().unwrap().to_owned()
    });
    rows.collect()
}

/// `extra` goes to what the job says of its dataset.
fn live(durability: &str, extra: &str) -> Life {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        Reply::text(&format!("answer {number} {}", "and more ".repeat(300)))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    sandbox.write(
        "destiler.toml",
        &format!("{config}[engine]\ndurability = \"{durability}\"\n"),
    );
    sandbox.write(
        "job.toml",
        &format!(
            "name = \"t\"\n[seeds]\ncount = {TASKS}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n[[steps]]\nname = \"answer\"\n\
             capability = \"chat\"\nprompt = \"Question {{{{ n }}}}\"\nmax_tokens = 64\n[dataset]\nformat = \"raw\"\n\
             split = {{ train = 0.8, valid = 0.2 }}\n{extra}[limits]\nconcurrency = {AT_ONCE}\n"
        ),
    );
    let mut recorder = Recorder::new(&sandbox.path(""));
    recorder.run(sandbox.command(&["run", "job.toml"]));
    let rejected = accepted(&sandbox)[3].clone();
    let decided = recorder.run(sandbox.command(&["samples", "reject", &rejected]));
    recorder.run(sandbox.command(&["export", "t", "-o", "out.jsonl"]));
    recorder.run(sandbox.command(&["db", "backup", "copy.db"]));
    let record = recorder.record;
    assert_eq!(record.asked(record.did.len()) as u64, TASKS);
    Life {
        sandbox,
        teacher,
        record,
        rejected,
        decided,
    }
}

impl Life {
    /// The power goes before that step; what starts afterwards comes to the same end. `power`: nothing that was said to be done is undone.
    fn survive(&self, end: usize, share: f64, rng: &mut ChaCha8Rng, power: bool) -> Result<(), String> {
        let sandbox = &self.sandbox;
        self.record.kept(end, share, rng).restore(&sandbox.path(""));
        let run = |words: &[&str], code: i32| {
            let ran = sandbox.run(words);
            if ran.code == code {
                return Ok(ran);
            }
            Err(format!(
                "{words:?} ended with {}: {}{}",
                ran.code, ran.stdout, ran.stderr
            ))
        };
        if let Ok(export) = fs::read_to_string(sandbox.path("out.jsonl"))
            && export.lines().count() as u64 != TASKS - 1
        {
            return Err(format!("an export of {} bytes", export.len()));
        }
        if fs::exists(sandbox.path("copy.db")).unwrap() {
            let mut check = sandbox.command(&["db", "check"]);
            let place = format!("sqlite:{}", sandbox.path("copy.db").display());
            let ran = Ran::from(check.env("DESTILER_DATABASE_URL", place).output().unwrap());
            if ran.code != 0 {
                return Err(format!("the copy: {ran:?}"));
            }
        }
        let asked = self.record.asked(end) as u64;
        if power && asked > 0 {
            let info: Value = serde_json::from_str(&run(&["db", "info", "--json"], 0)?.stdout).unwrap();
            let known = info["rows"][2].as_u64().unwrap();
            if known < asked {
                return Err(format!("{asked} questions were asked, and {known} are known"));
            }
            if end >= self.decided {
                let found = run(&["samples", "list", "job:t", "status:rejected"], 0)?;
                if !found.stdout.contains(&self.rejected) {
                    return Err("a decision is undone".to_owned());
                }
            }
        }
        let before = self.teacher.seen().requests;
        let summary = run(&["run", "job.toml", "--json"], 0)?.summary();
        let bought = asked + self.teacher.seen().requests - before;
        if power && bought > TASKS + AT_ONCE {
            return Err(format!("{bought} answers were bought for {TASKS} tasks"));
        }
        let kept = accepted(sandbox);
        if summary["tasks"]["planned"] != TASKS || (kept.len() as u64) < TASKS - 1 {
            return Err(format!("{} samples: {summary}", kept.len()));
        }
        run(&["samples", "reject", &kept[3]], 0)?;
        run(&["db", "check", "--deep"], 0)?;
        run(&["verify", "datasets/t"], 0)?;
        Ok(())
    }

    /// Before every so many-th sync, and on disks that keep nothing, some or all of what was not synced.
    fn survive_all(&self, every: usize, power: bool) {
        let syncs = self.record.syncs();
        println!("{} steps, {} syncs", self.record.did.len(), syncs.len());
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut died = 0;
        for (number, end) in syncs.iter().chain([&self.record.did.len()]).enumerate() {
            for share in [0.0, 0.5, 0.5, 0.9, 1.0] {
                died += 1;
                if died % every != 0 {
                    continue;
                }
                if let Err(finding) = self.survive(*end, share, &mut rng, power) {
                    panic!("before sync {number} (step {end}), {share} of the rest kept: {finding}");
                }
            }
        }
    }
}

const SHARDS: &str = "shard_rows = 7\n";

#[test]
fn a_disk_that_kept_what_was_synced_and_some_of_the_rest_loses_nothing() {
    live("power", "").survive_all(29, true);
    live("process", SHARDS).survive_all(17, false);
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn the_power_goes_before_every_sync_and_loses_nothing() {
    for extra in ["", SHARDS] {
        live("power", extra).survive_all(1, true);
        live("process", extra).survive_all(1, false);
    }
}

/// The settings of a user, and another theme in them.
const SETTINGS: (&str, &str) = (
    "# mine\n[ui]\ntheme = \"night\" # dark\n",
    "# mine\n[ui]\ntheme = \"day\" # dark\n",
);

/// Not a test: the process of the next one.
#[test]
#[ignore = "sets what SET_IN says"]
fn sets_a_setting() {
    let Some(home) = std::env::var_os("SET_IN") else {
        return;
    };
    let dirs = Dirs::below(None, home.as_ref());
    set(&dirs.config_file(), "ui.theme", &json!("day"), &dirs).unwrap();
}

#[test]
fn settings_are_the_old_ones_or_the_new_ones_whenever_the_power_goes() {
    let (old, new) = SETTINGS;
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    let file = Dirs::below(None, &root).config_file();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, old).unwrap();
    let mut recorder = Recorder::new(&root);
    let mut setting = Command::new(std::env::current_exe().unwrap());
    setting
        .args(["--ignored", "--exact", "power::sets_a_setting"])
        .env("SET_IN", &root);
    let steps = recorder.run(setting);
    assert_eq!(fs::read_to_string(&file).unwrap(), new);
    assert!(recorder.record.syncs().len() >= 2, "the file and its directory");
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for end in 0..=steps {
        for share in [0.0, 0.5, 0.5, 0.5, 1.0] {
            recorder.record.kept(end, share, &mut rng).restore(&root);
            let kept = fs::read_to_string(&file).unwrap();
            assert!(kept == old || kept == new, "before step {end}: {kept:?}");
            assert!(end < steps || kept == new, "it was said to be done");
        }
    }
}
