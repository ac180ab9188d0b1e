//! The log in memory: the entries of this session in a ring, before them the end of the file that earlier sessions left. Writing the
//! file itself is `logging`'s.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::{self, Write as _};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::environment;
use crate::config::Redactor;
use crate::core::api::{Failure, FailureKind, LogEntry, LogFilter, LogLevel, LogPage};
use crate::core::directory::{LogBook, LogQuery};
use crate::core::text::shorten;

/// Entries kept.
const ENTRIES: usize = 50_000;
/// Most that is read of the files of earlier sessions.
const TAIL: u64 = 1 << 20;
/// Longest message or value kept; the file has it whole.
const LONGEST: usize = 8 << 10;
/// What stands before our own targets.
const CRATE: &str = "destilation::";

/// Changes what is written: a level, or back to what was configured.
type SetLevel = Box<dyn Fn(Option<LogLevel>) + Send + Sync>;

/// The log.
pub(super) struct Book {
    ring: Mutex<Ring>,
    redactor: Redactor,
    /// Where the files are, where there are any.
    directory: Option<PathBuf>,
    home: Option<PathBuf>,
    started_ms: i64,
    set_level: OnceLock<SetLevel>,
    configured: LogLevel,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    next: i64,
    level: LogLevel,
    has_tail: bool,
    jobs: BTreeSet<String>,
    providers: BTreeSet<String>,
    targets: BTreeSet<String>,
}

impl Ring {
    fn learn(&mut self, entry: &LogEntry) {
        let names = [("job", &mut self.jobs), ("provider", &mut self.providers)];
        for (name, known) in names {
            if let Some(value) = entry.field(name).filter(|value| !known.contains(*value)) {
                known.insert(value.to_owned());
            }
        }
        if !self.targets.contains(&entry.target) {
            self.targets.insert(entry.target.clone());
        }
    }

    fn push(&mut self, mut entry: LogEntry) {
        entry.number = self.next;
        self.next += 1;
        self.learn(&entry);
        if self.entries.len() >= ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(entry));
    }
}

impl Book {
    pub(super) fn new(
        directory: Option<PathBuf>,
        home: Option<PathBuf>,
        redactor: Redactor,
        configured: LogLevel,
    ) -> Self {
        let ring = Ring {
            level: configured,
            ..Ring::default()
        };
        Self {
            ring: Mutex::new(ring),
            redactor,
            directory,
            home,
            started_ms: environment::now_ms(),
            set_level: OnceLock::new(),
            configured,
        }
    }

    /// How the level is changed, once there is a subscriber to change.
    pub(super) fn on_level(&self, set: SetLevel) {
        // A second subscriber in one process does not happen.
        let _ = self.set_level.set(set);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clean(&self, text: &str) -> String {
        shorten(&self.redactor.redact(text), LONGEST)
    }

    /// Puts what earlier sessions wrote before what this one has, once.
    fn fetch_tail(&self) {
        if std::mem::replace(&mut self.ring().has_tail, true) {
            return;
        }
        let Some(directory) = &self.directory else { return };
        let before = |entry: &LogEntry| entry.at_ms < self.started_ms;
        let entries: Vec<LogEntry> = tail(directory).into_iter().filter(before).collect();
        let mut ring = self.ring();
        let room = ENTRIES.saturating_sub(ring.entries.len());
        for (number, mut entry) in (i64::MIN..0).rev().zip(entries.into_iter().rev().take(room)) {
            entry.number = number;
            entry.message = self.clean(&entry.message);
            ring.learn(&entry);
            ring.entries.push_front(Arc::new(entry));
        }
    }

    fn file(&self) -> Option<(String, u64)> {
        let newest = files(self.directory.as_deref()?).pop()?;
        let size = std::fs::metadata(&newest).map_or(0, |about| about.len());
        let short = self
            .home
            .as_ref()
            .and_then(|home| newest.strip_prefix(home).ok())
            .map(|rest| format!("~/{}", rest.display()));
        Some((short.unwrap_or_else(|| newest.display().to_string()), size))
    }
}

impl LogBook for Book {
    fn page(&self, query: &LogQuery) -> LogPage {
        self.fetch_tail();
        let file = self.file();
        let ring = self.ring();
        let wanted = |entry: &&Arc<LogEntry>| query.filter.wants(entry);
        let until = query.until.unwrap_or(i64::MAX);
        let cut = ring.entries.partition_point(|entry| entry.number <= until);
        let newer = ring.entries.range(cut..).filter(wanted).count() as u64;
        let mut matching: Vec<&Arc<LogEntry>> = Vec::new();
        let mut older = 0;
        for entry in ring.entries.range(..cut).rev().filter(wanted) {
            if matching.len() < query.limit {
                matching.push(entry);
            } else {
                older += 1;
            }
        }
        LogPage {
            entries: matching
                .into_iter()
                .rev()
                .map(|entry| (**entry).clone())
                .collect(),
            older,
            newer,
            held: ring.entries.len() as u64,
            file,
            level: ring.level,
            jobs: ring.jobs.iter().cloned().collect(),
            providers: ring.providers.iter().cloned().collect(),
            targets: ring.targets.iter().cloned().collect(),
        }
    }

