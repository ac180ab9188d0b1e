//! What servers say about waiting: `Retry-After`, rate-limit counts and resets, in every notation seen. Pure: "now" is the response's
//! own `date` header, so a wrong clock on either side does no harm and stored responses read the same for ever.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

use crate::core::request::{RateHint, RawResponse};

/// Waits longer than this pause the provider instead of the task.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// Longest hint that is believed at all.
const LONGEST_HINT: f64 = 366.0 * 86_400.0;

/// How long the server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(super) fn retry_after(response: &RawResponse) -> Option<Duration> {
    let milliseconds = response
        .header("retry-after-ms")
        .and_then(|text| seconds(text.trim().parse::<f64>().ok()? / 1e3));
    milliseconds.or_else(|| {
        let text = response.header("retry-after")?.trim();
        match text.parse::<f64>() {
            Ok(number) => seconds(number),
            Err(_) => until(parse_date(text)?, served_at(response)?),
        }
    })
}

/// The wait a rate-limit reset asks for: a duration (`1s`, `6m0s`, `20ms`), seconds, a Unix time in seconds or milliseconds, or a date.
pub(super) fn reset(text: &str, response: &RawResponse) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return if number >= 1e11 {
            until(
                Timestamp::from_millisecond(number as i64).ok()?,
                served_at(response)?,
            )
        } else if number >= 1e9 {
            until(Timestamp::from_second(number as i64).ok()?, served_at(response)?)
        } else {
            seconds(number)
        };
    }
    spelled(text).or_else(|| {
        let at = text.parse().ok().or_else(|| parse_date(text))?;
        until(at, served_at(response)?)
    })
}

/// The wait in a sentence such as "Please try again in 1m26.4s.".
pub(super) fn in_words(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    let word = rest.split_whitespace().next()?;
    spelled(word.trim_end_matches(['.', ',', ';']))
}

/// From the response's time to the first of the next month, UTC.
pub(super) fn until_next_month(response: &RawResponse) -> Option<Duration> {
    let now = served_at(response)?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let next = today
        .first_of_month()
        .checked_add(jiff::Span::new().months(1))
        .ok()?;
    until(next.to_zoned(TimeZone::UTC).ok()?.timestamp(), now)
}

/// The time of day (UTC) that lies this far behind the response, for words such as "resumes at 00:00 UTC".
pub(super) fn clock_after(wait: Duration, response: &RawResponse) -> Option<String> {
    let at = served_at(response)?.checked_add(wait).ok()?;
    Some(at.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string())
}

/// What the rate-limit headers say about the minute ahead, in OpenAI's, OpenRouter's or Anthropic's names.
pub(super) fn rate_hint(response: &RawResponse) -> RateHint {
    let window = |remaining: &[&str], resets: &[&str]| -> Option<(u64, Duration)> {
        let left = remaining.iter().find_map(|name| response.header(name))?;
        let left = left.trim().parse::<f64>().ok()?.max(0.0) as u64;
        let wait = resets
            .iter()
            .find_map(|name| response.header(name))
            .and_then(|text| reset(text, response));
        Some((left, wait?.min(LONGEST_WAIT)))
    };
    RateHint {
        requests: window(
            &[
                "x-ratelimit-remaining-requests",
                "anthropic-ratelimit-requests-remaining",
                "x-ratelimit-remaining",
            ],
            &[
                "x-ratelimit-reset-requests",
                "anthropic-ratelimit-requests-reset",
                "x-ratelimit-reset",
            ],
        ),
        tokens: window(
            &[
                "x-ratelimit-remaining-tokens",
                "anthropic-ratelimit-tokens-remaining",
            ],
            &["x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset"],
        ),
    }
}

/// Durations as Go prints them: `1h2m3.5s`, `6m0s`, `20ms`. Every number needs its unit.
fn spelled(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, scale) = [
            ("ms", 1e-3),
            ("d", 86_400.0),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ]
        .into_iter()
        .find(|(unit, _)| rest.starts_with(unit))?;
        total += number * scale;
        rest = &rest[unit.len()..];
    }
    if text.is_empty() { None } else { seconds(total) }
}

