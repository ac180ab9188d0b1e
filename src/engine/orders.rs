//! What a front end can order: running, pausing, ending and changing jobs, a person's decisions, and the database's upkeep.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout};

use super::library::Loaded;
use super::running::{Running, Wish};
use super::turnstile::Turnstile;
use super::{
    Shared, adjust, advice, again, canary, compile, deciding, dry_run, library, outbox, providers, rejudge,
    review, scheduler, streams, upkeep, writing,
};
use crate::core::api::{
    Command, Event, Failure, FailureKind, How, JobSource, Level, Opened, Receipt, RunOptions, Started,
};
use crate::core::budget::{Budget, Money};
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{Job, JobSpec, JobState, PauseReason, SeedSource, changed};
use crate::core::ports::StoreError;
use crate::core::task::TaskState;

/// Tasks at once while a cassette is replayed.
const REPLAYED_AT_ONCE: u32 = 1 << 16;
/// How long an abort may take to give its leases back.
const ABORT: Duration = Duration::from_millis(900);

/// Carries an order out.
pub(super) async fn carry_out(shared: &Arc<Shared>, command: Command) -> Result<Receipt, Failure> {
    match command {
        Command::Run { source, options } => run(shared, source, options).await.map(Receipt::Started),
        Command::DryRun { source, tasks } => {
            dry_run::dry_run(shared, source, tasks).await.map(Receipt::DryRun)
        }
        Command::StopDryRun => {
            dry_run::stop(shared);
            Ok(Receipt::Done)
        }
        Command::TrySample { source, text } => {
            let sample = dry_run::try_sample(shared, source, text).await?;
            Ok(Receipt::DryRun(vec![sample]))
        }
        Command::SaveDraft { id, text } => {
            writing::save_draft(shared, id, text).await?;
            Ok(Receipt::Done)
        }
        Command::DropDraft(id) => {
            writing::drop_draft(shared, id).await?;
            Ok(Receipt::Done)
        }
        Command::WriteFile { path, text } => {
            writing::write_file(shared, path, text).await?;
            Ok(Receipt::Done)
        }
        Command::Create(source) => {
            let loaded = library::load(shared, source).await?;
            Ok(Receipt::Started(store(shared, loaded, &JobState::Draft).await?.1))
        }
        Command::Clone { job, name } => clone(shared, &job, &name).await.map(Receipt::Started),
        Command::Edit { job, source } => edit(shared, &job, source).await.map(Receipt::Started),
        Command::Pause(name) => end(shared, &name, Wish::Pause(PauseReason::Asked)).await,
        Command::Cancel(name) => end(shared, &name, Wish::Cancel).await,
        Command::Resume(name) => resume(shared, &name).await,
        Command::Retry(name) => retry(shared, &name, None).await,
        Command::RetryGroup { job, group } => retry(shared, &job, Some(&group)).await,
        Command::Adjust { job, changes } => {
            adjust::adjust(shared, &job, &changes).await.map(Receipt::Started)
        }
        Command::RejudgeSome(query) => rejudge::apply_some(shared, &query).await.map(Receipt::Rejudged),
        Command::MakeAgain(query) => again::make(shared, &query).await.map(Receipt::MadeAgain),
        Command::Rejudge(name) => rejudge::apply(shared, &name).await.map(Receipt::Rejudged),
        Command::Delete(name) => delete(shared, &name).await,
        Command::Decide { samples, decided } => deciding::decide(shared, &samples, decided).await,
        Command::Bulk {
            filter,
            decided,
            more_of,
            after,
        } => deciding::bulk(shared, &filter, decided, more_of, after)
            .await
            .map(Receipt::Bulk),
        Command::Undo { job, entry } => deciding::undo(shared, job.as_deref(), entry)
            .await
            .map(Receipt::Reverted),
        Command::Redo { job } => deciding::redo(shared, job.as_deref())
            .await
            .map(Receipt::Reverted),
        Command::ExportSamples {
            filter,
            path,
            overwrite,
        } => streams::export_samples(shared, &filter, &path, overwrite)
            .await
            .map(Receipt::Count),
        Command::TestProvider(name) => providers::test(shared, &name).await.map(Receipt::Tested),
        Command::TestSettings(settings) => providers::test_settings(shared, &settings)
            .await
            .map(Receipt::Tested),
        Command::SaveProvider(settings) => {
            providers::configure(shared, shared.directory.save(&settings)).await
        }
        Command::ChangeProvider { name, change } => {
            providers::configure(shared, shared.directory.change(&name, &change)).await
        }
        Command::RemoveProvider(name) => providers::configure(shared, shared.directory.remove(&name)).await,
        Command::ReopenProvider(name) => providers::reopen(shared, &name),
        Command::SetLogLevel(level) => {
            providers::set_log_level(shared, level);
            Ok(Receipt::Done)
        }
        Command::SaveLog(filter) => {
            let (path, entries) = shared.log.save(&filter)?;
            Ok(Receipt::Written(path, entries))
        }
        Command::OpenQueue(request) => review::open(shared, request).await.map(Receipt::Queue),
        Command::Say { queue, place, saying } => review::say(shared, queue, place, saying).await,
        Command::Because { queue, place, reason } => {
            shared.store.because(queue, place, &reason).await?;
            Ok(Receipt::Done)
        }
        Command::Unsay { queue, place } => review::unsay(shared, queue, place).await,
        Command::Flag { sample, on } => {
            shared.store.flag(&sample, on).await?;
            Ok(Receipt::Done)
        }
        Command::ExportQueue { queue, path } => {
            review::export(shared, queue, &path).await.map(Receipt::Count)
        }
        Command::WriteDataset(name) => {
            let job = shared.store.job(&name).await?;
            if shared.running(&name).is_some() {
                return Err(
                    Failure::new(FailureKind::Usage, format!("job `{name}` is running"))
                        .help("pause it first"),
                );
            }
            let report = outbox::rebuild(shared, &job).await?;
            let files = report
                .files
                .into_iter()
                .map(|(file, rows, bytes, _)| (file, rows, bytes))
                .collect();
            Ok(Receipt::Dataset(report.directory, files))
        }
        Command::ExportNew { path, .. } if path.exists() => {
            let failure = Failure::new(FailureKind::Usage, format!("{} is there already", path.display()));
            Err(failure.help("choose another name, or choose to replace it"))
        }
        Command::ExportTo { export, path } | Command::ExportNew { export, path } => {
            let rows = streams::export_to(shared, &export, &path).await?;
            let job = shared.store.job(&export.job).await?;
            deciding::exported(shared, job.id, rows, &path).await;
            Ok(Receipt::Count(rows))
        }
        Command::Backup(path) => {
            shared.store.backup(&path).await?;
            Ok(Receipt::Done)
        }
        Command::Salvage(path) => shared
            .store
            .salvage(&path)
            .await
            .map(Receipt::Salvaged)
            .map_err(Into::into),
        Command::Clean => Ok(Receipt::Count(shared.store.clean().await?)),
        Command::SetConfig { key, value } => {
            shared
                .customs
                .set(&key, value.as_ref())
                .map_err(upkeep::refused)?;
            // It is written; what else is wrong with the file is said where settings are shown.
            if upkeep::adopt(shared).is_ok() {
                fill(shared).await;
            }
            Ok(Receipt::Done)
        }
        Command::ReadConfig => {
            upkeep::adopt(shared)?;
            fill(shared).await;
            Ok(Receipt::Done)
        }
        Command::StopCleaning => {
            upkeep::stop(shared);
            Ok(Receipt::Done)
        }
        Command::Bind(changes) => {
            shared.customs.bind(&changes).map_err(upkeep::refused)?;
            Ok(Receipt::Done)
        }
        Command::CleanUp { rules, backup } => {
            upkeep::clean_up(shared, &rules, backup).await.map(Receipt::Count)
        }
        Command::Open { .. } => Ok(Receipt::Opened(Opened {
            held_by: shared.held_by.clone(),
            ..Opened::default()
        })),
        Command::Stop { grace } => {
            stop(shared, grace).await;
            shared.store.is_ours()?;
            Ok(Receipt::Done)
        }
    }
}

