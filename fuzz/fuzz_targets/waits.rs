//! F9: whatever a server says about waiting, in a header or in words, is a wait of at most a year or none. The input is what it says,
//! its date and its status, a line each.
#![no_main]

use std::time::Duration;

use destilation::core::request::{Action, RateHint};
use destilation_fuzz::{READERS, made};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const YEAR: Duration = Duration::from_secs(366 * 86_400);

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let said = lines.next().unwrap_or_default();
    let date = lines.next().unwrap_or("Sun, 22 Nov 2026 12:00:00 GMT");
    let status = lines.next().and_then(|line| line.parse().ok()).unwrap_or(429);
    let message = format!("Limit reached. Please try again in {said}. Thank you");
    let inner = json!({"headers": {"X-RateLimit-Reset": said}, "retry_after": said});
    let body = json!({"error": {"code": status, "message": message, "metadata": inner}}).to_string();
    // The first two would hide the others.
    for hidden in 0..3 {
        let headers = [
            ("retry-after-ms", said),
            ("retry-after", said),
            ("x-ratelimit-reset", said),
            ("x-ratelimit-reset-requests", said),
            ("x-ratelimit-reset-tokens", said),
            ("anthropic-ratelimit-requests-reset", said),
            ("anthropic-ratelimit-tokens-reset", said),
            ("x-ratelimit-remaining", said),
            ("x-ratelimit-remaining-tokens", "7"),
            ("anthropic-ratelimit-requests-remaining", "7"),
            ("date", date),
        ];
        let headers = headers[hidden..].iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let response = made(status, headers, body.clone());
        for (kind, reader) in READERS.iter() {
            let RateHint { requests, tokens } = reader.rate_hint(&response);
            for (_, wait) in [requests, tokens].into_iter().flatten() {
                assert!(wait <= YEAR, "{kind}: {wait:?}");
            }
            let wait = match reader.read(&response).map_err(|error| error.action) {
                Err(Action::Retry { after }) => after,
                Err(Action::Snooze(wait)) => Some(wait),
                Err(Action::Pause { resume_after }) => resume_after,
                Err(Action::Fail) | Ok(_) => None,
            };
            assert!(wait.is_none_or(|wait| wait <= YEAR), "{kind}: {wait:?}");
        }
    }
});
