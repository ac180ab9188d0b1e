//! JSON Schemas as the builder understands them: an example of what one allows, one guessed from an example, a field in a few words.

use serde_json::{Map, Value, json};

/// Nesting that is followed.
const DEPTH: usize = 8;

/// A value that a schema allows, as far as its usual keywords say.
pub(super) fn example(schema: &Value) -> Value {
    at_depth(schema, 0)
}

fn at_depth(schema: &Value, depth: usize) -> Value {
    let of = |key: &str| schema.get(key);
    if let Some(first) = of("enum")
        .and_then(Value::as_array)
        .and_then(|words| words.first())
    {
        return first.clone();
    }
    if let Some(given) = of("const").or_else(|| of("default")) {
        return given.clone();
    }
    let whole = |key: &str| of(key).and_then(Value::as_u64);
    match kind_of(schema) {
        _ if depth > DEPTH => Value::Null,
        "object" => {
            let properties = of("properties").and_then(Value::as_object);
            let pairs = properties.into_iter().flatten();
            pairs
                .map(|(name, schema)| (name.clone(), at_depth(schema, depth + 1)))
                .collect()
        }
        "array" => {
            let item = of("items").map_or(Value::from("…"), |items| at_depth(items, depth + 1));
            let least = whole("minItems").unwrap_or(1).clamp(1, 5) as usize;
            Value::Array(vec![item; least])
        }
        "integer" => of("minimum").cloned().unwrap_or(json!(1)),
        "number" => of("minimum").cloned().unwrap_or(json!(1.5)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => {
            let text = of("description").and_then(Value::as_str).unwrap_or("text");
            let least = whole("minLength").unwrap_or(0).min(200) as usize;
            let most = whole("maxLength").map_or(usize::MAX, |most| most as usize);
            let padded = format!("{text:…<least$}");
            Value::from(padded.chars().take(most).collect::<String>())
        }
    }
}

/// The type a schema says, the first of several.
pub(super) fn kind_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("string"),
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    }
}

/// The schema of values like this one: everything required, nothing else allowed.
pub(super) fn infer(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "type": "null" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            let items = items.first().map_or_else(|| json!({}), infer);
            json!({ "type": "array", "items": items })
        }
        Value::Object(map) => {
            let names: Vec<&String> = map.keys().collect();
            let properties: Map<String, Value> = map
                .iter()
                .map(|(name, value)| (name.clone(), infer(value)))
                .collect();
            json!({
                "type": "object",
                "required": names,
                "additionalProperties": false,
                "properties": properties,
            })
        }
    }
}

/// The keys that bound a value of this type from below and above.
pub(super) fn bounds(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "string" => Some(("minLength", "maxLength")),
        "array" => Some(("minItems", "maxItems")),
        "integer" | "number" => Some(("minimum", "maximum")),
        _ => None,
    }
}

/// A field in a few words: `string · beginner | advanced`, `array of string · 2 to 4`.
pub(super) fn in_words(schema: &Value) -> String {
    let kind = kind_of(schema);
    let mut words = kind.to_owned();
    if let Some(items) = schema.get("items") {
        words = format!("{kind} of {}", kind_of(items));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices = choices
            .iter()
            .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned));
        words = format!("{words} · {}", choices.collect::<Vec<_>>().join(" | "));
    }
    if let Some((low, high)) = bounds(kind) {
        let bound = match (schema.get(low), schema.get(high)) {
            (Some(low), Some(high)) => format!(" · {low} to {high}"),
            (Some(low), None) => format!(" · from {low}"),
            (None, Some(high)) => format!(" · up to {high}"),
            (None, None) => String::new(),
        };
        words.push_str(&bound);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guessed_schema_allows_what_it_was_guessed_from_and_its_own_example() {
        let value = json!({"q": "why", "n": 3, "x": 0.5, "ok": true, "tags": ["a"], "in": {"a": 1}});
        let schema = infer(&value);
        assert_eq!(schema["required"].as_array().unwrap().len(), 6);
        let made = example(&schema);
        assert_eq!(infer(&made), schema);
        for (schema, words) in [
            (json!({"type": "string", "enum": ["a", "b"]}), "string · a | b"),
            (
                json!({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 4}),
                "array of string · 2 to 4",
            ),
            (json!({"type": "integer", "minimum": 1}), "integer · from 1"),
        ] {
            assert_eq!(in_words(&schema), words);
        }
        assert_eq!(
            example(&json!({"type": "array", "items": {"type": "string"}, "minItems": 2}))
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}
