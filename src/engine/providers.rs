//! The providers seen from outside: what they are like, what they offer, a tiny call to try them, and taking up settings that changed
//! while jobs run. Which of them gets a task is the router's business.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::Shared;
use super::governor::Station;
use super::roster::Roster;
use crate::core::api::{
    Failure, FailureKind, LastTest, LogLevel, Offer, ProviderDetail, ProviderHealth, Receipt, Tested,
};
use crate::core::budget::{Amount, Caps, Money, Price};
use crate::core::conversation::{Message, Role};
use crate::core::directory::Configured;
use crate::core::extract::extract_json;
use crate::core::job::PauseReason;
use crate::core::ports::{ModelInfo, ModelProvider};
use crate::core::request::{Completion, ModelRequest, Params, ProviderError, RawResponse, Trouble};
use crate::core::settings::{ModelSettings, ProviderLimits, ProviderSettings};
use crate::core::text::shorten;

mod failures;

use failures::explained;
pub(super) use failures::failure;

/// Longest wait for a test or a list of models.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long more is logged than was configured.
const LOUD: Duration = Duration::from_mins(10);

/// The endpoints as they are now, with all that was ever spent at them.
pub(super) async fn health(shared: &Shared) -> Result<Vec<ProviderHealth>, Failure> {
    let roster = shared.roster();
    let mut rows = Vec::with_capacity(roster.stations.len());
    for station in &roster.stations {
        let mut health = station.health();
        health.usd = shared.store.spent_at(&health.name).await?.usd;
        if roster.mock_by_default && health.name == "mock" && health.message.is_none() {
            health.message = Some("built in; asked because no other provider is configured".to_owned());
        }
        rows.push(health);
    }
    Ok(rows)
}

/// The endpoints with everything known of them.
pub(super) async fn details(shared: &Shared) -> Result<Vec<ProviderDetail>, Failure> {
    let all_routes = routes_of_jobs(shared).await?;
    let now = Instant::now();
    let roster = shared.roster();
    let kinds = shared.directory.kinds();
    let mut details = Vec::with_capacity(roster.stations.len());
    for (station, health) in roster.stations.iter().zip(health(shared).await?) {
        let settings = station.settings.clone();
        let routed = all_routes
            .iter()
            .filter(|(_, provider, _)| *provider == settings.name)
            .map(|(job, _, share)| (job.clone(), *share))
            .collect();
        let kind = kinds.iter().find(|kind| kind.kind == settings.kind);
        let default = kind.and_then(|kind| kind.base_url.clone());
        details.push(ProviderDetail {
            address: settings.base_url.clone().or(default),
            origin: shared.directory.origin(&settings.name),
            key: shared.directory.key(&settings),
            requests_ever: shared.store.spent_at(&settings.name).await?.requests,
            p95s: station.p95s(),
            rate: station.rate(now),
            circuit: station.circuit(now),
            routed,
            tested: shared.directory.tested(&settings),
            health,
            settings,
        });
    }
    Ok(details)
}

/// Of each running job, which share of its requests went to which provider: job, provider, share.
async fn routes_of_jobs(shared: &Shared) -> Result<Vec<(String, String, f64)>, Failure> {
    let running: Vec<_> = shared.jobs().values().cloned().collect();
    let mut routes: Vec<(String, String, f64)> = Vec::new();
    for job in running {
        let teachers = shared.store.by_teacher(job.job.id).await?;
        let all: u64 = teachers.iter().map(|(_, amount, ..)| amount.requests).sum();
        for (teacher, amount, ..) in teachers {
            let provider = teacher.split('/').next().unwrap_or_default();
            let share = amount.requests as f64 / all.max(1) as f64;
            let name = &job.spec.name;
            match routes.iter_mut().find(|(of, at, _)| of == name && at == provider) {
                Some((_, _, known)) => *known += share,
                None => routes.push((name.clone(), provider.to_owned(), share)),
            }
        }
    }
    Ok(routes)
}

/// Lets one request through to a closed provider.
pub(super) fn reopen(shared: &Shared, name: &str) -> Result<Receipt, Failure> {
    let roster = shared.roster();
    let station = roster.station(name).ok_or_else(|| unknown(&roster, name))?;
    station.reopen(Instant::now());
    tracing::info!(provider = name, "its circuit was reset by hand");
    Ok(Receipt::Done)
}

