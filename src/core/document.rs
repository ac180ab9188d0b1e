//! Values of a TOML document as JSON and back, for whoever changes a document a person wrote. It keeps no comments; documents do.

use serde_json::Value as Json;
use toml_edit::{Array, InlineTable, Item, Value};

/// An item of a document, tables as objects.
pub fn json_of(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(value) => json_of_value(value),
        Item::Table(table) => table
            .iter()
            .map(|(name, item)| (name.to_owned(), json_of(item)))
            .collect(),
        Item::ArrayOfTables(tables) => tables
            .iter()
            .map(|table| {
                let pairs = table.iter().map(|(name, item)| (name.to_owned(), json_of(item)));
                pairs.collect::<Json>()
            })
            .collect(),
    }
}

/// A value; dates become text.
pub fn json_of_value(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.value().as_str()),
        Value::Integer(number) => Json::from(*number.value()),
        Value::Float(number) => Json::from(*number.value()),
        Value::Boolean(flag) => Json::from(*flag.value()),
        Value::Datetime(date) => Json::from(date.value().to_string()),
        Value::Array(items) => items.iter().map(json_of_value).collect(),
        Value::InlineTable(table) => table
            .iter()
            .map(|(name, value)| (name.to_owned(), json_of_value(value)))
            .collect(),
    }
}

/// The other way round: objects become inline tables, `null` an empty text.
pub fn toml_of(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(""),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(toml_of).collect::<Array>()),
        Json::Object(table) => Value::InlineTable(
            table
                .iter()
                .map(|(name, value)| (name.as_str(), toml_of(value)))
                .collect::<InlineTable>(),
        ),
    }
}
