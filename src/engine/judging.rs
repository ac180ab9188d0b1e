//! Judging: runs a job's validators over a candidate, in order, up to the first rejection.

use std::sync::Arc;

use async_trait::async_trait;

use super::Shared;
use super::attempt::{Asked, Attempts, Out, Who};
use super::running::{Gate, Running};
use crate::core::ports::{CheckContext, CheckError, JudgeQuestion, Judgement};
use crate::core::request::{Completion, ModelRequest};
use crate::core::route::eligible_for;
use crate::core::sample::{Candidate, Decision, NewSample, Reason, SampleId, SampleState, Verdict};
use crate::core::task::{Leased, Question, RequestState, Settled, SettledSample};
use crate::core::unfinished::{Came, came};

/// What all gates say of a candidate, up to the first rejection. A gate that breaks makes it wait for a person.
pub(super) async fn check_all(
    gates: &[Gate],
    candidate: &Candidate,
    context: &dyn CheckContext,
) -> Result<Judgement, CheckError> {
    let mut verdicts = Vec::with_capacity(gates.len());
    for gate in gates {
        let asker = Asker {
            name: &gate.name,
            context,
        };
        let verdict = match gate.validator.check(candidate, &asker).await {
            Ok(verdict) => verdict,
            Err(CheckError::Broken(message)) => Verdict::review(&gate.kind, message),
            Err(error) => return Err(error),
        };
        let rejected = verdict.decision == Decision::Reject;
        verdicts.push(verdict);
        if rejected {
            break;
        }
    }
    Ok(Judgement::of(verdicts))
}

/// A validator's questions under its own name: two judges of a job have attempts of their own each.
struct Asker<'a> {
    name: &'a str,
    context: &'a dyn CheckContext,
}

#[async_trait]
impl CheckContext for Asker<'_> {
    async fn ask(
        &self,
        _kind: &str,
        candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError> {
        self.context.ask(self.name, candidate, question).await
    }

    async fn recall(
        &self,
        candidate: &Candidate,
        question: &JudgeQuestion,
    ) -> Result<Option<Completion>, CheckError> {
        self.context.recall(candidate, question).await
    }

    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        self.context.duplicate_of(key).await
    }
}

/// The newest stored answer to a validator's question about a candidate, by a teacher that may still answer it.
pub(super) async fn stored_answer(
    shared: &Shared,
    candidate: &Candidate,
    question: &JudgeQuestion,
) -> Result<Option<Completion>, CheckError> {
    let roster = shared.roster();
    let fit = eligible_for(
        question.capability.as_deref(),
        &question.teachers,
        &roster.teachers,
    );
    let (task, number) = (candidate.task.index, question.number);
    let salt = format!("{task}/{}/{number}", candidate.ordinal);
    let asked = shared.store.requests_of(candidate.task).await;
    for past in asked.map_err(CheckError::Store)?.into_iter().rev() {
        let answered = matches!(past.state, RequestState::Settled | RequestState::Answered);
        let (true, Some(response), Some((at, teacher))) =
            (answered, &past.response, roster.teacher(&past.teacher))
        else {
            continue;
        };
        let schema = question.schema.as_deref();
        let asked = || {
            ModelRequest::fingerprint(
                &teacher.model,
                &question.messages,
                schema,
                &question.params,
                &salt,
            )
        };
        if !fit.iter().any(|share| share.teacher == at) || asked() != past.fingerprint {
            continue;
        }
        let provider = roster.station_of(at).provider.as_ref();
        if let Some(Ok(completion)) = provider.map(|provider| provider.read(response)) {
            return Ok(Some(completion));
        }
    }
    Ok(None)
}

/// The state a decision puts a sample in.
pub(super) fn state_of(decision: Decision) -> SampleState {
    match decision {
        Decision::Accept => SampleState::Accepted,
        Decision::Review => SampleState::NeedsReview,
        Decision::Reject => SampleState::Rejected,
    }
}

