//! A machine without configuration, key or network: the demo is one key away, nothing is written before it, and nobody is called.

use std::path::Path;

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup};

/// Everything below a directory but the file of frames that these tests ask for.
fn written(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "trace.jsonl" || name == "calls" {
            continue;
        }
        found.push(path.display().to_string());
        if path.is_dir() {
            found.extend(written(&path));
        }
    }
    found
}

fn is_there(program: &str) -> bool {
    let run = std::process::Command::new(program).arg("--version").output();
    run.is_ok_and(|output| output.status.success())
}

/// Lines of `strace` that are calls to another machine.
fn calls_elsewhere(trace: &str) -> Vec<&str> {
    let inet = trace.lines().filter(|line| line.contains("sa_family=AF_INET"));
    inet.filter(|line| !line.contains("inet_addr(\"127.") && !line.contains("\"::1\""))
        .collect()
}

/// Far ends of the sockets of a process that are no loopback, as `/proc` has them at this moment.
fn ends_elsewhere(pid: i32) -> Vec<String> {
    let mut ours = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten() {
        if let Ok(target) = std::fs::read_link(entry.unwrap().path())
            && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
        {
            ours.push(inode.trim_end_matches(']').to_owned());
        }
    }
    let mut ends = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some(end), Some(inode)) = (fields.get(2), fields.get(9)) else {
                continue;
            };
            let address = end.split(':').next().unwrap_or_default();
            // Words of four bytes, the lowest first: 127.x.y.z, ::1, or nobody.
            let loopback = (address.len() == 8 && address.ends_with("7F"))
                || address == "00000000000000000000000001000000"
                || address.chars().all(|digit| digit == '0');
            if !loopback && ours.iter().any(|our| our == inode) {
                ends.push((*end).to_owned());
            }
        }
    }
    ends
}

#[test]
fn the_demo_needs_no_home_no_variable_and_no_network() {
    let sandbox = Sandbox::new();
    let calls = sandbox.path("calls");
    let traced = is_there("strace");
    let mut setup = Setup::default()
        .size(120, 36)
        .env("COLORTERM", "")
        .env("LANG", "");
    if traced {
        let words = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o"];
        setup.words = words.map(str::to_owned).to_vec();
        setup.words.push(calls.display().to_string());
        setup.words.push(env!("CARGO_BIN_EXE_destiler").to_owned());
    }
    let mut session = Session::start(&sandbox, setup);
    session.shows("Nothing has run yet");
    session.shows("run the demo");
    // It has looked for what the machine offers before anything is chosen.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(written(&sandbox.path(".")), Vec::<String>::new());
    session.send("d");
    session.shows("quickstart");
    assert!(!written(&sandbox.path(".")).is_empty());
    session.send("2");
    session.wait("the end of the demo", |text| {
        if !traced {
            let ends = ends_elsewhere(session.pid().as_raw_nonzero().get());
            assert_eq!(ends, Vec::<String>::new());
        }
        text.contains("completed")
    });
    session.send("1");
    session.shows("[1 Dashboard]");
    session.send("q");
    assert_eq!(session.end().0, 0);
    let accepted = sandbox
        .run(&["samples", "list", "status:accepted", "--json"])
        .expect_code(0);
    assert!(accepted.stdout.lines().count() >= 1);
    if traced {
        let trace = std::fs::read_to_string(calls).unwrap();
        assert_eq!(calls_elsewhere(&trace), Vec::<&str>::new());
    }
}
