//! Runs a command as a whole process and reads what it cost from the operating system.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::teacher::Teacher;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Rows in the file it wrote.
    pub rows: u64,
    /// From start to end of the process.
    pub wall: Duration,
    /// User and system time, all threads.
    pub cpu: Duration,
    /// Most resident memory.
    pub peak_kib: u64,
    /// From start of the process to its first request.
    pub first_request: Duration,
    /// Answers per second between its first request and its last answer.
    pub served_per_second: f64,
}

impl Figures {
    /// Rows over the life of the process.
    pub fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.wall.as_secs_f64()
    }
}

/// Runs it and checks that every task became a row.
pub fn run(mut command: Command, server: &Teacher, tasks: u64, rows: &Path) -> Figures {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    let status = format!("/proc/{}/status", child.id());
    let (mut ticks, mut peak_kib) = (0, 0);
    // The last reading before the end misses a few milliseconds at most.
    let code = loop {
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        if let Ok(text) = std::fs::read_to_string(&stat) {
            let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or("").split(' ').collect();
            let read = |at: usize| {
                fields
                    .get(at)
                    .and_then(|field| field.parse::<u64>().ok())
                    .unwrap_or(0)
            };
            ticks = (read(11) + read(12)).max(ticks);
        }
        if let Ok(text) = std::fs::read_to_string(&status) {
            let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak_kib = peak
                .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
                .unwrap_or(peak_kib);
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = start.elapsed();
    assert!(code.success(), "{command:?} ended with {code}");
    let written = std::fs::read_to_string(rows).unwrap().lines().count() as u64;
    assert_eq!(written, tasks, "rows in {}", rows.display());
    let seen = server.seen();
    let (first, last) = (seen.first.unwrap(), seen.last.unwrap());
    Figures {
        rows: written,
        wall,
        cpu: Duration::from_millis(ticks * 10),
        peak_kib,
        first_request: first - start,
        served_per_second: seen.answers as f64 / (last - first).as_secs_f64().max(1e-6),
    }
}