/// Logs more, or less again; more only for a while.
pub(super) fn set_log_level(shared: &Arc<Shared>, level: Option<LogLevel>) {
    shared.log.set_level(level);
    if level.is_some_and(|level| level > LogLevel::Info) {
        let log = Arc::clone(&shared.log);
        let ending = shared.tracker.clone();
        shared.tracker.spawn(async move {
            let mut waited = Duration::ZERO;
            while waited < LOUD && !ending.is_closed() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                waited += Duration::from_secs(1);
            }
            log.set_level(None);
        });
    }
}

/// Carries out a change of the configuration, and takes up what holds then: whatever stayed the same goes on as it was, whatever is in
/// flight finishes as it began.
pub(super) async fn configure(
    shared: &Shared,
    change: impl Future<Output = Result<Configured, Failure>>,
) -> Result<Receipt, Failure> {
    let _alone = shared.configuring.lock().await;
    let configured = change.await?;
    let before = shared.roster();
    let mut stations = Vec::with_capacity(configured.providers.len());
    for settings in configured.providers {
        stations.push(match before.station(&settings.name) {
            Some(old) => taken_over(shared, old, settings).await,
            None => Arc::new(new(shared, settings).await?),
        });
    }
    shared.replace_roster(Roster::new(stations, configured.mock_by_default));
    let names: Vec<String> = shared
        .roster()
        .stations
        .iter()
        .map(|station| station.settings.name.clone())
        .collect();
    tracing::info!(providers = names.join(" "), "the providers were configured anew");
    shared.show_providers();
    Ok(Receipt::Done)
}

/// An endpoint that was there before.
async fn taken_over(shared: &Shared, old: &Arc<Station>, settings: ProviderSettings) -> Arc<Station> {
    let built = old.provider.is_some();
    if built && old.settings == settings {
        return Arc::clone(old);
    }
    if built && connection(&old.settings) == connection(&settings) {
        return Arc::new(old.with(settings, None));
    }
    let provider = shared.directory.build(&settings).await;
    Arc::new(old.with(settings, Some(provider)))
}

async fn new(shared: &Shared, settings: ProviderSettings) -> Result<Station, Failure> {
    let provider = shared.directory.build(&settings).await;
    let spent = if settings.limits.caps() == Caps::default() {
        Amount::default()
    } else {
        shared.store.spent_at(&settings.name).await?
    };
    Ok(Station::new(settings, provider, spent))
}

/// What an adapter is built from: all but limits, weights and whether it is used.
fn connection(settings: &ProviderSettings) -> ProviderSettings {
    let models = settings.models.iter().map(|model| ModelSettings {
        weight: 1.0,
        ..model.clone()
    });
    ProviderSettings {
        models: models.collect(),
        limits: ProviderLimits::default(),
        disabled: false,
        ..settings.clone()
    }
}

/// The models a configured provider offers, asked over the wire.
pub(super) async fn models(shared: &Shared, name: &str) -> Result<Vec<ModelInfo>, Failure> {
    let roster = shared.roster();
    let station = roster.station(name).ok_or_else(|| unknown(&roster, name))?;
    let provider = station.provider.as_ref().ok_or_else(|| off(station))?;
    let models = provider.models().await.map_err(|error| failure(&error))?;
    Ok(shared.directory.keep_offer(&station.settings, models).models)
}

/// The models of any settings: as remembered, else asked. Where asking fails, the older list stands in with the reason.
pub(super) async fn offer(
    shared: &Shared,
    settings: &ProviderSettings,
    refresh: bool,
) -> Result<Offer, Failure> {
    let known = shared.directory.offered(settings);
    if let (Some(known), false) = (&known, refresh) {
        return Ok(known.clone());
    }
    let asked = match adapter(shared, settings).await {
        Ok(provider) => timeout(PATIENCE, provider.models())
            .await
            .map_err(|_| too_late(settings))
            .and_then(|models| models.map_err(|error| explained(settings, &error))),
        Err(failure) => Err(failure),
    };
    match (asked, known) {
        (Ok(models), _) => Ok(shared.directory.keep_offer(settings, models)),
        (Err(failure), Some(known)) => Ok(Offer {
            stale: Some(failure.message),
            ..known
        }),
        (Err(failure), None) => Err(failure),
    }
}