    fn set_level(&self, level: Option<LogLevel>) {
        if let Some(set) = self.set_level.get() {
            set(level);
            self.ring().level = level.unwrap_or(self.configured);
        }
    }

    fn save(&self, filter: &LogFilter) -> Result<(PathBuf, u64), Failure> {
        let fault =
            |why: String| Failure::new(FailureKind::Unexpected, "the log could not be saved").because(why);
        let directory = self
            .directory
            .as_ref()
            .ok_or_else(|| fault("there is no directory for logs".to_owned()))?;
        let path = directory.join(format!("saved-{}.txt", environment::now_ms()));
        let (mut text, mut entries) = (String::new(), 0);
        for entry in self.ring().entries.iter().filter(|entry| filter.wants(entry)) {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{} {}", time(entry.at_ms), entry.text());
            entries += 1;
        }
        write(&path, &text).map_err(|error| fault(error.to_string()))?;
        Ok((path, entries))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a new file of this user's own, beside the log"
)]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// The log files, oldest first: their names carry the day.
#[expect(
    clippy::disallowed_methods,
    reason = "the directory of the log, which is ours"
)]
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("destiler.") && name.ends_with(".log")
    });
    files.sort();
    files
}

/// The end of the newest files.
fn tail(directory: &Path) -> Vec<LogEntry> {
    let mut left = TAIL;
    let mut texts = Vec::new();
    for path in files(directory).iter().rev() {
        let Ok(text) = end_of(path, left) else { continue };
        left = left.saturating_sub(text.len() as u64);
        texts.push(text);
        if left == 0 {
            break;
        }
    }
    let mut entries: Vec<LogEntry> = Vec::new();
    for line in texts.iter().rev().flat_map(|text| text.lines()) {
        if let Some(entry) = parse(line) {
            entries.push(entry);
        } else if let Some(last) = entries.last_mut() {
            last.message.push('\n');
            last.message.push_str(line);
        }
    }
    entries
}

#[expect(clippy::disallowed_methods, reason = "the end of a log file, with a limit")]
fn end_of(path: &Path, most: u64) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line of the file: time, level, target, message, `name=value` fields.
fn parse(line: &str) -> Option<LogEntry> {
    let (at, rest) = line.split_once(' ')?;
    let at: jiff::Timestamp = at.parse().ok()?;
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let (target, rest) = rest
        .split_once(": ")
        .or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let (message, fields) = fields(rest);
    Some(LogEntry {
        number: 0,
        at_ms: at.as_millisecond(),
        level: LogLevel::from_word(level)?,
        target: target.strip_prefix(CRATE).unwrap_or(target).to_owned(),
        message: message.to_owned(),
        fields,
    })
}

/// The message, and the fields behind it.
fn fields(text: &str) -> (&str, Vec<(String, String)>) {
    let is_name = |word: &str| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let mut starts = vec![0];
    starts.extend(text.match_indices(' ').map(|(at, _)| at + 1));
    let Some(first) = starts.into_iter().find(|at| is_name(&text[*at..])) else {
        return (text, Vec::new());
    };
    let mut fields = Vec::new();
    let mut rest = &text[first..];
    while let Some((name, value)) = rest.split_once('=') {
        let quoted = value.strip_prefix('"');
        let end = match quoted {
            Some(inside) => closing(inside).map_or(value.len(), |at| at + 2),
            None => value.find(' ').unwrap_or(value.len()),
        };
        let (value, after) = value.split_at(end);
        let plain = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        fields.push((
            name.trim().to_owned(),
            plain.unwrap_or(value).replace("\\\"", "\""),
        ));
        rest = after.trim_start();
    }
    (text[..first].trim_end(), fields)
}

/// Where the quotation ends.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return Some(at),
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    None
}

/// Feeds the book from what is traced.
pub(super) struct Feed(pub(super) Arc<Book>);

