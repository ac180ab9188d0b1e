//! `script`: a program of the user's decides. The protocol (one JSON object a line): it first writes `{"hello":1}`; then it gets
//! `{"id","sample"}` and answers `{"id","verdict","reason","score","evidence"}`, one question at a time per process. The processes
//! themselves are in [`super::child`].

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::child::{Child, Launch, Trouble};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Decision, Reason, Verdict, as_text};
use crate::fence;

/// The kind's word.
pub const KIND: &str = "script";

/// So many failures without an answer in between …
const CRASHES: u32 = 3;
/// … and it is left alone for so long after the last.
const REST: Duration = Duration::from_mins(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    command: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    sha256: Option<String>,
    #[serde(default = "one_minute")]
    timeout_seconds: u64,
    #[serde(default = "one_worker")]
    workers: usize,
}

fn one_minute() -> u64 {
    60
}

fn one_worker() -> usize {
    1
}

/// Failures since the last answer.
#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    last: Option<(Instant, String)>,
}

struct Script {
    launch: Launch,
    timeout: Duration,
    /// One permit a process; closed when the validator is.
    slots: Semaphore,
    idle: Mutex<Vec<Child>>,
    failures: Mutex<Failures>,
    asked: AtomicU64,
}

/// Builds the kind from its table. The program is started by the first question.
pub fn build(plug: &Plug, base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let wrong = |key: &str, message: &str| Err(PlugError::at(key, format!("{KIND}: {message}")));
    if settings.command.first().is_none_or(String::is_empty) {
        return wrong("command", "command names no program");
    }
    if !(1..=64).contains(&settings.workers) {
        return wrong("workers", "workers is a number from 1 to 64");
    }
    if !(1..=86_400).contains(&settings.timeout_seconds) {
        return wrong("timeout_seconds", "timeout_seconds is from 1 to 86400");
    }
    let base = if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        base
    };
    let base = std::path::absolute(base)
        .map_err(|error| PlugError::new(format!("{KIND}: {}: {error}", base.display())))?;
    fence::verify(&settings.command, &base, settings.sha256.as_deref())
        .map_err(|problem| PlugError::at("sha256", format!("{KIND}: {problem}")))?;
    Ok(Arc::new(Script {
        launch: Launch {
            command: settings.command,
            env: settings.env,
            base,
            sha256: settings.sha256,
        },
        timeout: Duration::from_secs(settings.timeout_seconds),
        slots: Semaphore::new(settings.workers),
        idle: Mutex::default(),
        failures: Mutex::default(),
        asked: AtomicU64::new(0),
    }))
}

/// The candidate as scripts see it.
fn sample(candidate: &Candidate) -> Value {
    let steps: Map<String, Value> = candidate
        .steps
        .iter()
        .map(|answer| {
            let seen = json!({"text": answer.text, "value": answer.value, "reasoning": answer.reasoning});
            (answer.step.clone(), seen)
        })
        .collect();
    json!({
        "task": candidate.task.index,
        "candidate": candidate.ordinal,
        "seed": *candidate.seed,
        "vary": *candidate.vary,
        "steps": steps,
    })
}

#[derive(Debug, Deserialize)]
struct Reply {
    verdict: Option<Decision>,
    reason: Option<String>,
    score: Option<f64>,
    evidence: Option<Value>,
    error: Option<Value>,
}

/// A reply as a verdict. A reason of our own vocabulary is taken; any other is part of the evidence.
fn verdict(reply: Value) -> Result<Verdict, String> {
    let reply: Reply =
        serde_json::from_value(reply).map_err(|error| format!("its answer is wrong: {error}"))?;
    if let Some(error) = reply.error {
        return Err(format!("it reports: {}", as_text(error)));
    }
    let decision = reply
        .verdict
        .ok_or("its answer has no verdict (accept, review or reject)")?;
    let known = reply
        .reason
        .as_deref()
        .and_then(Reason::from_word)
        .filter(|reason| *reason != Reason::ByHand);
    let free = reply.reason.filter(|_| known.is_none());
    let said = reply.evidence.filter(|evidence| !evidence.is_null()).map(as_text);
    let words: Vec<String> = free.into_iter().chain(said).collect();
    Ok(Verdict {
        validator: KIND.to_owned(),
        decision,
        reason: (decision == Decision::Reject).then_some(known.unwrap_or(Reason::Script)),
        score: reply.score,
        agreement: None,
        evidence: (!words.is_empty()).then(|| words.join(": ")),
    })
}

