//! What is wrong with the other end's TLS, in words that help. Such a server is there, and waiting mends nothing; whether somebody waits is
//! not decided here.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use crate::core::text::{sanitize_line, shorten};

/// What is wrong with how `host` proves who it is, and what to do about it; `None` if the error is about something else.
pub(super) fn refusal(error: &reqwest::Error, host: &str) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        match tls(error) {
            Some(rustls::Error::InvalidCertificate(wrong)) => {
                return Some(format!(
                    "the certificate of {host} is not accepted: {}",
                    words(wrong)
                ));
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                return Some(format!(
                    "{host} does not speak TLS: if it is meant to, look there; if not, base_url begins with http://"
                ));
            }
            _ => next = error.source(),
        }
    }
    None
}

/// The error of the TLS library in this one: inputs and outputs wrap it without naming it as their source.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(wrapped) => tls(wrapped.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn words(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::UnknownIssuer => {
            "nobody this machine trusts issued it; add its issuer to the system's certificates (on Linux SSL_CERT_FILE can name others)".to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "it expired on {}; the server needs a new one, or the clock here is wrong",
            day(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "it is valid from {} on; look at the clock here, then at the server's certificate",
            day(*not_before)
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = shorten(sanitize_line(&names.join(", ")).as_str(), 100);
            format!("it is for {names}; look at the host in base_url")
        }
        CertificateError::BadSignature => {
            "whom it names as its issuer did not sign it; something between here and there may answer in its place".to_owned()
        }
        other => shorten(sanitize_line(&other.to_string()).as_str(), 200),
    }
}

/// A name as a certificate has it, without its kind.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"')
}

fn day(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second).map_or_else(
        |_| "a day no calendar has".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
