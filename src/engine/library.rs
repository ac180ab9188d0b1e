//! Where jobs come from: a file, a text, the ledger, or the binary; read, checked, and estimated.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::allowance::most_at_once;
use super::{BUNDLED, Shared, canary, planner};
use crate::core::api::{EstimateReport, Failure, FailureKind, JobSource};
use crate::core::catalog::{Plug, PlugError};
use crate::core::estimate::estimate as ranges;
use crate::core::imported::Taken;
use crate::core::job::draft::Draft;
use crate::core::job::parse::{FORMATS, Known, Parsed, Problem, Severity, parse as read};
use crate::core::job::{DatasetSpec, JobSpec, SeedSource};
use crate::core::ports::{SeedError, StoreError};
use crate::core::route::eligible;

/// Requests at once where nobody says.
const CONCURRENCY: u32 = 64;
/// Rows whose prompts are rendered for an estimate.
const SAMPLE_ROWS: usize = 50;
/// Rows that are looked at for the fields of a seed file, and before a new job is stored.
const ROWS_LOOKED_AT: usize = 100;
/// Seconds an answer may take, from a fast hosted model to a slow local one, where nothing was measured.
const LATENCY: (f64, f64) = (1.0, 20.0);

/// A checked job with its text.
pub(super) struct Loaded {
    pub(super) spec: JobSpec,
    pub(super) source: String,
    pub(super) base: String,
    /// Warnings of the check.
    pub(super) notes: Vec<String>,
    /// Where the seeds stand in the text.
    pub(super) seeds_at: (usize, usize),
}

/// Names and descriptions of the jobs in the binary.
pub(super) fn bundled(shared: &Shared) -> Vec<(String, String)> {
    let described = |job: &super::Bundled| {
        // What it is about does not depend on who could do it here.
        let description = Draft::read(job.source).map(|draft| draft.string("description"));
        let description = description.unwrap_or_default();
        (job.name.to_owned(), description)
    };
    shared.bundled.iter().map(described).collect()
}

/// The text of a job and the directory its paths refer to.
pub(super) async fn text(shared: &Shared, source: JobSource) -> Result<(String, String), Failure> {
    match source {
        JobSource::Text { source, base } => Ok((source, base.display().to_string())),
        JobSource::File(path) => {
            let text = (shared.read_text)(&path).map_err(|error| {
                let kind = if path.is_file() {
                    FailureKind::Invalid
                } else {
                    FailureKind::NotFound
                };
                let failure = Failure::new(kind, format!("cannot read {}", path.display()));
                failure
                    .because(error)
                    .help("give the path of a job file, or the name of a stored or bundled job")
            })?;
            let base = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            Ok((text, absolute(base)))
        }
        JobSource::Name(name) => match shared.store.job(&name).await {
            Ok(job) => Ok((job.source, job.base)),
            Err(StoreError::NotFound(_)) => from_binary(shared, &name),
            Err(error) => Err(error.into()),
        },
    }
}

/// An absolute form, so that a stored job finds its seeds from anywhere.
fn absolute(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}

fn from_binary(shared: &Shared, name: &str) -> Result<(String, String), Failure> {
    if let Some(job) = shared.bundled.iter().find(|job| job.name == name) {
        return Ok((job.source.to_owned(), BUNDLED.to_owned()));
    }
    let known: Vec<&str> = shared.bundled.iter().map(|job| job.name).collect();
    let failure = Failure::new(FailureKind::NotFound, format!("there is no job `{name}`"));
    Err(failure.help(format!(
        "`destiler jobs list` shows stored jobs; bundled ones: {}; or give a file",
        known.join(", ")
    )))
}

