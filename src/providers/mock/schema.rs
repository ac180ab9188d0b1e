//! Fills a JSON Schema with made-up values that satisfy it, as far as it says things a made-up value can satisfy. Not a validator: what
//! it cannot do (conditions, contradictions) is left to the real one to find.

use serde_json::{Map, Number, Value, json};

use super::pattern;
use super::writer::Writer;

/// Schemas nested or referred to deeper than this become null.
const DEEPEST: usize = 16;
/// Items of an array at most, whatever the schema asks for.
const MOST_ITEMS: usize = 1000;

/// A value for the schema.
pub(super) fn fill(writer: &mut Writer, schema: &Value) -> Value {
    Filler { writer, root: schema }.value(schema, "", 0)
}

struct Filler<'w, 'p, 's> {
    writer: &'w mut Writer<'p>,
    root: &'s Value,
}

impl Filler<'_, '_, '_> {
    fn value(&mut self, schema: &Value, key: &str, depth: usize) -> Value {
        let Some(object) = schema.as_object() else {
            return if schema == &Value::Bool(false) {
                Value::Null
            } else {
                Value::String(self.text(key))
            };
        };
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(target) = object.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return found
                .cloned()
                .map_or(Value::Null, |found| self.value(&found, key, depth + 1));
        }
        if let Some(fixed) = object.get("const") {
            return fixed.clone();
        }
        if let Some(choices) = object.get("enum").and_then(Value::as_array) {
            let at = self.writer.dice.below(choices.len());
            return choices.get(at).cloned().unwrap_or(Value::Null);
        }
        if let Some(flat) = flattened(object, self.root) {
            return self.value(&flat, key, depth + 1);
        }
        match kind(object) {
            "object" => self.object(object, depth),
            "array" => self.array(object, key, depth),
            "integer" => self.integer(object, key),
            "number" => self.number(object, key),
            "boolean" => Value::Bool(self.writer.dice.unit() < 0.9),
            "null" => Value::Null,
            _ => Value::String(self.string(object, key)),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let most = size(schema, "maxProperties")
            .unwrap_or(usize::MAX)
            .max(required.len());
        let mut made = Map::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let mut optional = most - required.len();
            for (name, property) in properties {
                if !required.contains(&name.as_str()) {
                    if optional == 0 {
                        continue;
                    }
                    optional -= 1;
                }
                made.insert(name.clone(), self.value(property, name, depth + 1));
            }
        }
        let other = schema
            .get("additionalProperties")
            .cloned()
            .unwrap_or(Value::Bool(true));
        for name in required {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), self.value(&other, name, depth + 1));
            }
        }
        let least =
            size(schema, "minProperties").unwrap_or(usize::from(other.is_object() && made.is_empty()));
        for at in 1..=MOST_ITEMS {
            if made.len() >= least {
                break;
            }
            let name = format!("{}_{at}", self.writer.word());
            made.insert(name, self.value(&other, "", depth + 1));
        }
        Value::Object(made)
    }

    fn array(&mut self, schema: &Map<String, Value>, key: &str, depth: usize) -> Value {
        let prefix = schema
            .get("prefixItems")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let items = schema.get("items").cloned().unwrap_or(Value::Bool(true));
        let least = size(schema, "minItems")
            .unwrap_or_else(|| prefix.len().max(2))
            .min(MOST_ITEMS);
        let most = size(schema, "maxItems").unwrap_or(least.max(4));
        let least = least.min(most);
        let count = if items == Value::Bool(false) {
            prefix.len()
        } else {
            least + self.writer.dice.below((most - least).min(8) + 1)
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut made: Vec<Value> = Vec::with_capacity(count);
        if let Some(wanted) = schema.get("contains") {
            made.push(self.value(wanted, key, depth + 1));
        }
        let mut spare = 8 * count;
        while made.len() < count {
            let schema = prefix.get(made.len()).unwrap_or(&items);
            let item = self.value(schema, key, depth + 1);
            if unique && made.contains(&item) {
                if spare > 0 {
                    spare -= 1;
                    continue;
                }
                if made.len() >= least {
                    break;
                }
            }
            made.push(item);
        }
        Value::Array(made)
    }

    fn integer(&mut self, schema: &Map<String, Value>, key: &str) -> Value {
        let least = bound(schema, "minimum")
            .map(f64::ceil)
            .or_else(|| bound(schema, "exclusiveMinimum").map(|low| low.floor() + 1.0));
        let most = bound(schema, "maximum")
            .map(f64::floor)
            .or_else(|| bound(schema, "exclusiveMaximum").map(|high| high.ceil() - 1.0));
        let (least, most) = if is_score(key) {
            (least.unwrap_or(1.0), most.unwrap_or(5.0))
        } else {
            let least = least.unwrap_or_else(|| most.map_or(1.0, |most| most - 99.0));
            (least, most.unwrap_or(least + 99.0))
        };
        let step = bound(schema, "multipleOf")
            .filter(|step| *step >= 1.0)
            .unwrap_or(1.0);
        let (low, high) = ((least / step).ceil() as i64, (most / step).floor() as i64);
        let drawn = if is_score(key) {
            self.score(low, high)
        } else {
            self.writer.dice.between(low, high.max(low))
        };
        json!(drawn.saturating_mul(step as i64))
    }

    /// Judges are kind: nine in ten get the best mark or the next.
    fn score(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0);
        let down = match self.writer.dice.unit() {
            draw if draw < 0.45 => 0.0,
            draw if draw < 0.92 => 0.25,
            draw if draw < 0.98 => 0.5,
            _ => 0.75,
        };
        high.max(low) - (span as f64 * down).round() as i64
    }

    fn number(&mut self, schema: &Map<String, Value>, key: &str) -> Value {
        let bounded = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
            .iter()
            .any(|name| schema.contains_key(*name));
        if !bounded || schema.contains_key("multipleOf") {
            return self.integer(schema, key);
        }
        let least = bound(schema, "minimum").or(bound(schema, "exclusiveMinimum"));
        let most = bound(schema, "maximum").or(bound(schema, "exclusiveMaximum"));
        let least = least.unwrap_or_else(|| most.unwrap_or(0.0) - 100.0);
        let most = most.unwrap_or(least + 100.0);
        if is_score(key) && most - least >= 1.0 {
            return json!(self.score(least.ceil() as i64, most.floor() as i64));
        }
        // Strictly inside, on a grid of a thousand steps.
        let share = if is_score(key) {
            0.8 + self.writer.dice.unit() * 0.19
        } else {
            0.001 + self.writer.dice.unit() * 0.998
        };
        let drawn = least + (most - least) * (share * 1000.0).round() / 1000.0;
        Number::from_f64(drawn).map_or(Value::Null, Value::Number)
    }

    fn string(&mut self, schema: &Map<String, Value>, key: &str) -> String {
        let made = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(|format| self.formatted(format))
            .or_else(|| pattern::matching(schema.get("pattern")?.as_str()?, &mut self.writer.dice));
        if let Some(made) = made {
            return made;
        }
        let least = size(schema, "minLength").unwrap_or(0).min(100_000);
        let most = size(schema, "maxLength").unwrap_or(usize::MAX);
        let mut text = if most < 40 {
            self.writer.word().to_owned()
        } else {
            self.text(key)
        };
        while text.chars().count() < least {
            text.push(' ');
            self.writer.sentence_into(&mut text);
        }
        if let Some((end, _)) = text.char_indices().nth(most) {
            text.truncate(end);
            let whole = text.rfind(' ').filter(|at| text[..*at].chars().count() >= least);
            text.truncate(whole.unwrap_or(text.len()));
        }
        text
    }

    /// What a field of that name would hold.
    fn text(&mut self, key: &str) -> String {
        let key = key.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| key.contains(word));
        if names(&["question", "instruction", "prompt", "query"]) {
            self.writer.question()
        } else if names(&[
            "answer",
            "explanation",
            "reason",
            "rationale",
            "solution",
            "response",
            "content",
            "text",
            "essay",
            "story",
            "chosen",
            "rejected",
            "output",
        ]) {
            self.writer.paragraph()
        } else if names(&["title", "name", "topic", "subject", "headline"]) {
            self.writer.title()
        } else if names(&["tag", "keyword", "category", "label", "word"]) {
            self.writer.word().to_owned()
        } else if names(&["email", "e_mail"]) {
            self.formatted("email").unwrap_or_default()
        } else if names(&["url", "link", "uri"]) {
            self.formatted("uri").unwrap_or_default()
        } else if names(&["date"]) {
            self.formatted("date").unwrap_or_default()
        } else {
            self.writer.sentence()
        }
    }

    fn formatted(&mut self, format: &str) -> Option<String> {
        let (word, other) = (self.writer.word(), self.writer.word());
        let dice = &mut self.writer.dice;
        let date = format!(
            "{}-{:02}-{:02}",
            dice.between(1990, 2026),
            dice.between(1, 12),
            dice.between(1, 28)
        );
        let time = format!(
            "{:02}:{:02}:{:02}Z",
            dice.between(0, 23),
            dice.between(0, 59),
            dice.between(0, 59)
        );
        Some(match format {
            "date" => date,
            "time" => time,
            "date-time" => format!("{date}T{time}"),
            "duration" => format!("PT{}M", dice.between(1, 90)),
            "email" | "idn-email" => format!("{word}.{other}@example.com"),
            "hostname" | "idn-hostname" => format!("{word}.example.com"),
            "uri" | "url" | "iri" | "uri-reference" => format!("https://example.com/{word}/{other}"),
            "ipv4" => format!("192.0.2.{}", dice.between(1, 254)),
            "ipv6" => format!("2001:db8::{:x}", dice.between(1, 0xffff)),
            "uuid" => {
                let (high, low) = (dice.next(), dice.next());
                format!(
                    "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                    high >> 32,
                    high >> 16 & 0xffff,
                    high & 0xfff,
                    low >> 52,
                    low & 0xffff_ffff_ffff
                )
            }
            _ => return None,
        })
    }
}

