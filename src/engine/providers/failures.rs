//! What a provider's error means to a person who tries it out, and what helps.

use crate::core::api::{Failure, FailureKind};
use crate::core::request::{ProviderError, Trouble};
use crate::core::settings::ProviderSettings;

/// A provider's error as a failure of an order.
pub(in crate::engine) fn failure(error: &ProviderError) -> Failure {
    let kind = match error.trouble {
        Trouble::Auth | Trouble::Credit => FailureKind::Auth,
        Trouble::Setup | Trouble::Request => FailureKind::Invalid,
        Trouble::RateLimit | Trouble::Server | Trouble::Unreachable | Trouble::Network | Trouble::Garbage => {
            FailureKind::Unreachable
        }
    };
    Failure::new(kind, error.message.clone())
}

/// [`failure`] with what to do about it.
pub(super) fn explained(settings: &ProviderSettings, error: &ProviderError) -> Failure {
    let failure = failure(error);
    match remedy(settings, error) {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// What to do about a failed test.
fn remedy(settings: &ProviderSettings, error: &ProviderError) -> Option<&'static str> {
    let text = error.message.to_lowercase();
    let base = settings.base_url.as_deref().unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let script = settings.kind == "script";
    match error.trouble {
        Trouble::Auth => Some("the key was refused: K changes where it is looked for"),
        Trouble::Credit => Some("add credit at the provider, or use another one"),
        Trouble::RateLimit => {
            Some("it asks to slow down: wait a little, and set a limit of requests a minute")
        }
        _ if script && says(&["json"]) => {
            Some("the program must write nothing but one JSON object a line; logs belong on stderr")
        }
        _ if script => Some("run the command in a shell: its first line must be {\"hello\":1}"),
        _ if says(&["404", "not found"]) && settings.kind == "ollama" => {
            Some("`ollama pull MODEL` fetches a model")
        }
        _ if says(&["404", "not found", "405"])
            && !base.is_empty()
            && !base.trim_end_matches('/').ends_with("/v1") =>
        {
            Some("the base URL should end in /v1")
        }
        _ if says(&["404", "not found"]) => Some("look at the base URL and the model's name"),
        _ if says(&["dns", "lookup", "name or service", "resolve"]) => {
            Some("no such host: look at the base URL, and at the network")
        }
        // The message says what helps.
        _ if says(&["the certificate of", "does not speak tls"]) => None,
        _ if says(&["tls", "handshake"]) => {
            Some("the server and we agree on no kind of TLS: its own log says more")
        }
        Trouble::Unreachable if settings.kind == "ollama" => Some("is it running? `ollama serve` starts it"),
        Trouble::Unreachable => Some("is the server running there? look at host and port of the base URL"),
        Trouble::Network | Trouble::Server => Some("try again; if it stays, the server's own log says more"),
        Trouble::Garbage => Some("what answers there is no such API: look at the base URL"),
        Trouble::Request | Trouble::Setup => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::request::Action;

    fn told(kind: &str, base: &str, trouble: Trouble, message: &str) -> Option<&'static str> {
        let settings = ProviderSettings {
            kind: kind.to_owned(),
            base_url: Some(base.to_owned()),
            ..ProviderSettings::default()
        };
        let error = ProviderError {
            action: Action::Fail,
            trouble,
            message: message.to_owned(),
            maybe_billed: false,
            slow_down: false,
        };
        remedy(&settings, &error)
    }

    #[test]
    fn every_trouble_of_a_test_says_what_helps() {
        let v1 = "http://h/v1";
        for (kind, base, trouble, message, help) in [
            ("openai", v1, Trouble::Auth, "401", "K changes"),
            (
                "openai",
                "http://h",
                Trouble::Setup,
                "404 not found",
                "end in /v1",
            ),
            (
                "openai",
                v1,
                Trouble::Setup,
                "404 model not found",
                "model's name",
            ),
            (
                "openai",
                v1,
                Trouble::Unreachable,
                "dns error: no such host",
                "no such host",
            ),
            (
                "openai",
                v1,
                Trouble::Unreachable,
                "received fatal alert: HandshakeFailure",
                "no kind of TLS",
            ),
            (
                "openai",
                v1,
                Trouble::Unreachable,
                "connection refused",
                "host and port",
            ),
            (
                "ollama",
                v1,
                Trouble::Unreachable,
                "connection refused",
                "ollama serve",
            ),
            ("script", "", Trouble::Setup, "exit 1: Traceback", "in a shell"),
            (
                "script",
                "",
                Trouble::Garbage,
                "wrote non-JSON on line 3",
                "stderr",
            ),
        ] {
            let told = told(kind, base, trouble, message);
            assert!(
                told.is_some_and(|told| told.contains(help)),
                "{message}: {told:?}"
            );
        }
    }
}
