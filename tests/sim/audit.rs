//! The invariants after a run, from the ledger's ports, the dataset and what the teachers remember. Names the first counter-example.

use std::collections::{BTreeMap, BTreeSet};

use destilation::core::job::{Job, JobState};
use destilation::core::ports::{SampleFilter, SampleOrder, Store};
use destilation::core::request::RawResponse;
use destilation::core::sample::{SampleId, SampleState};
use destilation::core::task::{RequestState, TaskCounts, TaskId, TaskState};

use destilation::core::budget::CapMode;

use crate::files::Files;
use crate::watch::Caps;
use crate::world::{Bought, Told, World};

/// I1 to I9.
pub async fn audit(
    store: &dyn Store,
    files: &Files,
    world: &World,
    jobs: &[(Job, TaskCounts)],
    caps: &Caps,
) -> Result<(), String> {
    if let Some(finding) = world.finding.lock().unwrap().clone() {
        return Err(finding);
    }
    let found = store.check(true).await.map_err(|error| error.to_string())?;
    if let Some(finding) = found.first() {
        return Err(finding.clone());
    }
    let bought = world.bought.lock().unwrap().clone();
    let mut accepted = BTreeSet::new();
    for (job, counts) in jobs {
        counted(job, counts)?;
        accepted.extend(written(store, files, job).await?);
        attempted(store, job, counts, &bought).await?;
    }
    paid(&bought, caps)?;
    let acknowledged = world.acknowledged.lock().unwrap();
    if let Some(lost) = acknowledged.iter().find(|id| !accepted.contains(*id)) {
        return Err(format!("I2: sample {} was told of and is gone", lost.0));
    }
    waited(&bought, &world.told.lock().unwrap())
}

/// I1 and I9.
fn counted(job: &Job, counts: &TaskCounts) -> Result<(), String> {
    let name = &job.spec.name;
    for state in [TaskState::Leased, TaskState::Answered, TaskState::Validating] {
        if counts.of(state) > 0 {
            return Err(format!("I9: {} of {name} are {}", counts.of(state), state.word()));
        }
    }
    let planned = match &job.spec.seeds.source {
        destilation::core::job::SeedSource::Rows(rows) => rows.len() as u64,
        destilation::core::job::SeedSource::Count(count) => *count,
        destilation::core::job::SeedSource::Path(_) | destilation::core::job::SeedSource::Job { .. } => {
            return Err("no seeds here".to_owned());
        }
    };
    if job.planned_all && counts.planned() != planned {
        return Err(format!("I1: {name} has {} tasks of {planned}", counts.planned()));
    }
    let over = matches!(job.state, JobState::Completed | JobState::Cancelled(_));
    if over && counts.open() > 0 {
        return Err(format!("I1: {name} is {} with {counts:?}", job.state.word()));
    }
    if job.state == JobState::Completed && job.spec.target.is_none() && counts.of(TaskState::Cancelled) > 0 {
        return Err(format!("I1: {name} is complete, and tasks of it are cancelled"));
    }
    Ok(())
}

/// I3; and who is accepted.
async fn written(store: &dyn Store, files: &Files, job: &Job) -> Result<BTreeSet<SampleId>, String> {
    let filter = SampleFilter {
        job: Some(job.id),
        ..SampleFilter::default()
    };
    let order = SampleOrder::Plan { after: None };
    let samples = store
        .samples(&filter, order, usize::MAX >> 1)
        .await
        .map_err(|error| error.to_string())?;
    let of = |wanted| samples.iter().filter(move |sample| sample.state == wanted);
    let accepted: Vec<SampleId> = of(SampleState::Accepted)
        .map(|sample| sample.id.clone())
        .collect();
    let rows = files
        .0
        .lock()
        .unwrap()
        .get(&job.spec.name)
        .cloned()
        .unwrap_or_default();
    let over = matches!(job.state, JobState::Completed | JobState::Cancelled(_));
    if over && rows != accepted {
        let name = &job.spec.name;
        return Err(format!(
            "I3: {name} has {} rows for {} accepted samples",
            rows.len(),
            accepted.len()
        ));
    }
    if let Some(target) = job.spec.target
        && accepted.len() as u64 > target.accepted
    {
        return Err(format!(
            "{} accepted of {} wanted",
            accepted.len(),
            target.accepted
        ));
    }
    if job.spec.validators.iter().any(|plug| plug.kind == "dedup") {
        let mut texts: Vec<&str> = of(SampleState::Accepted)
            .map(|sample| sample.steps[0].text.as_str())
            .collect();
        texts.sort_unstable();
        if texts.windows(2).any(|two| two[0] == two[1]) {
            return Err(format!("I3: {} has a duplicate", job.spec.name));
        }
    }
    Ok(accepted.into_iter().collect())
}

