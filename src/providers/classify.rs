//! The action table (providers.md) as a pure function from (status, headers, body) to what the engine does and what the user reads.
//! Each provider family has a small function for its own rows; what they do not know falls through to the rows all share.

use std::time::Duration;

use serde_json::Value;

use super::fault::{Family, Fault, excerpt};
use super::hint::{self, LONGEST_WAIT};
use crate::core::request::{Action, ProviderError, RawResponse, Trouble};

/// The wait where a server asks for patience without saying how long.
const UNSAID: Duration = Duration::from_secs(5);

/// What to do about a response that is no answer. `who` is the provider's name in the configuration.
pub(super) fn classify(family: Family, who: &str, response: &RawResponse) -> ProviderError {
    let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
    act(&Fault::of_body(family, who, response, &body))
}

/// What to do about an error object found inside an answer or a stream: tokens may have been made and paid for.
pub(super) fn classify_inner(
    family: Family,
    who: &str,
    response: &RawResponse,
    error: &Value,
) -> ProviderError {
    let mut inner = if error.is_null() {
        retry(Trouble::Server, None, "no reason given".to_owned())
    } else {
        act(&Fault::of_error(family, who, response, error))
    };
    inner.maybe_billed = family != Family::Ollama;
    inner.message = format!("{who} dropped mid-answer; {}", after_name(&inner.message, who));
    inner
}

/// A response without an answer in it (O4, G4, L4).
pub(super) fn empty(who: &str) -> ProviderError {
    retry(Trouble::Garbage, None, format!("{who}: empty answer"))
}

/// A stream that stopped before its end (O3, L5, N3).
pub(super) fn incomplete(who: &str) -> ProviderError {
    ProviderError {
        maybe_billed: true,
        ..retry(
            Trouble::Network,
            None,
            format!("{who}: the answer broke off before its end"),
        )
    }
}

/// A success whose body is no answer of this protocol (N4).
pub(super) fn garbage(who: &str, response: &RawResponse) -> ProviderError {
    let said = excerpt(&response.body);
    let message = if said.is_empty() {
        format!("{who}: empty body")
    } else {
        format!("{who}: not an answer: {said}")
    };
    retry(Trouble::Garbage, None, message)
}

/// An error that only a changed request or another teacher can get around.
pub(super) fn fail(trouble: Trouble, message: String) -> ProviderError {
    error(Action::Fail, trouble, message)
}

/// An error that may be over at the next attempt.
pub(super) fn retry(trouble: Trouble, after: Option<Duration>, message: String) -> ProviderError {
    match after {
        Some(long) if long > LONGEST_WAIT => pause(trouble, Some(long), message),
        _ => error(Action::Retry { after }, trouble, message),
    }
}

/// An error that stops the provider: `None` until a person helps.
pub(super) fn pause(trouble: Trouble, resume: Option<Duration>, message: String) -> ProviderError {
    error(Action::Pause { resume_after: resume }, trouble, message)
}

/// A request to wait: the task's business up to a quarter of an hour, the provider's beyond.
pub(super) fn snooze(trouble: Trouble, wait: Duration, message: String) -> ProviderError {
    if wait > LONGEST_WAIT {
        pause(trouble, Some(wait), message)
    } else {
        error(Action::Snooze(wait), trouble, message)
    }
}

/// The same, and fewer requests at once from now on.
fn slower(error: ProviderError) -> ProviderError {
    ProviderError {
        slow_down: true,
        ..error
    }
}

fn error(action: Action, trouble: Trouble, message: String) -> ProviderError {
    ProviderError {
        action,
        trouble,
        message,
        maybe_billed: false,
        slow_down: false,
    }
}

fn after_name<'a>(message: &'a str, who: &str) -> &'a str {
    message
        .strip_prefix(who)
        .map_or(message, |rest| rest.trim_start_matches([':', ' ']))
}

fn act(fault: &Fault) -> ProviderError {
    let own = match fault.family {
        Family::OpenAi => openai,
        Family::OpenRouter => openrouter,
        Family::Anthropic => anthropic,
        Family::Ollama => ollama,
    };
    named(fault)
        .or_else(|| own(fault))
        .unwrap_or_else(|| by_status(fault))
}

