//! Calibrating: a job's judge held against what persons said of its samples. Reading only; the figures are
//! [`crate::core::review::calibration`]'s.

use serde_json::Value;

use super::walk::Walk;
use super::{Shared, answers};
use crate::core::api::{Calibrated, Failure, FailureKind, SampleQuery};
use crate::core::job::Job;
use crate::core::judgement::JUDGE;
use crate::core::review::calibration::{Labelled, calibrate};
use crate::core::sample::Sample;

/// The calibration of the judge of that number, from 1, among a job's judges.
pub(super) async fn calibration(
    shared: &Shared,
    name: &str,
    judge: u32,
    precision: f64,
) -> Result<Calibrated, Failure> {
    let job = shared.store.job(name).await?;
    let mark = mark(&job, judge)?;
    let query = SampleQuery::parse("status:decided")
        .map_err(|_| Failure::new(FailureKind::Unexpected, "`status:decided` is no filter"))?;
    let mut filter = answers::filter(shared, &query).await?;
    filter.job = Some(job.id);
    let mut labels = Vec::new();
    let (mut edited, mut unscored) = (0, 0);
    let mut walk = Walk::all(filter);
    while let Some(page) = walk.page(shared).await? {
        for sample in &page {
            match (said(sample), score(sample, judge)) {
                (None, _) => edited += 1,
                (_, None) => unscored += 1,
                (Some(good), Some(score)) => labels.push(Labelled { score, good }),
            }
        }
    }
    Ok(Calibrated {
        job: job.spec.name,
        judge,
        edited,
        unscored,
        found: calibrate(&labels, mark, precision),
    })
}

/// Where that judge accepts.
fn mark(job: &Job, judge: u32) -> Result<Option<f64>, Failure> {
    let judges = job.spec.validators.iter().filter(|plug| plug.kind == JUDGE);
    let all: Vec<_> = judges.collect();
    let plug = (judge as usize).checked_sub(1).and_then(|at| all.get(at));
    let Some(plug) = plug else {
        let name = &job.spec.name;
        let message = match all.len() {
            0 => format!("job `{name}` has no judge"),
            many => format!("job `{name}` has no judge {judge}, but {many}"),
        };
        return Err(Failure::new(FailureKind::NotFound, message));
    };
    let said = plug.params.get("accept_at").and_then(Value::as_f64);
    // A comparison accepts what wins, unless the job says otherwise.
    let wins = plug.params.contains_key("against").then_some(1.0);
    Ok(said.or(wins))
}

/// What a person said of the sample as the judge saw it; `None`: it was changed first.
fn said(sample: &Sample) -> Option<bool> {
    match sample.review.as_ref()?.action.as_str() {
        "accepted" => Some(true),
        "rejected" => Some(false),
        _ => None,
    }
}

/// That judge's score.
fn score(sample: &Sample, judge: u32) -> Option<f64> {
    let verdicts = sample
        .verdicts
        .iter()
        .filter(|verdict| verdict.validator == JUDGE);
    verdicts.into_iter().nth(judge as usize - 1)?.score
}
