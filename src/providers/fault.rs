//! An error as the wire says it, in any of the shapes seen: object or string, at the top, under `error`, or inside an answer. Knows where
//! each family puts code, kind and wait; decides nothing.

use std::time::Duration;

use serde_json::Value;

use super::hint;
use crate::core::request::RawResponse;
use crate::core::text::{sanitize_line, shorten};

/// Whose rows of the action table apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// OpenAI, and all that speak like it: vLLM, llama.cpp, LM Studio.
    OpenAi,
    /// OpenRouter.
    OpenRouter,
    /// Anthropic's messages.
    Anthropic,
    /// Ollama's own API.
    Ollama,
}

/// An error with its surroundings.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    /// Whose rows apply.
    pub family: Family,
    /// The provider's name in the configuration.
    pub who: &'a str,
    /// HTTP status; for an error inside a success the code in its body, or 0.
    pub status: u16,
    /// The server's words, safe to show, at most 200 characters.
    pub message: String,
    /// The whole response, for its headers.
    pub response: &'a RawResponse,
    /// The error object (or null).
    error: &'a Value,
    /// Every name the error goes by: code, type, `error_type`.
    names: Vec<&'a str>,
}

impl<'a> Fault<'a> {
    /// The error of a whole body: under `error`, or the body itself (`{"message": …}`, `{"detail": …}`), or no JSON at all.
    pub(super) fn of_body(family: Family, who: &'a str, response: &'a RawResponse, body: &'a Value) -> Self {
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        Self::of_error(family, who, response, error)
    }

    /// An error object or string found anywhere.
    pub(super) fn of_error(
        family: Family,
        who: &'a str,
        response: &'a RawResponse,
        error: &'a Value,
    ) -> Self {
        let code = error.get("code");
        let message = ["message", "detail", "error", "msg"]
            .iter()
            .find_map(|key| error.get(key))
            .unwrap_or(error);
        let message = match message {
            Value::String(text) => excerpt(text),
            Value::Null => excerpt(&response.body),
            other => excerpt(&other.to_string()),
        };
        let names = [
            error.get("type"),
            code,
            error.get("error_type"),
            error.pointer("/metadata/error_type"),
            error.pointer("/details/error_code"),
        ];
        let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
        let status = if (200..300).contains(&response.status) {
            code.and_then(status_code)
                .or_else(|| names.iter().find_map(|name| status_of(name)))
                .unwrap_or(0)
        } else {
            response.status
        };
        Self {
            family,
            who,
            status,
            message,
            response,
            error,
            names,
        }
    }

    /// Whether one of these is the error's code or type.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(name))
    }

    /// Whether its message contains one of these, regardless of case.
    pub(super) fn says(&self, parts: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        parts.iter().any(|part| message.contains(part))
    }

    /// A number in the error object.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.error.get(key)?.as_u64()
    }

    /// A word in the error's metadata, safe to show; empty if there is none.
    pub(super) fn field(&self, key: &str) -> String {
        self.metadata(key)
            .and_then(Value::as_str)
            .map(excerpt)
            .unwrap_or_default()
    }

    /// Whether the metadata hold this.
    pub(super) fn has(&self, key: &str) -> bool {
        self.metadata(key).is_some_and(|value| !value.is_null())
    }

    /// A list of words in the metadata, joined.
    pub(super) fn list(&self, key: &str) -> Option<String> {
        joined(self.metadata(key)?)
    }

    /// Whether the error says why a model is not to be had (OpenRouter's `availability`).
    pub(super) fn has_availability(&self) -> bool {
        self.available().is_some()
    }

    /// A word of the availability.
    pub(super) fn availability(&self, key: &str) -> &str {
        self.available()
            .and_then(|found| found.get(key)?.as_str())
            .unwrap_or_default()
    }

    /// Whether it is worth asking again.
    pub(super) fn retryable(&self) -> bool {
        self.available()
            .and_then(|found| found.get("retryable")?.as_bool())
            .unwrap_or_else(|| self.availability("code") == "capacity_exhausted")
    }

    /// "; try …" with the models offered instead, or nothing.
    pub(super) fn fallbacks(&self) -> String {
        self.available()
            .and_then(|found| joined(found.get("fallback_models")?))
            .map(|models| format!("; try {models}"))
            .unwrap_or_default()
    }

    /// How long the server asks to wait, wherever it says so: headers, body, headers repeated in the body, the sentence itself.
    pub(super) fn wait(&self) -> Option<Duration> {
        let number = |value: Option<&Value>| Duration::try_from_secs_f64(value?.as_f64()?).ok();
        let repeated = |name: &str| {
            let headers = self.error.pointer("/metadata/headers")?.as_object()?;
            let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            hint::reset(&text, self.response)
        };
        let exhausted = |remaining: &str, reset: &str| {
            let none_left = self
                .response
                .header(remaining)
                .is_some_and(|left| left.trim() == "0");
            let reset = self.response.header(reset).filter(|_| none_left)?;
            hint::reset(reset, self.response)
        };
        hint::retry_after(self.response)
            .or_else(|| number(self.error.get("retry_after")))
            .or_else(|| number(self.metadata("retry_after")))
            .or_else(|| number(self.available().and_then(|found| found.get("retry_after"))))
            .or_else(|| repeated("retry-after"))
            .or_else(|| repeated("x-ratelimit-reset"))
            .or_else(|| hint::reset(self.response.header("x-ratelimit-reset")?, self.response))
            .or_else(|| exhausted("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"))
            .or_else(|| exhausted("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"))
            .or_else(|| hint::in_words(&self.message))
    }

    /// Whether the body is a web page: a proxy speaks, not the API.
    pub(super) fn is_html(&self) -> bool {
        self.response
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
            || self.response.body.trim_start().starts_with("<!")
            || self.response.body.trim_start().starts_with("<html")
    }

    fn metadata(&self, key: &str) -> Option<&'a Value> {
        self.error.get("metadata")?.get(key)
    }

    fn available(&self) -> Option<&'a Value> {
        let found = self
            .error
            .get("availability")
            .or_else(|| self.metadata("availability"))?;
        found.is_object().then_some(found)
    }
}

/// The start of a foreign text: one line, safe to show, at most 200 characters.
pub(super) fn excerpt(text: &str) -> String {
    let head: String = text.trim().chars().take(2048).collect();
    shorten(sanitize_line(&head).as_str(), 200)
}

fn status_code(code: &Value) -> Option<u16> {
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number)
        .ok()
        .filter(|status| (300..600).contains(status))
}

/// The status an error type stands for, where an error arrives inside a success and says no number.
fn status_of(name: &str) -> Option<u16> {
    Some(match name {
        "invalid_request_error" | "invalid_request" | "invalid_prompt" | "BadRequestError" => 400,
        "authentication_error" | "authentication" => 401,
        "payment_required" | "billing_error" => 402,
        "permission_error" | "moderation" | "guardrail" => 403,
        "not_found_error" | "NotFoundError" => 404,
        "timeout" => 504,
        "request_too_large" => 413,
        "rate_limit_error" | "rate_limit_exceeded" => 429,
        "api_error" | "server_error" | "server" | "unmapped" | "InternalServerError" => 500,
        "provider_unavailable" => 502,
        "provider_overloaded" | "unavailable_error" => 503,
        "overloaded_error" => 529,
        _ => return None,
    })
}

fn joined(list: &Value) -> Option<String> {
    let words: Vec<String> = list
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .map(excerpt)
        .take(8)
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}
