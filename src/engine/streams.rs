//! Rows written as they come, page by page: exports, samples as JSON lines, and validators over any JSONL.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::running::Gate;
use super::walk::Walk;
use super::{Shared, answers, compile, outbox};
use crate::core::Row;
use crate::core::api::{Base, Export, Failure, FailureKind, SampleQuery, StreamReport, StreamRequest};
use crate::core::catalog::Plug;
use crate::core::job::parse::renamed;
use crate::core::job::{DatasetSpec, Job, JobId, ReasoningStyle};
use crate::core::ports::{CheckContext, CheckError, Format, JudgeQuestion, SampleFilter};
use crate::core::request::{Completion, FinishReason, Usage};
use crate::core::sample::{Candidate, Decision, Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use crate::core::task::{RequestId, TaskId};

/// Validators that need no settings, for `validate` without any named.
const DEFAULT_VALIDATORS: [&str; 5] = ["structural", "dedup", "refusal", "truncated", "no_control_chars"];

/// Writes the rows asked for.
pub(super) async fn stream(
    shared: &Shared,
    request: StreamRequest,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Failure> {
    match request {
        StreamRequest::Export(wanted) => export(shared, &wanted, out).await,
        StreamRequest::Lint { rows, trainer } => super::linting::lint(shared, &rows, &trainer, out).await,
        StreamRequest::Samples(query) => samples(shared, &query, out).await,
        StreamRequest::Validate {
            file,
            validators,
            field,
            base,
        } => {
            let base = directory(shared, base).await?;
            validate(shared, &file, validators, &base, field.as_deref(), out).await
        }
    }
}

/// A closed pipe is the reader's way of saying: enough.
pub(super) fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        // The format says which sample lacks what, and what to do.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Failure::new(FailureKind::Unexpected, error.to_string()))
        }
        Err(error) => Err(
            Failure::new(FailureKind::Unexpected, "the output could not be written")
                .because(error.to_string()),
        ),
    }
}

pub(super) fn format_of(shared: &Shared, job: &Job, name: Option<&str>) -> Result<Box<dyn Format>, Failure> {
    format_with(shared, job, name, None)
}

/// The job's format, or another one, with reasoning as the job says, or otherwise.
fn format_with(
    shared: &Shared,
    job: &Job,
    name: Option<&str>,
    reasoning: Option<ReasoningStyle>,
) -> Result<Box<dyn Format>, Failure> {
    let mut dataset = job.spec.dataset.clone();
    dataset.reasoning = reasoning.unwrap_or(dataset.reasoning);
    if let Some(name) = name.filter(|name| *name != dataset.format) {
        // The job's field names belong to its own format; another one takes over what it has a name for, and guesses the rest.
        dataset = DatasetSpec {
            format: name.to_owned(),
            fields: renamed(&dataset.fields, &dataset.format, name),
            ..dataset
        };
    }
    let built = shared
        .formats
        .find(&dataset.format)
        .and_then(|entry| (entry.build)(&dataset, &job.spec));
    built.map_err(|error| {
        Failure::new(
            FailureKind::Usage,
            format!("format `{}`: {error}", dataset.format),
        )
    })
}

/// Refuses samples that their job's dataset cannot hold: one of them would keep all the others out of the file.
pub(super) async fn fit(shared: &Shared, samples: &[Sample]) -> Result<(), Failure> {
    let jobs = shared.store.jobs().await?;
    for job in &jobs {
        // A format that cannot be built is said where the dataset is written.
        let Ok(format) = format_of(shared, job, None) else {
            continue;
        };
        for sample in samples.iter().filter(|sample| sample.task.job == job.id) {
            if let Err(error) = format.write(sample, &mut io::sink()) {
                return Err(
                    Failure::new(FailureKind::Invalid, error.to_string()).help("edit it, or reject it")
                );
            }
        }
    }
    Ok(())
}