/// Validates a candidate and makes the sample it becomes.
pub(super) async fn judge(attempts: &Attempts<'_>, candidate: Candidate) -> Result<NewSample, Out> {
    let job = attempts.job;
    let judged = match came(&job.spec.steps, &job.templates, &candidate) {
        Came::Stuck(verdict) => Ok(Judgement::of(vec![verdict])),
        Came::Whole | Came::Missing => check_all(&job.gates, &candidate, &Context { attempts }).await,
    };
    let Judgement {
        mut verdicts,
        decision,
        reason,
    } = judged.map_err(|error| {
        forget(job, &candidate);
        match error {
            CheckError::Interrupted(transition) => Out::Transition(transition),
            CheckError::Store(error) => Out::Store(error),
            CheckError::Broken(message) => Out::fail(message),
        }
    })?;
    let mut state = state_of(decision);
    if state == SampleState::Accepted && !job.take_place(|path| candidate.field(path)) {
        state = SampleState::NeedsReview;
        verdicts.push(Verdict::beyond_target());
    }
    if state == SampleState::Rejected {
        forget(job, &candidate);
    }
    Ok(NewSample {
        id: SampleId::of(&job.spec.name, candidate.task.index, candidate.ordinal),
        candidate: candidate.ordinal,
        state,
        reason,
        dedup_key: job
            .gates
            .iter()
            .find_map(|gate| gate.validator.dedup_key(&candidate)),
        steps: candidate.steps,
        verdicts,
    })
}

fn forget(job: &Running, candidate: &Candidate) {
    for gate in job.gates.iter().filter(|gate| gate.validator.remembers()) {
        gate.validator.forget(candidate);
    }
}

/// What has to be taken back if the ledger does not keep a task's samples as they were judged.
#[derive(Default)]
pub(super) struct Kept {
    /// Whether each sample was accepted by the validators.
    accepted: Vec<bool>,
    /// The candidates, where a validator remembers them.
    candidates: Vec<Candidate>,
}

impl Kept {
    /// Of the samples about to be settled.
    pub(super) fn of(job: &Running, leased: &Leased, samples: &[NewSample]) -> Self {
        // A quota has to know the class of what is given back.
        let remembered = job.spec.quota.is_some() || job.gates.iter().any(|gate| gate.validator.remembers());
        let candidates = samples.iter().filter(|_| remembered).map(|sample| Candidate {
            task: leased.lease.task,
            ordinal: sample.candidate,
            seed: Arc::new(leased.seed.clone()),
            vary: Arc::new(leased.vary.clone()),
            steps: sample.steps.clone(),
            schemas: Arc::clone(&job.schemas),
        });
        Self {
            accepted: samples
                .iter()
                .map(|sample| sample.state == SampleState::Accepted)
                .collect(),
            candidates: candidates.collect(),
        }
    }

    /// The ledger took the samples: what it found to be a duplicate leaves the validators' memory and the target.
    pub(super) fn settled(&self, job: &Running, settled: &Settled) {
        for (at, became) in settled.samples.iter().enumerate() {
            if matches!(became, SettledSample::Rejected(Reason::ExactDuplicate)) {
                self.undo_one(job, at);
            }
        }
        if settled
            .samples
            .iter()
            .any(|became| matches!(became, SettledSample::Accepted { .. }))
        {
            job.accepted.notify_one();
        }
    }

    /// The ledger took nothing.
    pub(super) fn undo(&self, job: &Running) {
        for at in 0..self.accepted.len() {
            self.undo_one(job, at);
        }
    }

    fn undo_one(&self, job: &Running, at: usize) {
        if self.accepted.get(at) == Some(&true) {
            let candidate = self.candidates.get(at);
            job.give_place_back(|path| candidate?.field(path));
            if let Some(candidate) = candidate {
                forget(job, candidate);
            }
        }
    }
}

/// What a validator can do while it looks, within one task's lease.
struct Context<'a> {
    attempts: &'a Attempts<'a>,
}

#[async_trait]
impl CheckContext for Context<'_> {
    async fn ask(
        &self,
        validator: &str,
        candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError> {
        let asked = Asked {
            question: Question {
                step: format!("validator:{validator}"),
                candidate: candidate.ordinal,
                ask: question.number,
            },
            who: Who::Fit {
                capability: question.capability.as_deref(),
                named: &question.teachers,
            },
            messages: &question.messages,
            schema: question.schema,
            params: &question.params,
            completion: false,
            reuse: false,
        };
        match self.attempts.ask(&asked).await {
            Ok(answered) => Ok(answered.completion),
            Err(Out::Transition(transition)) => Err(CheckError::Interrupted(transition)),
            Err(Out::Store(error)) => Err(CheckError::Store(error)),
        }
    }

    async fn recall(
        &self,
        candidate: &Candidate,
        question: &JudgeQuestion,
    ) -> Result<Option<Completion>, CheckError> {
        stored_answer(self.attempts.shared, candidate, question).await
    }

    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        if !self.attempts.job.costly {
            // The store's unique index will tell when the sample is settled.
            return Ok(None);
        }
        let found = self
            .attempts
            .shared
            .store
            .sample_with_key(self.attempts.job.job.id, key)
            .await;
        found.map_err(CheckError::Store)
    }
}