async fn run(shared: &Arc<Shared>, source: JobSource, options: RunOptions) -> Result<Started, Failure> {
    let is_text = matches!(source, JobSource::Text { .. });
    let loaded = library::load(shared, source).await?;
    if is_text && loaded.spec.seeds.source == SeedSource::Path("-".to_owned()) {
        let failure = Failure::new(
            FailureKind::Invalid,
            "the seeds are to be read from standard input, where the job file came from",
        );
        return Err(failure.help(
            "write the job into a file: `destiler run JOB.toml` then reads the rows from standard input",
        ));
    }
    let before = shared.store.job(&loaded.spec.name).await.ok();
    // A job whose tasks are all in the ledger goes on without its seeds.
    if before.as_ref().is_none_or(|job| !job.planned_all) {
        library::check_seeds(shared, &loaded).await?;
    }
    let (job, mut started) = store(shared, loaded, &JobState::Queued).await?;
    let nothing_new = started.how == How::Unchanged && job.planned_all;
    let started_how = match (&job.state, nothing_new) {
        (JobState::Completed, true) => return Ok(started),
        (_, _) if started.how == How::Unchanged => How::Resumed,
        _ => started.how,
    };
    started.how = started_how;
    started.notes.extend(advice::advice(shared, &job.spec));
    if let Some(limit) = options.limit.filter(|_| nothing_new) {
        started.notes.push(format!(
            "--limit {limit} changes nothing: all tasks of this job were planned before"
        ));
    }
    launch(shared, job, options).await?;
    Ok(started)
}

