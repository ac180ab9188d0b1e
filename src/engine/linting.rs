//! Rows against what a trainer reads: a file's as they are, a job's as they would be exported. Nothing is kept but a first finding
//! of each rule.

use std::io::{BufRead, Read, Write};
use std::path::Path;

use super::streams::{format_of, written};
use super::walk::Walk;
use super::{Shared, outbox};
use crate::core::api::{Failure, FailureKind, FoundOften, LintRows, StreamReport};
use crate::core::ports::{DatasetLines, Finding, LintedFile, Linter};

/// Longest line that is read.
const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Lines that are named beside the first.
const NEXT: usize = 5;

/// Checks the rows and writes each finding as a line.
pub(super) async fn lint(
    shared: &Shared,
    rows: &LintRows,
    trainer: &str,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Failure> {
    let entry = shared
        .trainers
        .find(trainer)
        .map_err(|error| Failure::new(FailureKind::Usage, error.message.replace("kind", "trainer")))?;
    match rows {
        LintRows::File(path) => {
            let DatasetLines { reader, about } = open(shared, path)?;
            let mut desk = Desk::new((entry.build)(about), out);
            of_file(path, reader, &mut desk)?;
            desk.finish()
        }
        LintRows::Job(name) => {
            let mut desk = Desk::new((entry.build)(LintedFile::default()), out);
            of_job(shared, name, &mut desk).await?;
            desk.finish()
        }
    }
}

fn open(shared: &Shared, path: &Path) -> Result<DatasetLines, Failure> {
    if path != Path::new("-") && !path.is_file() {
        let failure = Failure::new(
            FailureKind::NotFound,
            format!("there is no file {}", path.display()),
        );
        return Err(failure.help("give a file of JSON lines, a job's name, or - for standard input"));
    }
    let other = path
        .extension()
        .and_then(|kind| kind.to_str())
        .filter(|kind| !matches!(*kind, "jsonl" | "ndjson" | "json"));
    if let Some(kind) = other {
        let failure = Failure::new(FailureKind::Usage, format!("a .{kind} file has no lines of JSON"));
        return Err(failure.help("give a file of JSON lines"));
    }
    shared
        .dataset
        .open(path)
        .map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Unexpected,
        format!("{} could not be read", path.display()),
    )
    .because(error.to_string())
}

fn of_file(path: &Path, mut reader: Box<dyn BufRead + Send>, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let mut line = Vec::new();
    while !desk.report.closed {
        line.clear();
        let count = reader
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(path, &error))?;
        if count == 0 {
            break;
        }
        desk.line(&line)?;
    }
    Ok(())
}

/// The accepted rows in plan order; the line is the place in that order.
async fn of_job(shared: &Shared, name: &str, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let job = shared.store.job(name).await?;
    let format = format_of(shared, &job, None)?;
    let mut walk = Walk::all(outbox::accepted(job.id));
    let mut line = Vec::new();
    while let Some(page) = walk.page(shared).await? {
        for sample in &page {
            if desk.report.closed {
                return Ok(());
            }
            line.clear();
            written(format.write(sample, &mut line))?;
            desk.line(&line)?;
        }
    }
    Ok(())
}

/// Findings on their way out.
struct Desk<'a> {
    linter: Box<dyn Linter>,
    out: &'a mut (dyn Write + Send),
    report: StreamReport,
}

impl<'a> Desk<'a> {
    fn new(linter: Box<dyn Linter>, out: &'a mut (dyn Write + Send)) -> Self {
        Self {
            linter,
            out,
            report: StreamReport::default(),
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        let found = self.linter.line(line);
        self.report.rows += 1;
        self.tell(found)
    }

    fn finish(mut self) -> Result<StreamReport, Failure> {
        let found = self.linter.end();
        self.tell(found)?;
        Ok(self.report)
    }

    fn tell(&mut self, found: Vec<Finding>) -> Result<(), Failure> {
        for finding in found {
            let text = serde_json::to_string(&finding)
                .map_err(|error| Failure::new(FailureKind::Unexpected, error.to_string()))?;
            if !written(writeln!(self.out, "{text}"))? {
                self.report.closed = true;
                return Ok(());
            }
            self.count(finding);
        }
        Ok(())
    }

    fn count(&mut self, finding: Finding) {
        let same = |known: &&mut FoundOften| {
            (known.first.rule, known.first.severity, &known.first.what)
                == (finding.rule, finding.severity, &finding.what)
        };
        let rule = |known: &&mut FoundOften| {
            (known.first.rule, known.first.severity) == (finding.rule, finding.severity)
        };
        let all = &mut self.report.found;
        let many = all
            .iter()
            .filter(|known| known.first.rule == finding.rule)
            .count()
            >= NEXT;
        // Rules whose words name what is there have several; beyond a few, one stands for the rest.
        let known = match all.iter_mut().find(same) {
            None if many => all.iter_mut().find(rule),
            found => found,
        };
        let Some(known) = known else {
            all.push(FoundOften {
                first: finding,
                next: Vec::new(),
                count: 1,
            });
            return;
        };
        known.count += 1;
        let last = known.next.last().copied().unwrap_or(known.first.line);
        if known.next.len() < NEXT && last != finding.line {
            known.next.push(finding.line);
        }
    }
}
