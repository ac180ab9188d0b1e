//! Trying without keeping: a dry run of a few tasks. Nothing reaches the ledger.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::judging::{check_all, state_of};
use super::providers::{cost, failure, off};
use super::roster::Roster;
use super::worker::{computed, given};
use super::{Shared, compile, library, planner};
use crate::core::Row;
use crate::core::api::{DrySample, Failure, FailureKind, JobSource};
use crate::core::budget::Money;
use crate::core::conversation::Message;
use crate::core::extract::extract_json;
use crate::core::job::{JobId, JobSpec, RouteBy};
use crate::core::plan;
use crate::core::ports::{CheckContext, CheckError, JudgeQuestion, Judgement, SeedError};
use crate::core::request::{Completion, ModelRequest, Params, Usage};
use crate::core::route::{self, Share, Standing};
use crate::core::sample::{Candidate, Sample, SampleId, StepAnswer, as_variable};
use crate::core::task::{NewTask, RequestId, TaskId};
use crate::core::unfinished;

/// Asks the first tasks of a job and judges what comes back.
pub(super) async fn dry_run(
    shared: &Arc<Shared>,
    source: JobSource,
    tasks: u64,
) -> Result<Vec<DrySample>, Failure> {
    let loaded = library::load(shared, source).await?;
    let compiled = compile::compile(shared, &loaded.spec, &loaded.base)?;
    // With a shuffle the first tasks may come late.
    let shuffle = loaded.spec.seeds.shuffle;
    let first = move |planned: &mut Vec<NewTask>, task| {
        if planned.len() < tasks as usize {
            planned.push(task);
        }
        shuffle || planned.len() < tasks as usize
    };
    let planned = planner::gather(&loaded.spec, &loaded.base, shared, Vec::new(), first)
        .await
        .map_err(|error: SeedError| Failure::new(FailureKind::Invalid, error.message))?;
    let schemas: Vec<_> = loaded
        .spec
        .steps
        .iter()
        .filter_map(|step| step.schema.clone().map(|schema| (step.name.clone(), schema)))
        .collect();
    let dry = Dry {
        spec: &loaded.spec,
        compiled: &compiled,
        schemas: Arc::new(schemas),
    };
    let stop = token(shared);
    let all = futures::future::join_all(planned.into_iter().map(|task| dry.task(task)));
    let samples = stop.run_until_cancelled(all).await;
    for gate in &compiled.gates {
        gate.validator.close().await;
    }
    samples.ok_or_else(|| Failure::new(FailureKind::Usage, "the dry run was stopped"))
}

/// What ends the dry runs that begin from now on.
fn token(shared: &Shared) -> CancellationToken {
    let mut token = shared.dry.lock().unwrap_or_else(PoisonError::into_inner);
    if token.is_cancelled() {
        *token = CancellationToken::new();
    }
    token.clone()
}

/// Ends the dry runs that are under way; what they asked may still be charged.
pub(super) fn stop(shared: &Shared) {
    let token = shared.dry.lock().unwrap_or_else(PoisonError::into_inner);
    token.cancel();
}