/// Stores a loaded job: new, revised, or as it was.
async fn store(shared: &Shared, loaded: Loaded, state: &JobState) -> Result<(Job, Started), Failure> {
    let name = loaded.spec.name.clone();
    let mut notes = loaded.notes;
    let known = match shared.store.job(&name).await {
        Ok(job) => Some(job),
        Err(StoreError::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let how = match &known {
        None => {
            shared
                .store
                .create(&loaded.spec, &loaded.source, &loaded.base, state)
                .await?;
            failpoint::pass(Failpoint::JobCreated);
            How::Created
        }
        Some(job) if job.spec == loaded.spec => How::Unchanged,
        Some(job) => {
            if shared.running(&name).is_some() {
                let failure = Failure::new(
                    FailureKind::Usage,
                    format!("job `{name}` is running with another file"),
                );
                return Err(failure.help("pause it first; then the changed file becomes its next revision"));
            }
            notes.push(revised(&job.spec, &loaded.spec));
            shared.store.revise(job.id, &loaded.spec, &loaded.source).await?;
            How::Revised
        }
    };
    let job = shared.store.job(&name).await?;
    Ok((
        job,
        Started {
            job: name,
            how,
            notes,
        },
    ))
}

/// What a new revision does, in a line.
fn revised(old: &JobSpec, new: &JobSpec) -> String {
    let keys: Vec<String> = changed(old, new).into_iter().map(|change| change.key).collect();
    let judged = |key: &String| key == "validators" || key.ends_with(".schema");
    let again = if keys.iter().any(judged) {
        format!(" (`destiler jobs rejudge {}` makes the verdicts again)", new.name)
    } else {
        String::new()
    };
    format!(
        "changed: {}; this holds for unfinished tasks, finished ones keep their answers and verdicts{again}",
        keys.join(", ")
    )
}

/// Starts a stored job, or queues it where enough others run.
async fn launch(shared: &Arc<Shared>, job: Job, options: RunOptions) -> Result<(), Failure> {
    // Of two who start the same job at once, one comes too late.
    let _starting = shared.starting.lock().await;
    if shared.running(&job.spec.name).is_some() {
        return Ok(());
    }
    for station in &shared.roster().stations {
        station.reopen(Instant::now());
    }
    if !shared.runs || shared.jobs().len() >= shared.most_jobs() {
        shared
            .store
            .set_state(job.id, &JobState::Queued, Duration::ZERO)
            .await?;
        if shared.runs {
            let mut queue = shared.queue();
            queue.retain(|(queued, _)| queued.id != job.id);
            queue.push((job, options));
        }
        return Ok(());
    }
    let running = admit(shared, &job, &options).await?;
    work(shared, (job, options, running));
    Ok(())
}

/// Lets waiting jobs in, as many as have room.
async fn fill(shared: &Arc<Shared>) {
    if !shared.runs {
        return;
    }
    while let Some(turn) = next(shared).await {
        work(shared, turn);
    }
}

/// Runs a job, and the next one after it while any waits.
fn work(shared: &Arc<Shared>, first: (Job, RunOptions, Arc<Running>)) {
    let shared = Arc::clone(shared);
    let tracker = shared.tracker.clone();
    tracker.spawn(async move {
        let mut turn = Some(first);
        while let Some((job, options, running)) = turn {
            let state = scheduler::run(Arc::clone(&shared), Arc::clone(&running)).await;
            shared.jobs().remove(&job.id.0);
            running.end();
            if state == JobState::Queued {
                // The disk takes writes again: go on where it was.
                shared.queue().push((job, options));
            } else {
                shared.tell(Event::Job {
                    job: running.spec.name.clone(),
                    state,
                });
            }
            turn = next(&shared).await;
        }
    });
}

/// Lets a job in: from here on it counts as running.
async fn admit(shared: &Shared, job: &Job, options: &RunOptions) -> Result<Arc<Running>, Failure> {
    if shared.rejudged().contains(&job.id.0) {
        let text = format!("new verdicts of `{}` are being put in force", job.spec.name);
        return Err(Failure::new(FailureKind::Usage, text).help("start it again when that has ended"));
    }
    let running = Arc::new(prepare(shared, job, options).await?);
    shared
        .store
        .set_state(job.id, &JobState::Running, Duration::ZERO)
        .await?;
    shared.tell(Event::Job {
        job: job.spec.name.clone(),
        state: JobState::Running,
    });
    shared.jobs().insert(job.id.0, Arc::clone(&running));
    Ok(running)
}

/// The waiting job of the highest priority, let in if there is room; there may be room for fewer than before.
async fn next(shared: &Shared) -> Option<(Job, RunOptions, Arc<Running>)> {
    let _starting = shared.starting.lock().await;
    loop {
        if shared.jobs().len() >= shared.most_jobs() {
            return None;
        }
        let (job, options) = {
            let mut queue = shared.queue();
            let best =
                (0..queue.len()).max_by_key(|at| (queue[*at].0.spec.priority, std::cmp::Reverse(*at)))?;
            queue.remove(best)
        };
        if shared.running(&job.spec.name).is_some() {
            continue;
        }
        // It may have changed while it waited.
        let job = shared.store.job(&job.spec.name).await.unwrap_or(job);
        match admit(shared, &job, &options).await {
            Ok(running) => return Some((job, options, running)),
            Err(error) => shared.note(Level::Error, Some(&job.spec.name), error.to_string()),
        }
    }
}

async fn prepare(shared: &Shared, job: &Job, options: &RunOptions) -> Result<Running, Failure> {
    let mut spec = job.spec.clone();
    if let Some(limit) = options.limit {
        canary::limit(&mut spec, limit);
    }
    let first = canary::due(shared, job, options).await?;
    let whole = first.map(|_| spec.clone());
    if let Some(rows) = first {
        canary::limit(&mut spec, rows);
    }
    spec.limits.concurrency = options.concurrency.or(spec.limits.concurrency);
    if shared.turnstile.as_ref().is_some_and(Turnstile::replays) {
        // Nothing is on a wire: tasks wait for their turn, and any of them may be the next.
        spec.limits.concurrency = Some(REPLAYED_AT_ONCE);
    }
    spec.limits.usd = options.usd.map(Money::from_usd).or(spec.limits.usd);
    let compiled = compile::compile(shared, &spec, &job.base)?;
    shared.dataset.try_out(&spec).await?;
    let totals = shared.store.totals(job.id).await?;
    let budget = Budget::new(spec.limits.caps(), spec.limits.cap, totals.spent());
    Ok(Running::new(
        job.clone(),
        spec,
        compiled,
        budget,
        totals.samples[0],
        options.limit.or(first),
        whole,
    ))
}

/// Failed tasks go back to the queue, all or those of one group; a job that had ended waits for its start.
async fn retry(shared: &Shared, name: &str, group: Option<&str>) -> Result<Receipt, Failure> {
    let job = shared.store.job(name).await?;
    let there = match group {
        None => shared.store.counts(job.id).await?.of(TaskState::Failed) > 0,
        Some(group) => {
            let groups = shared.store.failures(job.id).await?;
            groups.iter().any(|one| one.reason == group)
        }
    };
    if !there {
        return Ok(Receipt::Count(0));
    }
    shared.await_start(&job).await?;
    let back = shared.store.retry_failed(job.id, group).await?;
    if let Some(running) = shared.running(name) {
        running.planned.notify_one();
    }
    Ok(Receipt::Count(back))
}

async fn clone(shared: &Shared, from: &str, name: &str) -> Result<Started, Failure> {
    let job = shared.store.job(from).await?;
    if shared.store.job(name).await.is_ok() {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("there is a job `{name}` already"),
        ));
    }
    let source = library::renamed(&job.source, name);
    let loaded = library::parse(shared, source, job.base.clone())?;
    Ok(store(shared, loaded, &JobState::Draft).await?.1)
}