impl<S: Subscriber> Layer<S> for Feed {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let mut said = Said::default();
        event.record(&mut said);
        let level = match *about.level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        let book = &self.0;
        let fields = said
            .fields
            .into_iter()
            .map(|(name, value)| (name, book.clean(&value)));
        let entry = LogEntry {
            number: 0,
            at_ms: environment::now_ms(),
            level,
            target: about
                .target()
                .strip_prefix(CRATE)
                .unwrap_or(about.target())
                .to_owned(),
            message: book.clean(&said.message),
            fields: fields.collect(),
        };
        book.ring().push(entry);
    }
}

#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(String, String)>,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields.push((field.name().to_owned(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_line_of_the_file_becomes_the_entry_it_was() {
        let line = "2026-11-22T14:31:02.002000Z  INFO destilation::engine::attempt: m answered job=\"sql-explain\" ms=1100 request=\"9f \\\"2c\"";
        let entry = parse(line).unwrap();
        assert_eq!(entry.at_ms, 1_795_357_862_002);
        assert_eq!(
            (entry.level, entry.target.as_str()),
            (LogLevel::Info, "engine::attempt")
        );
        assert_eq!(entry.message, "m answered");
        assert_eq!(entry.field("job"), Some("sql-explain"));
        assert_eq!(entry.field("ms"), Some("1100"));
        assert_eq!(entry.field("request"), Some("9f \"2c"));
        assert_eq!(parse("  at src/lib.rs"), None);
        let bare = parse("2026-11-22T14:31:02Z ERROR a: it = b, no field").unwrap();
        assert_eq!(
            (bare.message.as_str(), bare.fields.len()),
            ("it = b, no field", 0)
        );
    }

    fn book(directory: Option<PathBuf>) -> Book {
        let secret = SecretString::from("CANARY-0123456789".to_owned());
        let redactor = Redactor::new(&[secret]).unwrap();
        Book::new(directory, None, redactor, LogLevel::Info)
    }

    #[test]
    fn the_ring_keeps_the_newest_counts_what_is_around_and_hides_keys() {
        use tracing_subscriber::layer::SubscriberExt;
        let book = Arc::new(book(None));
        let subscriber = tracing_subscriber::registry().with(Feed(Arc::clone(&book)));
        tracing::subscriber::with_default(subscriber, || {
            for turn in 0..ENTRIES + 10 {
                tracing::info!(job = "a", turn, "line with CANARY-0123456789");
            }
            tracing::warn!(provider = "p", key = "sk-or-v1-0123456789abcdef", "slow");
        });
        let mut query = LogQuery {
            until: Some(20_000),
            limit: 5,
            ..LogQuery::default()
        };
        let page = book.page(&query);
        assert_eq!(page.held, ENTRIES as u64);
        assert_eq!(page.entries.last().unwrap().number, 20_000);
        assert_eq!(
            (page.entries.len(), page.older + 5 + page.newer),
            (5, ENTRIES as u64)
        );
        assert_eq!(page.entries[0].message, "line with [REDACTED]");
        query.filter.level = LogLevel::Warn;
        query.until = None;
        let page = book.page(&query);
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.entries[0].field("key"), Some("[REDACTED]"));
        assert_eq!(
            (page.jobs, page.providers),
            (vec!["a".to_owned()], vec!["p".to_owned()])
        );
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test leaves a file for the book to find"
    )]
    #[test]
    fn what_earlier_sessions_wrote_stands_before_this_one_and_can_be_saved() {
        let folder = tempfile::tempdir().unwrap();
        let text = "2026-01-02T03:04:05Z  INFO destilation::app: first\nmore of it\n2026-01-02T03:04:06Z  WARN destilation::app: CANARY-0123456789\n";
        std::fs::write(folder.path().join("destiler.2026-01-02.log"), text).unwrap();
        let book = book(Some(folder.path().to_owned()));
        book.ring().push(LogEntry {
            at_ms: environment::now_ms(),
            message: "now".to_owned(),
            ..LogEntry::default()
        });
        let page = book.page(&LogQuery {
            limit: 10,
            ..LogQuery::default()
        });
        let messages: Vec<&str> = page.entries.iter().map(|entry| entry.message.as_str()).collect();
        assert_eq!(messages, ["first\nmore of it", "[REDACTED]", "now"]);
        let numbers: Vec<i64> = page.entries.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [-2, -1, 0]);
        let (path, entries) = book.save(&LogFilter::default()).unwrap();
        assert_eq!(entries, 3);
        assert!(!std::fs::read_to_string(path).unwrap().contains("CANARY"));
    }
}
