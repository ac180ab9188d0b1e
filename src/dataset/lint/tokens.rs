//! Rows for distillation: the teacher's most likely tokens at every place, as Axolotl's plugin reads them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shape::Shape;
use super::{Check, kind};
use crate::core::Row;

/// How the trainer finds a token's number.
const ID: &str = "token_id:";

impl Check {
    /// Looks into the tokens of a row.
    pub(super) fn tokens(&mut self, shape: Shape, row: &Row) {
        let Some(places) = self.places(row, "logprobs") else {
            return;
        };
        let sizes: BTreeSet<usize> = places.iter().map(|place| place.len()).collect();
        if sizes.len() > 1 {
            let what = format!(
                "between {} and {} tokens a place",
                sizes.first().copied().unwrap_or_default(),
                sizes.last().copied().unwrap_or_default()
            );
            let why = "the trainer makes a rectangle of them and cuts, or fails where a place has too few";
            let mend = "keep as many at every place; destiler export writes them so";
            self.notes.error("tokens_a_place", "logprobs", what, why, mend);
        }
        let ids = match shape {
            Shape::KdIds => self.places(row, "target_token_ids"),
            _ => None,
        };
        if let Some(ids) = &ids {
            self.pairs_up(&places, ids);
        }
        for place in &places {
            for token in *place {
                let logprob = if shape == Shape::Kd {
                    token.get("logprob")
                } else {
                    Some(token)
                };
                let sound = self.logprob(logprob) && (shape == Shape::KdIds || self.id(token));
                if !sound {
                    return;
                }
            }
        }
    }

    /// A list of lists that are not empty.
    fn places<'r>(&mut self, row: &'r Row, field: &'static str) -> Option<Vec<&'r Vec<Value>>> {
        let places = row.get(field).and_then(Value::as_array);
        let lists: Option<Vec<&Vec<Value>>> = places.and_then(|places| {
            let lists = places
                .iter()
                .map(|place| place.as_array().filter(|place| !place.is_empty()));
            lists.collect()
        });
        if lists.as_ref().is_some_and(|lists| !lists.is_empty()) {
            return lists;
        }
        let what = match row.get(field) {
            Some(Value::Array(_)) => "a place without tokens",
            other => other.map_or("missing", kind),
        };
        let why = "every place of the answer has a list of the teacher's most likely tokens";
        let mend = "leave the row out, or ask a teacher that gives log-probabilities";
        self.notes.error("tokens", field, what, why, mend);
        None
    }

    fn pairs_up(&mut self, places: &[&Vec<Value>], ids: &[&Vec<Value>]) {
        let same = places.len() == ids.len()
            && places
                .iter()
                .zip(ids)
                .all(|(one, other)| one.len() == other.len());
        if !same {
            let why = "each log-probability belongs to the token at the same place of the other list";
            let mend = "write both from the same answer: destiler export JOB --format kd_ids";
            self.notes.error(
                "tokens_pair",
                "target_token_ids",
                "not as many as in logprobs",
                why,
                mend,
            );
        }
        if !ids.iter().all(|place| place.iter().all(Value::is_u64)) {
            let why = "the trainer looks tokens up by their numbers in the student's vocabulary";
            let mend = "start vLLM with --return-tokens-as-token-ids and make the samples anew";
            self.notes.error(
                "token_ids",
                "target_token_ids",
                "tokens that are no numbers",
                why,
                mend,
            );
        }
    }

    /// Whether it is the logarithm of a probability.
    fn logprob(&mut self, value: Option<&Value>) -> bool {
        let sound = value
            .and_then(Value::as_f64)
            .is_some_and(|logprob| logprob <= 1e-3);
        if !sound {
            let what = value.map_or("missing".to_owned(), |value| format!("`{value}`"));
            let why = "a log-probability is a number and not above 0";
            let mend = "keep what the teacher gave; probabilities have to become their logarithms";
            self.notes.error("logprob", "logprobs", what, why, mend);
        }
        sound
    }

    /// Whether the trainer finds a token's number.
    fn id(&mut self, token: &Value) -> bool {
        let text = token.get("token").and_then(Value::as_str);
        let sound = text
            .and_then(|text| text.strip_prefix(ID))
            .is_some_and(|id| id.parse::<u64>().is_ok());
        if !sound {
            let what = text.map_or("a token without its text".to_owned(), |text| {
                format!("token {text:?}")
            });
            let why = "Axolotl reads the number behind `token_id:` and fails on anything else";
            let mend = "start vLLM with --return-tokens-as-token-ids and make the samples anew";
            self.notes.error("token_ids", "logprobs", what, why, mend);
        }
        sound
    }
}
