//! Bad input: what is said, with line and next step; nothing panics, nothing is lost. `--nocapture` prints what each case says.

use std::os::unix::fs::PermissionsExt;

use crate::job;
use crate::sandbox::{Ran, Sandbox, exists};
use crate::teacher::{Reply, Teacher};

/// A job that is right; each case makes one thing wrong.
const GOOD: &str = r#"name = "t"
[seeds]
rows = [{ question = "a" }, { question = "b" }]
[[steps]]
name = "answer"
capability = "chat"
prompt = "{{ question }}"
[[validators]]
kind = "length"
min_chars = 1
[dataset]
format = "raw"
"#;

/// A provider that answers without a network.
const MOCK: &str = "[[providers]]\nname = \"m\"\nkind = \"mock\"\n[[providers.models]]\nid = \"x\"\n\
                    capabilities = [\"chat\", \"judge\"]\n";

/// What is wrong, the line of [`GOOD`] that is replaced, by what, and what has to be said: place first.
#[rustfmt::skip]
const JOBS: &[(&str, &str, &str, &[&str])] = &[
    ("a TOML syntax error", "[seeds]", "[seeds", &["job.toml:2:7: error:", "expected `]`"]),
    ("an unclosed string", "name = \"answer\"", "name = \"answer", &["job.toml:5:"]),
    ("a key twice", "min_chars = 1", "min_chars = 1\nmin_chars = 2", &["job.toml:11:1: error:", "`min_chars` stands here for the second time"]),
    ("a mistyped key", "prompt =", "promt =", &["job.toml:7:1: error:", "unknown key `promt`", "did you mean `prompt`?"]),
    ("a mistyped section", "[dataset]", "[datasets]", &["job.toml:11:2: error:", "did you mean `dataset`?"]),
    ("two sources of seeds", "[seeds]", "[seeds]\ncount = 5", &["job.toml:", "seeds", "path, rows", "count"]),
    ("no steps", "[[steps]]\nname = \"answer\"\ncapability = \"chat\"\nprompt = \"{{ question }}\"\n", "", &["job.toml:1:1: error:", "steps: is missing"]),
    ("a bad name", "name = \"t\"", "name = \"My Job\"", &["job.toml:1:8: error:", "`My Job` is no name", "a-z, 0-9"]),
    ("a name that leaves the directory", "name = \"t\"", "name = \"../../t\"", &["job.toml:1:8: error:", "is no name for a job"]),
    ("a template syntax error", "{{ question }}", "{{ question", &["job.toml:7:10: error: steps.answer.prompt:"]),
    ("an unknown variable", "{{ question }}", "{{ qestion }}", &["job.toml:7:10: error:", "`qestion`", "did you mean `question`?"]),
    ("an unknown filter", "{{ question }}", "{{ question | shout }}", &["job.toml:7:10: error:", "shout"]),
    ("a remote reference in a schema", "capability = \"chat\"", "capability = \"chat\"\nschema = { \"$ref\" = \"https://example.org/s.json\" }", &["job.toml:7:10: error: steps.answer.schema:", "outside of the schema"]),
    ("a schema that does not compile", "capability = \"chat\"", "capability = \"chat\"\nschema = { type = \"objekt\" }", &["job.toml:7:10: error: steps.answer.schema:", "objekt"]),
    ("a schema file that is not there", "capability = \"chat\"", "capability = \"chat\"\nschema_file = \"no.json\"", &["job.toml:7:15: error:", "`no.json`", "No such file"]),
    ("an unknown validator", "kind = \"length\"", "kind = \"lenght\"", &["job.toml:9:1: error: validators.1.kind:", "did you mean `length`?"]),
    ("an unknown setting of a validator", "min_chars = 1", "min_char = 1", &["job.toml:10:", "`min_char`", "did you mean `min_chars`?"]),
    ("a judge that accepts outside of its scale", "kind = \"length\"\nmin_chars = 1", "kind = \"judge\"\ncapability = \"judge\"\nrubric = \"r\"\nscale = [1, 5]\naccept_at = 7", &["job.toml:13:", "accept_at", "1", "5"]),
    ("a pattern that does not compile", "kind = \"length\"\nmin_chars = 1", "kind = \"regex\"\npattern = \"(\"", &["job.toml:10:1: error: validators.1"]),
    ("a split that does not sum to 1", "format = \"raw\"", "format = \"raw\"\nsplit = { train = 0.9, valid = 0.2 }", &["job.toml:13:9: error: dataset.split:", "1.1", "not to 1"]),
    ("candidates twice", "capability = \"chat\"", "capability = \"chat\"\ncandidates = 2\nprompt = \"x\"\n[[steps]]\nname = \"more\"\ncandidates = 3\ncapability = \"chat\"", &["job.toml:11:14: error: steps.more.candidates:"]),
    ("a step called twice", "[[validators]]", "[[steps]]\nname = \"answer\"\ncapability = \"chat\"\nprompt = \"x\"\n[[validators]]", &["job.toml:9:8: error:", "answer"]),
    ("a capability that nobody has", "capability = \"chat\"", "capability = \"chatt\"", &["job.toml:6:14: error:", "no configured teacher declares `chatt`", "did you mean `chat`?"]),
    ("a teacher that is not configured", "capability = \"chat\"", "teachers = [{ use = \"m/y\" }]", &["job.toml:6:13: error:", "no teacher `m/y`", "did you mean `m/x`?"]),
    ("an unknown format", "format = \"raw\"", "format = \"sharegtp\"", &["job.toml:12:1: error:", "did you mean `sharegpt`?"]),
    ("a number out of range", "capability = \"chat\"", "capability = \"chat\"\ntemperature = 3", &["job.toml:7:15: error: steps.answer.temperature:", "2"]),
    ("a number where text belongs", "name = \"answer\"", "name = 5", &["job.toml:5:8: error:", "a string"]),
    ("a seed file that is not there", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"no.jsonl\"", &["job.toml:3:8: error: seeds:", "no.jsonl", "relative path"]),
    ("a seed file of an unknown kind", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"rows.xlsx\"", &["job.toml:3:8: error:", "xlsx"]),
    ("a broken line of JSON", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"broken.jsonl\"", &["job.toml:3:8: error: seeds:", "broken.jsonl:2:", "column 13"]),
    ("a row that is no object", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"list.jsonl\"", &["job.toml:3:8: error:", "list.jsonl:2:", "an array, not an object"]),
    ("a ragged CSV", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"ragged.csv\"", &["job.toml:3:8: error:", "ragged.csv:3:", "3 fields where the first line names 2"]),
    ("a seed file that is compressed", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"zipped.jsonl\"", &["job.toml:3:8: error:", "gzip", "unpack it first"]),
    ("a variable that the seed file has not", "rows = [{ question = \"a\" }, { question = \"b\" }]", "path = \"other.jsonl\"", &["job.toml:7:10: error:", "`question`", "did you mean `questions`?"]),
];

