//! One provider, whole: where it is, whether its key is there, limits, health, circuit, and how it was routed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{KeyState, ProviderDetail, ProviderHealth};
use crate::core::budget::{Money, Price};
use crate::core::settings::{KeySource, ProviderSettings};
use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::text::{ago, percent, put, put_all, time_of_day, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::chart::sparkline;
use crate::tui::widgets::pane::pane;

use super::gauge::seconds;

/// Tokens of a test: the question, and the most it may answer.
pub(super) const TEST: (u64, u64) = (12, 8);
/// The same where JSON is tried, too.
pub(super) const TEST_WITH_JSON: (u64, u64) = (80, 60);

/// What a test costs, roughly.
pub(super) fn cost_of_test(price: Option<Price>, tokens: (u64, u64)) -> String {
    match price.map(|price| price.cost(tokens.0, tokens.1)) {
        None => "a few tokens, price unknown".to_owned(),
        Some(Money(0)) => "free".to_owned(),
        Some(usd) if usd.0 < 100 => "under $0.0001".to_owned(),
        Some(usd) => format!("≈ {usd}"),
    }
}

/// Where a key is looked for, and whether it is there; never the key.
pub(super) fn key(settings: &ProviderSettings, state: &KeyState) -> String {
    let place = match &settings.api_key {
        None => return "none".to_owned(),
        Some(KeySource::Env(name)) => format!("${name}"),
        Some(KeySource::File(path)) => format!("file {}", path.display()),
        Some(KeySource::Command(words)) => format!("command {}", words.first().map_or("", String::as_str)),
    };
    match state {
        KeyState::Set { ending: Some(end) } => format!("{place}   …{end}"),
        KeyState::Set { ending: None } => format!("{place}   set"),
        KeyState::Unset => format!("{place}   ✗ not set"),
        KeyState::Elsewhere => format!("{place}   read when it is used"),
        KeyState::None => place,
    }
}

/// The same as a word for the list.
pub(super) fn key_word(settings: &ProviderSettings, state: &KeyState) -> &'static str {
    match (&settings.api_key, state) {
        (None, _) => "none",
        (Some(KeySource::Env(_)), KeyState::Unset) => "env ✗",
        (Some(KeySource::Env(_)), _) => "env ✓",
        (Some(KeySource::File(_)), _) => "file",
        (Some(KeySource::Command(_)), _) => "cmd",
    }
}

