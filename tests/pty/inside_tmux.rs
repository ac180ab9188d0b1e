//! Inside tmux as it comes, without a configuration: colours, sizes and keys are as outside, and `doctor` names what tmux holds back.
//! Without tmux on this machine there is nothing to show, and the tests say so.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;

/// A server of its own, in a sandbox.
struct Tmux<'a> {
    sandbox: &'a Sandbox,
}

impl<'a> Tmux<'a> {
    /// A window of this size that runs a line of shell; `None` where there is no tmux.
    fn start(sandbox: &'a Sandbox, columns: u16, rows: u16, line: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("skipped: no tmux on this machine");
            return None;
        }
        let tmux = Self { sandbox };
        let (x, y) = (columns.to_string(), rows.to_string());
        let words = ["-f", "/dev/null", "new-session", "-d", "-x", &x, "-y", &y, line];
        let started = tmux.run(&words);
        assert!(started.status.success(), "{started:?}");
        Some(tmux)
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command
            .args(["-S", "tmux.socket"])
            .args(words)
            .current_dir(self.sandbox.path("."))
            .env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env("HOME", self.sandbox.path(".")).env("PATH", path);
        command
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/sh");
        command.output().unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        let mut words = vec!["send-keys"];
        words.extend(keys);
        assert!(self.run(&words).status.success());
    }

    /// What stands there, with the colours or without.
    fn text(&self, colours: bool) -> String {
        let words: &[&str] = if colours {
            &["capture-pane", "-p", "-e"]
        } else {
            &["capture-pane", "-p"]
        };
        String::from_utf8(self.run(words).stdout).unwrap()
    }

    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text(false);
            if is(&text) {
                return text;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "waited in vain for {what}:\n{text}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn colours_sizes_and_keys_are_as_outside() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let Some(tmux) = Tmux::start(&sandbox, 120, 36, env!("CARGO_BIN_EXE_destiler")) else {
        return;
    };
    tmux.shows("Jobs now");
    tmux.keys(&["2"]);
    let wide = tmux.shows("✓ completed");
    assert!(
        wide.lines()
            .any(|line| line.chars().count() == 120 && line.ends_with('╮')),
        "{wide}"
    );
    let coloured = tmux.text(true);
    assert!(
        ["\x1b[32m", "\x1b[36m", "\x1b[7m", ";36", ";32"]
            .iter()
            .any(|sgr| coloured.contains(sgr)),
        "no colour: {coloured:?}"
    );
    tmux.keys(&["Enter"]);
    tmux.shows("Jobs ▸ quickstart");
    tmux.keys(&["Escape"]);
    tmux.shows("[2 Jobs]");
    tmux.keys(&["F1"]);
    tmux.shows("commands work here");
    tmux.keys(&["PageDown", "C-u", "Escape"]);
    tmux.wait("the help to close", |text| !text.contains("commands work here"));
    tmux.keys(&["3"]);
    tmux.shows("[3 Samples]");
    tmux.keys(&["Down", "C-d", "End", "Home", "Tab"]);
    tmux.shows("Sample 1 ");
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    let small = tmux.wait("the smaller picture", |text| {
        text.lines().count() == 24 && text.lines().last().is_some_and(|line| line.contains("? help"))
    });
    assert!(small.lines().all(|line| line.chars().count() <= 80), "{small}");
    tmux.keys(&["2", "y"]);
    tmux.shows("tmux may block it");
}

#[test]
fn doctor_says_what_this_tmux_holds_back() {
    let sandbox = Sandbox::new();
    let line = format!(
        "{} doctor > first; tmux set -s set-clipboard on; tmux set -s escape-time 10; tmux set -g focus-events on; {} doctor > second; \
         touch done; sleep 60",
        env!("CARGO_BIN_EXE_destiler"),
        env!("CARGO_BIN_EXE_destiler")
    );
    let Some(_tmux) = Tmux::start(&sandbox, 120, 36, &line) else {
        return;
    };
    crate::sandbox::wait_until("doctor", || sandbox.path("done").exists());
    let first = sandbox.read("first");
    for option in [
        "set-clipboard",
        "allow-passthrough",
        "escape-time",
        "focus-events",
    ] {
        assert!(first.contains(option), "{option}: {first}");
    }
    assert!(first.contains("escape-time 500"), "{first}");
    let second = sandbox.read("second");
    assert!(
        !second.contains("escape-time 500") && !second.contains("set-clipboard external"),
        "{second}"
    );
}