async fn export(
    shared: &Shared,
    wanted: &Export,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Failure> {
    let job = shared.store.job(&wanted.job).await?;
    let format = format_with(shared, &job, wanted.format.as_deref(), wanted.reasoning)?;
    if let Some(split) = &wanted.split
        && !job.spec.dataset.split.iter().any(|(name, _)| name == split)
    {
        let known: Vec<&str> = job
            .spec
            .dataset
            .split
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let failure = Failure::new(FailureKind::Usage, format!("the job has no split `{split}`"));
        return Err(failure.help(if known.is_empty() {
            "it has none at all".to_owned()
        } else {
            format!("one of: {}", known.join(", "))
        }));
    }
    let states = if wanted.include_rejected {
        Vec::new()
    } else {
        vec![SampleState::Accepted]
    };
    let filter = SampleFilter {
        job: Some(job.id),
        states,
        ..SampleFilter::default()
    };
    let arrangement = outbox::arrangement(shared, &job, i64::MAX).await?;
    let mut walk = Walk::all(filter);
    let mut report = StreamReport::default();
    while let Some(page) = walk.page(shared).await? {
        for sample in &page {
            if !wanted.include_rejected && !arrangement.holds(sample) {
                continue;
            }
            let part = arrangement.part(&job.spec.dataset, job.spec.random_seed, sample);
            if wanted.split.as_deref().is_some_and(|split| split != part) {
                continue;
            }
            if !written(format.write(sample, out))? {
                report.closed = true;
                return Ok(report);
            }
            report.rows += 1;
        }
    }
    Ok(report)
}

/// Writes an export beside its place and renames it there, so that no half-written file ever bears the name.
pub(super) async fn export_to(shared: &Shared, wanted: &Export, path: &Path) -> Result<u64, Failure> {
    let created = match wanted.shard_rows {
        Some(rows) => shared.dataset.create_shards(path, rows.max(1)),
        None => shared.dataset.create(path),
    };
    let mut file = created.map_err(|error| unwritable(path, &error))?;
    let report = export(shared, wanted, file.writer()).await?;
    file.finish().map_err(|error| unwritable(path, &error))?;
    Ok(report.rows)
}

/// Samples in the `raw` shape into a file of their own, and a note of it in the journal.
pub(super) async fn export_samples(
    shared: &Shared,
    query: &SampleQuery,
    path: &Path,
    overwrite: bool,
) -> Result<u64, Failure> {
    if !overwrite && path.exists() {
        let failure = Failure::new(FailureKind::Usage, format!("{} is there already", path.display()));
        return Err(failure.help("give another name, or say that it may be replaced"));
    }
    let mut file = shared
        .dataset
        .create(path)
        .map_err(|error| unwritable(path, &error))?;
    let report = samples(shared, query, file.writer()).await?;
    file.finish().map_err(|error| unwritable(path, &error))?;
    let filter = answers::filter(shared, query).await?;
    for job in shared.store.jobs().await? {
        if filter.job.is_none_or(|wanted| wanted == job.id) {
            super::deciding::exported(shared, job.id, report.rows, path).await;
        }
    }
    Ok(report.rows)
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        FailureKind::Unexpected,
        format!("{} could not be written", path.display()),
    )
    .because(error.to_string())
}

async fn samples(
    shared: &Shared,
    query: &SampleQuery,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Failure> {
    let filter = answers::filter(shared, query).await?;
    let jobs: HashMap<JobId, Job> = shared
        .store
        .jobs()
        .await?
        .into_iter()
        .map(|job| (job.id, job))
        .collect();
    let mut formats: HashMap<JobId, Box<dyn Format>> = HashMap::new();
    for job in jobs.values() {
        formats.insert(job.id, format_of(shared, job, Some("raw"))?);
    }
    let mut report = StreamReport::default();
    // Plan order is an order within a job: one after the other.
    let mut wanted: Vec<&Job> = jobs
        .values()
        .filter(|job| filter.job.is_none_or(|wanted| wanted == job.id))
        .collect();
    wanted.sort_by_key(|job| job.id.0);
    for job in wanted {
        let mut walk = Walk::all(SampleFilter {
            job: Some(job.id),
            ..filter.clone()
        });
        while let Some(page) = walk.page(shared).await? {
            for sample in &page {
                if !written(formats[&job.id].write(sample, out))? {
                    report.closed = true;
                    return Ok(report);
                }
                report.rows += 1;
            }
        }
    }
    Ok(report)
}

async fn directory(shared: &Shared, base: Base) -> Result<String, Failure> {
    Ok(match base {
        Base::Here => ".".to_owned(),
        Base::Directory(path) => path.to_string_lossy().into_owned(),
        Base::Job(name) => shared.store.job(&name).await?.base,
    })
}

/// Runs validators over the rows of a file; each row comes back as `{"row", "verdict", "reason", "verdicts"}`.
async fn validate(
    shared: &Shared,
    file: &Path,
    validators: Vec<Plug>,
    base: &str,
    field: Option<&str>,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Failure> {
    let plugs = if validators.is_empty() {
        DEFAULT_VALIDATORS
            .map(|kind| Plug {
                kind: kind.to_owned(),
                params: Row::new(),
            })
            .to_vec()
    } else {
        validators
    };
    let gates = compile::gates(shared, &plugs, base)?;
    if !file.is_file() && file != Path::new("-") {
        let failure = Failure::new(
            FailureKind::NotFound,
            format!("there is no file {}", file.display()),
        );
        return Err(failure.help("give a file of JSON lines, or - for standard input"));
    }
    let rows = (shared.open_rows)("", &file.to_string_lossy(), None)
        .map_err(|error| Failure::new(FailureKind::Records, error.message))?;
    let seen = Seen::default();
    let mut report = StreamReport::default();
    for (at, row) in rows.enumerate() {
        let row = row.map_err(|error| Failure::new(FailureKind::Records, error.message))?;
        let candidate = candidate_of(at as u64, row, field);
        let verdicts = judge(&gates, &candidate, &seen).await?;
        let last = verdicts.last();
        let decision = if verdicts.iter().any(|v| v.decision == Decision::Reject) {
            "reject"
        } else {
            "accept"
        };
        match last.and_then(|verdict| verdict.reason) {
            Some(reason) if decision == "reject" => count(&mut report.rejected, reason),
            _ => report.accepted += 1,
        }
        let line = json!({
            "line": at + 1,
            "verdict": decision,
            "reason": last.and_then(|verdict| verdict.reason),
            "verdicts": verdicts,
            "row": *candidate.seed,
        });
        report.rows += 1;
        if !written(writeln!(out, "{line}"))? {
            report.closed = true;
            break;
        }
    }
    for gate in &gates {
        gate.validator.close().await;
    }
    Ok(report)
}

fn count(counts: &mut Vec<(Reason, u64)>, reason: Reason) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, count)) => *count += 1,
        None => counts.push((reason, 1)),
    }
}