/// Errors known by name whatever the status (llama.cpp sends the context error as 400, 500 and once as 200).
fn named(fault: &Fault) -> Option<ProviderError> {
    let who = fault.who;
    if fault.is(&[
        "exceed_context_size_error",
        "context_length_exceeded",
        "max_tokens_exceeded",
        "string_too_long",
    ]) || fault.says(&[
        "maximum context length",
        "available context size",
        "prompt is too long",
        "context length exceeded",
    ]) {
        let limit = match (fault.number("n_prompt_tokens"), fault.number("n_ctx")) {
            (Some(tokens), Some(most)) => format!("{tokens} tokens of at most {most}; "),
            _ => String::new(),
        };
        return Some(fail(
            Trouble::Request,
            format!("{who}: prompt too long: {limit}{}", fault.message),
        ));
    }
    if fault.is(&[
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_error",
        "token_limit_exceeded",
    ]) || fault.says(&["exceeded your current quota", "credit balance is too low"])
    {
        let message = format!("{who}: out of credit or past the month's cap: {}", fault.message);
        return Some(pause(Trouble::Credit, None, message));
    }
    if fault.status != 404
        && fault.says(&[
            "loading model",
            "model is loading",
            "model is sleeping",
            "model is unloaded",
        ])
    {
        return Some(snooze(
            Trouble::Server,
            hint::retry_after(fault.response).unwrap_or(UNSAID),
            format!("{who}: loading model…"),
        ));
    }
    if fault.says(&[
        "failed to parse grammar",
        "generate parser for this template",
        "json schema conversion failed",
    ]) {
        return Some(fail(
            Trouble::Setup,
            format!("{who}: this server cannot hold the schema: {}", fault.message),
        ));
    }
    None
}

fn openai(fault: &Fault) -> Option<ProviderError> {
    let who = fault.who;
    match fault.status {
        400 | 404 if fault.is(&["model_not_found", "NotFoundError"]) => Some(pause(
            Trouble::Setup,
            None,
            format!(
                "{who}: unknown model; choose one of `destiler providers models`: {}",
                fault.message
            ),
        )),
        _ => None,
    }
}

fn openrouter(fault: &Fault) -> Option<ProviderError> {
    let who = fault.who;
    let hinted = fault.wait();
    match fault.status {
        402 if fault.field("limit_source") == "openrouter_in_flight_budget" => Some(slower(snooze(
            Trouble::RateLimit,
            hinted.unwrap_or(UNSAID),
            format!("{who}: in-flight cap; fewer requests at once"),
        ))),
        402 => Some(pause(
            Trouble::Credit,
            None,
            format!(
                "{who}: out of credit; add some in its account or raise the key's limit: {}",
                fault.message
            ),
        )),
        403 if fault.has("reasons")
            || fault.has("patterns")
            || fault.has("flagged_input")
            || fault.is(&["moderation", "guardrail"]) =>
        {
            // `flagged_input` is the user's text: it stays in the stored response.
            let reasons = fault.list("reasons").or_else(|| fault.list("patterns"));
            Some(fail(
                Trouble::Request,
                format!(
                    "{who}: blocked: {}",
                    reasons.unwrap_or_else(|| fault.message.clone())
                ),
            ))
        }
        400 if fault.availability("code") == "model_not_found" || fault.is(&["model_not_found"]) => {
            Some(fail(
                Trouble::Setup,
                format!("{who}: unknown model: {}{}", fault.message, fault.fallbacks()),
            ))
        }
        _ if fault.has_availability() => Some(if fault.retryable() {
            let wait = hinted.unwrap_or(UNSAID);
            slower(snooze(
                Trouble::RateLimit,
                wait,
                format!("{who}: no capacity: {}", fault.message),
            ))
        } else {
            pause(
                Trouble::Setup,
                None,
                format!("{who}: not available: {}{}", fault.message, fault.fallbacks()),
            )
        }),
        403 if fault.is(&["region_restricted"]) => Some(pause(
            Trouble::Setup,
            None,
            format!("{who}: not available in this region: {}", fault.message),
        )),
        429 if fault.has("provider_code") => Some(slower(snooze(
            Trouble::RateLimit,
            hinted.unwrap_or(UNSAID),
            format!("{who}: the model's host is busy: {}", fault.message),
        ))),
        502 | 503 => {
            let host = fault.field("provider_name");
            let host = if host.is_empty() {
                String::new()
            } else {
                format!("{host}: ")
            };
            Some(retry(
                Trouble::Server,
                hinted,
                format!("{who}: {host}{}", fault.message),
            ))
        }
        _ => None,
    }
}

