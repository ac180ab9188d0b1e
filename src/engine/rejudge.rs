//! Judging again: all verdicts of a job made anew from stored answers by the validators of its newest revision, without a request.
//! What a person decided stays; what only a judge could say who was not asked this stays too, and is counted.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::judging::{check_all, state_of, stored_answer};
use super::running::Gate;
use super::walk::Walk;
use super::{Shared, answers, compile, outbox};
use crate::core::api::{Failure, FailureKind, Rejudged, SampleQuery};
use crate::core::extract::extract_json;
use crate::core::filter::Sort;
use crate::core::job::Job;
use crate::core::judgement::questions;
use crate::core::ports::{
    CheckContext, CheckError, JudgeQuestion, Judgement, Place, Rejudgement, SampleFilter, SampleOrder,
};
use crate::core::request::Completion;
use crate::core::sample::{Candidate, Reason, Sample, SampleId, SampleState, Verdict};
use crate::core::task::Transition;
use crate::core::template::Templates;
use crate::core::unfinished::{Came, STEPS, came};

/// Samples read at once.
const PAGE: usize = 250;
/// Samples of one transaction.
const CHUNK: usize = 500;
/// The same where some were chosen: all of them, as far as that is bearable, so that none stands in another's way.
const CHOSEN: usize = 5000;

/// What would change.
pub(super) async fn preview(shared: &Shared, name: &str) -> Result<Rejudged, Failure> {
    Ok(judge_all(shared, name, None).await?.1.report)
}

/// Keeps a job from being started while its verdicts change.
struct Closed<'a>(&'a Shared, i64);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.rejudged().remove(&self.1);
    }
}

/// Changes it, and writes the dataset anew.
pub(super) async fn apply(shared: &Shared, name: &str) -> Result<Rejudged, Failure> {
    let job = shared.store.job(name).await?.id.0;
    if !shared.rejudged().insert(job) {
        let text = format!("new verdicts of `{name}` are being put in force already");
        return Err(Failure::new(FailureKind::Usage, text));
    }
    let _closed = Closed(shared, job);
    let (job, found) = judge_all(shared, name, None).await?;
    let Found {
        mut report,
        leaving,
        rekeyed,
        rest,
    } = found;
    // Whoever leaves goes first and keys that change are laid down before one is taken up: so no two samples hold one key in between.
    let without_key = |judged: &Rejudgement| Rejudgement {
        dedup_key: None,
        ..judged.clone()
    };
    let laid_down = rekeyed.iter().map(without_key).collect();
    for part in [leaving, laid_down, rekeyed, rest] {
        for chunk in part.chunks(CHUNK) {
            shared.store.rejudge(chunk.to_vec()).await?;
        }
    }
    if report.changed() > 0 || !shared.store.marks(job.id).await?.is_empty() {
        outbox::rebuild(shared, &job).await?;
    }
    report.applied = true;
    Ok(report)
}

/// What would change of some samples, of whatever jobs they are.
pub(super) async fn preview_some(shared: &Shared, query: &SampleQuery) -> Result<Rejudged, Failure> {
    let mut report = Rejudged::default();
    for (name, ids) in chosen(shared, query).await? {
        report.absorb(judge_all(shared, &name, Some(&ids)).await?.1.report);
    }
    Ok(report)
}

/// Changes it as one entry of the journal, and writes the datasets anew.
pub(super) async fn apply_some(shared: &Shared, query: &SampleQuery) -> Result<Rejudged, Failure> {
    let mut report = Rejudged::default();
    let mut entry = None;
    for (name, ids) in chosen(shared, query).await? {
        let (job, found) = judge_all(shared, &name, Some(&ids)).await?;
        let changed = found.report.changed();
        report.absorb(found.report);
        // Whoever leaves goes first: their keys are free for the others.
        let parts = [found.leaving, found.rekeyed, found.rest].concat();
        for chunk in parts.chunks(CHOSEN) {
            entry = shared.store.judge_some(chunk.to_vec(), entry).await?;
        }
        if changed > 0 && !shared.store.marks(job.id).await?.is_empty() {
            outbox::rebuild(shared, &job).await?;
        }
    }
    report.applied = true;
    Ok(report)
}