async fn edit(shared: &Shared, name: &str, source: String) -> Result<Started, Failure> {
    let job = shared.store.job(name).await?;
    let loaded = library::parse(shared, source, job.base.clone())?;
    if loaded.spec.name != name {
        let failure = Failure::new(
            FailureKind::Invalid,
            format!("the text names the job `{}`", loaded.spec.name),
        );
        return Err(failure.help(format!("keep `name = \"{name}\"`, or clone the job")));
    }
    Ok(store(shared, loaded, &job.state).await?.1)
}

/// Takes a job out of the queue, or asks it while it runs, and waits until it stands still. It does as long as the guard is held.
async fn quieted<'s>(
    shared: &'s Arc<Shared>,
    name: &str,
    wish: Wish,
) -> Result<(Job, MutexGuard<'s, ()>), Failure> {
    let job = shared.store.job(name).await?;
    let still = loop {
        // One that is just starting is asked when it has, and one that begins again at once is asked again.
        let starting = shared.starting.lock().await;
        let Some(running) = shared.running(name) else {
            shared.queue().retain(|(queued, _)| queued.id != job.id);
            break starting;
        };
        drop(starting);
        running.ask(wish.clone());
        running.stands_still().await;
    };
    Ok((shared.store.job(name).await?, still))
}