/// What is wrong, the words, the exit code, and what has to be said.
#[rustfmt::skip]
const CALLS: &[(&str, &[&str], i32, &[&str])] = &[
    ("an empty file", &["run", "empty.toml"], 3, &["empty.toml:1:1: error: name: is missing", "3 problems"]),
    ("binary garbage", &["run", "noise.toml"], 3, &["noise.toml", "not UTF-8 from byte"]),
    ("a program", &["run", "program.toml"], 3, &["program.toml:1:9: error:"]),
    ("a directory", &["run", "./"], 8, &["Is a directory", "help:"]),
    ("a file that is not there", &["run", "nonexisting.toml"], 8, &["cannot read nonexisting.toml", "No such file", "help:"]),
    ("a job that is not there", &["run", "nonexisting"], 8, &["there is no job `nonexisting`", "quickstart"]),
    ("an export of no job", &["export", "nonexisting"], 8, &["`nonexisting`", "destiler jobs list"]),
    ("samples of no job", &["samples", "list", "job:nonexisting"], 8, &["`nonexisting`"]),
    ("a sample that is not there", &["samples", "show", "0123"], 8, &["0123"]),
    ("a provider that is not there", &["providers", "test", "nobody"], 8, &["`nobody`", "configured: m"]),
    ("a dataset that is not there", &["verify", "nonexisting"], 8, &["no directory nonexisting", "manifest.json"]),
    ("a file of rows that is not there", &["validate", "nonexisting.jsonl"], 8, &["no file nonexisting.jsonl"]),
    ("an unknown format to export", &["export", "kept", "--format", "alpacca"], 2, &["did you mean `alpaca`?"]),
    ("a filter with a mistyped key", &["samples", "list", "stat:accepted"], 2, &["stat", "help:"]),
    ("no job named", &["run"], 2, &["JOB.toml"]),
    ("a mistyped command", &["chek"], 2, &["'chek'", "'check'"]),
    ("a mistyped flag", &["run", "kept", "--limt", "3"], 2, &["--limit"]),
    ("a number that is none", &["run", "kept", "--limit", "many"], 2, &["many"]),
    ("a negative amount", &["run", "kept", "--usd=-1"], 2, &["US dollars"]),
    ("a deletion without consent", &["jobs", "delete", "kept"], 2, &["--yes"]),
    ("a clone with a bad name", &["jobs", "clone", "kept", "Kept!"], 3, &["is no name for a job"]),
];

