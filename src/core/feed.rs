//! Rows made of accepted samples: the seeds of a later round, or of another job. Each row knows the sample it comes from.

use serde_json::Value;

use super::Row;
use super::job::Feed;
use super::sample::Sample;
use super::template::variables;

/// Field of a row that holds the id of the sample it was made of.
pub const PARENT_FIELD: &str = "parent";

/// Most rows one sample makes.
pub const ROWS_AT_MOST: u64 = 100;

/// Whether a path takes a list apart.
pub fn fans_out(path: &str) -> bool {
    path.ends_with(".*") || path.contains(".*.")
}

/// The rows a sample makes, each with its place among them: one, or one for every element of the list that a path takes apart. A field
/// the sample does not have is missing in its rows.
pub fn rows_of(sample: &Sample, feed: &Feed) -> Vec<(u64, Row)> {
    if feed.is_empty() {
        let mut row = variables(&sample.seed, &sample.vary, &sample.steps);
        row.insert(PARENT_FIELD.to_owned(), Value::from(sample.id.0.as_str()));
        return vec![(0, row)];
    }
    let list = feed.iter().find_map(|(_, path)| elements(sample, path));
    let many = match &list {
        None => 1,
        Some(items) => items.len().min(ROWS_AT_MOST as usize),
    };
    let rows = (0..many).map(|at| {
        let mut row = Row::new();
        for (name, path) in feed {
            let value = if fans_out(path) {
                list.as_ref().and_then(|items| items.get(at)).cloned()
            } else {
                sample.field(path)
            };
            if let Some(value) = value {
                row.insert(name.clone(), value);
            }
        }
        row.insert(PARENT_FIELD.to_owned(), Value::from(sample.id.0.as_str()));
        (at as u64, row)
    });
    rows.collect()
}

/// The elements that such a path leads to; none where there is no list.
fn elements(sample: &Sample, path: &str) -> Option<Vec<Value>> {
    if !fans_out(path) {
        return None;
    }
    let (list, rest) = path.split_once(".*")?;
    let Some(Value::Array(items)) = sample.field(list) else {
        return Some(Vec::new());
    };
    let inner = rest.strip_prefix('.').map(|rest| rest.replace('.', "/"));
    let taken = items.into_iter().filter_map(|item| match &inner {
        None => Some(item),
        Some(inner) => item.pointer(&format!("/{inner}")).cloned(),
    });
    Some(taken.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::job::JobId;
    use crate::core::request::{FinishReason, Usage};
    use crate::core::sample::{SampleId, SampleState, StepAnswer};
    use crate::core::task::{RequestId, TaskId};

    fn sample() -> Sample {
        let value = json!({"topics": [{"name": "tides"}, {"name": "waves"}, {"no": 1}], "tags": ["a", "b"]});
        Sample {
            id: SampleId("00".repeat(16)),
            task: TaskId {
                job: JobId(1),
                index: 3,
            },
            candidate: 0,
            state: SampleState::Accepted,
            reason: None,
            seq: Some(1),
            seed: [("root".to_owned(), json!("sea"))].into_iter().collect(),
            vary: Row::new(),
            steps: vec![StepAnswer {
                step: "branch".to_owned(),
                teacher: "x/y".to_owned(),
                request: RequestId(1),
                text: value.to_string(),
                value: Some(value),
                reasoning: None,
                tool_calls: Vec::new(),
                logprobs: None,
                finish: FinishReason::Stop,
                usage: Usage::default(),
            }],
            verdicts: Vec::new(),
            review: None,
            tags: Vec::new(),
        }
    }

    fn rows(feed: &[(&str, &str)]) -> Vec<Row> {
        let feed = feed
            .iter()
            .map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
        let rows = rows_of(&sample(), &feed.collect());
        rows.into_iter().map(|(_, row)| row).collect()
    }

    #[test]
    fn a_sample_makes_one_row_or_one_for_every_element_of_a_list() {
        let made = rows(&[("from", "root"), ("topic", "branch.topics.*.name")]);
        assert_eq!(made.len(), 2, "an element without the key makes no row: {made:?}");
        assert_eq!(made[1]["topic"], "waves");
        assert_eq!(
            (&made[1]["from"], &made[1]["parent"]),
            (&json!("sea"), &json!("00".repeat(16)))
        );
        assert_eq!(rows(&[("tag", "branch.tags.*")]).len(), 2);
        assert_eq!(rows(&[("tag", "branch.none.*")]), Vec::<Row>::new());
        assert_eq!(rows(&[("root", "root")])[0]["root"], "sea");
        let whole = rows(&[]);
        assert_eq!(whole[0]["branch"]["tags"], json!(["a", "b"]));
        assert_eq!(whole[0]["root"], "sea");
    }
}