impl Script {
    fn idle(&self) -> MutexGuard<'_, Vec<Child>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a program alone that only fails.
    fn ready(&self) -> Result<(), String> {
        let failures = self.failures();
        match &failures.last {
            Some((at, message)) if failures.in_a_row >= CRASHES && at.elapsed() < REST => {
                Err(format!("failed {CRASHES} times in a row: {message}"))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, message: String) -> String {
        let mut failures = self.failures();
        failures.in_a_row += 1;
        failures.last = Some((Instant::now(), message.clone()));
        message
    }

    /// Asks a process that is free, or a new one. A free one that died in the meantime is no fault of this candidate.
    async fn answer(&self, line: &str, id: &str) -> Result<Value, String> {
        let free = self.idle().pop();
        if let Some(child) = free {
            match self.exchange(child, line, id).await {
                Err(Trouble::Ended(_)) => {}
                other => return other.map_err(|trouble| self.failed(trouble.message().to_owned())),
            }
        }
        let started = self.launch.start().await;
        let child = started.map_err(|message| self.failed(message))?;
        let answer = self.exchange(child, line, id).await;
        answer.map_err(|trouble| self.failed(trouble.message().to_owned()))
    }

    /// One question within the deadline. The process is free again after an answer, and ended after anything else.
    async fn exchange(&self, mut child: Child, line: &str, id: &str) -> Result<Value, Trouble> {
        let answer = match timeout(self.timeout, child.exchange(line, id)).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::Protocol(format!(
                "no answer within {} s",
                self.timeout.as_secs()
            ))),
        };
        if answer.is_ok() {
            self.failures().in_a_row = 0;
            let mut idle = self.idle();
            if !self.slots.is_closed() {
                idle.push(child);
                return answer;
            }
        }
        child.stop().await;
        answer
    }
}

#[async_trait]
impl Validator for Script {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let broken = |message: String| {
            CheckError::Broken(format!("{KIND} `{}`: {message}", self.launch.command.join(" ")))
        };
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(broken("it is closed".to_owned()));
        };
        self.ready().map_err(broken)?;
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}/{}/{number}", candidate.task.index, candidate.ordinal);
        let line = json!({"id": id, "sample": sample(candidate)}).to_string();
        let reply = self.answer(&line, &id).await.map_err(broken)?;
        verdict(reply).map_err(broken)
    }

    fn is_costly(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut *self.idle());
        join_all(idle.into_iter().map(Child::stop)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_become_verdicts() {
        let accepted = verdict(json!({"id": "1", "verdict": "accept", "score": 0.9})).unwrap();
        assert_eq!(accepted, Verdict::accept(KIND).scored(0.9));
        let rejected =
            verdict(json!({"verdict": "reject", "reason": "wrong sum", "evidence": {"got": 3}})).unwrap();
        assert_eq!(rejected.reason, Some(Reason::Script));
        assert_eq!(rejected.evidence.as_deref(), Some("wrong sum: {\"got\":3}"));
        let known = verdict(json!({"verdict": "reject", "reason": "contaminated", "evidence": "x"}));
        assert_eq!(known.unwrap().reason, Some(Reason::Contaminated));
        let review = verdict(json!({"verdict": "review", "reason": "odd", "evidence": null})).unwrap();
        assert_eq!((review.reason, review.evidence.as_deref()), (None, Some("odd")));
    }

    #[test]
    fn wrong_replies_are_said_to_be_wrong() {
        for reply in [
            json!({"id": "1"}),
            json!({"verdict": "maybe"}),
            json!({"verdict": "accept", "score": "high"}),
            json!({"error": "no model"}),
            json!([]),
        ] {
            assert!(verdict(reply.clone()).is_err(), "{reply}");
        }
    }
}
