//! What a front end can ask. Every number comes from the ledger.

use std::collections::HashMap;

use super::{
    Shared, again, audit, browsing, calibrating, doctor, importing, library, planner, providers, rejudge,
    report, review, upkeep, writing,
};
use crate::core::api::{
    Answer, CheckReport, Failure, FailureKind, JobDetail, JobRow, JobSource, Query, SampleDetail, SamplePage,
    SampleQuery, Summary, SummaryRequests, SummarySamples, SummaryTasks, SummaryTokens, TeacherRow,
};
use crate::core::job::parse::Severity;
use crate::core::job::{Job, JobId, SeedSource};
use crate::core::ports::{SampleFilter, SampleOrder, Totals};
use crate::core::route;
use crate::core::sample::{Sample, SampleId, SampleState};
use crate::core::task::{TaskCounts, TaskId, TaskState};

/// Most samples of a page.
const PAGE_AT_MOST: usize = 1000;

/// Answers a question.
pub(super) async fn answer(shared: &Shared, query: Query) -> Result<Answer, Failure> {
    Ok(match query {
        Query::Jobs => {
            let mut rows = Vec::new();
            for job in shared.store.jobs().await? {
                rows.push(row(shared, &job).await?.0);
            }
            Answer::Jobs(rows)
        }
        Query::Job(name) => Answer::Job(Box::new(detail(shared, &name).await?)),
        Query::Summary(name) => {
            let job = shared.store.job(&name).await?;
            let (_, counts, totals) = row(shared, &job).await?;
            Answer::Summary(Box::new(summary(shared, &job, &counts, &totals)))
        }
        Query::Samples { filter, after, limit } => {
            Answer::Samples(samples(shared, &filter, after.as_ref(), limit).await?)
        }
        Query::SampleWindow {
            filter,
            sort,
            at,
            limit,
        } => {
            let limit = limit.clamp(1, PAGE_AT_MOST);
            Answer::SampleWindow(browsing::window(shared, &filter, sort, at, limit).await?)
        }
        Query::CountSamples(query) => {
            let filter = filter(shared, &query).await?;
            Answer::Count(shared.store.count_samples(&filter).await?)
        }
        Query::Facets(query) => {
            let filter = filter(shared, &query).await?;
            Answer::Facets(Box::new(shared.store.facets(&filter).await?))
        }
        Query::Tags { job } => Answer::Tags(browsing::tags(shared, job.as_deref()).await?),
        Query::Prompts(id) => Answer::Prompts(browsing::prompts(shared, &id).await?),
        Query::History { job, limit } => {
            Answer::History(browsing::history(shared, job.as_deref(), limit.clamp(1, PAGE_AT_MOST)).await?)
        }
        Query::Sample(id) => {
            let sample = sample(shared, &id).await?;
            let requests = shared.store.requests_of(sample.task).await?;
            let original = match &sample.review {
                Some(_) => shared.store.original((sample.task, sample.candidate)).await?,
                None => None,
            };
            let job = names(shared).await?.remove(&sample.task.job).unwrap_or_default();
            Answer::Sample(Box::new(SampleDetail {
                job,
                sample,
                original,
                requests,
            }))
        }
        Query::Queues => Answer::Queues(shared.store.queues().await?),
        Query::ReviewItems { queue, from, limit } => {
            Answer::ReviewItems(review::items(shared, queue, from, limit).await?)
        }
        Query::Review(queue) => Answer::Review(Box::new(review::report(shared, queue).await?)),
        Query::Source(source) => {
            let (text, base) = library::text(shared, source).await?;
            Answer::Source {
                text,
                base: base.into(),
            }
        }
        Query::Import(request) => Answer::Import(Box::new(importing::plan(shared, request).await?)),
        Query::Check(source) => Answer::Check(Box::new(check(shared, source).await?)),
        Query::RejudgeSome(query) => Answer::Rejudged(Box::new(rejudge::preview_some(shared, &query).await?)),
        Query::MakeAgain(query) => Answer::MakingAgain(again::preview(shared, &query).await?),
        Query::Rejudge(name) => Answer::Rejudged(Box::new(rejudge::preview(shared, &name).await?)),
        Query::Calibration {
            job,
            judge,
            precision,
        } => Answer::Calibration(Box::new(
            calibrating::calibration(shared, &job, judge, precision).await?,
        )),
        Query::Failures(name) => {
            let job = shared.store.job(&name).await?.id;
            Answer::Failures(shared.store.failures(job).await?)
        }
        Query::FailedTasks { job, group, limit } => {
            let job = shared.store.job(&job).await?.id;
            let limit = limit.clamp(1, PAGE_AT_MOST);
            Answer::FailedTasks(shared.store.failed_tasks(job, &group, limit).await?)
        }
        Query::Attempts { job, task } => {
            let job = shared.store.job(&job).await?.id;
            Answer::Attempts(shared.store.requests_of(TaskId { job, index: task }).await?)
        }
        Query::Revisions(name) => {
            let job = shared.store.job(&name).await?.id;
            Answer::Revisions(shared.store.revisions(job).await?)
        }
        Query::Estimate(source) => Answer::Estimate(Box::new(library::estimate(shared, source).await?)),
        Query::Providers => Answer::Providers(providers::health(shared).await?),
        Query::ProviderDetails => Answer::ProviderDetails(providers::details(shared).await?),
        Query::ProviderKinds => Answer::ProviderKinds(shared.directory.kinds()),
        Query::Found => Answer::Found(shared.directory.found().await),
        Query::Key(settings) => Answer::Key(shared.directory.key(&settings)),
        Query::Offer { provider, refresh } => {
            Answer::Offer(Box::new(providers::offer(shared, &provider, refresh).await?))
        }
        Query::Log(query) => Answer::Log(Box::new(shared.log.page(&query))),
        Query::Models(name) => Answer::Models(providers::models(shared, &name).await?),
        Query::Verify(directory) => Answer::Verified(verify(shared, &directory).await?),
        Query::Database { check } => {
            let info = shared.store.info().await?;
            let findings = match check {
                Some(true) => audit::audit(shared).await?,
                Some(false) => shared.store.check(false).await?,
                None => Vec::new(),
            };
            Answer::Database(info, findings)
        }
        Query::Report(wanted) => Answer::Report(Box::new(report::report(shared, &wanted).await?)),
        Query::Doctor => Answer::Doctor(doctor::examine(shared).await),
        Query::Configuration => Answer::Configuration(
            shared
                .customs
                .configuration()
                .unwrap_or_else(|_| shared.configuration.clone()),
        ),
        Query::UserFiles => Answer::UserFiles(Box::new(shared.customs.files())),
        Query::CleanPlan(rules) => Answer::CleanPlan(upkeep::plan(shared, &rules).await?),
        Query::Bundled => Answer::Bundled(library::bundled(shared)),
        Query::Drafts => Answer::Drafts(writing::drafts(shared).await?),
        Query::Seeds {
            source,
            limit,
            at_most,
        } => Answer::Seeds(Box::new(writing::seeds(shared, source, limit, at_most).await?)),
        Query::Validators => Answer::Kinds(writing::validators(shared)),
        Query::Teachers => Answer::Teachers(shared.roster().teachers.clone()),
        Query::Files {
            directory,
            extensions,
        } => Answer::Files(writing::files(shared, directory, extensions).await?),
    })
}