/// A number of seconds as a duration; negative is none to wait, endless and absurd ones are cut to a year.
fn seconds(number: f64) -> Option<Duration> {
    (!number.is_nan()).then(|| Duration::from_secs_f64(number.clamp(0.0, LONGEST_HINT)))
}

fn served_at(response: &RawResponse) -> Option<Timestamp> {
    parse_date(response.header("date")?)
}

fn parse_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

fn until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    seconds(at.duration_since(now).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(headers: &[(&str, &str)]) -> RawResponse {
        RawResponse {
            status: 429,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: String::new(),
            latency: Duration::ZERO,
        }
    }

    const NOON: (&str, &str) = ("date", "Sun, 22 Nov 2026 12:00:00 GMT");

    #[test]
    fn retry_after_in_every_notation() {
        let wait = |headers: &[(&str, &str)]| retry_after(&response(headers));
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(wait(&[("retry-after", "-3")]), Some(Duration::ZERO));
        assert_eq!(
            wait(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        let date = ("retry-after", "Sun, 22 Nov 2026 12:01:30 GMT");
        assert_eq!(wait(&[date, NOON]), Some(Duration::from_secs(90)));
        assert_eq!(
            wait(&[date]),
            None,
            "a date says nothing without the server's own"
        );
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn resets_in_every_notation() {
        let at = |text: &str| reset(text, &response(&[NOON]));
        assert_eq!(at("1s"), Some(Duration::from_secs(1)));
        assert_eq!(at("6m0s"), Some(Duration::from_mins(6)));
        assert_eq!(at("20ms"), Some(Duration::from_millis(20)));
        assert_eq!(at("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(at("1795348810000"), Some(Duration::from_secs(10)));
        assert_eq!(at("1795348810"), Some(Duration::from_secs(10)));
        assert_eq!(at("2026-11-22T12:00:05Z"), Some(Duration::from_secs(5)));
        assert_eq!(at("12"), Some(Duration::from_secs(12)));
        assert_eq!(at("-1"), Some(Duration::ZERO));
        assert_eq!(at("12 parsecs"), None);
        assert_eq!(at(""), None);
        assert_eq!(
            in_words("Limit 3, Used 3. Please try again in 1m26.4s. Visit the page."),
            Some(Duration::from_millis(86_400))
        );
    }

    #[test]
    fn the_month_ends_at_its_end() {
        assert_eq!(
            until_next_month(&response(&[NOON])),
            Some(Duration::from_hours(204))
        );
        assert_eq!(
            clock_after(Duration::from_hours(12), &response(&[NOON])).as_deref(),
            Some("00:00 UTC")
        );
    }

    #[test]
    fn counts_of_both_families() {
        let openai = response(&[
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        assert_eq!(
            rate_hint(&openai),
            RateHint {
                requests: Some((59, Duration::from_secs(1))),
                tokens: Some((149_984, Duration::from_mins(6)))
            }
        );
        let anthropic = response(&[
            NOON,
            ("anthropic-ratelimit-requests-remaining", "4"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T12:00:30Z"),
        ]);
        assert_eq!(rate_hint(&anthropic).requests, Some((4, Duration::from_secs(30))));
        assert_eq!(rate_hint(&response(&[])), RateHint::default());
    }

    proptest! {
        #[test]
        fn total_on_anything(text in ".*", date in ".*") {
            let any = response(&[("date", &date), ("retry-after", &text), ("retry-after-ms", &text)]);
            let _ = (retry_after(&any), reset(&text, &any), in_words(&text), rate_hint(&any));
            let any = response(&[NOON, ("x-ratelimit-reset", &text), ("x-ratelimit-remaining", "1")]);
            let _ = (reset(&text, &any), rate_hint(&any));
        }

        #[test]
        fn total_on_numbers(number in any::<f64>()) {
            let text = number.to_string();
            let any = response(&[NOON, ("retry-after", &text)]);
            for wait in [retry_after(&any), reset(&text, &any)].into_iter().flatten() {
                prop_assert!(wait <= Duration::from_secs_f64(LONGEST_HINT));
            }
        }
    }
}