fn limits(settings: &ProviderSettings, health: &ProviderHealth) -> String {
    let limits = &settings.limits;
    let number = |value: Option<u64>, what: &str| value.map(|value| format!("{} {what}", grouped(value)));
    let parts = [
        Some(format!("{} at once now", grouped(health.limit))),
        number(limits.concurrency.map(u64::from), "at most"),
        number(limits.requests_per_minute.map(u64::from), "rpm"),
        number(limits.tokens_per_minute, "tpm"),
        limits.usd.map(|usd| format!("{} in all", Money::from_usd(usd))),
        number(limits.tokens, "tokens in all"),
        number(limits.requests, "requests in all"),
        Some(format!("{} s timeout", settings.timeout().as_secs())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn capabilities(settings: &ProviderSettings) -> String {
    let mut all: Vec<&str> = Vec::new();
    for word in settings.models.iter().flat_map(|model| &model.capabilities) {
        if !all.contains(&word.as_str()) {
            all.push(word);
        }
    }
    if all.is_empty() {
        "whatever it is asked (no model declares capabilities)".to_owned()
    } else {
        all.join(" ")
    }
}

fn rate(detail: &ProviderDetail) -> Option<String> {
    let part = |seen: Option<(u64, std::time::Duration)>, what: &str| {
        seen.map(|(left, reset)| format!("{} {what} left, anew in {} s", grouped(left), reset.as_secs()))
    };
    let parts = [
        part(detail.rate.requests, "requests"),
        part(detail.rate.tokens, "tokens"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn circuit(detail: &ProviderDetail) -> String {
    let circuit = &detail.circuit;
    let failures = match circuit.failures {
        0 => String::new(),
        1 => " · 1 failure in a row".to_owned(),
        many => format!(" · {many} failures in a row"),
    };
    match (circuit.open_for_requests, circuit.probe_in) {
        (true, _) => format!("closed: requests go out{failures}"),
        (false, Some(time)) => format!(
            "open: tried again in {} s · b tries now{failures}",
            time.as_secs()
        ),
        (false, None) if detail.settings.disabled => "switched off · space switches it on".to_owned(),
        (false, None) => format!("open until a person helps · b tries again{failures}"),
    }
}

/// Everything about it, as name and text, each perhaps over several rows.
fn facts(detail: &ProviderDetail, health: &ProviderHealth) -> Vec<(&'static str, String)> {
    let settings = &detail.settings;
    let where_to = if settings.kind == "script" {
        ("command", settings.command.join(" "))
    } else {
        ("base url", detail.address.clone().unwrap_or_default())
    };
    let mut facts = vec![
        where_to,
        ("key", key(settings, &detail.key)),
        ("limits", limits(settings, health)),
    ];
    if settings.kind == "mock" {
        facts.drain(..2);
    }
    let errors = percent(health.errors, health.requests);
    let times = format!(
        "p50 {} p95 {} · {} sent · err {errors}% · 429 ×{}",
        seconds(health.p50_ms),
        seconds(health.p95_ms),
        grouped(health.requests),
        grouped(health.limited)
    );
    facts.push(("health", times));
    facts.push(("circuit", circuit(detail)));
    if detail.p95s.len() > 1 {
        let values: Vec<Option<f64>> = detail.p95s.iter().map(|ms| Some(*ms as f64)).collect();
        facts.push(("p95", sparkline(&values[values.len().saturating_sub(30)..])));
    }
    facts.extend(rate(detail).map(|rate| ("rate limit", rate)));
    for (job, share) in &detail.routed {
        facts.push(("routed", format!("{:.0} % of {job}", share * 100.0)));
    }
    facts.push(("can do", capabilities(settings)));
    let retry = "6 tries a question · 1 s → 60 s · obeys Retry-After";
    facts.push(("retry", retry.to_owned()));
    let origin = detail.origin.clone();
    facts.push((
        "set in",
        origin.unwrap_or_else(|| "built in, always there".to_owned()),
    ));
    facts
}

/// What a test said, for the pane.
pub(super) enum TestShown<'a> {
    /// None is under way, none was made in this session.
    None,
    /// Under way for so many seconds.
    Running(u64),
    /// It ended like this: a sentence, and what to do.
    Ended {
        /// It answered.
        ok: bool,
        /// What happened.
        text: String,
        /// What helps.
        help: Option<&'a str>,
    },
}

/// Draws it.
pub(super) fn draw(
    detail: &ProviderDetail,
    health: &ProviderHealth,
    test: &TestShown<'_>,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.height < 3 {
        return;
    }
    let last = detail.tested.as_ref().map(|tested| {
        let now = shared.options.started_ms + shared.now.as_millis() as i64;
        let age = std::time::Duration::from_millis((now - tested.at_ms).max(0).cast_unsigned());
        let at = if age.as_secs() < 43_200 {
            time_of_day(tested.at_ms, shared.options.offset_seconds)[..5].to_owned()
        } else {
            format!("{} ago", ago(age))
        };
        if tested.ok && tested.latency_ms == 0 {
            // It was only looked for: nothing was asked that could take time.
            format!("last test {at} ok")
        } else if tested.ok {
            format!("last test {at} ok {} ms", tested.latency_ms)
        } else {
            format!("last test {at} failed")
        }
    });
    let fact = last.unwrap_or_else(|| "never tested".to_owned());
    let inner = pane(buf, area, &detail.settings.name, &fact, false, shared);
    let width = usize::from(inner.width.saturating_sub(2));
    let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
    let mut row = 0;
    if let Some(message) = &health.message {
        for line in wrap(message, width) {
            put(buf, inner, 1, row, &line, shared.style(Slot::Warn));
            row += 1;
        }
        row += 1;
    }
    let told = !matches!(test, TestShown::None);
    if told {
        row += draw_test(test, &detail.settings, shared, inner, row, buf);
    }
    for (name, text) in facts(detail, health) {
        for (at, line) in wrap(&text, width.saturating_sub(11)).iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            put_all(buf, inner, 1, row, &[(&format!("{name:<11}"), muted), (line, fg)]);
            row += 1;
        }
    }
    row += 1;
    if !told {
        row += draw_test(test, &detail.settings, shared, inner, row, buf);
    }
    let models = &detail.settings.models;
    put(
        buf,
        inner,
        1,
        row,
        &format!("Teachers ({})", models.len()),
        shared.style(Slot::Title),
    );
    for model in models {
        row += 1;
        let price = model
            .price
            .map(|price| format!("  ${:.2} in ${:.2} out", price.input, price.output));
        let about = format!("  weight {}{}", model.weight, price.unwrap_or_default());
        put_all(buf, inner, 2, row, &[(&model.id, fg), (&about, muted)]);
    }
}

/// Draws what a test said; says how many rows that took.
fn draw_test(
    test: &TestShown<'_>,
    settings: &ProviderSettings,
    shared: &Shared,
    inner: Rect,
    row: u16,
    buf: &mut Buffer,
) -> u16 {
    let width = usize::from(inner.width.saturating_sub(4));
    let (glyph, slot, words, help) = match test {
        TestShown::None => {
            let price = settings.models.first().and_then(|model| model.price);
            let idle = format!("t tests it: {}", cost_of_test(price, TEST));
            ("·", Slot::Muted, idle, None)
        }
        TestShown::Running(elapsed) => {
            let asked = format!("testing … {elapsed} s · esc stops waiting");
            ("●", Slot::Running, asked, None)
        }
        TestShown::Ended { ok: true, text, help } => ("✓", Slot::Ok, text.clone(), *help),
        TestShown::Ended {
            ok: false,
            text,
            help,
        } => ("✗", Slot::Error, text.clone(), *help),
    };
    let mut used = 0;
    put(buf, inner, 1, row, glyph, shared.style(slot));
    for line in wrap(&words, width) {
        put(buf, inner, 3, row + used, &line, shared.style(slot));
        used += 1;
    }
    for line in help.iter().flat_map(|help| wrap(help, width)) {
        put(buf, inner, 3, row + used, &line, shared.style(Slot::Fg));
        used += 1;
    }
    used + 1
}