async fn judge(gates: &[Gate], candidate: &Candidate, seen: &Seen) -> Result<Vec<Verdict>, Failure> {
    let mut verdicts = Vec::with_capacity(gates.len());
    for gate in gates {
        let key = gate.validator.dedup_key(candidate);
        if let Some(first) = key.and_then(|key| seen.first(key, candidate.task.index)) {
            verdicts.push(Verdict::reject(
                &gate.kind,
                Reason::ExactDuplicate,
                format!("equal to line {}", first + 1),
            ));
            break;
        }
        let verdict = match gate.validator.check(candidate, seen).await {
            Ok(verdict) => verdict,
            Err(CheckError::Broken(message)) => Verdict::review(&gate.kind, message),
            Err(CheckError::Interrupted(_) | CheckError::Store(_)) => {
                let failure = Failure::new(
                    FailureKind::Usage,
                    format!("`{}` asks a teacher, which `validate` does not do", gate.kind),
                );
                return Err(failure.help("leave it out, or run it inside a job"));
            }
        };
        let rejected = verdict.decision == Decision::Reject;
        verdicts.push(verdict);
        if rejected {
            break;
        }
    }
    Ok(verdicts)
}

/// A row of any dataset as a candidate: the row is the seed, its answer the one step.
fn candidate_of(index: u64, row: Row, field: Option<&str>) -> Candidate {
    let text = match field {
        Some(path) => Candidate {
            seed: Arc::new(row.clone()),
            ..empty(index)
        }
        .text(path)
        .unwrap_or_default(),
        None => answer_in(&row),
    };
    let step = StepAnswer {
        step: "answer".to_owned(),
        teacher: String::new(),
        request: RequestId(0),
        text,
        value: None,
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        finish: FinishReason::Stop,
        usage: Usage::default(),
    };
    Candidate {
        seed: Arc::new(row),
        steps: vec![step],
        ..empty(index)
    }
}

fn empty(index: u64) -> Candidate {
    Candidate {
        task: TaskId { job: JobId(0), index },
        ordinal: 0,
        seed: Arc::default(),
        vary: Arc::default(),
        steps: Vec::new(),
        schemas: Arc::default(),
    }
}

/// The answer of a row in any of the formats we write: the last assistant turn, a named field, or the last text.
fn answer_in(row: &Row) -> String {
    for (list, text) in [("messages", "content"), ("conversations", "value")] {
        if let Some(last) = row
            .get(list)
            .and_then(Value::as_array)
            .and_then(|turns| turns.last())
        {
            return last
                .get(text)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
        }
    }
    let named = ["output", "completion", "answer", "response", "text"]
        .iter()
        .find_map(|key| row.get(*key)?.as_str());
    named
        .or_else(|| row.values().rev().find_map(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

/// Keys of rows seen so far: what the ledger's unique index is for a job.
#[derive(Default)]
struct Seen(std::sync::Mutex<HashMap<[u8; 16], u64>>);

impl Seen {
    /// The earlier row of that key; remembers this one if there is none.
    fn first(&self, key: [u8; 16], index: u64) -> Option<u64> {
        let mut keys = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = *keys.entry(key).or_insert(index);
        (first != index).then_some(first)
    }
}

#[async_trait]
impl CheckContext for Seen {
    async fn ask(&self, _: &str, _: &Candidate, _: JudgeQuestion) -> Result<Completion, CheckError> {
        Err(CheckError::Interrupted(crate::core::task::Transition::Release))
    }

    async fn duplicate_of(&self, _: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        Ok(None)
    }
}