/// The schema with its combined parts merged in: all of `allOf`, the first of `anyOf` and `oneOf` that is not null.
fn flattened(schema: &Map<String, Value>, root: &Value) -> Option<Value> {
    let named = ["allOf", "anyOf", "oneOf"];
    if !named.iter().any(|name| schema.contains_key(*name)) {
        return None;
    }
    let mut flat = schema.clone();
    for name in named {
        let Some(Value::Array(parts)) = flat.remove(name) else {
            continue;
        };
        let is_null = |part: &Value| part.get("type").and_then(Value::as_str) == Some("null");
        let chosen = match name {
            "allOf" => parts,
            _ => parts
                .iter()
                .find(|part| !is_null(part))
                .or(parts.first())
                .cloned()
                .into_iter()
                .collect(),
        };
        for part in chosen {
            let target = part
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix('#'));
            let part = target.and_then(|path| root.pointer(path)).unwrap_or(&part);
            merge(&mut flat, part);
        }
    }
    Some(Value::Object(flat))
}

fn merge(into: &mut Map<String, Value>, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match (key.as_str(), into.get_mut(key), value) {
            ("properties", Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
            ("required", Some(Value::Array(known)), Value::Array(more)) => known.extend(more.clone()),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The type asked for, the first that is not null, or the one its keywords belong to.
fn kind(schema: &Map<String, Value>) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if ["properties", "required", "additionalProperties"]
            .iter()
            .any(|key| schema.contains_key(*key)) =>
        {
            "object"
        }
        _ if ["items", "prefixItems", "minItems"]
            .iter()
            .any(|key| schema.contains_key(*key)) =>
        {
            "array"
        }
        _ if ["minimum", "maximum", "multipleOf"]
            .iter()
            .any(|key| schema.contains_key(*key)) =>
        {
            "number"
        }
        _ => "string",
    }
}

fn is_score(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["score", "rating", "grade"].iter().any(|word| key.contains(word))
}

fn bound(schema: &Map<String, Value>, key: &str) -> Option<f64> {
    schema.get(key)?.as_f64()
}

fn size(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    schema
        .get(key)?
        .as_u64()
        .map(|size| usize::try_from(size).unwrap_or(usize::MAX))
}
