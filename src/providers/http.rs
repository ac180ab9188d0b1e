//! The one way out: an HTTP client per provider with its limits, its key kept out of every text, and what broke sorted by reaction.
//! Sends bytes and returns bytes; what they mean is the kinds' business. Never tries twice.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::classify::{fail, pause, retry, snooze};
use super::refusal::refusal;
use crate::core::catalog::PlugError;
use crate::core::ports::ModelInfo;
use crate::core::request::{ProviderError, RawResponse, Trouble};
use crate::core::settings::{ModelSettings, ProviderSettings};
use crate::core::text::{sanitize_line, shorten};

/// Most bytes of a body after decompression.
pub(super) const LARGEST_BODY: usize = 32 << 20;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence inside a body.
const IDLE: Duration = Duration::from_mins(1);
/// Longest wait for a list of models or a probe.
const ASIDE: Duration = Duration::from_secs(30);
/// Idle connections kept per host: as many as a job may have in flight.
const POOL: usize = 1024;

/// Where a key goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyHeader {
    /// `authorization: Bearer …`
    Bearer,
    /// A header of its own, the key alone in it.
    Named(&'static str),
}

/// A provider's address with everything that is the same for all its requests.
pub(super) struct Endpoint {
    /// The provider's name in the configuration.
    pub name: String,
    /// Address without a slash at its end.
    pub base: String,
    host: String,
    client: Client,
    headers: HeaderMap,
    key: Option<SecretString>,
    total: Duration,
}

