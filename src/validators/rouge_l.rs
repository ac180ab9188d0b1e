//! `rouge_l`: no accepted sample of a job whose text follows another one's, or one of a reference file, word by word. The score and
//! the search are [`super::overlaps`]'s; here is what a validator makes of it.
//!
//! The rule and its threshold are Self-Instruct's (Wang et al., arXiv 2212.10560, and `bootstrap_instructions.py` of its authors):
//! out with everything that has a ROUGE-L F above 0.7 with any instruction of the pool. Words are those of `rouge_score` without a
//! stemmer, runs of `[a-z0-9]` in lower case; letters beyond ASCII, which it drops, belong to words here.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;

use super::field::Field;
use super::overlaps::{Alike, Overlaps, Words};
use super::reference::Reference;
use super::shingles::sequence;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "rouge_l";

/// Characters of the other text in evidence.
const SHOWN: usize = 160;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    #[serde(default = "default_threshold")]
    threshold: f64,
    #[serde(default)]
    against: Vec<String>,
    against_field: Option<String>,
}

fn default_threshold() -> f64 {
    0.7
}

/// Task index and candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key(u64, u32);

/// The texts of the job that were let in.
struct Pool {
    overlaps: Overlaps<Key>,
    /// How each begins.
    starts: HashMap<Key, Box<str>>,
}

/// The texts of the reference, by their places in its list.
struct Fixed {
    overlaps: Overlaps<usize>,
    /// File, line and beginning of each.
    items: Vec<(usize, u64, Box<str>)>,
}

struct RougeL {
    field: Field,
    threshold: f64,
    reference: Reference,
    /// Read when the first candidate comes.
    fixed: OnceLock<Result<Fixed, String>>,
    /// Looking and letting in happen under one lock, so that of two like texts in flight one is always seen.
    pool: Mutex<Pool>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    if !(0.1..1.0).contains(&settings.threshold) {
        return Err(PlugError::at(
            "threshold",
            format!(
                "{KIND}: threshold is a score from 0.1 to below 1, not {}",
                settings.threshold
            ),
        ));
    }
    let reference = Reference::new(KIND, &settings.against, settings.against_field, base)?;
    Ok(Arc::new(RougeL {
        field: Field::new(settings.field),
        threshold: settings.threshold,
        reference,
        fixed: OnceLock::new(),
        pool: Mutex::new(Pool {
            overlaps: Overlaps::new(settings.threshold),
            starts: HashMap::new(),
        }),
    }))
}

fn key(candidate: &Candidate) -> Key {
    Key(candidate.task.index, candidate.ordinal)
}

fn start(text: &str) -> Box<str> {
    shorten(text.trim(), SHOWN).into_boxed_str()
}

impl RougeL {
    /// A panic elsewhere leaves the pool whole: no method of it stops halfway.
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fixed(&self) -> Result<&Fixed, CheckError> {
        let made = self.fixed.get_or_init(|| {
            let mut fixed = Fixed {
                overlaps: Overlaps::new(self.threshold),
                items: Vec::new(),
            };
            for item in self.reference.items()? {
                let words = Words::new(sequence(&item.text));
                fixed.overlaps.insert(fixed.items.len(), words);
                fixed.items.push((item.file, item.line, start(&item.text)));
            }
            Ok(fixed)
        });
        made.as_ref()
            .map_err(|message| CheckError::Broken(message.clone()))
    }

    /// Lets the text in unless one like it is there. The candidate itself may be there from an interrupted check. Candidates of one
    /// task share their seed, so they are not compared by a field of it.
    fn admit(&self, candidate: &Candidate, text: &str, words: Words) -> Result<(), (Alike<Key>, Box<str>)> {
        let own = key(candidate);
        let siblings_are_alike = !self.field.is_answer(candidate);
        let mut pool = self.pool();
        let alike = pool.overlaps.best(&words, |other| {
            *other == own || (siblings_are_alike && other.0 == own.0)
        });
        if let Some(alike) = alike {
            pool.forget(&own);
            let start = pool.starts.get(&alike.key).cloned().unwrap_or_default();
            return Err((alike, start));
        }
        pool.remember(own, text, words);
        Ok(())
    }

    fn rejected(&self, score: f64, place: &str, text: &str) -> Verdict {
        let name = self.field.name();
        let evidence = format!("{name} has a ROUGE-L of {score:.3} with {place}: “{text}”");
        Verdict::reject(KIND, Reason::NearDuplicate, evidence).scored(score)
    }
}

impl Pool {
    fn remember(&mut self, key: Key, text: &str, words: Words) {
        self.starts.insert(key.clone(), start(text));
        self.overlaps.insert(key, words);
    }

    fn forget(&mut self, key: &Key) {
        self.starts.remove(key);
        self.overlaps.remove(key);
    }
}

#[async_trait]
impl Validator for RougeL {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        let sequence = sequence(&text);
        if sequence.is_empty() {
            return Ok(Verdict::accept(KIND));
        }
        let words = Words::new(sequence);
        let fixed = self.fixed()?;
        if let Some(alike) = fixed.overlaps.best(&words, |_| false) {
            let (file, line, start) = &fixed.items[alike.key];
            let place = self.reference.place(*file, *line);
            return Ok(self.rejected(alike.score, &place, start));
        }
        Ok(match self.admit(candidate, &text, words) {
            Ok(()) => Verdict::accept(KIND),
            Err((alike, start)) => {
                let Key(task, ordinal) = alike.key;
                let place = format!("task {task}, candidate {ordinal}");
                self.rejected(alike.score, &place, &start)
            }
        })
    }

    fn restore(&self, candidate: &Candidate) {
        if let Some(text) = self.field.text(candidate) {
            let sequence = sequence(&text);
            if !sequence.is_empty() {
                self.pool().remember(key(candidate), &text, Words::new(sequence));
            }
        }
    }

    fn remembers(&self) -> bool {
        true
    }

    fn forget(&self, candidate: &Candidate) {
        self.pool().forget(&key(candidate));
    }
}
