//! `semantic_dedup`: no two accepted samples of a job that say nearly the same. Likeness is Jaccard over word shingles, found and
//! confirmed by [`super::near_duplicates`]; here is what a validator makes of it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;

use super::field::Field;
use super::near_duplicates::{Key, Near, NearDuplicates, Sketch, Sketcher};
use super::shingles::shingles;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "semantic_dedup";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    #[serde(default = "default_threshold")]
    threshold: f64,
    #[serde(default = "default_shingle")]
    shingle: usize,
}

fn default_threshold() -> f64 {
    0.8
}

fn default_shingle() -> usize {
    3
}

struct SemanticDedup {
    field: Field,
    shingle: usize,
    sketcher: Sketcher,
    /// Looking and letting in happen under one lock, so that of two near duplicates in flight one is always seen.
    index: Mutex<NearDuplicates>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    if !(0.3..=1.0).contains(&settings.threshold) {
        return Err(PlugError::at(
            "threshold",
            format!(
                "{KIND}: threshold is a similarity from 0.3 to 1, not {}",
                settings.threshold
            ),
        ));
    }
    if !(1..=16).contains(&settings.shingle) {
        return Err(PlugError::at(
            "shingle",
            format!("{KIND}: shingle is 1 to 16 words, not {}", settings.shingle),
        ));
    }
    let sketcher = Sketcher::new(settings.threshold);
    Ok(Arc::new(SemanticDedup {
        field: Field::new(settings.field),
        shingle: settings.shingle,
        index: Mutex::new(NearDuplicates::new(settings.threshold, &sketcher)),
        sketcher,
    }))
}

fn key(candidate: &Candidate) -> Key {
    (candidate.task.index, candidate.ordinal)
}

impl SemanticDedup {
    /// The text's sketch; `None` if it has no text or nothing to compare.
    fn sketch(&self, candidate: &Candidate) -> Option<Sketch> {
        let text = self.field.text(candidate)?;
        let set = shingles(&text, self.shingle);
        (!set.is_empty()).then(|| self.sketcher.sketch(set))
    }

    /// A panic elsewhere leaves the index whole: no method of it stops halfway.
    fn index(&self) -> MutexGuard<'_, NearDuplicates> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the text in unless a near duplicate is there. The candidate itself may be there from an interrupted check. Candidates
    /// of one task share their seed, so they are not compared by a field of it.
    fn admit(&self, candidate: &Candidate, sketch: &Sketch) -> Result<(), Near> {
        let own = key(candidate);
        let siblings_are_alike = !self.field.is_answer(candidate);
        let mut index = self.index();
        let near = index.nearest(sketch, |other| {
            other == own || (siblings_are_alike && other.0 == own.0)
        });
        if let Some(near) = near {
            index.remove(own);
            return Err(near);
        }
        index.insert(own, sketch);
        Ok(())
    }
}

#[async_trait]
impl Validator for SemanticDedup {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        if self.field.text(candidate).is_none() {
            return Ok(self.field.missing(KIND));
        }
        let Some(sketch) = self.sketch(candidate) else {
            return Ok(Verdict::accept(KIND));
        };
        Ok(match self.admit(candidate, &sketch) {
            Ok(()) => Verdict::accept(KIND),
            Err(near) => Verdict::reject(
                KIND,
                Reason::NearDuplicate,
                format!(
                    "{} is {:.3} like task {}, candidate {}",
                    self.field.name(),
                    near.similarity,
                    near.key.0,
                    near.key.1
                ),
            )
            .scored(near.similarity),
        })
    }

    fn restore(&self, candidate: &Candidate) {
        if let Some(sketch) = self.sketch(candidate) {
            self.index().insert(key(candidate), &sketch);
        }
    }

    fn remembers(&self) -> bool {
        true
    }

    fn forget(&self, candidate: &Candidate) {
        self.index().remove(key(candidate));
    }
}