/// Reads a job file and everything wrong with it.
pub(super) fn examine(shared: &Shared, source: &str, base: &str) -> Parsed {
    let validator = |plug: &Plug| -> Result<(), PlugError> {
        let entry = shared.validators.find(&plug.kind)?;
        (entry.build)(plug, Path::new(base)).map(|_| ())
    };
    let schema = |schema: &serde_json::Value| {
        (shared.compile_schema)(schema)
            .map(|_| ())
            .map_err(|error| error.message)
    };
    let format = |dataset: &DatasetSpec, spec: &JobSpec| -> Result<(), PlugError> {
        let entry = shared.formats.find(&dataset.format)?;
        (entry.build)(dataset, spec).map(|_| ())
    };
    let kinds = shared.validators.kinds();
    let written = shared.formats.kinds();
    let formats: Vec<_> = FORMATS
        .iter()
        .filter(|format| written.contains(&format.kind))
        .copied()
        .collect();
    let roster = shared.roster();
    let known = Known {
        validators: &kinds,
        check_validator: &validator,
        check_schema: &schema,
        formats: &formats,
        check_format: &format,
        teachers: &roster.teachers,
        seed_extensions: &shared.seed_kinds,
        seed_fields: None,
        look_at_seeds: &|path, taken| fields(shared, base, path, taken),
        pool: &|path, most| {
            let rows = (shared.open_rows)(base, path, None).and_then(|rows| rows.take(most).collect());
            rows.map_err(|error: SeedError| error.message)
        },
    };
    let files = |path: &str| (shared.read_text)(&Path::new(base).join(path));
    read(source, &files, &known)
}

/// The fields of the first rows of a seed file; `None` if none of them can be read.
fn fields(shared: &Shared, base: &str, path: &str, taken: Option<&Taken>) -> Option<Vec<String>> {
    let taken = taken.map(Taken::at_a_glance);
    let mut fields = BTreeSet::new();
    for row in (shared.open_rows)(base, path, taken.as_ref())
        .ok()?
        .take(ROWS_LOOKED_AT)
        .flatten()
    {
        fields.extend(row.into_iter().map(|(field, _)| field));
    }
    (!fields.is_empty()).then(|| fields.into_iter().collect())
}

/// What is wrong with the first seed rows of a job, so that one that cannot begin is not stored. Standard input is left alone.
pub(super) async fn check_seeds(shared: &Shared, loaded: &Loaded) -> Result<(), Failure> {
    if let SeedSource::Job { .. } = &loaded.spec.seeds.source {
        let looked = planner::gather(&loaded.spec, &loaded.base, shared, (), |(), _| false).await;
        return looked.map_err(|error| {
            let mut failure = Failure::new(FailureKind::Invalid, "the seeds cannot be used");
            failure.problems = vec![seed_problem(loaded.seeds_at, error.message, Severity::Error)];
            failure
        });
    }
    let SeedSource::Path(path) = &loaded.spec.seeds.source else {
        return Ok(());
    };
    if path == "-" {
        return Ok(());
    }
    let taken = loaded.spec.seeds.taken.as_ref().map(Taken::at_a_glance);
    let looked = (shared.open_rows)(&loaded.base, path, taken.as_ref()).and_then(|rows| {
        rows.take(ROWS_LOOKED_AT)
            .try_fold(0_usize, |count, row| row.map(|_| count + 1))
    });
    let message = match looked {
        Ok(0) => format!("`{path}` has no rows: there is nothing to do"),
        Ok(_) => return Ok(()),
        Err(error) => error.message,
    };
    let mut failure = Failure::new(FailureKind::Invalid, "the seeds cannot be used");
    failure.problems = vec![seed_problem(loaded.seeds_at, message, Severity::Error)];
    Err(failure)
}

/// A job that can run, or a failure that lists every problem.
pub(super) fn parse(shared: &Shared, source: String, base: String) -> Result<Loaded, Failure> {
    let Parsed {
        spec,
        problems,
        seeds_at,
    } = examine(shared, &source, &base);
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    match spec {
        Some(spec) if errors == 0 => {
            let notes = problems.iter().map(ToString::to_string).collect();
            Ok(Loaded {
                spec,
                source,
                base,
                notes,
                seeds_at,
            })
        }
        _ => {
            let words = if errors == 1 {
                "1 problem".to_owned()
            } else {
                format!("{errors} problems")
            };
            let mut failure = Failure::new(FailureKind::Invalid, format!("the job file has {words}"));
            failure.problems = problems;
            Err(failure)
        }
    }
}

/// A job from wherever it comes.
pub(super) async fn load(shared: &Shared, source: JobSource) -> Result<Loaded, Failure> {
    let (source, base) = text(shared, source).await?;
    parse(shared, source, base)
}

/// What is wrong with the seeds, as a problem of the job.
pub(super) fn seed_problem((line, column): (usize, usize), message: String, severity: Severity) -> Problem {
    Problem {
        severity,
        line,
        column,
        key: "seeds".to_owned(),
        message,
        help: None,
    }
}