fn nonce(response: &RawResponse) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_str(&response.body).ok()?;
    body.get("nonce")?.as_u64()
}

/// I4, I5, I7 and I8.
async fn attempted(
    store: &dyn Store,
    job: &Job,
    counts: &TaskCounts,
    bought: &[Bought],
) -> Result<(), String> {
    let name = &job.spec.name;
    let mut by_task: BTreeMap<u64, Vec<&Bought>> = BTreeMap::new();
    for one in bought.iter().filter(|one| one.job == *name) {
        by_task.entry(one.task).or_default().push(one);
    }
    let (mut kept, mut cost) = (BTreeSet::new(), 0);
    for index in 0..counts.planned() {
        let id = TaskId { job: job.id, index };
        let requests = store.requests_of(id).await.map_err(|error| error.to_string())?;
        let asked = by_task.remove(&index).unwrap_or_default();
        if asked.len() > requests.len() {
            return Err(format!(
                "I4: task {index} of {name} was asked {} times, the ledger knows of {}",
                asked.len(),
                requests.len()
            ));
        }
        let mut consumed: BTreeMap<String, u32> = BTreeMap::new();
        for request in &requests {
            let answer = request.response.as_ref().and_then(nonce);
            if let Some(nonce) = answer {
                let Some(given) = asked.iter().find(|one| one.nonce == nonce) else {
                    return Err(format!(
                        "I5: task {index} of {name} keeps {nonce}, never given to it"
                    ));
                };
                if !kept.insert(nonce) {
                    return Err(format!("I5: answer {nonce} is kept twice"));
                }
                let ended = matches!(request.state, RequestState::Settled | RequestState::Failed);
                if ended && request.cost.0 != given.micro {
                    return Err(format!(
                        "I8: answer {nonce} cost {} and was counted as {}",
                        given.micro, request.cost.0
                    ));
                }
            }
            match request.state {
                RequestState::Failed | RequestState::Lost => {
                    *consumed.entry(format!("{:?}", request.question)).or_default() += 1;
                }
                RequestState::Begun => {
                    return Err(format!("I9: an attempt at task {index} of {name} is open"));
                }
                RequestState::Answered | RequestState::Settled | RequestState::Refused => {}
            }
            cost += request.cost.0;
        }
        let most = job.spec.limits.attempts;
        // Who is tried again by hand gets fresh attempts, which is told by the ledger alone.
        if let Some((question, used)) = consumed.iter().find(|(_, used)| **used > most * 4) {
            return Err(format!(
                "I7: {question} of task {index} took {used} attempts of {most}"
            ));
        }
    }
    let totals = store.totals(job.id).await.map_err(|error| error.to_string())?;
    let unseen = bought
        .iter()
        .filter(|one| one.job == *name && one.micro > 0 && !kept.contains(&one.nonce))
        .count() as u64;
    if unseen > totals.maybe_billed {
        return Err(format!(
            "I4: {unseen} requests of {name} were paid and not kept, {} are shown",
            totals.maybe_billed
        ));
    }
    if totals.settled.usd.0 != cost {
        return Err(format!(
            "I8: {name} took {cost} and says {}",
            totals.settled.usd.0
        ));
    }
    Ok(())
}

/// I8: what the teachers took, whether the ledger could know or not, is within the cap.
fn paid(bought: &[Bought], caps: &Caps) -> Result<(), String> {
    for (job, cap) in caps.lock().unwrap().iter() {
        let taken: i64 = bought
            .iter()
            .filter(|one| one.job == *job)
            .map(|one| one.micro)
            .sum();
        let most = match cap.mode {
            CapMode::Hard | CapMode::Cautious => cap.micro,
            CapMode::Soft => cap.micro + cap.at_once * cap.request,
        };
        if taken > most {
            return Err(format!("I8: {job} took {taken} of at most {most}: {cap:?}"));
        }
    }
    Ok(())
}

/// I7: a teacher that asked for patience is left alone for so long, by the process that heard it.
fn waited(bought: &[Bought], told: &[Told]) -> Result<(), String> {
    // Until its answer is in the ledger, others may go out: that long a slow disk takes.
    let heard = std::time::Duration::from_millis(20);
    for told in told {
        let early = bought.iter().find(|one| {
            one.provider == told.provider
                && one.life == told.life
                && one.at > told.at + heard
                && one.at < told.until
        });
        if let Some(early) = early {
            return Err(format!(
                "I7: request {} came to p{} at {:?}, told at {:?} to wait until {:?}",
                early.nonce, told.provider, early.at, told.at, told.until
            ));
        }
    }
    Ok(())
}
