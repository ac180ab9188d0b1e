//! Taking secrets out of text before it is written: every known key in the forms it may appear in, and whatever looks like a key.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

/// What stands in a secret's place.
const MARK: &str = "[REDACTED]";
/// Shorter keys are words like `EMPTY` that local servers are given; replacing them would garble everything.
const EXACT_LENGTH_MIN: usize = 8;
/// Keys as the large services shape them (`sk-` with all its kin, Groq, Hugging Face), and anything after `Bearer`.
const PATTERN: &str = r"(?i:(bearer\s+)[a-z0-9._~+/=-]{8,})|\bsk-[A-Za-z0-9_-]{16,}|\bgsk_[A-Za-z0-9]{16,}|\bhf_[A-Za-z0-9]{16,}";

/// Knows the secrets; clones share what is added.
#[derive(Clone)]
pub struct Redactor {
    exact: Arc<RwLock<Vec<String>>>,
    pattern: Regex,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// One that knows these secrets and the usual shapes.
    pub fn new(secrets: &[SecretString]) -> Result<Self, regex::Error> {
        let redactor = Self {
            exact: Arc::default(),
            pattern: Regex::new(PATTERN)?,
        };
        for secret in secrets {
            redactor.add(secret);
        }
        Ok(redactor)
    }

    /// One more secret: as it is, and as base64, hexadecimal and percent-encoded text.
    pub fn add(&self, secret: &SecretString) {
        let secret = secret.expose_secret();
        if secret.len() < EXACT_LENGTH_MIN {
            return;
        }
        let mut exact = self.exact.write().unwrap_or_else(PoisonError::into_inner);
        exact.extend(forms(secret));
        // The longest first, so that a key that begins with another one leaves no rest.
        exact.sort_by_key(|form| std::cmp::Reverse(form.len()));
        exact.dedup();
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for form in self.exact.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(form.as_str()) {
                text = Cow::Owned(text.replace(form.as_str(), MARK));
            }
        }
        if self.pattern.is_match(&text) {
            let replaced = self
                .pattern
                .replace_all(&text, format!("${{1}}{MARK}"))
                .into_owned();
            text = Cow::Owned(replaced);
        }
        text
    }
}

/// The forms a secret may appear in.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![secret.to_owned()];
    for shift in 0..3 {
        for alphabet in [STANDARD, URL_SAFE] {
            forms.push(base64_inside(bytes, shift, alphabet));
        }
    }
    let mut percent = String::new();
    let (mut lower, mut upper) = (String::new(), String::new());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(lower, "{byte:02x}");
        let _ = write!(upper, "{byte:02X}");
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            percent.push(char::from(*byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    forms.extend([percent.to_lowercase(), percent, lower, upper]);
    forms
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The base64 digits (RFC 4648) that depend on the secret alone when `shift` (mod 3) bytes stand before it, whatever follows: so it is
/// found inside longer encoded text, too.
fn base64_inside(secret: &[u8], shift: usize, alphabet: &[u8; 64]) -> String {
    let bits = secret.len() * 8;
    // The first digit that lies wholly within the secret begins at this bit of it.
    let first = (6 - shift * 8 % 6) % 6;
    (first..)
        .step_by(6)
        .take_while(|start| start + 6 <= bits)
        .map(|start| {
            let digit = (start..start + 6).fold(0, |digit, bit| {
                digit << 1 | usize::from(secret[bit / 8] >> (7 - bit % 8) & 1)
            });
            char::from(alphabet[digit])
        })
        .collect()
}

/// A writer that redacts line by line, for logs: `move || Redacting::new(stderr(), redactor.clone())` is a `MakeWriter`.
#[derive(Debug)]
pub struct Redacting<W: Write> {
    inner: W,
    redactor: Redactor,
    /// The line being written.
    line: Vec<u8>,
}

impl<W: Write> Redacting<W> {
    /// Wraps a writer.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self {
            inner,
            redactor,
            line: Vec::new(),
        }
    }

    fn write_out(&mut self, until: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.line.drain(..until).collect();
        let text = String::from_utf8_lossy(&lines);
        self.inner.write_all(self.redactor.redact(&text).as_bytes())
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(feed) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.write_out(feed + 1)?;
        }
        Ok(bytes.len())
    }

    /// Lines that are complete are through already; a part of one waits for its end, because a secret may be cut there.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for Redacting<W> {
    fn drop(&mut self) {
        // A log that cannot be written must not end the program.
        let _ = self.write_out(self.line.len());
        let _ = self.inner.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "CANARY/key+42?ä&more";

    fn redactor() -> Redactor {
        Redactor::new(&[
            SecretString::from(KEY.to_owned()),
            SecretString::from("EMPTY".to_owned()),
        ])
        .unwrap()
    }

    /// Plain base64 to compare with.
    fn base64(bytes: &[u8]) -> String {
        let padded: Vec<u8> = bytes.iter().copied().chain([0, 0]).collect();
        let digits = (bytes.len() * 8).div_ceil(6);
        let mut text = base64_inside(&padded, 0, STANDARD);
        text.truncate(digits);
        text
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, encoded) in [
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_known_secret_is_found_in_every_form() {
        let redactor = redactor();
        let hex = KEY
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let percent = "CANARY%2Fkey%2B42%3F%C3%A4%26more";
        for form in [KEY, &hex, &hex.to_uppercase(), percent] {
            assert_eq!(redactor.redact(&format!("a {form} b")), "a [REDACTED] b");
        }
        for before in ["", "u", "us", "user:"] {
            let inside = base64(format!("{before}{KEY} and more").as_bytes());
            let shown = redactor.redact(&inside).into_owned();
            assert!(shown.contains(MARK), "{before}: {shown}");
            assert!(shown.len() < inside.len(), "{before}: {shown}");
        }
    }

    #[test]
    fn what_looks_like_a_key_goes_and_other_text_stays() {
        let redactor = redactor();
        for (text, expected) in [
            ("key=sk-or-v1-0123456789abcdef0123", "key=[REDACTED]"),
            ("sk-proj-AAAAAAAAAAAAAAAAAAAA_x end", "[REDACTED] end"),
            ("gsk_0123456789abcdefABCD", "[REDACTED]"),
            ("hf_0123456789abcdefABCD", "[REDACTED]"),
            (
                "Authorization: Bearer abc.def-123456",
                "Authorization: Bearer [REDACTED]",
            ),
            ("task-123 was risk-free, EMPTY", "task-123 was risk-free, EMPTY"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn a_secret_written_in_pieces_is_found() {
        let mut out = Vec::new();
        let shared = redactor();
        let mut writer = Redacting::new(&mut out, shared.clone());
        shared.add(&SecretString::from("added-later".to_owned()));
        for piece in ["x CANARY/key", "+42?ä&more\ny adde", "d-later"] {
            writer.write_all(piece.as_bytes()).unwrap();
            writer.flush().unwrap();
        }
        drop(writer);
        assert_eq!(String::from_utf8(out).unwrap(), "x [REDACTED]\ny [REDACTED]");
        assert_eq!(format!("{shared:?}"), "Redactor");
    }
}
