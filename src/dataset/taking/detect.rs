//! What format a row has, by its columns.

use serde_json::Value;

use super::plain::is_raw;
use super::structured;
use crate::core::Row;

/// The format whose columns a row has; what tells `messages` from `openai` may stand in a later one.
pub(super) fn format_of(row: &Row, cells: bool) -> Option<&'static str> {
    let has = |key: &str| row.get(key).is_some_and(|value| !value.is_null());
    let is_list = |key: &str| {
        let value = row.get(key).cloned();
        let value = if cells { value.map(structured) } else { value };
        matches!(value, Some(Value::Array(_)))
    };
    let sides = has("chosen") && has("rejected");
    Some(match () {
        () if is_raw(row) => "raw",
        () if has("input") && has("preferred_output") && has("non_preferred_output") => "preference_openai",
        () if has("conversations") && sides => "preference_sharegpt",
        () if has("conversations") && has("kto_tag") => "unpaired_sharegpt",
        () if has("conversations") => "sharegpt",
        () if has("messages") && sides => "preference_axolotl",
        () if has("messages") && has("target_token_ids") => "kd_ids",
        () if has("messages") && has("logprobs") => "kd",
        // Some data sets have the prompt beside two whole conversations.
        () if sides && is_list("chosen") && !is_list("prompt") => "preference_whole",
        () if sides && is_list("prompt") => "preference",
        () if sides && has("prompt") => "preference_plain",
        () if has("messages") => "messages",
        () if has("prompt") && has("completion") && has("label") => "unpaired",
        () if has("prompt") && has("completion") => "prompt_completion",
        () if has("instruction") && has("output") => "alpaca",
        () if has("text") => "text",
        () => return None,
    })
}
