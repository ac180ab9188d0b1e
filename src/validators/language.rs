//! `language`: a text is written in one of the wanted languages. Telling languages apart is `whatlang`'s work (trigrams of letters
//! by script); short texts, code and whatever it is not sure of stay undecided, and what becomes of those is a setting.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use whatlang::Lang;

use super::field::Field;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::nearest;

/// The kind's word.
pub const KIND: &str = "language";

/// ISO 639-1 and ISO 639-3 of every language that is told apart.
const CODES: &[(&str, &str)] = &[
    ("af", "afr"),
    ("ak", "aka"),
    ("am", "amh"),
    ("ar", "ara"),
    ("az", "aze"),
    ("be", "bel"),
    ("bg", "bul"),
    ("bn", "ben"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("cy", "cym"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("eo", "epo"),
    ("es", "spa"),
    ("et", "est"),
    ("fa", "pes"),
    ("fi", "fin"),
    ("fr", "fra"),
    ("gu", "guj"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("hy", "hye"),
    ("id", "ind"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("jv", "jav"),
    ("ka", "kat"),
    ("km", "khm"),
    ("kn", "kan"),
    ("ko", "kor"),
    ("la", "lat"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("mk", "mkd"),
    ("ml", "mal"),
    ("mr", "mar"),
    ("my", "mya"),
    ("nb", "nob"),
    ("ne", "nep"),
    ("nl", "nld"),
    ("or", "ori"),
    ("pa", "pan"),
    ("pl", "pol"),
    ("pt", "por"),
    ("ro", "ron"),
    ("ru", "rus"),
    ("si", "sin"),
    ("sk", "slk"),
    ("sl", "slv"),
    ("sn", "sna"),
    ("sr", "srp"),
    ("sv", "swe"),
    ("ta", "tam"),
    ("te", "tel"),
    ("th", "tha"),
    ("tk", "tuk"),
    ("tl", "tgl"),
    ("tr", "tur"),
    ("uk", "ukr"),
    ("ur", "urd"),
    ("uz", "uzb"),
    ("vi", "vie"),
    ("yi", "yid"),
    ("zh", "cmn"),
    ("zu", "zul"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    accept: Vec<String>,
    #[serde(default = "twenty")]
    min_chars: usize,
    #[serde(default)]
    undecided: Undecided,
}

fn twenty() -> usize {
    20
}

/// What becomes of a text whose language nobody can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Undecided {
    #[default]
    Accept,
    Review,
}

struct Language {
    field: Field,
    wanted: Vec<Lang>,
    min_chars: usize,
    undecided: Undecided,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    if settings.accept.is_empty() {
        return Err(PlugError::at(
            "accept",
            format!("{KIND}: accept names no language; write such as [\"en\", \"de\"]"),
        ));
    }
    let wanted = settings.accept.iter().map(|code| language(code));
    Ok(Arc::new(Language {
        field: Field::new(settings.field),
        wanted: wanted.collect::<Result<_, _>>()?,
        min_chars: settings.min_chars,
        undecided: settings.undecided,
    }))
}

fn language(code: &str) -> Result<Lang, PlugError> {
    let lower = code.trim().to_lowercase();
    let long = CODES
        .iter()
        .find(|(short, long)| *short == lower || *long == lower)
        .map(|(_, long)| *long);
    long.and_then(Lang::from_code).ok_or_else(|| {
        let known: Vec<&str> = CODES.iter().map(|(short, _)| *short).collect();
        let names: Vec<String> = Lang::all()
            .iter()
            .map(|lang| lang.eng_name().to_lowercase())
            .collect();
        let meant = names
            .iter()
            .position(|name| *name == lower)
            .map(|at| short(Lang::all()[at]))
            .or_else(|| nearest(&lower, &known));
        let hint = meant.map_or_else(
            || format!("known are {}", known.join(" ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        PlugError::at("accept", format!("{KIND}: accept: no language `{code}`; {hint}"))
    })
}

/// The short code of a language.
fn short(language: Lang) -> &'static str {
    let long = language.code();
    CODES
        .iter()
        .find(|(_, code)| *code == long)
        .map_or(long, |(short, _)| short)
}

/// The text without fenced code, whose words are of no language.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut prose = String::with_capacity(text.len());
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

impl Language {
    fn undecided(&self, why: String) -> Verdict {
        match self.undecided {
            Undecided::Accept => {
                let mut verdict = Verdict::accept(KIND);
                verdict.evidence = Some(why);
                verdict
            }
            Undecided::Review => Verdict::review(KIND, why),
        }
    }
}

#[async_trait]
impl Validator for Language {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        let name = self.field.name();
        let prose = prose(&text);
        let letters = prose.chars().filter(|c| c.is_alphabetic()).count();
        if letters < self.min_chars {
            let why = format!("{name} has {letters} letters outside of code, too few to tell its language");
            return Ok(self.undecided(why));
        }
        let Some(found) = whatlang::detect(&prose) else {
            return Ok(self.undecided(format!("{name} is in no language that can be told")));
        };
        let said = format!(
            "{name} is {} ({}), by {:.0} %",
            found.lang().eng_name(),
            short(found.lang()),
            found.confidence() * 100.0
        );
        Ok(if self.wanted.contains(&found.lang()) {
            Verdict::accept(KIND).scored(found.confidence())
        } else if found.is_reliable() {
            let wanted: Vec<&str> = self.wanted.iter().map(|lang| short(*lang)).collect();
            let evidence = format!("{said}; wanted: {}", wanted.join(", "));
            Verdict::reject(KIND, Reason::Language, evidence).scored(found.confidence())
        } else {
            self.undecided(format!("{said}, which is not sure"))
                .scored(found.confidence())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_both_codes() {
        for lang in Lang::all() {
            assert_eq!(language(lang.code()).unwrap(), *lang, "{lang}");
            assert_eq!(language(short(*lang)).unwrap(), *lang, "{lang}");
        }
        assert_eq!(CODES.len(), Lang::all().len());
    }

    #[test]
    fn a_language_that_is_none_has_a_hint() {
        let said = |code| language(code).unwrap_err().message;
        assert_eq!(
            said("german"),
            "language: accept: no language `german`; did you mean `de`?"
        );
        assert!(said("xx-klingon").contains("known are af "));
    }

    #[test]
    fn code_is_no_prose() {
        assert_eq!(
            prose("Hier:\n```rust\nlet x = 1;\n```\nFertig."),
            "Hier:\nFertig.\n"
        );
    }
}