fn anthropic(fault: &Fault) -> Option<ProviderError> {
    let who = fault.who;
    match fault.status {
        529 => Some(slower(retry(
            Trouble::Server,
            fault.wait(),
            format!("{who}: overloaded"),
        ))),
        _ if fault.is(&["overloaded_error"]) => Some(slower(retry(
            Trouble::Server,
            fault.wait(),
            format!("{who}: overloaded"),
        ))),
        429 if fault.is(&["enforced_spend_limit_reached"]) => Some(pause(
            Trouble::Credit,
            hint::until_next_month(fault.response),
            format!("{who}: spend cap reached; resumes with the next month"),
        )),
        400 if fault.says(&["usage limit", "spend limit", "spending limit", "workspace limit"]) => {
            Some(pause(
                Trouble::Credit,
                None,
                format!("{who}: workspace limit: {}", fault.message),
            ))
        }
        _ => None,
    }
}

fn ollama(fault: &Fault) -> Option<ProviderError> {
    let who = fault.who;
    if fault.says(&["maximum pending requests exceeded", "server busy"]) {
        return Some(slower(snooze(
            Trouble::Server,
            Duration::from_secs(2),
            format!("{who}: queue full; fewer requests at once"),
        )));
    }
    if fault.says(&["requires more system memory", "out of memory"]) {
        return Some(pause(Trouble::Setup, None, format!("{who}: {}", fault.message)));
    }
    if fault.status == 404 && fault.says(&["not found", "try pulling it"]) && fault.says(&["model"]) {
        let model = fault.message.split(['\'', '"']).nth(1).unwrap_or("MODEL");
        // The answer can be spurious while models are rescanned: a probe settles it.
        let message = format!("{who}: run `ollama pull {model}`");
        return Some(pause(Trouble::Setup, Some(Duration::from_secs(30)), message));
    }
    None
}

/// The rows all families share, by status. 0 stands for an error object without any.
fn by_status(fault: &Fault) -> ProviderError {
    let (who, said) = (fault.who, &fault.message);
    let status = fault.status;
    let text = |what: &str| format!("{who}: {what}{}{said}", if said.is_empty() { "" } else { ": " });
    match status {
        300..=399 => pause(
            Trouble::Setup,
            None,
            format!(
                "{who}: redirects elsewhere, where a key must not follow; write the final address as base_url"
            ),
        ),
        403 if fault.is_html() => retry(
            Trouble::Server,
            fault.wait(),
            text("refused by a proxy in front of it"),
        ),
        401 => pause(
            Trouble::Auth,
            None,
            format!("key for {who} rejected – fix on the Providers screen or in config.toml: {said}"),
        ),
        403 => pause(Trouble::Auth, None, text("access refused")),
        402 => pause(Trouble::Credit, None, text("out of credit")),
        404 | 410 => pause(
            Trouble::Setup,
            None,
            text("unknown model, or base_url is not the API's address (most end in /v1)"),
        ),
        408 | 504 | 524 => ProviderError {
            maybe_billed: true,
            ..retry(Trouble::Network, fault.wait(), text("timeout on its side"))
        },
        409 | 425 => retry(Trouble::Server, fault.wait(), text("busy")),
        413 => fail(Trouble::Request, text("request too large")),
        429 => rate_limited(fault),
        400..=499 => fail(Trouble::Request, text("request refused")),
        500..=599 => retry(
            Trouble::Server,
            fault.wait(),
            text(&format!("server error {status}")),
        ),
        0 => retry(Trouble::Server, fault.wait(), format!("{who}: {said}")),
        _ => retry(
            Trouble::Garbage,
            fault.wait(),
            text(&format!("unexpected status {status}")),
        ),
    }
}

fn rate_limited(fault: &Fault) -> ProviderError {
    let who = fault.who;
    let wait = fault.wait().unwrap_or(UNSAID);
    let mut message = format!("{who}: rate limit");
    if wait > LONGEST_WAIT
        && let Some(clock) = hint::clock_after(wait, fault.response)
    {
        message = format!("{message}, resumes {clock}");
    }
    if !fault.message.is_empty() {
        message = format!("{message}: {}", fault.message);
    }
    slower(snooze(Trouble::RateLimit, wait, message))
}
