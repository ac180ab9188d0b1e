//! The teachers' wing: one file a kind of provider, with the wire in and out of it. Imports the domain and no other wing; never retries,
//! waits or counts: it says what to do next, and the engine does it.

mod anthropic;
mod chat;
mod classify;
mod fault;
mod gather;
mod hint;
mod http;
mod mock;
mod ollama;
mod openai;
mod openrouter;
mod refusal;
mod replay;
mod script;
mod stream;
mod think;
mod vectors;

pub use mock::default_models;
pub use replay::CassetteRecorder;

use crate::core::catalog::Catalog;
use crate::core::ports::ProviderCatalog;
use crate::core::request::{Completion, ProviderError, RawResponse, Usage};
use fault::Family;

/// All kinds of providers.
pub static CATALOG: ProviderCatalog = Catalog(&[
    openai::ENTRY,
    openrouter::ENTRY,
    anthropic::ENTRY,
    ollama::ENTRY,
    script::ENTRY,
    mock::ENTRY,
    replay::ENTRY,
]);

/// Where a kind is found without `base_url`, and the variable its key is usually in.
pub fn defaults(kind: &str) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        "openai" => (Some(openai::DEFAULT_BASE), Some("OPENAI_API_KEY")),
        "openrouter" => (Some(openrouter::DEFAULT_BASE), Some("OPENROUTER_API_KEY")),
        "anthropic" => (Some(anthropic::DEFAULT_BASE), Some("ANTHROPIC_API_KEY")),
        "ollama" => (Some(ollama::DEFAULT_BASE), None),
        _ => (None, None),
    }
}

/// Reads a response of one wire, in the name of a provider.
type Read = fn(&str, &RawResponse) -> Result<Completion, ProviderError>;
/// Reads the counts of one wire.
type ReadUsage = fn(&RawResponse) -> Usage;

/// The reader of a kind's wire, for cassettes: `None` for kinds that have none of their own.
fn wire(kind: &str) -> Option<(Read, ReadUsage)> {
    Some(match kind {
        "openai" => (openai::read, chat::usage),
        "openrouter" => (openrouter::read, chat::usage),
        "anthropic" => (anthropic::read, anthropic::usage),
        "ollama" => (ollama::read, ollama::usage),
        "script" => (script::read, script::usage),
        "mock" => (mock::read, chat::usage),
        _ => return None,
    })
}

/// A probe's answer: any success will do.
fn when_ok(family: Family, who: &str, response: &RawResponse) -> Result<(), ProviderError> {
    if (200..300).contains(&response.status) {
        Ok(())
    } else {
        Err(classify::classify(family, who, response))
    }
}
