//! Trying without keeping: a dry run of a few tasks. Nothing reaches the ledger.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::judging::{check_all, state_of};
use super::providers::{cost, failure, off};
use super::roster::Roster;
use super::{Shared, compile, library, planner};
use crate::core::Row;
use crate::core::api::{DrySample, Failure, FailureKind, JobSource};
use crate::core::budget::Money;
use crate::core::conversation::{Message, Role};
use crate::core::extract::extract_json;
use crate::core::job::{JobId, JobSpec, RouteBy};
use crate::core::plan;
use crate::core::ports::{CheckContext, CheckError, JudgeQuestion, SeedError};
use crate::core::request::{Completion, ModelRequest, Params};
use crate::core::route::{self, Share, Standing};
use crate::core::sample::{Candidate, Sample, SampleId, StepAnswer};
use crate::core::task::{NewTask, RequestId, TaskId};

/// Asks the first tasks of a job and judges what comes back.
pub(super) async fn dry_run(
    shared: &Arc<Shared>,
    source: JobSource,
    tasks: u64,
) -> Result<Vec<DrySample>, Failure> {
    let loaded = library::load(shared, source).await?;
    let compiled = compile::compile(shared, &loaded.spec, &loaded.base)?;
    let mut planned = Vec::new();
    let read = planner::tasks_of(&loaded.spec, &loaded.base, shared, |task| {
        if planned.len() < tasks as usize {
            planned.push(task);
        }
        // With a shuffle the first tasks may come late.
        loaded.spec.seeds.shuffle || planned.len() < tasks as usize
    });
    read.map_err(|error: SeedError| Failure::new(FailureKind::Invalid, error.message))?;
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
    let samples = futures::future::join_all(planned.into_iter().map(|task| dry.task(task))).await;
    for gate in &compiled.gates {
        gate.validator.close().await;
    }
    Ok(samples)
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
        match self.sample(task, &mut prompts, &mut usd).await {
            Ok(sample) => DrySample {
                prompts,
                sample: Some(sample),
                error: None,
                usd,
            },
            Err(error) => DrySample {
                prompts,
                sample: None,
                error: Some(error),
                usd,
            },
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
        for (at, step) in self.spec.steps.iter().enumerate() {
            if !self
                .compiled
                .templates
                .when(at, &vars)
                .map_err(|error| error.to_string())?
            {
                continue;
            }
            let prompt = self
                .compiled
                .templates
                .prompt(at, &vars)
                .map_err(|error| error.to_string())?;
            prompts.push((step.name.clone(), prompt.user.clone()));
            let mut messages = Vec::new();
            messages.extend(prompt.system.map(|text| Message::text(Role::System, text)));
            messages.push(Message::text(Role::User, prompt.user));
            let params = step.params.or(&self.spec.defaults);
            let draw = plan::draw(
                self.spec.random_seed,
                &format!("route/{}/0/0", step.name),
                task.index,
            );
            let asked = ask(
                &self.compiled.roster,
                &self.compiled.shares[at],
                &messages,
                step.schema.clone(),
                &params,
                task.index,
                draw,
            );
            let (teacher, completion, cost) = asked.await.map_err(|error| error.message)?;
            *usd = usd.plus(cost);
            let value = step
                .schema
                .as_ref()
                .and_then(|_| extract_json(&completion.text).value);
            vars.insert(
                step.name.clone(),
                value
                    .clone()
                    .unwrap_or_else(|| Value::String(completion.text.clone())),
            );
            steps.push(answer(&step.name, teacher, completion, value));
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
        let judged = check_all(&self.compiled.gates, &candidate, self).await;
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
            &question.messages,
            question.schema,
            &question.params,
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

/// One request outside the ledger: no retries, no caps.
async fn ask(
    roster: &Roster,
    mix: &[Share],
    messages: &[Message],
    schema: Option<Arc<Value>>,
    params: &Params,
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
        messages,
        schema.as_deref(),
        params,
        &format!("{index}/0/0"),
    );
    let request = ModelRequest {
        model: teacher.model.clone(),
        messages: messages.to_vec(),
        schema,
        params: params.clone(),
        fingerprint,
    };
    let response = provider.send(&request).await.map_err(|error| failure(&error))?;
    let completion = provider.read(&response).map_err(|error| failure(&error))?;
    let cost = cost(teacher.price, &completion);
    Ok((teacher.name.clone(), completion, cost))
}