/// One tiny call over the wire to a configured provider: its first model, or the one that is named, eight tokens.
pub(super) async fn test(shared: &Shared, name: &str) -> Result<Tested, Failure> {
    let roster = shared.roster();
    let (provider_name, model) = match roster.teacher(name) {
        Some((_, teacher)) => (teacher.provider.clone(), Some(teacher.model.clone())),
        None => (name.to_owned(), None),
    };
    let station = roster
        .station(&provider_name)
        .ok_or_else(|| unknown(&roster, name))?;
    let provider = station.provider.as_ref().ok_or_else(|| off(station))?;
    let settings = &station.settings;
    let model = model.or_else(|| settings.models.first().map(|model| model.id.clone()));
    let tested = timeout(PATIENCE, call(provider.as_ref(), settings, model.as_deref()))
        .await
        .unwrap_or_else(|_| Err(too_late(settings)));
    remember(shared, settings, &tested);
    let tested = tested?;
    tested.ok_or_else(|| {
        let missing = Failure::new(
            FailureKind::Invalid,
            format!("provider `{name}` has no models configured"),
        );
        missing.help(format!(
            "`destiler providers models {name}` lists what it offers; add one as [[providers.models]]"
        ))
    })
}

/// The same with settings that need not be saved: the models are counted, and JSON is tried.
pub(super) async fn test_settings(shared: &Shared, settings: &ProviderSettings) -> Result<Tested, Failure> {
    let provider = adapter(shared, settings).await?;
    let trying = async {
        let model = settings.models.first().map(|model| model.id.as_str());
        let tested = call(provider.as_ref(), settings, model).await?;
        // A wire without a list is none the worse for it.
        let models = provider.models().await.ok();
        let mut tested = tested.unwrap_or_default();
        if let (Some(id), false) = (model, tested.teacher.is_empty()) {
            let (json, usd) = writes_json(provider.as_ref(), settings, id).await;
            tested.json = json;
            tested.usd = tested.usd.plus(usd);
        }
        if let Some(models) = models {
            tested.models = Some(models.len() as u64);
            shared.directory.keep_offer(settings, models);
        }
        Ok(tested)
    };
    let tested = timeout(PATIENCE, trying)
        .await
        .unwrap_or_else(|_| Err(too_late(settings)));
    remember(shared, settings, &tested.clone().map(Some));
    provider.close().await;
    tested
}

async fn adapter(shared: &Shared, settings: &ProviderSettings) -> Result<Arc<dyn ModelProvider>, Failure> {
    let built = shared.directory.build(settings).await;
    built.map_err(|reason| match reason {
        PauseReason::Auth(_) => {
            Failure::new(FailureKind::Auth, reason.to_string()).help("K changes where the key is looked for")
        }
        _ => Failure::new(FailureKind::Invalid, reason.to_string()),
    })
}

fn remember(shared: &Shared, settings: &ProviderSettings, tested: &Result<Option<Tested>, Failure>) {
    let (ok, latency_ms, message) = match tested {
        Ok(Some(tested)) => (true, tested.latency_ms, tested.teacher.clone()),
        Ok(None) => return,
        Err(failure) => (false, 0, failure.message.clone()),
    };
    let test = LastTest {
        at_ms: 0,
        ok,
        latency_ms,
        message,
    };
    shared.directory.keep_test(settings, test);
}

/// Asks whether it is there, then (`None` without a model) says hi.
async fn call(
    provider: &dyn ModelProvider,
    settings: &ProviderSettings,
    model: Option<&str>,
) -> Result<Option<Tested>, Failure> {
    provider
        .probe()
        .await
        .map_err(|error| explained(settings, &error))?;
    let Some(model) = model else {
        return Ok(None);
    };
    let request = question(model, "Say hi.", None, 8);
    let (response, completion) = asked(provider, &request)
        .await
        .map_err(|error| explained(settings, &error))?;
    let said = if completion.text.trim().is_empty() {
        completion.reasoning.clone().unwrap_or_default()
    } else {
        completion.text.clone()
    };
    let usage = completion.usage;
    Ok(Some(Tested {
        teacher: format!("{}/{model}", settings.name),
        text: shorten(said.trim(), 80),
        latency_ms: response.latency.as_millis() as u64,
        tokens: usage
            .input
            .zip(usage.output)
            .map(|(input, output)| input + output),
        usd: cost(price(settings, model), &completion),
        models: None,
        json: None,
    }))
}

