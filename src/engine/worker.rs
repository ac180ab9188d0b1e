//! One task from its lease to its transition: steps, candidates, re-asks, validators. Each attempt is one function, in
//! [`super::attempt`].

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Shared;
use super::attempt::{Answered, Asked, Attempts, Exchange, Out, Who};
use super::judging::{Kept, judge};
use super::running::Running;
use crate::core::Row;
use crate::core::conversation::{Message, Role};
use crate::core::extract::extract_json;
use crate::core::failpoint::{self, Failpoint};
use crate::core::imported;
use crate::core::job::Step;
use crate::core::ports::{SchemaCheck, StoreError};
use crate::core::request::FinishReason;
use crate::core::sample::{COMPUTED, Candidate, NewSample, StepAnswer, as_variable, in_rows};
use crate::core::task::{Leased, Question, Settled, SettledSample, TaskState, Transition};
use crate::core::unfinished;

/// How a task ended for the scheduler.
#[derive(Debug)]
pub(super) enum End {
    /// It left its lease by a transition.
    Settled(Settled),
    /// Somebody else has it.
    Fenced,
    /// The ledger refused; the lease is still ours in there.
    Store(StoreError),
}

/// Works one task to its end, whatever happens in it: a panic fails this task, and its attempts are settled as far as they got.
pub(super) async fn work(shared: Arc<Shared>, job: Arc<Running>, leased: Leased) -> End {
    let lease = leased.lease;
    job.hold(lease);
    let rng = ChaCha8Rng::seed_from_u64(
        job.spec.random_seed ^ (lease.token as u64).rotate_left(32) ^ lease.task.index,
    );
    let attempts = Attempts::new(&shared, &job, &leased, rng);
    let ended = AssertUnwindSafe(make_and_settle(&attempts)).catch_unwind().await;
    match ended {
        Ok(end) => end,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            let reason = format!("crashed: {}", said.unwrap_or_default());
            settle(&attempts, Err(Out::fail(reason))).await
        }
    }
}

async fn make_and_settle(attempts: &Attempts<'_>) -> End {
    failpoint::pass(Failpoint::TaskLeased);
    attempts.settle_unread();
    let made = make(attempts, attempts.leased).await;
    let exchanges = attempts.take_exchanges();
    let fingerprints: Vec<_> = exchanges
        .iter()
        .map(|exchange| exchange.request.fingerprint)
        .collect();
    // While a cassette is recorded or replayed, judging and settling go one after the other.
    let turn = match &attempts.shared.turnstile {
        Some(turnstile) => Some(turnstile.turn(&fingerprints).await),
        None => None,
    };
    let end = settle(attempts, made).await;
    record(attempts, exchanges);
    drop(turn);
    end
}

/// Judges what was made and brings the task out of its lease.
async fn settle(attempts: &Attempts<'_>, made: Result<Vec<Candidate>, Out>) -> End {
    let Attempts {
        shared, job, leased, ..
    } = attempts;
    let lease = leased.lease;
    let judged = match made {
        Ok(candidates) => judge_all(attempts, candidates).await,
        Err(out) => Err(out),
    };
    let transition = match judged {
        Ok(samples) => Transition::Finish { samples },
        Err(Out::Transition(transition)) => transition,
        Err(Out::Store(StoreError::Fenced)) => {
            job.let_go(lease);
            return End::Fenced;
        }
        Err(Out::Store(error)) => return End::Store(error),
    };
    let failed = match &transition {
        Transition::Fail { reason } => Some(reason.clone()),
        _ => None,
    };
    let made = match (&job.yields, &transition) {
        (Some(_), Transition::Finish { samples }) => {
            samples.iter().map(|sample| sample.steps.clone()).collect()
        }
        _ => Vec::new(),
    };
    let kept = match &transition {
        Transition::Finish { samples } => Kept::of(job, leased, samples),
        _ => Kept::default(),
    };
    failpoint::pass(Failpoint::TaskJudged);
    match shared
        .store
        .settle(lease, transition, attempts.take_closed())
        .await
    {
        Ok(settled) => {
            failpoint::pass(Failpoint::TaskSettled);
            job.let_go(lease);
            log(job, lease.task.index, &settled, failed.as_deref());
            if let Some(reason) = failed {
                shared.first_failure(&job.spec.name, lease.task.index, &reason);
            }
            kept.settled(job, &settled);
            credit(attempts, &made, &settled);
            End::Settled(settled)
        }
        Err(error) => {
            kept.undo(job);
            if error != StoreError::Fenced {
                return End::Store(error);
            }
            job.let_go(lease);
            End::Fenced
        }
    }
}