pub(super) async fn names(shared: &Shared) -> Result<HashMap<JobId, String>, Failure> {
    Ok(shared
        .store
        .jobs()
        .await?
        .into_iter()
        .map(|job| (job.id, job.spec.name))
        .collect())
}

async fn row(shared: &Shared, job: &Job) -> Result<(JobRow, TaskCounts, Totals), Failure> {
    let counts = shared.store.counts(job.id).await?;
    let totals = shared.store.totals(job.id).await?;
    let row = JobRow {
        name: job.spec.name.clone(),
        description: job.spec.description.clone(),
        tags: job.spec.tags.clone(),
        priority: job.spec.priority,
        state: job.state.clone(),
        counts,
        samples: totals.samples,
        target: job.spec.target.map(|target| target.accepted),
        usd: totals.settled.usd,
        usd_cap: job.spec.limits.usd,
        created_ms: job.created_ms,
    };
    Ok((row, counts, totals))
}

async fn detail(shared: &Shared, name: &str) -> Result<JobDetail, Failure> {
    let job = shared.store.job(name).await?;
    let (row, counts, totals) = row(shared, &job).await?;
    let teachers = shared.store.by_teacher(job.id).await?;
    let summary = summary(shared, &job, &counts, &totals);
    let (measured, latency) = shared.measured.of(job.id);
    Ok(JobDetail {
        row,
        measured,
        latency,
        source: job.source,
        revision: job.revision,
        spec: job.spec,
        summary,
        reasons: totals.reasons,
        failures: totals.failures,
        teachers: teachers
            .into_iter()
            .map(|(name, amount, accepted, judged)| TeacherRow {
                name,
                usd: amount.usd,
                tokens: amount.tokens,
                requests: amount.requests,
                accepted,
                judged,
            })
            .collect(),
    })
}

