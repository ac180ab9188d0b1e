//! What is wrong with settings as a whole, whoever wrote them: names, addresses, prices, and keys that do not fit their kind.

use std::collections::BTreeSet;

use super::keys::{COLORS, GLYPHS, NOTIFY};
use super::problem::{Origin, Problem};
use crate::core::settings::{ModelSettings, ProviderSettings, Settings};
use crate::core::text::nearest;

/// Kinds that need no list of models: they answer for any.
const WITHOUT_MODELS: [&str; 2] = ["mock", "replay"];

/// Everything wrong; empty is good. `provider_kinds` are those of the provider catalog. Problems have no place:
/// [`super::Loaded::check`] knows it.
pub fn check_settings(settings: &Settings, provider_kinds: &[&str]) -> Vec<Problem> {
    let mut found = Findings(Vec::new());
    let (ui, engine) = (&settings.ui, &settings.engine);
    if !COLORS.contains(&ui.color.as_str()) {
        found.add("ui.color", format!("must be one of: {}", COLORS.join(", ")));
    }
    if !GLYPHS.contains(&ui.glyphs.as_str()) {
        found.add("ui.glyphs", format!("must be one of: {}", GLYPHS.join(", ")));
    }
    if !NOTIFY.contains(&ui.notify.as_str()) {
        found.add("ui.notify", format!("must be one of: {}", NOTIFY.join(", ")));
    }
    if engine.jobs_at_once == 0 {
        found.add("engine.jobs_at_once", "must be at least 1, or no job runs");
    }
    if engine.usd_per_day.is_some_and(is_no_amount) {
        found.add("engine.usd_per_day", "must not be negative");
    }
    let mut names = BTreeSet::new();
    for provider in &settings.providers {
        let mut within = Findings(Vec::new());
        check_provider(provider, provider_kinds, &mut within);
        if !names.insert(&provider.name) {
            within.add("name", "is used twice: jobs could not tell the two apart");
        }
        for mut problem in within.0 {
            problem.key = format!("providers.{}.{}", provider.name, problem.key);
            found.0.push(problem);
        }
    }
    found.0
}

struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, key: &str, message: impl Into<String>) {
        self.0.push(Problem::new(Origin::Default, key, message));
    }
}

fn is_no_amount(number: f64) -> bool {
    !number.is_finite() || number < 0.0
}

fn check_provider(provider: &ProviderSettings, kinds: &[&str], found: &mut Findings) {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if provider.name.is_empty() || !provider.name.bytes().all(plain) {
        found.add("name", "must be small letters, digits and -");
    }
    if provider.name == "mock" && provider.kind != "mock" {
        found.add(
            "name",
            "is taken by the built-in mock, whose samples must be told apart",
        );
    }
    check_kind(&provider.kind, kinds, found);
    if let Some(url) = &provider.base_url {
        check_address(url, provider, found);
    }
    check_fit(provider, found);
    check_numbers(provider, found);
    let mut ids = BTreeSet::new();
    for (at, model) in provider.models.iter().enumerate() {
        let key = |name: &str| format!("models[{at}].{name}");
        if !ids.insert(&model.id) {
            found.add(&key("id"), "stands twice at this provider");
        }
        check_model(model, &key, found);
    }
}

fn check_kind(kind: &str, kinds: &[&str], found: &mut Findings) {
    if kind.is_empty() {
        found.add("kind", format!("is missing; one of: {}", kinds.join(", ")));
    } else if !kinds.contains(&kind) {
        let mut problem = Problem::new(
            Origin::Default,
            "kind",
            format!("is no kind of provider; one of: {}", kinds.join(", ")),
        );
        problem.nearest = nearest(kind, kinds).map(str::to_owned);
        found.0.push(problem);
    }
}

/// `http(s)://host[:port][/path]`, and a key only over https or to this machine.
fn check_address(url: &str, provider: &ProviderSettings, found: &mut Findings) {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return found.add("base_url", "must begin with https:// or http://"),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        found.add("base_url", "must not hold blanks or control characters");
    } else if authority.contains('@') || rest.contains(['?', '#']) {
        found.add(
            "base_url",
            "must not hold a user, a key or a query; keys belong into api_key",
        );
    } else if host(authority).is_none() {
        found.add(
            "base_url",
            "must name a host, and a port in 1–65535 if any: https://host:port/v1",
        );
    } else if !secure
        && provider.api_key.is_some()
        && !provider.allow_insecure_http
        && !is_loopback(authority)
    {
        let what = "would send the key unencrypted; use https://, or set allow_insecure_http = true";
        found.add("base_url", what);
    }
}