/// Tells the router what the task gave for what it took.
fn credit(attempts: &Attempts<'_>, made: &[Vec<StepAnswer>], settled: &Settled) {
    let Some(yields) = &attempts.job.yields else {
        return;
    };
    let taken = std::mem::take(&mut *attempts.taken());
    if made.is_empty() {
        return yields.nothing(&taken, settled.state == TaskState::Failed);
    }
    let usd = taken.usd.usd() / made.len() as f64;
    let seconds = taken.time.as_secs_f64() / made.len() as f64;
    for (steps, became) in made.iter().zip(&settled.samples) {
        let accepted = matches!(became, SettledSample::Accepted { .. });
        yields.judged(steps, accepted, usd, Some(seconds));
    }
}

/// A task's outcome, for the log: what was kept is told to those who want every task, the rest to everyone.
fn log(job: &Running, task: u64, settled: &Settled, failed: Option<&str>) {
    let job = &job.spec.name;
    if let Some(reason) = failed {
        tracing::warn!(job, task, reason, "failed");
    }
    for became in &settled.samples {
        match became {
            SettledSample::Accepted { .. } => tracing::debug!(job, task, "accepted"),
            SettledSample::NeedsReview => tracing::info!(job, task, "waits for a person"),
            SettledSample::Rejected(reason) => tracing::info!(job, task, reason = reason.word(), "rejected"),
        }
    }
}

/// Writes a task's exchanges into the cassette, and tells the turnstile that they are used.
fn record(attempts: &Attempts<'_>, mut exchanges: Vec<Exchange>) {
    let Some(turnstile) = &attempts.shared.turnstile else {
        return;
    };
    exchanges.extend(attempts.take_exchanges());
    if let Some(recorder) = &attempts.shared.recorder {
        for exchange in &exchanges {
            if let Err(error) = recorder.record(&exchange.teacher, &exchange.request, &exchange.response) {
                let text = format!("the recording could not be written: {error}");
                attempts.shared.note_once(&attempts.job.spec.name, text);
            }
        }
    }
    let used: Vec<_> = exchanges
        .iter()
        .map(|exchange| exchange.request.fingerprint)
        .collect();
    turnstile.used(&used);
}

/// Every candidate with its verdicts.
async fn judge_all(attempts: &Attempts<'_>, candidates: Vec<Candidate>) -> Result<Vec<NewSample>, Out> {
    let mut samples = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        samples.push(judge(attempts, candidate).await?);
    }
    Ok(samples)
}

/// Everything a path through the steps has gathered.
#[derive(Clone)]
struct Path {
    ordinal: u32,
    vars: Row,
    answers: Vec<StepAnswer>,
    /// Its answers lack what the next step's templates need: it ends here, and is judged by what there is.
    stuck: bool,
}