/// The same job file under another name: the first top-level `name = …` is replaced, comments stay.
pub(super) fn renamed(source: &str, name: &str) -> String {
    let mut done = false;
    let lines = source.lines().map(|line| {
        let is_name = !done
            && line
                .trim_start()
                .strip_prefix("name")
                .is_some_and(|rest| rest.trim_start().starts_with('='));
        if !is_name {
            return line.to_owned();
        }
        done = true;
        let comment = line
            .split_once('#')
            .map_or(String::new(), |(_, comment)| format!("  #{comment}"));
        format!("name = \"{name}\"{comment}")
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// Requests at once: as many as the job asks for, and its teachers take.
pub(super) fn in_flight(shared: &Shared, spec: &JobSpec) -> u32 {
    let roster = shared.roster();
    let mut providers: Vec<usize> = spec
        .steps
        .iter()
        .flat_map(|step| eligible(step, &roster.teachers))
        .map(|share| roster.place_of(share.teacher))
        .collect();
    providers.sort_unstable();
    providers.dedup();
    let taken = providers
        .into_iter()
        .map(|at| most_at_once(&roster.stations[at].settings))
        .reduce(u32::saturating_add);
    let wanted = spec.limits.concurrency.unwrap_or(CONCURRENCY).max(1);
    taken.map_or(wanted, |taken| taken.min(wanted))
}

/// What a job would take.
pub(super) async fn estimate(shared: &Shared, source: JobSource) -> Result<EstimateReport, Failure> {
    let forecast = match &source {
        JobSource::Name(name) => canary::so_far(shared, name).await?,
        _ => None,
    };
    let loaded = load(shared, source).await?;
    let seen = (0_u64, Vec::new());
    let read = planner::gather(
        &loaded.spec,
        &loaded.base,
        shared,
        seen,
        |(tasks, sample), task| {
            *tasks += 1;
            if sample.len() < SAMPLE_ROWS {
                let mut row = task.seed;
                row.extend(task.vary);
                sample.push(row);
            }
            true
        },
    );
    let (tasks, sample) = read
        .await
        .map_err(|error| Failure::new(FailureKind::Invalid, error.message))?;
    let rounds = planner::rounds(&loaded.spec);
    let most = loaded.spec.target.and_then(|target| target.tasks_at_most);
    let tasks = tasks.saturating_mul(rounds).min(most.unwrap_or(u64::MAX));
    let roster = shared.roster();
    let ranges = ranges(&loaded.spec, tasks, &sample, &roster.teachers);
    let in_flight = f64::from(in_flight(shared, &loaded.spec));
    let seconds = |requests: u64, latency: f64| {
        Duration::from_secs_f64(requests as f64 * latency / in_flight).as_secs_f64()
    };
    let mut notes = vec![
        "prompt tokens: 3 to 4 characters each, from rendered prompts".to_owned(),
        format!(
            "time: {} to {} s an answer, {in_flight} in flight",
            LATENCY.0, LATENCY.1
        ),
    ];
    if rounds > 1 {
        notes.push(format!(
            "{rounds} rounds, each as large as the first: fewer tasks if less is accepted, more if a row feeds several"
        ));
    }
    let is_own = |name: &&str| {
        let found = roster.teacher(name);
        found.is_some_and(|(at, _)| roster.station_of(at).settings.is_own())
    };
    let unpriced = ranges.unpriced.iter().map(String::as_str);
    let (own, charging): (Vec<&str>, Vec<&str>) = unpriced.partition(is_own);
    if !own.is_empty() {
        let word = if own.len() == 1 {
            "is your own and counts"
        } else {
            "are your own and count"
        };
        notes.push(format!("{} {word} as free", own.join(", ")));
    }
    if !charging.is_empty() {
        notes.push(format!(
            "no price is known for {}: set `price` in the configuration",
            charging.join(", ")
        ));
    }
    Ok(EstimateReport {
        tasks,
        requests: ranges.requests,
        input_tokens: ranges.input_tokens,
        output_tokens: ranges.output_tokens,
        usd: charging.is_empty().then_some(ranges.usd),
        seconds: (
            seconds(ranges.requests.0, LATENCY.0),
            seconds(ranges.requests.1, LATENCY.1),
        ),
        notes,
        forecast,
    })
}
