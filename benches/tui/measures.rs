//! The measured rows of the checklist of the screen, in its order. Every row says what was wanted beside what was found.

use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::session::Setup;
use crate::watched::Watched;

/// How much is measured.
pub struct Amount {
    /// Samples in the ledger.
    pub samples: u64,
    /// How long each screen is left alone, and the processor watched.
    pub seconds: u64,
    /// Starts, and presses of each key.
    pub rounds: usize,
}

impl Amount {
    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn row(id: &str, what: &str, found: &str, wanted: &str) {
    println!("{id:<4} {what:<48} {found:<36} {wanted}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Median, 95th percentile and most of them.
fn spread(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    format!(
        "p50 {:.1}  p95 {:.1}  max {:.1} ms (n {})",
        at(50),
        at(95),
        at(100),
        times.len()
    )
}

fn grouped(number: u64) -> String {
    destilation::core::text::grouped(number)
}

/// U01: from the start of the process to the first frame, and to what the database holds; a tool of the bench starts the process.
pub fn starts(sandbox: &Sandbox, amount: &Amount) {
    let (mut first, mut known, mut helper) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..amount.rounds {
        let mut watched = Watched::start(sandbox);
        first.push(watched.since_start("? help"));
        known.push(watched.since_start("Jobs now"));
        watched.rests();
        watched.leaves();
        let start = Instant::now();
        let setup = Setup {
            words: vec!["true".to_owned()],
            ..Setup::default()
        };
        Watched::start_with(sandbox, setup).session.end();
        helper.push(start.elapsed());
    }
    row("U01", "start to first frame", &spread(&first), "p95 ≤ 50 ms");
    row("U01", "start to what the database holds", &spread(&known), "");
    row(
        "U01",
        "  of that: starting anything in this bench",
        &spread(&helper),
        "",
    );
}

/// U03 and U04: keys to frames, wherever the program is busy or not.
fn keys(id: &str, wanted: &str, watched: &mut Watched, amount: &Amount) {
    let mut times = [const { Vec::new() }; 4];
    watched.key("3");
    watched.shows("[3 Samples]");
    for _ in 0..amount.rounds.max(50) {
        for (times, key) in times.iter_mut().zip(["j", "\t", "2", "?"]) {
            times.push(watched.key(key));
            // Keys that no hand presses so fast are a paste.
            watched.waits(Duration::from_millis(20));
        }
        watched.key("\x1b");
        watched.key("3");
        watched.waits(Duration::from_millis(20));
        watched.key("\t");
    }
    for (times, name) in times.iter().zip(["j", "tab", "2", "?"]) {
        row(
            id,
            &format!("{name} on Samples to its frame"),
            &spread(times),
            wanted,
        );
    }
}

/// U03, U05, U06, U07, U09: nothing runs.
pub fn at_rest(sandbox: &Sandbox, amount: &Amount) {
    let mut watched = Watched::start(sandbox);
    watched.shows("Jobs now");
    watched.rests();
    keys("U03", "p95 ≤ 16, max ≤ 33 ms", &mut watched, amount);
    rows(&mut watched, amount);
    silence(&mut watched, amount);
    watched.leaves();
    memory(sandbox, amount);
}

/// U05: any row, any filter.
fn rows(watched: &mut Watched, amount: &Amount) {
    watched.key("3");
    watched.shows("[3 Samples]");
    watched.rests();
    let (row_there, last) = (amount.samples * 7 / 9, amount.samples);
    let mut far = [const { Vec::new() }; 4];
    for _ in 0..amount.rounds {
        far[0].push(watched.complete("G"));
        watched.shows(&format!("Sample {}", grouped(last)));
        far[1].push(watched.complete("g"));
        watched.shows("Sample 1 ");
        far[2].push(watched.complete("\x04"));
        watched.rests();
        watched.key(":");
        for digit in row_there.to_string().chars() {
            watched.key(&digit.to_string());
        }
        far[3].push(watched.complete("\r"));
        watched.shows(&format!("Sample {}", grouped(row_there)));
        watched.rests();
    }
    let jump = format!(":{row_there}⏎");
    for (times, name) in far.iter().zip(["G", "g", "ctrl-d", &jump]) {
        row(
            "U05",
            &format!("{name} to all of its frame, detail too"),
            &spread(times),
            "≤ 50 ms",
        );
    }
    for (filter, page, count) in [
        ("status:rejected", "≤ 150 ms", "≤ 2 s"),
        ("nobodywrotethis", "≤ 400 ms", ""),
        ("tide", "≤ 400 ms", ""),
    ] {
        let (mut pages, mut counts, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            typed(watched, filter);
            let start = Instant::now();
            pages.push(watched.answered("\r"));
            watched.until("the last of the answers", |watched| {
                watched.frames.last().unwrap().idle && !watched.session.text().contains("counting")
            });
            counts.push(start.elapsed());
            watched.rests();
            watched.key("\x1b");
            watched.rests();
            typed(watched, filter);
            watched.session.send("\r");
            watched.waits(Duration::from_millis(5));
            other.push(watched.key("G"));
            watched.rests();
            watched.key("\x1b");
            watched.rests();
        }
        row("U05", &format!("{filter}: first page"), &spread(&pages), page);
        row("U05", &format!("{filter}: exact count"), &spread(&counts), count);
        row(
            "U05",
            &format!("{filter}: a key while it is sought"),
            &spread(&other),
            "≤ 16 ms",
        );
    }
}

fn typed(watched: &mut Watched, filter: &str) {
    watched.key("/");
    for letter in filter.chars() {
        watched.key(&letter.to_string());
    }
    watched.rests();
}

/// U06 and U07: what is written and computed while nothing happens.
fn silence(watched: &mut Watched, amount: &Amount) {
    let (mut written, mut most) = (Vec::new(), [0.0_f64; 2]);
    for screen in ["1", "2", "3", "4", "5", "6", "7"] {
        watched.key(screen);
        watched.rests();
        // What is told goes away by itself, and what was done is kept.
        watched.waits(Duration::from_secs(6));
        let (bytes, before) = (watched.written(), watched.processor());
        watched.waits(amount.time());
        written.push(format!("{screen}:{}", watched.written() - bytes));
        let after = watched.processor();
        for (most, (before, after)) in most.iter_mut().zip(before.into_iter().zip(after)) {
            *most = most.max(after.saturating_sub(before).as_secs_f64() / amount.seconds as f64);
        }
    }
    let what = format!("bytes in {} s on each screen at rest", amount.seconds);
    row("U06", &what, &written.join(" "), "0");
    let found = format!("loop {:.2} %, process {:.2} %", most[0] * 100.0, most[1] * 100.0);
    row("U07", "processor at rest, worst screen", &found, "< 0.2 %");
}

/// U09: what is resident after the start, and after much paging.
fn memory(sandbox: &Sandbox, amount: &Amount) {
    let mut watched = Watched::start(sandbox);
    watched.shows("Jobs now");
    watched.key("3");
    watched.shows("[3 Samples]");
    watched.rests();
    let open = watched.resident();
    let position = |watched: &Watched| {
        let text = watched.session.text();
        let after = text.split("Sample ").nth(1).unwrap_or_default();
        let digits: String = after
            .chars()
            .take_while(|c| *c != ' ')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap_or(0)
    };
    let wanted = amount.samples.min(100_000) - 50;
    let start = Instant::now();
    while position(&watched) < wanted && start.elapsed() < Duration::from_mins(2) {
        for _ in 0..20 {
            watched.key("\x1b[6~");
        }
    }
    watched.rests();
    let rows: u64 = position(&watched);
    let found = format!("{open:.1} MiB");
    row(
        "U09",
        "resident with the ledger open on Samples",
        &found,
        "≤ 60 MB",
    );
    let found = format!("+{:.1} MiB in {}", watched.resident() - open, ms(start.elapsed()));
    row(
        "U09",
        &format!("after paging through {} rows", grouped(rows)),
        &found,
        "+ ≤ 10 MB",
    );
    watched.leaves();
}

/// U04, U07, U08: a job runs in this very process.
pub fn under_load(sandbox: &Sandbox, amount: &Amount) {
    let answers = || {
        let shown = sandbox.run(&["jobs", "show", "load", "--json"]).expect_code(0);
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        shown["summary"]["requests"]["sent"].as_u64().unwrap()
    };
    let mut watched = Watched::start(sandbox);
    watched.shows("Jobs now");
    watched.key("2");
    watched.shows("[2 Jobs]");
    watched.key("/");
    for letter in "load".chars() {
        watched.key(&letter.to_string());
    }
    watched.key("\r");
    watched.shows("draft");
    watched.key("p");
    watched.shows("running");
    watched.waits(Duration::from_secs(2));
    let (before, start) = (answers(), Instant::now());
    keys("U04", "p95 ≤ 16, max ≤ 50 ms", &mut watched, amount);
    let per_second = (answers() - before) as f64 / start.elapsed().as_secs_f64();
    let found = format!(
        "{per_second:.0} answers/s, ≥ {:.0} events/s",
        per_second * EVENTS_PER_ANSWER
    );
    row("U04", "  meanwhile", &found, "≥ 1,000 events/s");
    watched.key("\x1b");
    watched.key("1");
    watched.shows("[1 Dashboard]");
    for (name, report, wanted) in [
        ("focused", "\x1b[I", "loop < 3 %"),
        ("unfocused", "\x1b[O", "loop < 1 %"),
    ] {
        watched.session.send(report);
        watched.waits(Duration::from_secs(2));
        let (frames, before) = (watched.frames.len(), watched.processor());
        watched.waits(amount.time());
        let after = watched.processor();
        let share =
            |at: usize| after[at].saturating_sub(before[at]).as_secs_f64() / amount.seconds as f64 * 100.0;
        let drawn = &watched.frames[frames..];
        let found = format!("loop {:.2} %, with the engine {:.0} %", share(0), share(1));
        row("U07", &format!("processor under load, {name}"), &found, wanted);
        let bytes: Vec<u64> = drawn.iter().map(|frame| frame.bytes).collect();
        let mean = bytes.iter().sum::<u64>() / bytes.len().max(1) as u64;
        let found = format!(
            "{} frames, mean {mean}, most {} B",
            bytes.len(),
            bytes.iter().max().unwrap_or(&0)
        );
        row(
            "U08",
            &format!("frames on the Dashboard under load, {name}"),
            &found,
            "mean ≤ 4 kB",
        );
    }
    let raw = watched.session.raw();
    let clears = String::from_utf8_lossy(&raw).matches("\x1b[2J").count();
    row("U08", "full clears since the start", &clears.to_string(), "0");
    watched.key("2");
    watched.key("p");
    watched.until("the pause", |watched| watched.session.text().contains("paused"));
    watched.rests();
    watched.leaves();
}

/// A task is leased, its attempt begun, its answer stored, and the verdict on it: the least an answer is.
const EVENTS_PER_ANSWER: f64 = 4.0;

/// U32: the terminal's background, when asked and when it changes.
pub fn scheme(sandbox: &Sandbox, amount: &Amount) {
    let light = "48;2;253;246;227";
    let dark = "48;2;46;52;64";
    let setup = || {
        Setup::default()
            .size(120, 36)
            .env("DESTILER_UI__THEME_DARK", "nord")
            .env("DESTILER_UI__THEME_LIGHT", "solarized-light")
    };
    let (mut told, mut switched) = (Vec::new(), Vec::new());
    for _ in 0..amount.rounds {
        let mut watched = Watched::start_with(sandbox, setup());
        watched.until("the questions", |watched| watched.session.wrote("\x1b[c"));
        watched
            .session
            .send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2031;2$y\x1b[?62;22c");
        told.push(watched.until("a light theme", |watched| watched.session.wrote(light)));
        watched.rests();
        watched.session.send("\x1b[?997;1n");
        switched.push(watched.until("a dark theme", |watched| watched.session.wrote(dark)));
        watched.rests();
        watched.leaves();
    }
    row(
        "U32",
        "OSC 11 answered white to a light theme",
        &spread(&told),
        "",
    );
    row(
        "U32",
        "mode 2031 report to the other theme",
        &spread(&switched),
        "≤ 200 ms",
    );
}

/// The usual queue: two hundred samples, one in twenty of them shown again.
const PLACES: u32 = 210;

/// U35: two hundred samples of a queue, one word each.
pub fn reviewing(sandbox: &Sandbox) {
    let mut watched = Watched::start(sandbox);
    watched.shows("Jobs now");
    watched.key("4");
    watched.shows("Review samples");
    for key in ["j", "l", "l"] {
        watched.key(key);
    }
    let start = Instant::now();
    watched.session.send("\r");
    watched.shows("REVIEW ·");
    let opened = start.elapsed();
    watched.rests();
    let mut next = Vec::new();
    for at in 1..=PLACES {
        // A key so soon after something new is not heard.
        watched.waits(Duration::from_millis(180));
        next.push(watched.key(if at % 4 == 0 { " " } else { "a" }));
        if at % 50 == 0 {
            watched.rests();
        }
    }
    watched.shows(&format!("{PLACES} done"));
    row(
        "U35",
        "a queue of 200, some twice, made and opened",
        &ms(opened),
        "",
    );
    row("U35", "a word to the next sample", &spread(&next), "p95 ≤ 16 ms");
    watched.session.send("q");
    watched.rests();
    watched.leaves();
}

/// U24: one word about every sample, and back.
pub fn bulk(sandbox: &Sandbox, amount: &Amount) {
    let mut watched = Watched::start(sandbox);
    watched.shows("Jobs now");
    watched.key("3");
    watched.shows("[3 Samples]");
    watched.rests();
    for key in ["A", "x", "1"] {
        watched.key(key);
        watched.waits(Duration::from_millis(100));
    }
    watched.waits(Duration::from_millis(700));
    let start = Instant::now();
    watched.session.send("y");
    watched.shows("Rejected ");
    let done = start.elapsed();
    watched.rests();
    let undone = watched.receipt("u");
    let many = grouped(amount.samples);
    row(
        "U24",
        &format!("{many} samples rejected"),
        &ms(done),
        "with progress",
    );
    row(
        "U24",
        &format!("{many} taken back"),
        &ms(undone),
        "≤ 5 s per 100,000",
    );
    watched.rests();
    watched.leaves();
}