/// Judges a text as if a teacher had answered the last step of the first task with it. Nobody is asked: a validator that would
/// says so.
pub(super) async fn try_sample(
    shared: &Arc<Shared>,
    source: JobSource,
    text: String,
) -> Result<DrySample, Failure> {
    let loaded = library::load(shared, source).await?;
    let gates = compile::gates(shared, &loaded.spec.validators, &loaded.base)?;
    let take = |first: &mut Option<NewTask>, task| {
        *first = Some(task);
        false
    };
    let first = planner::gather(&loaded.spec, &loaded.base, shared, None, take)
        .await
        .map_err(|error: SeedError| Failure::new(FailureKind::Invalid, error.message))?;
    let task =
        first.ok_or_else(|| Failure::new(FailureKind::Invalid, "there is no seed row to try it with"))?;
    let Some(step) = loaded.spec.steps.last() else {
        return Err(Failure::new(FailureKind::Invalid, "the job has no step"));
    };
    let value = step.schema.as_ref().and_then(|_| extract_json(&text).value);
    let schemas = step
        .schema
        .iter()
        .map(|schema| (step.name.clone(), Arc::clone(schema)));
    let id = TaskId {
        job: JobId(0),
        index: task.index,
    };
    let candidate = Candidate {
        task: id,
        ordinal: 0,
        seed: Arc::new(task.seed),
        vary: Arc::new(task.vary),
        steps: vec![StepAnswer {
            usage: Usage::default(),
            ..StepAnswer::unasked(&step.name, "pasted", text, value)
        }],
        schemas: Arc::new(schemas.collect()),
    };
    let judged = check_all(&gates, &candidate, &Nobody).await;
    for gate in &gates {
        gate.validator.close().await;
    }
    let judged = judged.map_err(|_| Failure::new(FailureKind::Unexpected, "a validator could not judge"))?;
    Ok(DrySample {
        prompts: Vec::new(),
        sample: Some(Sample {
            id: SampleId::of(&loaded.spec.name, task.index, 0),
            task: id,
            candidate: 0,
            state: state_of(judged.decision),
            reason: judged.reason,
            seq: None,
            seed: (*candidate.seed).clone(),
            vary: (*candidate.vary).clone(),
            steps: candidate.steps,
            verdicts: judged.verdicts,
            review: None,
            tags: Vec::new(),
        }),
        error: None,
        usd: Money(0),
        latency_ms: 0,
    })
}

/// Nobody to ask.
struct Nobody;

#[async_trait]
impl CheckContext for Nobody {
    async fn ask(&self, _: &str, _: &Candidate, _: JudgeQuestion) -> Result<Completion, CheckError> {
        Err(CheckError::Broken(
            "no teacher is asked here; the dry run does".to_owned(),
        ))
    }

    async fn duplicate_of(&self, _: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        Ok(None)
    }
}

struct Dry<'a> {
    spec: &'a JobSpec,
    compiled: &'a super::running::Compiled,
    schemas: Arc<Vec<(String, Arc<Value>)>>,
}

impl Dry<'_> {
    async fn task(&self, task: NewTask) -> DrySample {
        let mut prompts = Vec::new();
        let mut usd = Money(0);
        let begun = Instant::now();
        let result = self.sample(task, &mut prompts, &mut usd).await;
        let latency_ms = begun.elapsed().as_millis() as u64;
        let (sample, error) = match result {
            Ok(sample) => (Some(sample), None),
            Err(error) => (None, Some(error)),
        };
        DrySample {
            prompts,
            sample,
            error,
            usd,
            latency_ms,
        }
    }

    async fn sample(
        &self,
        task: NewTask,
        prompts: &mut Vec<(String, String)>,
        usd: &mut Money,
    ) -> Result<Sample, String> {
        let mut vars: Row = task.seed.clone();
        vars.extend(task.vary.clone());
        let mut steps = Vec::new();
        let mut stuck = None;
        for (at, step) in self.spec.steps.iter().enumerate() {
            let templates = &self.compiled.templates;
            let prompt = match templates.asks(at, &vars) {
                Ok(Some(prompt)) => prompt,
                Ok(None) => continue,
                Err(error) => {
                    stuck = unfinished::verdict(templates, (at, step), &vars, &steps, &error);
                    if stuck.is_none() {
                        return Err(error.to_string());
                    }
                    break;
                }
            };
            let mut nobody_asked = match &step.given {
                Some(field) => Some(given(step, field, &vars)?),
                None => None,
            };
            if nobody_asked.is_none() {
                prompts.push((step.name.clone(), prompt.user.clone()));
                nobody_asked = step.computed.then(|| computed(step, &prompt.user));
            }
            if let Some(answer) = nobody_asked {
                vars.insert(step.name.clone(), as_variable(&answer));
                steps.push(answer);
                continue;
            }
            let messages = prompt.messages();
            let params = step.params.or(&self.spec.defaults);
            let draw = plan::draw(
                self.spec.random_seed,
                &format!("route/{}/0/0", step.name),
                task.index,
            );
            let asked = ask(
                &self.compiled.roster,
                &self.compiled.shares[at],
                Put {
                    messages: &messages,
                    schema: step.schema.clone(),
                    params: &params,
                    completion: step.completion,
                },
                task.index,
                draw,
            );
            let (teacher, completion, cost) = asked.await.map_err(|error| error.message)?;
            *usd = usd.plus(cost);
            let value = step
                .schema
                .as_ref()
                .and_then(|_| extract_json(&completion.text).value);
            let answer = answer(&step.name, teacher, completion, value);
            vars.insert(step.name.clone(), as_variable(&answer));
            steps.push(answer);
        }
        let id = TaskId {
            job: JobId(0),
            index: task.index,
        };
        let candidate = Candidate {
            task: id,
            ordinal: 0,
            seed: Arc::new(task.seed),
            vary: Arc::new(task.vary),
            steps,
            schemas: Arc::clone(&self.schemas),
        };
        let judged = match stuck {
            Some(verdict) => Ok(Judgement::of(vec![verdict])),
            None => check_all(&self.compiled.gates, &candidate, self).await,
        };
        let judged = judged.map_err(|_| "a validator could not judge".to_owned())?;
        Ok(Sample {
            id: SampleId::of(&self.spec.name, task.index, 0),
            task: id,
            candidate: 0,
            state: state_of(judged.decision),
            reason: judged.reason,
            seq: None,
            seed: (*candidate.seed).clone(),
            vary: (*candidate.vary).clone(),
            steps: candidate.steps,
            verdicts: judged.verdicts,
            review: None,
            tags: Vec::new(),
        })
    }
}

