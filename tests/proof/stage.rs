//! A sandbox with a faulty teacher in it, a job whose tasks are numbered, and runs of it that may end by a signal.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::auditor::{self, CANARY};
use crate::faulty::{Bought, Faults, FaultyTeacher, Shape};
use crate::sandbox::{Ran, Sandbox};

/// No run here takes longer: one that does will never end.
const LONGEST: Duration = Duration::from_mins(10);
/// Nor does any go so long without asking anything or coming to its end.
const STILL: Duration = Duration::from_mins(2);

/// A sandbox, its teacher, and the teacher's log.
pub struct Stage {
    pub sandbox: Sandbox,
    pub teacher: FaultyTeacher,
    /// Beside the sandbox: its owner's death changes nothing in it.
    _log: tempfile::TempDir,
}

/// How a run ended: by itself, or by `kill -9`.
pub enum Ended {
    Alone(Ran),
    Killed,
}

impl Stage {
    /// With a teacher of that protocol.
    pub fn new(shape: Shape, seed: u64, faults: Faults, latency: Duration) -> Self {
        let log = tempfile::tempdir().unwrap();
        let teacher = FaultyTeacher::start(seed, faults, latency, &log.path().join("bought.jsonl"));
        let sandbox = Sandbox::new();
        let kind = format!("{shape:?}").to_lowercase();
        sandbox.write(
            "destiler.toml",
            &format!(
                "[[providers]]\nname = \"local\"\nkind = \"{kind}\"\nbase_url = \"{}\"\napi_key = {{ env = \"TEACHER_KEY\" }}\n\
                 timeout_seconds = 3\n[[providers.models]]\nid = \"m\"\ncapabilities = [\"chat\"]\nprice = {{ input = 1.0, output = 1.0 }}\n",
                teacher.url(shape)
            ),
        );
        Self {
            sandbox,
            teacher,
            _log: log,
        }
    }

    /// Writes `job.toml`: task N asks `Question N`.
    pub fn job(&self, tasks: u64, in_flight: u32, extra: &str) {
        let rows: Vec<String> = (0..tasks).map(|n| format!("{{\"q\":{n}}}\n")).collect();
        self.sandbox.write("seeds.jsonl", &rows.concat());
        self.sandbox.write(
            "job.toml",
            &format!(
                "name = \"t\"\n[seeds]\npath = \"seeds.jsonl\"\n[[steps]]\nname = \"answer\"\ncapability = \"chat\"\n\
                 prompt = \"Question {{{{ q }}}}\"\nmax_tokens = 64\n[dataset]\nformat = \"raw\"\nsplit = {{ train = 0.8, valid = 0.2 }}\n\
                 [limits]\nconcurrency = {in_flight}\n{extra}"
            ),
        );
    }

    /// The binary with its key, and `DESTILER_TEST`.
    pub fn command(&self, words: &[&str], test: &str) -> Command {
        let mut command = self.sandbox.command(words);
        command.env("TEACHER_KEY", CANARY).env("DESTILER_TEST", test);
        command
    }

    /// Runs it to its end, whatever that is.
    pub fn run(&self, words: &[&str], test: &str) -> Ended {
        let child = self.command(words, test).spawn().unwrap();
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
        let begun = Instant::now();
        let (mut asked, mut moved) = (0, begun);
        let output = loop {
            if let Ok(output) = told.recv_timeout(Duration::from_millis(500)) {
                break output;
            }
            let now = self.teacher.teacher.seen().requests;
            if std::mem::replace(&mut asked, now) != now {
                moved = Instant::now();
            }
            if begun.elapsed() > LONGEST || moved.elapsed() > STILL {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                let output = told.recv().unwrap();
                panic!(
                    "{words:?} with {test:?} makes no progress after {now} requests: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        };
        match output.status.signal() {
            Some(_) => Ended::Killed,
            None => Ended::Alone(Ran::from(output)),
        }
    }

    /// Runs it to an end of its own.
    #[track_caller]
    pub fn finish(&self, words: &[&str]) -> Ran {
        match self.run(words, "") {
            Ended::Alone(ran) => ran,
            Ended::Killed => panic!("{words:?} was killed, and nobody did it"),
        }
    }

    /// What the teacher wrote down.
    pub fn log(&self) -> Vec<Bought> {
        self.teacher.log()
    }

    /// The auditor has nothing to say.
    #[track_caller]
    pub fn audited(&self) {
        if let Err(finding) = auditor::audit(&self.sandbox, &self.log(), None) {
            panic!("{finding}");
        }
    }
}
