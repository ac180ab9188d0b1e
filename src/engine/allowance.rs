//! What a provider's settings say about requests at once: how many at most, where they start, and why there are fewer, in words.

use std::time::Duration;

use super::concurrency::Concurrency;
use crate::core::settings::ProviderSettings;

/// Requests at once where neither job nor provider sets any.
const CONCURRENCY: u32 = 4096;
/// Seconds after which an answer is given up where nobody says.
const PATIENCE: u64 = 600;

/// Requests a provider takes at once at most.
pub(super) fn most_at_once(settings: &ProviderSettings) -> u32 {
    let default = match settings.kind.as_str() {
        "ollama" => 4,
        "script" => settings.workers.unwrap_or(1),
        _ => CONCURRENCY,
    };
    settings.limits.concurrency.unwrap_or(default).max(1)
}

/// Where its requests at once start: at the limit the user has set for it, else low, growing while nothing speaks against it.
pub(super) fn concurrency(settings: &ProviderSettings) -> Concurrency {
    let limit = match settings.limits.concurrency {
        Some(limit) => Concurrency::trusted(limit),
        None => Concurrency::new(most_at_once(settings), is_own(settings)),
    };
    limit.patient(Duration::from_secs(settings.timeout_seconds.unwrap_or(PATIENCE)))
}

/// Whether it is a machine of the user's own: hosted ones speak https.
fn is_own(settings: &ProviderSettings) -> bool {
    let plain = |url: &String| url.starts_with("http://");
    settings.kind == "ollama" || settings.base_url.as_ref().is_some_and(plain)
}

/// Why fewer requests are in flight, in words.
pub(super) fn slower(now: Duration, before: Duration) -> String {
    let [now, before] = [now, before].map(|time| time.as_secs_f64());
    format!("answers take {now:.1} s instead of {before:.1} s: fewer at once")
}