/// What every case said; those that said something else are shown together at the end.
#[derive(Default)]
struct Cases(Vec<String>);

impl Cases {
    /// Prints what was said, and looks for what has to be there and for what must never be.
    fn said(&mut self, case: &str, ran: &Ran, code: i32, needles: &[&str]) {
        println!("## {case} (exit {})\n{}", ran.code, ran.stderr);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        let mut wrong = |what: &str| self.0.push(format!("{case}: {what}: {all}"));
        if ran.code != code {
            wrong(&format!("exit code {} for {code}", ran.code));
        }
        if !ran.stderr.contains("error:") || all.contains("panicked") {
            wrong("no error, or a panic");
        }
        for needle in needles.iter().filter(|needle| !ran.stderr.contains(**needle)) {
            wrong(&format!("no {needle:?}"));
        }
    }

    #[track_caller]
    fn all_well(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// The samples of `kept` are all there and the books balance.
#[track_caller]
fn nothing_is_lost(sandbox: &Sandbox) {
    let jobs = sandbox.run(&["jobs", "list", "--json"]).expect_code(0);
    let rows: Vec<serde_json::Value> = jobs
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 1, "a job that cannot run was stored: {}", jobs.stdout);
    assert_eq!(
        (&rows[0]["name"], &rows[0]["samples"]["accepted"]),
        (&"kept".into(), &2.into())
    );
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

/// A sandbox with one finished job of two samples.
fn with_a_job() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", MOCK);
    sandbox.write("kept.toml", &GOOD.replace("\"t\"", "\"kept\""));
    sandbox.run(&["run", "kept.toml"]).expect_code(0);
    sandbox
}

#[test]
fn a_bad_job_says_where_and_what_to_write_and_nothing_is_stored() {
    let mut cases = Cases::default();
    let sandbox = with_a_job();
    sandbox.write("broken.jsonl", "{\"question\":\"a\"}\n{\"question\":}\n");
    sandbox.write("list.jsonl", "{\"question\":\"a\"}\n[1, 2]\n");
    sandbox.write("ragged.csv", "question,level\na,1\nb,2,3\n");
    sandbox.write("other.jsonl", "{\"questions\":\"a\"}\n");
    sandbox.write("rows.xlsx", "PK");
    std::fs::write(sandbox.path("zipped.jsonl"), [0x1f, 0x8b, 8, 0]).unwrap();
    for (case, good, bad, needles) in JOBS {
        assert!(GOOD.contains(good), "{case}");
        sandbox.write("job.toml", &GOOD.replacen(good, bad, 1));
        let ran = sandbox.run(&["run", "job.toml"]);
        cases.said(case, &ran, 3, needles);
        // `check` prints the same as data.
        let checked = sandbox.run(&["check", "job.toml"]);
        assert_eq!(checked.code, 3, "{case}: {}", checked.stderr);
        let places = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with("job.toml:"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(places(&ran.stderr), places(&checked.stdout), "{case}");
    }
    nothing_is_lost(&sandbox);
    cases.all_well();
}

#[test]
fn what_is_no_job_file_at_all_is_told_apart() {
    let mut cases = Cases::default();
    let sandbox = with_a_job();
    sandbox.write("empty.toml", "");
    std::fs::write(
        sandbox.path("noise.toml"),
        (0..4096_u32).map(|n| (n * 167 % 251) as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    std::fs::write(sandbox.path("program.toml"), b"\x7fELF\0\0\0\0").unwrap();
    let from_stdin = GOOD.replace(
        "rows = [{ question = \"a\" }, { question = \"b\" }]",
        "path = \"-\"",
    );
    for (case, words, code, needles) in CALLS {
        cases.said(case, &sandbox.run(words), *code, needles);
    }
    let mut command = sandbox.command(&["run", "-"]);
    let ran = piped(&mut command, &from_stdin);
    cases.said(
        "job and seeds both from stdin",
        &ran,
        3,
        &["standard input", "help:"],
    );
    nothing_is_lost(&sandbox);
    cases.all_well();
}

fn piped(command: &mut std::process::Command, text: &str) -> Ran {
    use std::io::Write;
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_bad_configuration_says_where_and_never_repeats_a_key() {
    let mut cases = Cases::default();
    let provider = |lines: &str| {
        format!("[[providers]]\nname = \"p\"\nkind = \"openai\"\n{lines}[[providers.models]]\nid = \"x\"\n")
    };
    let key = "sk-abcdefghijklmnop0123456789";
    for (case, config, needles) in [
        (
            "a config that is no TOML",
            "[engine\n".to_owned(),
            &["destiler.toml:1:8:"][..],
        ),
        (
            "an unknown config key",
            "[engine]\njobs_at_onc = 3\n".to_owned(),
            &["destiler.toml:2:1:", "did you mean `jobs_at_once`?"],
        ),
        (
            "a config value of another type",
            "[engine]\njobs_at_once = \"two\"\n".to_owned(),
            &["destiler.toml:2:", "engine.jobs_at_once"],
        ),
        (
            "a key in the config",
            provider(&format!("api_key = \"{key}\"\n")),
            &["destiler.toml:4:", "providers.p.api_key", "{ env = \"NAME\" }"],
        ),
        (
            "a key as the name of its variable",
            provider(&format!("api_key = {{ env = \"{key}\" }}\n")),
            &["destiler.toml:4:", "providers.p.api_key"],
        ),
        (
            "a key over plain http",
            provider("base_url = \"http://gpu.example/v1\"\napi_key = { env = \"KEY\" }\n"),
            &["destiler.toml:4:", "https://", "allow_insecure_http"],
        ),
        (
            "an unknown kind of provider",
            provider("").replace("openai", "openia"),
            &["destiler.toml:3:", "did you mean `openai`?"],
        ),
        (
            "a provider twice",
            format!("{MOCK}{MOCK}"),
            &["destiler.toml:", "providers.m"],
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("destiler.toml", &config);
        let ran = sandbox.run(&["run", "quickstart", "--json"]);
        cases.said(case, &ran, 3, needles);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(key), "{case}");
        assert!(
            !exists(&sandbox.path(".local/share/destiler/destiler.db")),
            "{case}"
        );
    }
    for (case, name, value, needles) in [
        (
            "an unknown variable of ours",
            "DESTILER_ENGINE__X",
            "1",
            &["DESTILER_ENGINE__X", "no such config key"][..],
        ),
        (
            "a mistyped variable",
            "DESTILER_ENGINE__JOBS_AT_ONC",
            "1",
            &["did you mean `DESTILER_ENGINE__JOBS_AT_ONCE`?"],
        ),
        (
            "a variable of another type",
            "DESTILER_ENGINE__JOBS_AT_ONCE",
            "many",
            &["DESTILER_ENGINE__JOBS_AT_ONCE", "whole number"],
        ),
    ] {
        let ran = Ran::from(
            Sandbox::new()
                .command(&["doctor"])
                .env(name, value)
                .output()
                .unwrap(),
        );
        cases.said(case, &ran, 3, needles);
    }
    let ran = Sandbox::new().run(&["doctor", "--config", "nonexisting.toml"]);
    cases.said(
        "a config that is not there",
        &ran,
        3,
        &["nonexisting.toml", "No such file"],
    );
    cases.all_well();
}

#[test]
fn a_key_that_is_missing_or_open_to_others_pauses_the_job_and_setting_it_goes_on() {
    let teacher = Teacher::start(std::time::Duration::ZERO, true, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    let with = |key: &str| {
        config.replace(
            "[[providers.models]]",
            &format!("api_key = {key}\n[[providers.models]]"),
        )
    };
    sandbox.write("destiler.toml", &with("{ env = \"TEACHER_KEY\" }"));
    sandbox.write("job.toml", &job(5, 2, ""));
    let ran = sandbox.run(&["run", "job.toml"]);
    println!("## no key (exit {})\n{}", ran.code, ran.stderr);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("TEACHER_KEY is not set") && ran.stderr.contains("help:"),
        "{}",
        ran.stderr
    );

    let file = sandbox.write("key", "sk-abcdefghijklmnop0123456789\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.write("destiler.toml", &with("{ file = \"key\" }"));
    let ran = sandbox.run(&["run", "job.toml"]);
    println!(
        "## a key file that others may read (exit {})\n{}",
        ran.code, ran.stderr
    );
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("0644") && ran.stderr.contains("chmod 600"),
        "{}",
        ran.stderr
    );
    assert_eq!(teacher.seen().requests, 0);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 5, "{summary}");
    assert_eq!(teacher.seen().requests, 5);
}

#[test]
fn a_database_that_is_none_or_cut_short_is_left_as_it_is() {
    let mut cases = Cases::default();
    let sandbox = with_a_job();
    let whole = std::fs::read(sandbox.path(".local/share/destiler/destiler.db")).unwrap();
    let foreign = b"once upon a time\n".repeat(600);
    for (case, bytes, needle) in [
        (
            "a file that is no database",
            foreign.as_slice(),
            "this is no database",
        ),
        (
            "a database cut short",
            &whole[..whole.len() / 3],
            "the database is damaged",
        ),
    ] {
        std::fs::write(sandbox.path("other.db"), bytes).unwrap();
        for words in [&["run", "kept.toml"][..], &["jobs", "list"], &["db", "check"]] {
            let ran = Ran::from(
                sandbox
                    .command(words)
                    .env("DESTILER_DATABASE_URL", sandbox.path("other.db"))
                    .output()
                    .unwrap(),
            );
            cases.said(
                &format!("{case}: {}", words.join(" ")),
                &ran,
                3,
                &["other.db", needle, "help:", "destiler db backup"],
            );
        }
        let mut doctor = sandbox.command(&["doctor"]);
        let ran = Ran::from(
            doctor
                .env("DESTILER_DATABASE_URL", sandbox.path("other.db"))
                .output()
                .unwrap(),
        )
        .expect_code(1);
        assert!(
            ran.stdout.contains(needle) && ran.stdout.contains("provider m"),
            "{}",
            ran.stdout
        );
        assert_eq!(std::fs::read(sandbox.path("other.db")).unwrap(), bytes, "{case}");
    }
    nothing_is_lost(&sandbox);
    cases.all_well();
}

#[test]
fn a_dataset_root_that_cannot_be_written_loses_nothing() {
    let sandbox = Sandbox::new();
    // A file in the way: it stops root too, whom permissions do not.
    sandbox.write("blocked", "");
    sandbox.write("destiler.toml", &format!("dataset_root = \"blocked\"\n{MOCK}"));
    sandbox.write("job.toml", GOOD);
    let ran = sandbox.run(&["run", "job.toml"]);
    println!(
        "## a dataset root that cannot be written (exit {})\n{}",
        ran.code, ran.stderr
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("blocked") && ran.stderr.contains("help:"),
        "{}",
        ran.stderr
    );
    sandbox.write("destiler.toml", MOCK);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&summary["samples"]["accepted"], &summary["requests"]["sent"]),
        (&2.into(), &2.into()),
        "{summary}"
    );
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 2);
}

#[test]
fn a_dataset_root_that_cannot_be_written_is_told_before_anything_is_asked() {
    let teacher = Teacher::start(std::time::Duration::ZERO, true, |_, _| Reply::text("fine"));
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(5, 1, ""));
    sandbox.write("datasets", "a file stands here");
    let ran = sandbox.run(&["run", "job.toml"]);
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("datasets"), "{}", ran.stderr);
    assert!(ran.stderr.contains("help:"), "{}", ran.stderr);
    assert_eq!(
        teacher.seen().requests,
        0,
        "asked before it was known that nothing can be kept"
    );
    std::fs::remove_file(sandbox.path("datasets")).unwrap();
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 5);
}