/// Whether it answers in JSON where a schema asks for it, and what trying cost. Trouble on the way says nothing.
async fn writes_json(
    provider: &dyn ModelProvider,
    settings: &ProviderSettings,
    model: &str,
) -> (Option<bool>, Money) {
    let schema = json!({
        "type": "object",
        "properties": { "ok": { "type": "boolean" } },
        "required": ["ok"],
        "additionalProperties": false,
    });
    let request = question(
        model,
        "Answer with the JSON object {\"ok\": true}.",
        Some(schema),
        200,
    );
    match asked(provider, &request).await {
        Ok((_, completion)) => {
            let value = extract_json(&completion.text).value;
            let good = value.is_some_and(|value| value["ok"].is_boolean());
            (Some(good), cost(price(settings, model), &completion))
        }
        Err(error) if matches!(error.trouble, Trouble::Request | Trouble::Setup) => (Some(false), Money(0)),
        Err(_) => (None, Money(0)),
    }
}

fn question(model: &str, text: &str, schema: Option<serde_json::Value>, most: u32) -> ModelRequest {
    let messages = vec![Message::text(Role::User, text)];
    let params = Params {
        max_tokens: Some(most),
        temperature: Some(0.0),
        ..Params::default()
    };
    let fingerprint = ModelRequest::fingerprint(model, &messages, schema.as_ref(), &params, "test");
    ModelRequest {
        model: model.to_owned(),
        messages,
        schema: schema.map(Arc::new),
        params,
        completion: false,
        fingerprint,
    }
}

async fn asked(
    provider: &dyn ModelProvider,
    request: &ModelRequest,
) -> Result<(RawResponse, Completion), ProviderError> {
    let response = provider.send(request).await?;
    let completion = provider.read(&response)?;
    Ok((response, completion))
}

fn price(settings: &ProviderSettings, model: &str) -> Option<Price> {
    settings.models.iter().find(|known| known.id == model)?.price
}

/// What an answer cost: as the wire says, else by the price.
pub(super) fn cost(price: Option<Price>, completion: &Completion) -> Money {
    let usage = completion.usage;
    usage.usd.unwrap_or_else(|| {
        price.map_or(Money(0), |price| {
            price.cost(usage.input.unwrap_or(0), usage.output.unwrap_or(0))
        })
    })
}

/// No provider of that name, and what there is.
fn unknown(roster: &Roster, name: &str) -> Failure {
    let known: Vec<&str> = roster
        .stations
        .iter()
        .map(|station| station.settings.name.as_str())
        .collect();
    Failure::new(FailureKind::NotFound, format!("no provider `{name}`"))
        .help(format!("configured: {}", known.join(", ")))
}

/// A provider that could not be built.
pub(super) fn off(station: &Station) -> Failure {
    let reason = station
        .health()
        .message
        .unwrap_or_else(|| "it cannot be used".to_owned());
    Failure::new(FailureKind::Auth, reason)
}

fn too_late(settings: &ProviderSettings) -> Failure {
    let text = format!("{}: no answer within {} s", settings.name, PATIENCE.as_secs());
    Failure::new(FailureKind::Unreachable, text)
        .help("a model that is being loaded takes long the first time: try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_limits_need_no_new_adapter() {
        let one = ProviderSettings {
            name: "p".to_owned(),
            disabled: true,
            models: vec![ModelSettings {
                id: "m".to_owned(),
                capabilities: Vec::new(),
                weight: 3.0,
                price: None,
                context: None,
            }],
            ..ProviderSettings::default()
        };
        let mut two = one.clone();
        two.models[0].weight = 1.0;
        two.limits.concurrency = Some(3);
        two.disabled = false;
        assert_eq!(connection(&one), connection(&two));
        two.base_url = Some("http://h".to_owned());
        assert_ne!(connection(&one), connection(&two));
    }
}