/// The samples a query finds, by the names of their jobs.
async fn chosen(shared: &Shared, query: &SampleQuery) -> Result<Vec<(String, HashSet<SampleId>)>, Failure> {
    let filter = answers::filter(shared, query).await?;
    let names = answers::names(shared).await?;
    let mut found: Vec<(String, HashSet<SampleId>)> = Vec::new();
    let mut place = Place::Row(0);
    loop {
        let page = shared.store.window(&filter, Sort::default(), place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = Place::After((last.task, last.candidate));
        for sample in page {
            let Some(name) = names.get(&sample.task.job) else {
                continue;
            };
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, ids)) => {
                    ids.insert(sample.id);
                }
                None => found.push((name.clone(), HashSet::from([sample.id]))),
            }
        }
    }
    Ok(found)
}

/// What judging found, in the order in which it can be written.
#[derive(Default)]
struct Found {
    report: Rejudged,
    /// Accepted until now.
    leaving: Vec<Rejudgement>,
    /// Accepted as before.
    rekeyed: Vec<Rejudgement>,
    rest: Vec<Rejudgement>,
}

async fn judge_all(
    shared: &Shared,
    name: &str,
    only: Option<&HashSet<SampleId>>,
) -> Result<(Job, Found), Failure> {
    let job = shared.store.job(name).await?;
    if shared.running(name).is_some() {
        let failure = Failure::new(FailureKind::Usage, format!("job `{name}` is running"));
        return Err(failure.help(format!("pause it first: `destiler jobs pause {name}`")));
    }
    let gates = compile::gates(shared, &job.spec.validators, &job.base)?;
    let judging = judge_with(shared, &job, &gates, only).await;
    for gate in &gates {
        gate.validator.close().await;
    }
    Ok((job, judging?))
}

async fn judge_with(
    shared: &Shared,
    job: &Job,
    gates: &[Gate],
    only: Option<&HashSet<SampleId>>,
) -> Result<Found, Failure> {
    let steps = job.spec.steps.iter();
    let schemas = steps.filter_map(|step| Some((step.name.clone(), step.schema.clone()?)));
    let mut bench = Bench {
        shared,
        job,
        gates,
        only,
        schemas: Arc::new(schemas.collect()),
        templates: Templates::compile(&job.spec).ok(),
        left: job
            .spec
            .target
            .filter(|_| job.spec.quota.is_none())
            .map(|target| AtomicI64::new(target.accepted.cast_signed())),
        keys: HashMap::new(),
        found: Found::default(),
    };
    bench.found.report.job.clone_from(&job.spec.name);
    bench.found.report.revision = job.revision;
    // Accepted ones first and in the order of their acceptance: where nothing changed, nobody becomes another one's duplicate.
    let mut after = 0;
    let accepted = outbox::accepted(job.id);
    loop {
        let order = SampleOrder::Accepted { after };
        let page = shared.store.samples(&accepted, order, PAGE).await?;
        let Some(seq) = page.last().and_then(|sample| sample.seq) else {
            break;
        };
        after = seq;
        bench.judge_page(page).await?;
    }
    let mut others = Walk::all(SampleFilter {
        states: vec![SampleState::Rejected, SampleState::NeedsReview],
        ..accepted
    });
    while let Some(page) = others.page(shared).await? {
        bench.judge_page(page).await?;
    }
    bench
        .found
        .report
        .changes
        .sort_by_key(|change| std::cmp::Reverse(change.count));
    Ok(bench.found)
}