impl Endpoint {
    /// Checks address and key, and prepares the client. Nothing is sent.
    pub(super) fn new(
        settings: &ProviderSettings,
        default_base: &str,
        key: Option<SecretString>,
        place: KeyHeader,
        extra: &[(&'static str, &'static str)],
    ) -> Result<Self, PlugError> {
        let base = settings
            .base_url
            .as_deref()
            .unwrap_or(default_base)
            .trim_end_matches('/')
            .to_owned();
        let url = parse(&base)?;
        let host = authority(&url);
        if key.is_some() && url.scheme() == "http" && !is_loopback(&url) && !settings.allow_insecure_http {
            return Err(PlugError::at(
                "api_key",
                format!(
                    "api_key of `{}` would cross the network in clear text to {host}: use https in base_url, or set allow_insecure_http = true",
                    settings.name
                ),
            ));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in extra {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(key) = &key {
            let (name, value) = key_header(settings, key, place)?;
            headers.insert(name, value);
        }
        Ok(Self {
            name: settings.name.clone(),
            base,
            host,
            client: client(&url)?,
            headers,
            key,
            total: settings.timeout(),
        })
    }

    /// An address under the base, checked once and kept.
    pub(super) fn url(&self, path: &str) -> Result<Url, PlugError> {
        Url::parse(&format!("{}{path}", self.base))
            .map_err(|error| PlugError::at("base_url", error.to_string()))
    }

    /// Posts JSON and returns whatever came back, whole.
    pub(super) async fn post(&self, url: &Url, body: Vec<u8>) -> Result<RawResponse, ProviderError> {
        let mut request = Request::new(Method::POST, url.clone());
        request.headers_mut().clone_from(&self.headers);
        *request.body_mut() = Some(body.into());
        self.exchange(request, self.total).await
    }

    /// Gets something small, with less patience.
    pub(super) async fn get(&self, url: &Url) -> Result<RawResponse, ProviderError> {
        let mut request = Request::new(Method::GET, url.clone());
        request.headers_mut().clone_from(&self.headers);
        self.exchange(request, self.total.min(ASIDE)).await
    }

    async fn exchange(&self, request: Request, total: Duration) -> Result<RawResponse, ProviderError> {
        let start = Instant::now();
        let deadline = start + total;
        let Ok(answered) = timeout_at(deadline, self.client.execute(request)).await else {
            return Err(self.too_late(total));
        };
        let response = answered.map_err(|error| self.broken(error))?;
        let status = response.status().as_u16();
        let headers = kept_headers(status, response.headers());
        let Ok(body) = timeout_at(deadline, self.body(response, status)).await else {
            return Err(self.too_late(total));
        };
        Ok(self.without_key(RawResponse {
            status,
            headers,
            body: body?,
            latency: start.elapsed(),
        }))
    }

    /// Reads the body, counting what it decompresses to. Of an error, as much as comes is enough.
    async fn body(&self, mut response: Response, status: u16) -> Result<String, ProviderError> {
        let expected = response.content_length().unwrap_or(0).min(1 << 20) as usize;
        let mut body = Vec::with_capacity(expected);
        let fault = loop {
            match timeout(IDLE, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= LARGEST_BODY => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Ok(None)) => return Ok(text(body)),
                Ok(Ok(Some(_))) => break self.too_large(),
                Ok(Err(_)) => break self.lost("the answer broke off before its end"),
                Err(_) => break self.lost("the answer stalled half-way"),
            }
        };
        if (200..300).contains(&status) {
            Err(fault)
        } else {
            Ok(text(body))
        }
    }

    /// Servers echo keys in their complaints; what we store and show never holds one.
    fn without_key(&self, mut response: RawResponse) -> RawResponse {
        let Some(key) = self
            .key
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .filter(|key| !key.is_empty())
        else {
            return response;
        };
        let texts = response.headers.iter_mut().map(|(_, value)| value);
        for text in texts.chain([&mut response.body]) {
            if text.contains(key) {
                *text = text.replace(key, "[REDACTED]");
            }
        }
        response
    }

    fn broken(&self, error: reqwest::Error) -> ProviderError {
        let error = error.without_url();
        if error.is_connect() {
            if let Some(why) = refusal(&error, &self.host) {
                // Nothing was sent, and only a person can help.
                return pause(Trouble::Unreachable, None, format!("{}: {why}", self.name));
            }
            let message = format!("{}: cannot reach {}: {}", self.name, self.host, cause(&error));
            return snooze(Trouble::Unreachable, Duration::from_secs(2), message);
        }
        if error.is_builder() {
            return fail(Trouble::Setup, format!("{}: {}", self.name, cause(&error)));
        }
        self.lost(&cause(&error))
    }

    fn lost(&self, what: &str) -> ProviderError {
        let message = format!("{}: connection to {} lost: {what}", self.name, self.host);
        ProviderError {
            maybe_billed: true,
            ..retry(Trouble::Network, None, message)
        }
    }

    fn too_late(&self, total: Duration) -> ProviderError {
        let message = format!(
            "{}: no answer from {} within {} s",
            self.name,
            self.host,
            total.as_secs()
        );
        ProviderError {
            maybe_billed: true,
            // A server that queues without a word shows it first like this.
            slow_down: true,
            ..retry(Trouble::Network, None, message)
        }
    }

    fn too_large(&self) -> ProviderError {
        let message = format!(
            "{}: the answer is larger than {} MiB",
            self.name,
            LARGEST_BODY >> 20
        );
        ProviderError {
            maybe_billed: true,
            ..fail(Trouble::Garbage, message)
        }
    }
}

/// The bytes of a request. Its numbers and texts always have a JSON form; should that ever change, the task fails with the reason.
pub(super) fn encode(who: &str, body: &impl Serialize) -> Result<Vec<u8>, ProviderError> {
    serde_json::to_vec(body).map_err(|error| fail(Trouble::Request, format!("{who}: {error}")))
}

/// A model of which only the name is known.
pub(super) fn bare_model(id: &str) -> ModelInfo {
    ModelInfo {
        id: id.to_owned(),
        context: None,
        price: None,
        capabilities: Vec::new(),
    }
}

/// A model as the configuration describes it, for kinds whose wire has no list.
pub(super) fn configured_model(model: &ModelSettings) -> ModelInfo {
    ModelInfo {
        id: model.id.clone(),
        context: model.context,
        price: model.price,
        capabilities: model.capabilities.clone(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one client of the program")]
fn client(url: &Url) -> Result<Client, PlugError> {
    let builder = Client::builder()
        .user_agent(concat!("destilation/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(POOL)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    // A proxy is for the way out; loopback is not out. Without TLS nobody needs the system's certificates, which take a start's time.
    let builder = match (is_loopback(url), url.scheme()) {
        (true, "http") => builder.no_proxy().tls_certs_only([]),
        (true, _) => builder.no_proxy(),
        (false, _) => builder,
    };
    builder
        .build()
        .map_err(|error| PlugError::new(format!("HTTP client: {}", cause(&error.without_url()))))
}

fn parse(address: &str) -> Result<Url, PlugError> {
    let wrong = |why: &str| {
        PlugError::at(
            "base_url",
            format!("base_url {why}; write it as https://host/path"),
        )
    };
    let url = Url::parse(address).map_err(|error| wrong(&format!("is no address ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong(
            "must not hold a user, password or query: keys belong into api_key",
        ));
    }
    Ok(url)
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn key_header(
    settings: &ProviderSettings,
    key: &SecretString,
    place: KeyHeader,
) -> Result<(HeaderName, HeaderValue), PlugError> {
    let (name, text) = match place {
        KeyHeader::Bearer => ("authorization", format!("Bearer {}", key.expose_secret())),
        KeyHeader::Named(name) => (name, key.expose_secret().to_owned()),
    };
    if key.expose_secret().trim().is_empty() {
        return Err(PlugError::at(
            "api_key",
            format!("the key of `{}` is empty where it is kept", settings.name),
        ));
    }
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        PlugError::at(
            "api_key",
            format!(
                "the key of `{}` holds characters that no key has (a line break?): check where it is kept",
                settings.name
            ),
        )
    })?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}

/// The few headers worth keeping. `date` makes times in others readable later; where a server gives none, our clock stands in.
fn kept_headers(status: u16, headers: &HeaderMap) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    if status >= 400 || kept.iter().any(|(name, _)| name.ends_with("-reset")) {
        let date = headers
            .get("date")
            .and_then(|value| value.to_str().ok())
            .map_or_else(now, str::to_owned);
        kept.push(("date".to_owned(), date));
    }
    kept
}

fn is_kept(name: &str) -> bool {
    matches!(
        name,
        "retry-after"
            | "retry-after-ms"
            | "x-request-id"
            | "request-id"
            | "x-generation-id"
            | "content-type"
            | "cf-ray"
    ) || name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
}

#[expect(
    clippy::disallowed_methods,
    reason = "only for the `date` header of an answer that has none"
)]
fn now() -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .unwrap_or_default()
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The innermost cause, on one line: the outer ones only repeat that something failed.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(inner) = deepest.source() {
        deepest = inner;
    }
    shorten(sanitize_line(&deepest.to_string()).as_str(), 200)
}
