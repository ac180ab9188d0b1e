//! `embedding_dedup`: no two accepted samples of a job that mean the same. Vectors come from a teacher, one request a text, paid once
//! like any other; likeness is their cosine, and [`super::vectors`] finds the nearest.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::Mutex as Turn;

use super::field::Field;
use super::vectors::{Key, Near, Vectors, unit};
use crate::core::catalog::{Plug, PlugError};
use crate::core::conversation::{Message, Role};
use crate::core::job::TeacherUse;
use crate::core::ports::{CheckContext, CheckError, JudgeQuestion, Validator};
use crate::core::request::Params;
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "embedding_dedup";

/// Characters of the other text in evidence.
const SHOWN: usize = 160;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    teacher: String,
    #[serde(default = "default_threshold")]
    threshold: f64,
    #[serde(default)]
    prefix: String,
}

fn default_threshold() -> f64 {
    0.9
}

struct EmbeddingDedup {
    field: Field,
    settings: Settings,
    /// Accepted ones of earlier runs whose vectors are in the ledger and not yet in the pool.
    earlier: Mutex<Vec<Candidate>>,
    /// Whoever fetches those does it alone, and the others wait: nobody is compared with half a pool.
    fetching: Turn<()>,
    /// Looking and letting in happen under one lock, so that of two alike in flight one is always seen.
    pool: Mutex<Vectors>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    if !(0.0..=1.0).contains(&settings.threshold) {
        return Err(PlugError::at(
            "threshold",
            format!(
                "{KIND}: threshold is a cosine from 0 to 1, not {}",
                settings.threshold
            ),
        ));
    }
    if !settings.teacher.contains('/') {
        return Err(PlugError::at(
            "teacher",
            format!("{KIND}: teacher names one model for vectors: provider/model"),
        ));
    }
    Ok(Arc::new(EmbeddingDedup {
        field: Field::new(settings.field.clone()),
        settings,
        earlier: Mutex::default(),
        fetching: Turn::default(),
        pool: Mutex::default(),
    }))
}

fn key(candidate: &Candidate) -> Key {
    (candidate.task.index, candidate.ordinal)
}

/// A panic elsewhere leaves it whole: nothing done under these locks stops halfway.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn vector(text: &str) -> Result<Vec<f32>, CheckError> {
    serde_json::from_str::<Vec<f32>>(text)
        .ok()
        .and_then(unit)
        .ok_or_else(|| {
            CheckError::Broken(format!(
                "{KIND}: the teacher gave no vector: {}",
                shorten(text, 80)
            ))
        })
}

impl EmbeddingDedup {
    fn question(&self, text: &str) -> JudgeQuestion {
        let input = format!("{}{text}", self.settings.prefix);
        JudgeQuestion {
            capability: None,
            teachers: vec![TeacherUse {
                name: self.settings.teacher.clone(),
                weight: 1.0,
            }],
            messages: vec![Message::text(Role::User, input)],
            schema: None,
            params: Params {
                max_tokens: Some(0),
                vector: true,
                ..Params::default()
            },
            number: 0,
        }
    }

    /// Brings the vectors of accepted samples back from the ledger. Those that were accepted before this validator was there have
    /// none, and nobody is compared with them.
    async fn fetch(&self, context: &dyn CheckContext) -> Result<(), CheckError> {
        let _alone = self.fetching.lock().await;
        loop {
            let Some(candidate) = held(&self.earlier).last().cloned() else {
                return Ok(());
            };
            if let Some(text) = self.field.text(&candidate)
                && let Some(answer) = context.recall(&candidate, &self.question(&text)).await?
            {
                held(&self.pool).insert(key(&candidate), start(&text), &vector(&answer.text)?);
            }
            held(&self.earlier).retain(|other| key(other) != key(&candidate));
        }
    }

    /// Lets the text in unless one that means the same is there. The candidate itself may be there from an interrupted check.
    /// Candidates of one task share their seed, so they are not compared by a field of it.
    fn admit(&self, candidate: &Candidate, text: &str, vector: &[f32]) -> Result<(), Near> {
        let own = key(candidate);
        let siblings_are_alike = !self.field.is_answer(candidate);
        let mut pool = held(&self.pool);
        let near = pool.nearest(vector, |other| {
            other == own || (siblings_are_alike && other.0 == own.0)
        });
        if let Some(near) = near.filter(|near| near.cosine >= self.settings.threshold) {
            pool.remove(own);
            return Err(near);
        }
        pool.insert(own, start(text), vector);
        Ok(())
    }
}

fn start(text: &str) -> Box<str> {
    shorten(text.trim(), SHOWN).into_boxed_str()
}

#[async_trait]
impl Validator for EmbeddingDedup {
    async fn check(&self, candidate: &Candidate, context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        if text.trim().is_empty() {
            return Ok(Verdict::accept(KIND));
        }
        self.fetch(context).await?;
        let answer = context.ask(KIND, candidate, self.question(&text)).await?;
        Ok(match self.admit(candidate, &text, &vector(&answer.text)?) {
            Ok(()) => Verdict::accept(KIND),
            Err(near) => {
                let name = self.field.name();
                let ((task, ordinal), cosine, start) = (near.key, near.cosine, near.start);
                let evidence = format!(
                    "{name} has a cosine of {cosine:.3} with task {task}, candidate {ordinal}: “{start}”"
                );
                Verdict::reject(KIND, Reason::SimilarMeaning, evidence).scored(cosine)
            }
        })
    }

    fn is_costly(&self) -> bool {
        true
    }

    fn restore(&self, candidate: &Candidate) {
        held(&self.earlier).push(candidate.clone());
    }

    fn remembers(&self) -> bool {
        true
    }

    fn forget(&self, candidate: &Candidate) {
        held(&self.earlier).retain(|other| key(other) != key(candidate));
        held(&self.pool).remove(key(candidate));
    }
}