/// Ends or pauses a job.
async fn end(shared: &Arc<Shared>, name: &str, wish: Wish) -> Result<Receipt, Failure> {
    let (job, still) = quieted(shared, name, wish.clone()).await?;
    match wish {
        Wish::Cancel if job.state != JobState::Completed => {
            let cancelled = shared.store.cancel_open(job.id).await?;
            shared.restate(job.id, &JobState::Cancelled(None)).await?;
            drop(still);
            if !job.state.is_final() {
                outbox::finish(shared, &job).await;
            }
            Ok(Receipt::Count(cancelled))
        }
        Wish::Pause(reason) if matches!(job.state, JobState::Queued) => {
            shared.restate(job.id, &JobState::Paused(reason)).await?;
            Ok(Receipt::Done)
        }
        _ if job.state.is_final() => {
            let failure = Failure::new(
                FailureKind::Usage,
                format!("{name} is {} already", job.state.word()),
            );
            Err(failure.help(format!("`destiler jobs show {name}` has its numbers")))
        }
        _ => Ok(Receipt::Done),
    }
}

async fn resume(shared: &Arc<Shared>, name: &str) -> Result<Receipt, Failure> {
    if let Some(running) = shared.running(name) {
        running.ask(Wish::Run);
        if !running.leaves() {
            return Ok(Receipt::Done);
        }
        // Too late for this run: it ends, and another begins.
        running.stands_still().await;
    }
    let job = shared.store.job(name).await?;
    let released = matches!(job.state, JobState::Paused(PauseReason::Canary(_)));
    let options = RunOptions {
        released,
        ..RunOptions::default()
    };
    launch(shared, job, options).await?;
    Ok(Receipt::Done)
}

async fn delete(shared: &Arc<Shared>, name: &str) -> Result<Receipt, Failure> {
    let (job, _still) = quieted(shared, name, Wish::Pause(PauseReason::Asked)).await?;
    shared.store.delete(job.id).await?;
    Ok(Receipt::Done)
}

/// Stops everything: first politely, then at once.
async fn stop(shared: &Shared, grace: Duration) {
    shared.queue().clear();
    let running: Vec<Arc<Running>> = shared.jobs().values().cloned().collect();
    let until = Instant::now() + grace;
    for job in &running {
        job.ask(if grace.is_zero() {
            Wish::Abort
        } else {
            Wish::Pause(PauseReason::Stopped)
        });
    }
    for job in &running {
        let left = until.saturating_duration_since(Instant::now());
        if grace.is_zero() || timeout(left, job.stands_still()).await.is_err() {
            job.ask(Wish::Abort);
        }
    }
    for job in &running {
        // What cannot be given back in time goes back at the next start.
        let _ = timeout(ABORT, job.stands_still()).await;
    }
    let roster = shared.roster();
    let closing = roster
        .stations
        .iter()
        .filter_map(|station| station.provider.as_ref())
        .map(|provider| provider.close());
    let _ = timeout(ABORT, futures::future::join_all(closing)).await;
}
