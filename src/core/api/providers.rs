//! What a front end sees of the providers beyond their gauge: settings, keys as references, offers, tests, finds. Nothing here computes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::gauge::ProviderHealth;
use crate::core::ports::ModelInfo;
use crate::core::request::RateHint;
use crate::core::settings::ProviderSettings;

/// A provider, whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProviderDetail {
    /// As configured; never holds a key.
    pub settings: ProviderSettings,
    /// Where that is written; `None`: it is built in and cannot be changed.
    pub origin: Option<String>,
    /// Where it is asked: its own address, or that of its kind.
    pub address: Option<String>,
    /// Whether its key is there.
    pub key: KeyState,
    /// How it is.
    pub health: ProviderHealth,
    /// Requests over the life of the database.
    pub requests_ever: u64,
    /// 95th percentile of its latency, every ten seconds, oldest first; 0: nothing was answered.
    pub p95s: Vec<u64>,
    /// What its rate-limit headers said last, counted on.
    pub rate: RateHint,
    /// Its circuit.
    pub circuit: Circuit,
    /// Share of the requests of each running job.
    pub routed: Vec<(String, f64)>,
    /// The last test of its settings.
    pub tested: Option<LastTest>,
}

/// Whether the key of a provider is where its reference says. The key itself stays there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeyState {
    /// It has none.
    #[default]
    None,
    /// The variable is set.
    Set {
        /// Its last four letters, where the key is long enough to keep the rest secret.
        ending: Option<String>,
    },
    /// The variable is not set.
    Unset,
    /// In a file or behind a command: read when it is used.
    Elsewhere,
}

/// The circuit of a provider: whether requests go out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Requests go out.
    pub open_for_requests: bool,
    /// Until the next probe, where it opens by itself.
    pub probe_in: Option<Duration>,
    /// Failures in a row.
    pub failures: u32,
}

/// How a test ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTest {
    /// Milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// It answered.
    pub ok: bool,
    /// Milliseconds until the answer.
    pub latency_ms: u64,
    /// What it said, or why there was no answer; one line.
    pub message: String,
}

/// The models a provider offers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Offer {
    /// The models.
    pub models: Vec<ModelInfo>,
    /// When it was asked, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why this is an older list.
    pub stale: Option<String>,
}

/// A kind of provider, as its catalog describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderKind {
    /// The word in the configuration.
    pub kind: String,
    /// One sentence.
    pub summary: String,
    /// TOML of its table.
    pub example: String,
    /// Where it is found without `base_url`.
    pub base_url: Option<String>,
    /// The variable its key is usually in.
    pub key_variable: Option<String>,
}

/// Something found on this machine that could be a provider. Offered, never used unasked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundProvider {
    /// What was found: `OPENROUTER_API_KEY`, `Ollama on 127.0.0.1:11434`.
    pub label: String,
    /// Settings that would use it.
    pub settings: ProviderSettings,
}
