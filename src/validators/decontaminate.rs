//! `decontaminate`: no sample that quotes, or nearly is, an item of a test set. The search is [`super::test_items`]'s, reading the
//! files [`super::reference`]'s; here is what a validator makes of it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serde::Deserialize;

use super::field::Field;
use super::reference::{Item, Reference};
use super::test_items::{Found, TestItems, WORDS_AT_LEAST};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "decontaminate";

/// Characters of the overlap in evidence.
const SHOWN: usize = 240;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    against: Vec<String>,
    against_field: Option<String>,
    field: Option<String>,
    #[serde(default = "thirteen")]
    n: usize,
    #[serde(default = "ninety_five")]
    fuzzy: f64,
}

fn thirteen() -> usize {
    13
}

fn ninety_five() -> f64 {
    95.0
}

struct Decontaminate {
    field: Field,
    reference: Reference,
    n: usize,
    fuzzy: Option<f64>,
    /// Read when the first candidate comes.
    read: OnceLock<Result<(Vec<Item>, TestItems), String>>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let wrong = |key: &str, message: String| Err(PlugError::at(key, format!("{KIND}: {message}")));
    if settings.against.is_empty() {
        return wrong("against", "against names no file".to_owned());
    }
    if !(WORDS_AT_LEAST..=50).contains(&settings.n) {
        let n = settings.n;
        return wrong(
            "n",
            format!("n is {WORDS_AT_LEAST} to 50 words in a row, not {n}"),
        );
    }
    let fuzzy = settings.fuzzy;
    if fuzzy != 0.0 && !(80.0..=100.0).contains(&fuzzy) {
        let message = format!("fuzzy is a likeness from 80 to 100 per cent, or 0 for none, not {fuzzy}");
        return wrong("fuzzy", message);
    }
    Ok(Arc::new(Decontaminate {
        field: Field::new(settings.field),
        reference: Reference::new(KIND, &settings.against, settings.against_field, base)?,
        n: settings.n,
        fuzzy: (fuzzy > 0.0).then_some(fuzzy),
        read: OnceLock::new(),
    }))
}

impl Decontaminate {
    fn items(&self) -> Result<&(Vec<Item>, TestItems), CheckError> {
        let read = self.read.get_or_init(|| {
            let items = self.reference.items()?;
            let ready = TestItems::new(&items, self.n, self.fuzzy);
            Ok((items, ready))
        });
        read.as_ref()
            .map_err(|message| CheckError::Broken(message.clone()))
    }
}

#[async_trait]
impl Validator for Decontaminate {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(texts) = self.field.texts(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        let (items, ready) = self.items()?;
        for (name, text) in texts {
            let Some(hit) = ready.find(&text) else { continue };
            let item = &items[hit.item];
            let place = self.reference.place(item.file, item.line);
            let (words, score) = match hit.found {
                Found::Words(count, words) => {
                    let words = shorten(&words, SHOWN);
                    (
                        format!("shares {count} words in a row with {place}: “{words}”"),
                        None,
                    )
                }
                Found::Ratio(ratio) => {
                    let words = shorten(item.text.trim(), SHOWN);
                    (format!("is {ratio:.1} % like {place}: “{words}”"), Some(ratio))
                }
            };
            let mut verdict = Verdict::reject(KIND, Reason::Contaminated, format!("{name} {words}"));
            verdict.score = score;
            return Ok(verdict);
        }
        Ok(Verdict::accept(KIND))
    }
}