/// Asks all steps on every path.
async fn make(attempts: &Attempts<'_>, leased: &Leased) -> Result<Vec<Candidate>, Out> {
    let job = attempts.job;
    let mut vars = leased.seed.clone();
    vars.extend(
        leased
            .vary
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    let mut paths = vec![Path {
        ordinal: 0,
        vars,
        answers: Vec::new(),
        stuck: false,
    }];
    for (at, step) in job.spec.steps.iter().enumerate() {
        if step.candidates > 1 && paths.len() == 1 && !paths[0].stuck {
            let path = paths.remove(0);
            paths = (0..step.candidates)
                .map(|ordinal| Path {
                    ordinal,
                    ..path.clone()
                })
                .collect();
        }
        paths = advance(attempts, at, step, paths).await?;
    }
    let seed = Arc::new(leased.seed.clone());
    let varied = Arc::new(leased.vary.clone());
    let candidate = |path: Path| Candidate {
        task: leased.lease.task,
        ordinal: path.ordinal,
        seed: Arc::clone(&seed),
        vary: Arc::clone(&varied),
        steps: path.answers,
        schemas: Arc::clone(&job.schemas),
    };
    Ok(paths.into_iter().map(candidate).collect())
}

/// Asks one step on every path. A path that cannot go on is dropped as long as another one can.
async fn advance(
    attempts: &Attempts<'_>,
    at: usize,
    step: &Step,
    paths: Vec<Path>,
) -> Result<Vec<Path>, Out> {
    let mut alive = Vec::with_capacity(paths.len());
    let mut failure = None;
    // One path is by far the most common: it needs no joining.
    let results = if let [_] = paths.as_slice() {
        let mut results = Vec::with_capacity(1);
        for path in paths {
            results.push(step_on(attempts, at, step, path).await);
        }
        results
    } else {
        join_all(paths.into_iter().map(|path| step_on(attempts, at, step, path))).await
    };
    for result in results {
        match result {
            Ok(path) => alive.push(path),
            Err(Out::Transition(Transition::Fail { reason })) => failure = Some(reason),
            // What the others got is in the ledger and is used when the task comes back.
            Err(out) => return Err(out),
        }
    }
    match failure {
        Some(reason) if alive.is_empty() => Err(Out::Transition(Transition::Fail { reason })),
        _ => Ok(alive),
    }
}

async fn step_on(attempts: &Attempts<'_>, at: usize, step: &Step, mut path: Path) -> Result<Path, Out> {
    if path.stuck {
        return Ok(path);
    }
    let templates = &attempts.job.templates;
    let prompt = match templates.asks(at, &path.vars) {
        Ok(Some(prompt)) => prompt,
        Ok(None) => return Ok(path),
        Err(error) => {
            path.stuck =
                unfinished::verdict(templates, (at, step), &path.vars, &path.answers, &error).is_some();
            return if path.stuck {
                Ok(path)
            } else {
                Err(Out::fail(format!("template: step `{}`: {error}", step.name)))
            };
        }
    };
    let answer = if let Some(field) = &step.given {
        given(step, field, &path.vars)
            .map_err(|error| Out::fail(format!("given: step `{}`: {error}", step.name)))?
    } else if step.computed {
        computed(step, &prompt.user)
    } else {
        ask_until_valid(attempts, at, step, path.ordinal, prompt.messages()).await?
    };
    path.vars.insert(step.name.clone(), as_variable(&answer));
    path.answers.push(answer);
    Ok(path)
}

/// Asks a step, and again with the validation error as often as the job allows.
async fn ask_until_valid(
    attempts: &Attempts<'_>,
    at: usize,
    step: &Step,
    candidate: u32,
    mut messages: Vec<Message>,
) -> Result<StepAnswer, Out> {
    let mut params = step.params.or(&attempts.job.spec.defaults);
    params.seed = params.seed.map(|seed| seed.wrapping_add(u64::from(candidate)));
    let check = attempts.job.checks[at].as_deref();
    let mut ask = 0;
    loop {
        let question = Question {
            step: step.name.clone(),
            candidate,
            ask,
        };
        let asked = Asked {
            question,
            who: Who::Step(at),
            messages: &messages,
            schema: step.schema.clone(),
            params: &params,
            completion: step.completion,
            reuse: step.reuse,
        };
        let answered = attempts.ask(&asked).await?;
        let (answer, problems) = read(&step.name, answered, check);
        let cut = answer.finish == FinishReason::Length;
        if problems.is_empty() || ask >= step.reask || cut {
            return Ok(answer);
        }
        tracing::debug!(
            job = attempts.job.spec.name,
            step = step.name,
            problem = problems[0],
            "the answer does not fit its schema: asked again"
        );
        messages.push(Message::text(Role::Assistant, answer.text));
        messages.push(Message::text(Role::User, correction(&problems)));
        ask += 1;
    }
}

/// The step's answer, and what is wrong with its shape.
fn read(step: &str, answered: Answered, check: Option<&dyn SchemaCheck>) -> (StepAnswer, Vec<String>) {
    let completion = answered.completion;
    let mut problems = Vec::new();
    let mut value = None;
    if let Some(check) = check {
        value = extract_json(&completion.text).value;
        problems = match &value {
            Some(value) => check.problems(value),
            None => vec!["the answer is not JSON".to_owned()],
        };
    }
    let answer = StepAnswer {
        step: step.to_owned(),
        teacher: answered.teacher,
        request: answered.request,
        text: completion.text,
        value,
        reasoning: completion.reasoning,
        tool_calls: completion.tool_calls,
        logprobs: completion.logprobs,
        finish: completion.finish,
        usage: completion.usage,
    };
    (answer, problems)
}

/// The answer of a step that asks nobody: its rendered template without white space around it, read like any answer.
pub(super) fn computed(step: &Step, text: &str) -> StepAnswer {
    let text = text.trim().to_owned();
    let value = step.schema.as_ref().and_then(|_| extract_json(&text).value);
    StepAnswer::unasked(&step.name, COMPUTED, text, value)
}

/// The answer of a step that is given one: what stands at that path of the task's fields, read like any answer.
pub(super) fn given(step: &Step, field: &str, vars: &Row) -> Result<StepAnswer, String> {
    let found =
        in_rows([vars, &Row::new()], field).ok_or_else(|| format!("there is nothing at `{field}`"))?;
    let mut answer = imported::given(&step.name, found)?;
    if answer.value.is_none() && step.schema.is_some() {
        answer.value = extract_json(&answer.text).value;
    }
    Ok(answer)
}

fn correction(problems: &[String]) -> String {
    let mut text = String::from("Your answer does not satisfy the required JSON schema:\n");
    for problem in problems.iter().take(10) {
        text.push_str("- ");
        text.push_str(problem);
        text.push('\n');
    }
    text.push_str("Answer again with the corrected JSON only.");
    text
}
