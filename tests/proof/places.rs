//! D6, S4 and S8: odd homes and paths, a process that was told to let everybody in, and names that lead elsewhere.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::auditor;
use crate::faulty::{Faults, Shape};
use crate::sandbox::{Ran, Sandbox};
use crate::stage::Stage;

/// The bundled job, which needs nobody.
const RUN: [&str; 4] = ["run", "quickstart", "--limit", "5"];

/// Everything below a directory.
fn below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

/// The binary at home in that directory, and working there.
fn at(directory: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_destiler"));
    command
        .args(words)
        .env_clear()
        .current_dir(directory)
        .env("HOME", directory)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(std::process::Stdio::null());
    command
}

#[test]
fn homes_with_blanks_quotes_and_letters_of_anywhere_work() {
    let folder = tempfile::tempdir().unwrap();
    let long = "d".repeat(200);
    for name in [
        "with blanks and 'quotes\"",
        "Ümläute 数据 🦀",
        "per%cent?question#hash",
        "-dash",
        &long,
    ] {
        let home = folder.path().join(name).join("home");
        std::fs::create_dir_all(&home).unwrap();
        for words in [
            &RUN[..],
            &["verify", "datasets/quickstart"],
            &["db", "check", "--deep"],
            &["db", "backup", "a copy.db"],
            &["export", "quickstart", "-o", "an export.jsonl"],
        ] {
            let ran = Ran::from(at(&home, words).output().unwrap());
            assert_eq!(ran.code, 0, "{words:?} in {name}: {ran:?}");
        }
        assert!(
            home.join("an export.jsonl").exists() && home.join("a copy.db").exists(),
            "{name}"
        );
        let outside = below(folder.path());
        assert!(
            outside
                .iter()
                .all(|path| path.starts_with(folder.path().join(name)) || path == &folder.path().join(name))
        );
        std::fs::remove_dir_all(folder.path().join(name)).unwrap();
    }
}

#[test]
fn paths_that_are_no_text_work_or_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"no \xff\xfe text"));
    std::fs::create_dir_all(&odd).unwrap();
    // As a home it would hold the database.
    let ran = Ran::from(at(&odd, &RUN).output().unwrap());
    assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.code == 0 || ran.stderr.contains("UTF-8"), "{ran:?}");
    // As a place to work it holds the dataset.
    let home = folder.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let ran = Ran::from(at(&odd, &RUN).env("HOME", &home).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = Ran::from(
        at(&odd, &["verify", "datasets/quickstart"])
            .env("HOME", &home)
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn without_a_home_it_says_what_to_set_and_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &RUN[..],
        &["jobs", "list"],
        &["doctor"],
        &["config", "path"],
        &["db", "info"],
    ] {
        let ran = Ran::from(at(folder.path(), words).env_remove("HOME").output().unwrap());
        assert!(ran.code != 101 && ran.code >= 0, "{words:?}: {ran:?}");
    }
    let ran = Ran::from(
        at(folder.path(), &RUN)
            .env("HOME", "/proc/nowhere")
            .output()
            .unwrap(),
    );
    assert!([1, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.stderr.contains("/proc/nowhere"), "{ran:?}");
}

#[test]
fn nothing_is_open_to_others_whatever_the_umask_says() {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
    stage.job(10, 4, "");
    stage.sandbox.write("home.toml", "");
    let before = below(&stage.sandbox.path("."));
    let open = |words: &[&str]| {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "umask 000; exec \"$@\"",
                "sh",
                env!("CARGO_BIN_EXE_destiler"),
            ])
            .args(words)
            .env_clear()
            .current_dir(stage.sandbox.path("."))
            .env("HOME", stage.sandbox.path("."))
            .env("TEACHER_KEY", auditor::CANARY)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Ran::from(command.output().unwrap()).expect_code(0)
    };
    open(&["run", "job.toml", "--record", "run.cassette"]);
    open(&["export", "t", "-o", "out.jsonl"]);
    open(&["db", "backup", "copy.db"]);
    open(&["jobs", "clone", "t", "u"]);
    let id = stage.sandbox.rows("out.jsonl")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    open(&["samples", "reject", &id]);
    open(&["config", "show"]);
    let new: Vec<PathBuf> = below(&stage.sandbox.path("."))
        .difference(&before)
        .cloned()
        .collect();
    assert!(new.len() > 10, "{new:?}");
    let wrong: Vec<String> = new
        .iter()
        .filter_map(|path| {
            let mode = std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
            (mode & 0o077 != 0).then(|| format!("{mode:o} {}", path.display()))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let sandbox = Sandbox::new();
    let inside = sandbox.path("inside");
    std::fs::create_dir_all(&inside).unwrap();
    let before = below(&sandbox.path("."));
    for name in [
        "../up",
        "..",
        ".",
        "/etc/x",
        "a/b",
        "a\\b",
        "a\u{0}b",
        "",
        "~",
        "C:x",
        "a b",
        "Ä",
        "x/../../y",
        "-rf\n",
        "con\u{202e}",
        &"x".repeat(65),
    ] {
        let job = format!(
            "name = {}\n[seeds]\ncount = 1\n[[steps]]\nname = \"s\"\nprompt = \"x\"\n[dataset]\nformat = \"raw\"\n",
            serde_json::Value::from(name)
        );
        std::fs::write(inside.join("job.toml"), job).unwrap();
        let ran = Ran::from(at(&inside, &["run", "job.toml"]).output().unwrap());
        assert_eq!(ran.code, 3, "{name:?}: {ran:?}");
        assert!(!ran.stderr.contains('\u{202e}'), "{name:?} is said as it is");
    }
    let made = below(&sandbox.path("."));
    let outside = made.difference(&before).filter(|path| !path.starts_with(&inside));
    assert_eq!(outside.count(), 0, "{made:?}");
    assert!(!inside.join("datasets").exists());
}