/// The host of `host[:port]`, without the brackets of an IPv6 address; `None` if either is none.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, port.strip_prefix(':').or(port.is_empty().then_some("")))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        }
    };
    let port = port?;
    let port_fits = port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    (!host.is_empty() && port_fits).then_some(host)
}

fn is_loopback(authority: &str) -> bool {
    host(authority).is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// Keys that mean something to one kind only.
fn check_fit(provider: &ProviderSettings, found: &mut Findings) {
    let script = provider.kind == "script";
    if script && provider.command.is_empty() {
        found.add("command", "is missing: the program and its arguments");
    }
    if provider.kind == "replay" && provider.cassette.is_none() {
        found.add("cassette", "is missing: the recorded file");
    }
    let only = [
        ("command", !provider.command.is_empty(), "script"),
        ("workers", provider.workers.is_some(), "script"),
        ("env", !provider.env.is_empty(), "script"),
        ("sha256", provider.sha256.is_some(), "script"),
        ("latency_ms", provider.latency_ms.is_some(), "mock"),
        ("faults", !provider.faults.is_empty(), "mock"),
        ("seed", provider.seed.is_some(), "mock"),
        ("cassette", provider.cassette.is_some(), "replay"),
    ];
    for (key, set, kind) in only {
        if set && provider.kind != kind {
            found.add(key, format!("means something only at kind = \"{kind}\""));
        }
    }
    let local = script || WITHOUT_MODELS.contains(&provider.kind.as_str());
    if local && provider.base_url.is_some() {
        found.add(
            "base_url",
            format!("means nothing at kind = \"{}\"", provider.kind),
        );
    }
    if local && provider.api_key.is_some() {
        found.add(
            "api_key",
            format!("means nothing at kind = \"{}\"", provider.kind),
        );
    }
    if provider.models.is_empty() && !WITHOUT_MODELS.contains(&provider.kind.as_str()) {
        found.add(
            "models",
            "is empty: without a model there is no teacher; add [[providers.models]]",
        );
    }
    let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if provider.sha256.as_ref().is_some_and(|text| !is_hash(text)) {
        found.add(
            "sha256",
            "must be 64 hexadecimal digits, as `sha256sum FILE` prints them",
        );
    }
    for name in &provider.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            found.add("env", "must hold names of variables");
        }
    }
}

fn check_numbers(provider: &ProviderSettings, found: &mut Findings) {
    let limits = &provider.limits;
    let zeros = [
        ("limits.concurrency", limits.concurrency == Some(0)),
        (
            "limits.requests_per_minute",
            limits.requests_per_minute == Some(0),
        ),
        ("limits.tokens_per_minute", limits.tokens_per_minute == Some(0)),
        ("timeout_seconds", provider.timeout_seconds == Some(0)),
        ("workers", provider.workers == Some(0)),
    ];
    for (key, zero) in zeros {
        if zero {
            found.add(key, "must be at least 1; leave it out for no limit");
        }
    }
    if limits.usd.is_some_and(is_no_amount) {
        found.add("limits.usd", "must not be negative");
    }
    let shares = provider
        .faults
        .values()
        .map(|share| share.as_f64().unwrap_or(f64::NAN));
    if !(0.0..=1.0).contains(&shares.sum::<f64>())
        || provider.faults.values().any(|share| share.as_f64() < Some(0.0))
    {
        found.add("faults", "must be shares of the requests, together at most 1");
    }
}

fn check_model(model: &ModelSettings, key: &dyn Fn(&str) -> String, found: &mut Findings) {
    if model.id.trim().is_empty() {
        found.add(&key("id"), "must not be empty");
    }
    if is_no_amount(model.weight) {
        found.add(&key("weight"), "must not be negative; 0 is a fallback only");
    }
    if let Some(price) = model.price {
        for (name, number) in [("price.input", price.input), ("price.output", price.output)] {
            if is_no_amount(number) {
                found.add(&key(name), "must not be negative: USD per million tokens");
            }
        }
    }
    if model.context == Some(0) {
        found.add(
            &key("context"),
            "must be at least 1; leave it out if it is unknown",
        );
    }
    if model
        .capabilities
        .iter()
        .any(|capability| capability.trim().is_empty())
    {
        found.add(&key("capabilities"), "must not hold an empty name");
    }
}