#[async_trait]
impl CheckContext for Dry<'_> {
    async fn ask(
        &self,
        _: &str,
        candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError> {
        let shares = route::eligible_for(
            question.capability.as_deref(),
            &question.teachers,
            &self.compiled.roster.teachers,
        );
        let index = candidate.task.index;
        let asked = ask(
            &self.compiled.roster,
            &shares,
            Put {
                messages: &question.messages,
                schema: question.schema,
                params: &question.params,
                completion: false,
            },
            index,
            0.5,
        )
        .await;
        // Nothing comes back later in a dry run: the candidate shows why it could not be judged.
        asked
            .map(|(_, completion, _)| completion)
            .map_err(|error| CheckError::Broken(error.message))
    }

    async fn duplicate_of(&self, _: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        Ok(None)
    }
}

fn answer(step: &str, teacher: String, completion: Completion, value: Option<Value>) -> StepAnswer {
    StepAnswer {
        step: step.to_owned(),
        teacher,
        request: RequestId(0),
        text: completion.text,
        value,
        reasoning: completion.reasoning,
        tool_calls: completion.tool_calls,
        logprobs: completion.logprobs,
        finish: completion.finish,
        usage: completion.usage,
    }
}

/// A question, whoever gets it.
struct Put<'a> {
    messages: &'a [Message],
    schema: Option<Arc<Value>>,
    params: &'a Params,
    completion: bool,
}

/// One request outside the ledger: no retries, no caps.
async fn ask(
    roster: &Roster,
    mix: &[Share],
    put: Put<'_>,
    index: u64,
    draw: f64,
) -> Result<(String, Completion, Money), Failure> {
    let open = |_: usize| Standing {
        open: true,
        ..Standing::default()
    };
    let at = route::choose(RouteBy::Weights, mix, &open, &[], draw)
        .ok_or_else(|| Failure::new(FailureKind::Invalid, "no configured teacher can serve this step"))?;
    let teacher = &roster.teachers[at];
    let station = roster.station_of(at);
    let provider = station.provider.as_ref().ok_or_else(|| off(station))?;
    let fingerprint = ModelRequest::fingerprint(
        &teacher.model,
        put.messages,
        put.schema.as_deref(),
        put.params,
        &format!("{index}/0/0"),
    );
    let request = ModelRequest {
        model: teacher.model.clone(),
        messages: put.messages.to_vec(),
        schema: put.schema,
        params: put.params.clone(),
        completion: put.completion,
        fingerprint,
    };
    let sent = if request.params.vector {
        provider.embed(&request).await
    } else {
        provider.send(&request).await
    };
    let response = sent.map_err(|error| failure(&error))?;
    let completion = provider.read(&response).map_err(|error| failure(&error))?;
    let cost = cost(teacher.price, &completion);
    Ok((teacher.name.clone(), completion, cost))
}