fn summary(shared: &Shared, job: &Job, counts: &TaskCounts, totals: &Totals) -> Summary {
    let directory = shared.dataset.directory(&job.spec);
    let [accepted, rejected, needs_review] = totals.samples;
    let running = shared
        .running(&job.spec.name)
        .map(|running| running.unsaved())
        .unwrap_or_default();
    Summary {
        schema_version: 1,
        job: job.spec.name.clone(),
        id: job.id.0.to_string(),
        state: job.state.word().to_owned(),
        reason: job.state.reason(),
        tasks: SummaryTasks {
            planned: counts.planned(),
            accepted: counts.of(TaskState::Accepted),
            rejected: counts.of(TaskState::Rejected),
            failed: counts.of(TaskState::Failed),
            cancelled: counts.of(TaskState::Cancelled),
            pending: counts.pending(),
        },
        samples: SummarySamples {
            accepted,
            rejected,
            needs_review,
        },
        requests: SummaryRequests {
            sent: totals.sent,
            retried: totals.retried,
            cached: totals.cached,
            maybe_billed_twice: totals.maybe_billed,
        },
        tokens: SummaryTokens {
            input: totals.input_tokens,
            output: totals.output_tokens,
        },
        usd: totals.settled.usd.usd(),
        elapsed_seconds: (job.elapsed + running).as_secs_f64(),
        dataset: (accepted > 0).then(|| directory.display().to_string()),
    }
}

/// The filter the ledger understands.
pub(super) async fn filter(shared: &Shared, query: &SampleQuery) -> Result<SampleFilter, Failure> {
    let job = match &query.job {
        Some(name) => Some(shared.store.job(name).await?.id),
        None => None,
    };
    Ok(SampleFilter {
        job,
        states: Vec::new(),
        ids: query.ids.clone(),
        condition: query.condition.clone(),
    })
}

async fn samples(
    shared: &Shared,
    query: &SampleQuery,
    after: Option<&SampleId>,
    limit: usize,
) -> Result<SamplePage, Failure> {
    let filter = filter(shared, query).await?;
    let after = match after {
        Some(id) => Some(sample(shared, id).await?).map(|sample| (sample.task.index, sample.candidate)),
        None => None,
    };
    let page = shared
        .store
        .samples(&filter, SampleOrder::Plan { after }, limit.clamp(1, PAGE_AT_MOST))
        .await?;
    let total = shared.store.count_samples(&filter).await?;
    let names = names(shared).await?;
    let with_job = |sample: Sample| (names.get(&sample.task.job).cloned().unwrap_or_default(), sample);
    Ok(SamplePage {
        samples: page.into_iter().map(with_job).collect(),
        total,
    })
}

