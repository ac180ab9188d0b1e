//! `pii`: no personal data of a shape that can be recognised: e-mail addresses, phone numbers, bank accounts (IBAN, with its check
//! digits), payment cards (with Luhn's digit) and network addresses. Names and places of living are beyond a pattern.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;

use super::field::Field;
use super::finding::{Action, Finding, look, stands_alone};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "pii";

/// Length of an IBAN by country, from the registry that SWIFT keeps for ISO 13616.
const IBANS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 \
FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 \
MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// What can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Data {
    Email,
    Phone,
    Iban,
    Card,
    Ip,
}

impl Data {
    const ALL: [Self; 5] = [Self::Email, Self::Phone, Self::Iban, Self::Card, Self::Ip];

    fn what(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Iban => "a bank account (IBAN)",
            Self::Card => "a payment card number",
            Self::Ip => "an IP address",
        }
    }

    /// What to look at closely.
    fn shape(self) -> &'static str {
        match self {
            Self::Email => r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}",
            // In the international form, or in the North American one with its separators.
            Self::Phone => r"\+[1-9][0-9 ().-]{6,20}[0-9]|\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}",
            Self::Iban => r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}",
            Self::Card => {
                r"[3-6][0-9]{12,18}|[2-6][0-9]{3}(?:[ -][0-9]{4}){3}|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5}"
            }
            Self::Ip => r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}",
        }
    }

    /// How many bytes of a match are that kind of data.
    fn confirmed(self, text: &str, start: usize, end: usize) -> Option<usize> {
        let found = &text[start..end];
        let alone = || stands_alone(text, start, end);
        let is = match self {
            Self::Email => !is_reserved(found),
            Self::Phone => {
                let digits = found.bytes().filter(u8::is_ascii_digit).count();
                alone() && (8..=15).contains(&digits) && !text[..start].ends_with(['+', '-', '.'])
            }
            Self::Iban => {
                let length = iban(found)?;
                return stands_alone(text, start, start + length).then_some(length);
            }
            Self::Card => alone() && luhn(found),
            Self::Ip => {
                let dotted = text[..start].ends_with('.') || text[end..].starts_with(['.', ':']);
                alone()
                    && !(dotted && text[end..].chars().nth(1).is_some_and(|c| c.is_ascii_digit()))
                    && is_public(found)
            }
        };
        is.then_some(end - start)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    find: Option<Vec<Data>>,
    #[serde(default = "review")]
    action: Action,
}

fn review() -> Action {
    Action::Review
}

struct Pii {
    field: Field,
    action: Action,
    shapes: Vec<(Data, Regex)>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let find = settings.find.unwrap_or_else(|| Data::ALL.to_vec());
    if find.is_empty() {
        return Err(PlugError::at(
            "find",
            format!("{KIND}: find is empty; leave it out to look for everything"),
        ));
    }
    let shapes = find.into_iter().map(|data| {
        let shape = Regex::new(data.shape()).map_err(|error| PlugError::new(format!("{KIND}: {error}")));
        Ok((data, shape?))
    });
    Ok(Arc::new(Pii {
        field: Field::new(settings.field),
        action: settings.action,
        shapes: shapes.collect::<Result<_, PlugError>>()?,
    }))
}

/// Domains that are nobody's (RFC 2606, RFC 6761).
fn is_reserved(address: &str) -> bool {
    let domain = address
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is = |name: &str| domain == name || domain.ends_with(&format!(".{name}"));
    [
        "example.com",
        "example.org",
        "example.net",
        "example",
        "test",
        "invalid",
        "localhost",
    ]
    .iter()
    .any(|name| is(name))
}

/// How many bytes of a text that begins like an IBAN are one: by the length of its country and the remainder 1 of 97 (ISO 7064).
fn iban(text: &str) -> Option<usize> {
    let length: usize = IBANS
        .split(' ')
        .find_map(|entry| entry.strip_prefix(&text[..2]))?
        .parse()
        .ok()?;
    let mut places = text.char_indices().filter(|(_, c)| *c != ' ');
    let end = places.nth(length - 1)?.0 + 1;
    let letters: Vec<u32> = text[..end].chars().filter_map(|c| c.to_digit(36)).collect();
    let remainder = letters[4..].iter().chain(&letters[..4]).fold(0, |rest, value| {
        let shift = if *value > 9 { 100 } else { 10 };
        (rest * shift + value) % 97
    });
    (remainder == 1).then_some(end)
}

/// Luhn's check digit (ISO/IEC 7812-1), and more than one digit used.
fn luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    (13..=19).contains(&digits.len())
        && sum.is_multiple_of(10)
        && digits.iter().any(|digit| *digit != digits[0])
}

/// An address somebody on the internet can have.
fn is_public(text: &str) -> bool {
    if let Ok(four) = text.parse::<Ipv4Addr>() {
        return !(four.is_private()
            || four.is_loopback()
            || four.is_link_local()
            || four.is_documentation()
            || four.is_broadcast()
            || four.is_multicast()
            || four.octets()[0] == 0);
    }
    let Ok(six) = text.parse::<Ipv6Addr>() else {
        return false;
    };
    let [first, second, ..] = six.segments();
    // Global unicast, and not the documentation's own.
    first >> 13 == 1 && !(first == 0x2001 && second == 0xdb8)
}

impl Pii {
    fn findings(&self, text: &str) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for (data, shape) in &self.shapes {
            for place in shape.find_iter(text) {
                let Some(length) = data.confirmed(text, place.start(), place.end()) else {
                    continue;
                };
                let end = place.start() + length;
                // A card number has digits of a phone number's shape: whoever came first keeps them.
                let is_taken = found
                    .iter()
                    .any(|other| other.at < end && place.start() < other.at + other.length);
                if !is_taken {
                    found.push(Finding {
                        what: data.what().to_owned(),
                        at: place.start(),
                        // All shapes are ASCII.
                        length,
                    });
                }
            }
        }
        found.sort_by_key(|finding| finding.at);
        found
    }
}

#[async_trait]
impl Validator for Pii {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let looked = (&self.field, self.action);
        Ok(look((KIND, Reason::Pii), looked, candidate, |text| {
            self.findings(text)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_tell_numbers_from_numbers() {
        // The registry's own examples.
        for good in [
            "DE89 3704 0044 0532 0130 00",
            "GB29NWBK60161331926819",
            "NO9386011117947",
            "FR1420041010050500013M02606",
        ] {
            assert_eq!(iban(good), Some(good.len()), "{good}");
        }
        assert_eq!(iban("DE89 3704 0044 0532 0130 00 IS MINE"), Some(27));
        for bad in [
            "DE88 3704 0044 0532 0130 00",
            "XX8937040044053201",
            "DE8937040044",
        ] {
            assert_eq!(iban(bad), None, "{bad}");
        }
        assert!(luhn("4111 1111 1111 1111") && luhn("378282246310005"));
        assert!(!luhn("4111 1111 1111 1112") && !luhn("0000000000000000"));
    }

    #[test]
    fn reserved_names_and_addresses_are_nobodys() {
        for nobody in ["a@example.com", "a@mail.example.org", "a@host.test"] {
            assert!(is_reserved(nobody), "{nobody}");
        }
        assert!(!is_reserved("a@myexample.com"));
        for nobody in [
            "127.0.0.1",
            "192.168.1.4",
            "10.1.2.3",
            "203.0.113.9",
            "::1",
            "2001:db8::1",
            "fe80::1",
            "0.1.2.3",
        ] {
            assert!(!is_public(nobody), "{nobody}");
        }
        assert!(is_public("8.8.4.4") && is_public("2606:4700:4700::1111"));
    }
}