/// Where samples are judged one after the other.
struct Bench<'a> {
    shared: &'a Shared,
    job: &'a Job,
    gates: &'a [Gate],
    /// Only these are judged; the others are what they are measured by.
    only: Option<&'a HashSet<SampleId>>,
    schemas: Arc<Vec<(String, Arc<Value>)>>,
    templates: Option<Templates>,
    /// Places within the target.
    left: Option<AtomicI64>,
    /// Who holds a key of exact duplicates.
    keys: HashMap<[u8; 16], SampleId>,
    found: Found,
}

impl Bench<'_> {
    async fn judge_page(&mut self, page: Vec<Sample>) -> Result<(), Failure> {
        for sample in page {
            self.judge(sample).await?;
        }
        Ok(())
    }

    async fn judge(&mut self, sample: Sample) -> Result<(), Failure> {
        let is_meant = self.only.is_none_or(|only| only.contains(&sample.id));
        self.found.report.samples += u64::from(is_meant);
        let candidate = self.candidate(&sample);
        if let Some(review) = &sample.review {
            self.found.report.by_hand += u64::from(is_meant);
            // Against the validators' word, or in other words: such a sample holds no key.
            let overruled = review.before == SampleState::Rejected || review.action == "edited";
            self.keep(&sample, &candidate, !overruled);
            return Ok(());
        }
        if !is_meant {
            self.keep(&sample, &candidate, true);
            return Ok(());
        }
        let stored = Stored {
            shared: self.shared,
            keys: &self.keys,
            missing: Mutex::default(),
        };
        let unfinished = self.unfinished(&sample, &candidate);
        let judged = match unfinished {
            Some(judged) => Ok(judged),
            None => check_all(self.gates, &candidate, &stored).await,
        };
        let judged = match judged {
            Ok(judged) => judged,
            Err(CheckError::Store(error)) => return Err(error.into()),
            Err(CheckError::Broken(message)) => {
                return Err(Failure::new(FailureKind::Unexpected, message));
            }
            Err(CheckError::Interrupted(_)) => {
                self.forget(&candidate);
                self.found.report.not_rejudged += 1;
                self.found.report.requests_needed += self.needed(stored.missing);
                self.keep(&sample, &candidate, true);
                return Ok(());
            }
        };
        self.take(&sample, &candidate, judged).await
    }

    /// What becomes of a sample that ended before its last step: the same as before, as long as that step was not asked. Only making it
    /// anew asks it.
    fn unfinished(&self, sample: &Sample, candidate: &Candidate) -> Option<Judgement> {
        let before = sample
            .verdicts
            .iter()
            .find(|verdict| verdict.validator == STEPS)?;
        let verdict = match came(&self.job.spec.steps, self.templates.as_ref()?, candidate) {
            Came::Stuck(verdict) => verdict,
            Came::Missing => before.clone(),
            Came::Whole => return None,
        };
        Some(Judgement::of(vec![verdict]))
    }

    /// How many questions the validator that has no answer would have to ask, from the first that is missing on.
    fn needed(&self, missing: Mutex<Option<(String, u32)>>) -> u64 {
        let missing = missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        let questions = missing.and_then(|(name, first)| {
            let at = self.gates.iter().position(|gate| gate.name == name)?;
            Some(questions(self.job.spec.validators.get(at)?).saturating_sub(first))
        });
        u64::from(questions.unwrap_or(1).max(1))
    }

    /// The stored answers, read by the schemas of today.
    fn candidate(&self, sample: &Sample) -> Candidate {
        let mut steps = sample.steps.clone();
        for answer in &mut steps {
            let has_schema = self.schemas.iter().any(|(step, _)| *step == answer.step);
            if has_schema && answer.value.is_none() {
                answer.value = extract_json(&answer.text).value;
            }
        }
        Candidate {
            task: sample.task,
            ordinal: sample.candidate,
            seed: Arc::new(sample.seed.clone()),
            vary: Arc::new(sample.vary.clone()),
            steps,
            schemas: Arc::clone(&self.schemas),
        }
    }

    /// It stays as it is; if it is accepted, others are measured by it.
    fn keep(&mut self, sample: &Sample, candidate: &Candidate, holds_key: bool) {
        if sample.state != SampleState::Accepted {
            return;
        }
        self.take_place();
        for gate in self.gates.iter().filter(|gate| gate.validator.remembers()) {
            gate.validator.restore(candidate);
        }
        if let Some(key) = self.key(candidate).filter(|_| holds_key) {
            self.keys.entry(key).or_insert_with(|| sample.id.clone());
        }
    }

    /// What the validators decided, as far as it differs from what they decided before.
    async fn take(
        &mut self,
        sample: &Sample,
        candidate: &Candidate,
        judged: Judgement,
    ) -> Result<(), Failure> {
        let Judgement {
            mut verdicts,
            decision,
            reason,
        } = judged;
        let mut state = state_of(decision);
        if state == SampleState::Accepted && !self.take_place() {
            state = SampleState::NeedsReview;
            verdicts.push(Verdict::beyond_target());
        }
        if state == SampleState::Rejected {
            self.forget(candidate);
        }
        let key = self.key(candidate);
        if let (SampleState::Accepted, Some(key)) = (state, key) {
            self.keys.insert(key, sample.id.clone());
        }
        let (before, after) = ((sample.state, sample.reason), (state, reason));
        // The ledger finds duplicates after all other validators have spoken, this pass before.
        let reworded = verdicts != sample.verdicts && reason != Some(Reason::ExactDuplicate);
        let moved = before != after;
        if moved {
            self.found.report.add(&sample.id, before, after);
        } else if reworded {
            self.found.report.reworded += 1;
        }
        let rejudgement = Rejudgement {
            sample: sample.id.clone(),
            state,
            reason,
            verdicts,
            dedup_key: key,
        };
        match (sample.state, state) {
            (SampleState::Accepted, SampleState::Accepted) if self.has_new_key(&rejudgement).await? => {
                self.found.rekeyed.push(rejudgement);
            }
            (SampleState::Accepted, after) if after != SampleState::Accepted => {
                self.found.leaving.push(rejudgement);
            }
            _ if moved || reworded => self.found.rest.push(rejudgement),
            _ => {}
        }
        Ok(())
    }

    /// Whether an accepted sample does not hold its key yet.
    async fn has_new_key(&self, judged: &Rejudgement) -> Result<bool, Failure> {
        let Some(key) = judged.dedup_key else {
            return Ok(false);
        };
        let holder = self.shared.store.sample_with_key(self.job.id, key).await?;
        Ok(holder.as_ref() != Some(&judged.sample))
    }

    fn take_place(&self) -> bool {
        self.left
            .as_ref()
            .is_none_or(|left| left.fetch_sub(1, Ordering::Relaxed) > 0)
    }

    fn key(&self, candidate: &Candidate) -> Option<[u8; 16]> {
        self.gates
            .iter()
            .find_map(|gate| gate.validator.dedup_key(candidate))
    }

    fn forget(&self, candidate: &Candidate) {
        for gate in self.gates.iter().filter(|gate| gate.validator.remembers()) {
            gate.validator.forget(candidate);
        }
    }
}

/// Answers a judge's question from the ledger, or not at all.
struct Stored<'a> {
    shared: &'a Shared,
    keys: &'a HashMap<[u8; 16], SampleId>,
    /// Which validator's question had no answer, and its number.
    missing: Mutex<Option<(String, u32)>>,
}

#[async_trait]
impl CheckContext for Stored<'_> {
    async fn ask(
        &self,
        validator: &str,
        candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError> {
        let stored = stored_answer(self.shared, candidate, &question).await?;
        stored.ok_or_else(|| {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            *missing = Some((validator.to_owned(), question.number));
            CheckError::Interrupted(Transition::Release)
        })
    }

    async fn recall(
        &self,
        candidate: &Candidate,
        question: &JudgeQuestion,
    ) -> Result<Option<Completion>, CheckError> {
        stored_answer(self.shared, candidate, question).await
    }

    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        Ok(self.keys.get(&key).cloned())
    }
}