/// One sample by its id.
pub(super) async fn sample(shared: &Shared, id: &SampleId) -> Result<Sample, Failure> {
    let filter = SampleFilter {
        ids: vec![id.clone()],
        ..SampleFilter::default()
    };
    let found = shared
        .store
        .samples(&filter, SampleOrder::Plan { after: None }, 1)
        .await?;
    found.into_iter().next().ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("no sample `{}`", id.0))
            .help("`destiler samples list` shows their ids")
    })
}

async fn check(shared: &Shared, source: JobSource) -> Result<CheckReport, Failure> {
    let (text, base) = library::text(shared, source).await?;
    let parsed = library::examine(shared, &text, &base);
    let mut problems = parsed.problems;
    let Some(spec) = parsed.spec else {
        return Ok(CheckReport {
            problems,
            name: None,
            tasks: None,
            teachers: Vec::new(),
        });
    };
    let from_stdin = spec.seeds.source == SeedSource::Path("-".to_owned());
    let counted = if from_stdin {
        // The rows are for the run.
        Ok(0)
    } else {
        let count = |tasks: &mut u64, _| {
            *tasks += 1;
            true
        };
        planner::gather(&spec, &base, shared, 0, count).await
    };
    let tasks = counted.as_ref().map_or(0, |tasks| *tasks);
    // What another job has not made yet it may make before this one runs.
    let to_come = matches!(spec.seeds.source, SeedSource::Job { .. });
    match counted {
        Err(error) if to_come => problems.push(library::seed_problem(
            parsed.seeds_at,
            error.message,
            Severity::Warning,
        )),
        Err(error) => problems.push(library::seed_problem(
            parsed.seeds_at,
            error.message,
            Severity::Error,
        )),
        Ok(0) if !from_stdin => problems.push(library::seed_problem(
            parsed.seeds_at,
            "there are no rows: the job has nothing to do".to_owned(),
            Severity::Warning,
        )),
        Ok(_) => {}
    }
    let roster = shared.roster();
    let teachers = spec
        .steps
        .iter()
        .map(|step| {
            let names = route::eligible(step, &roster.teachers)
                .into_iter()
                .map(|share| roster.teachers[share.teacher].name.clone());
            (step.name.clone(), names.collect())
        })
        .collect();
    Ok(CheckReport {
        problems,
        name: Some(spec.name),
        tasks: (!from_stdin).then_some(tasks),
        teachers,
    })
}

/// The files against their manifest, and against the ledger where it knows the job.
async fn verify(
    shared: &Shared,
    directory: &std::path::Path,
) -> Result<crate::core::ports::VerifiedDataset, Failure> {
    if !directory.is_dir() {
        let failure = Failure::new(
            FailureKind::NotFound,
            format!("there is no directory {}", directory.display()),
        );
        return Err(failure.help(
            "give the directory with manifest.json; `destiler jobs show JOB` tells where a job's dataset is",
        ));
    }
    let mut verified = shared.dataset.verify(directory).await?;
    if let Ok(job) = shared.store.job(&verified.job).await {
        let accepted = SampleFilter {
            job: Some(job.id),
            states: vec![SampleState::Accepted],
            ..SampleFilter::default()
        };
        let arrangement = super::outbox::arrangement(shared, &job, i64::MAX).await?;
        let count = match &arrangement.selection {
            Some(selection) => selection.len(),
            None => shared.store.count_samples(&accepted).await?,
        };
        if count != verified.rows {
            verified.findings.push(format!(
                "{} rows in the files, {count} accepted samples in the ledger: `destiler run {}` writes them anew",
                verified.rows, verified.job
            ));
        }
    }
    Ok(verified)
}
