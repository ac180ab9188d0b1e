//! One `destiler` on a terminal of ours, watched from outside: what it shows, when, in how many bytes, for how much of the processor.
//! It says nothing about what is good enough.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup};

/// The longest wait for anything: a bulk of a million rows is one of the things that are measured.
const LONGEST: Duration = Duration::from_mins(5);
/// Between two looks: finer than any figure here.
const LOOK: Duration = Duration::from_micros(200);

/// A frame, as `--ui-trace` notes it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Frame {
    /// What it shows, joined by `+`.
    pub cause: String,
    /// Bytes written.
    pub bytes: u64,
    /// Nothing is on its way any more.
    pub idle: bool,
}

/// The program, its terminal, and its frames so far.
pub struct Watched {
    /// The hand and the eye.
    pub session: Session,
    /// Every frame so far.
    pub frames: Vec<Frame>,
    trace: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    began: Instant,
}

impl Watched {
    /// Starts it at 120x36, as it is when nobody configured anything about the screen.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, Setup::default().size(120, 36))
    }

    /// The same with this setup.
    pub fn start_with(sandbox: &Sandbox, setup: Setup) -> Self {
        let trace = sandbox.path("trace.jsonl");
        let _ = std::fs::remove_file(&trace);
        let began = Instant::now();
        Self {
            session: Session::start(sandbox, setup),
            frames: Vec::new(),
            trace,
            file: None,
            rest: Vec::new(),
            began,
        }
    }

    /// Reads the frames that were noted since the last look.
    pub fn look(&mut self) {
        if self.file.is_none() {
            self.file = File::open(&self.trace).ok();
        }
        let Some(file) = &mut self.file else { return };
        file.read_to_end(&mut self.rest).unwrap();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.frames.push(serde_json::from_slice(&line).unwrap());
        }
    }

    /// Waits until it is so; says how long that took.
    pub fn until(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> bool) -> Duration {
        self.since(Instant::now(), what, &mut is)
    }

    fn since(&mut self, start: Instant, what: &str, is: &mut dyn FnMut(&mut Self) -> bool) -> Duration {
        loop {
            self.look();
            if is(self) {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < LONGEST,
                "waited in vain for {what}; frame {}: {:?}\n{}",
                self.frames.len(),
                self.frames.last(),
                self.session.text()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// How long it took from the start of the process until the screen shows this.
    pub fn since_start(&mut self, text: &str) -> Duration {
        let began = self.began;
        self.since(began, text, &mut |watched| watched.session.text().contains(text))
    }

    /// Waits until the screen shows this.
    pub fn shows(&mut self, text: &str) -> Duration {
        self.until(text, |watched| watched.session.text().contains(text))
    }

    /// Waits until nothing is on its way, and for a moment nothing came.
    pub fn rests(&mut self) {
        let mut last = (0, Instant::now());
        self.until("rest", |watched| {
            if watched.frames.len() != last.0 {
                last = (watched.frames.len(), Instant::now());
            }
            watched.frames.last().is_some_and(|frame| frame.idle)
                && last.1.elapsed() > Duration::from_millis(300)
        });
    }

    /// Presses a key; how long until a frame that shows its effect was written.
    pub fn key(&mut self, key: &str) -> Duration {
        self.frame_after(key, "a frame of a key", |frame| frame.cause.contains("key"))
    }

    /// Presses a key; how long until an answer to it is shown.
    pub fn answered(&mut self, key: &str) -> Duration {
        self.frame_after(key, "a frame of an answer", |frame| frame.cause.contains("reply"))
    }

    /// Presses a key; how long until all that it asked for is shown.
    pub fn complete(&mut self, key: &str) -> Duration {
        self.frame_after(key, "the last frame", |frame| frame.idle)
    }

    /// Presses a key; how long until the receipt of what it ordered is shown.
    pub fn receipt(&mut self, key: &str) -> Duration {
        self.frame_after(key, "a receipt", |frame| frame.cause.contains("receipt"))
    }

    fn frame_after(&mut self, key: &str, what: &str, is: impl Fn(&Frame) -> bool) -> Duration {
        self.look();
        let before = self.frames.len();
        let start = Instant::now();
        self.session.send(key);
        self.since(start, what, &mut |watched| {
            watched.frames[before..].iter().any(&is)
        })
    }

    /// Waits so long, reading along.
    pub fn waits(&mut self, time: Duration) {
        let start = Instant::now();
        self.until("time", |_| {
            std::thread::sleep(Duration::from_millis(5));
            start.elapsed() >= time
        });
    }

    /// Bytes it wrote so far, frames and everything else.
    pub fn written(&self) -> usize {
        self.session.raw().len()
    }

    /// Processor time so far: of the loop that draws, and of the whole process.
    pub fn processor(&self) -> [Duration; 2] {
        let pid = self.session.pid().as_raw_nonzero();
        let (mut drawing, mut all) = (Duration::ZERO, Duration::ZERO);
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let thread = thread.unwrap();
            let Ok(text) = std::fs::read_to_string(thread.path().join("schedstat")) else {
                continue;
            };
            let time = text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            let time = Duration::from_nanos(time);
            all += time;
            // The first thread is the loop's.
            if thread.file_name().to_string_lossy() == pid.to_string() {
                drawing = time;
            }
        }
        [drawing, all]
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> f64 {
        let pid = self.session.pid().as_raw_nonzero();
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Leaves it by its key, from the first screen.
    pub fn leaves(&mut self) {
        self.key("1");
        self.session.send("q");
        self.session.end();
    }
}
