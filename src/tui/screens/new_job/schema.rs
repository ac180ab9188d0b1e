//! Step 4, the shape of an answer and what the dataset takes of it: fields one by one, raw JSON, or a guess from an example.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Map, Value, json};

use crate::core::api::Level;
use crate::core::job::draft::Draft;
use crate::core::job::parse::{FORMAT_KINDS, FORMATS};
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{empty, pane};

use super::form::{Kind, Line, read};
use super::menu::For;
use super::typing::{Input, Target};
use super::work::Work;
use super::{NewJob, Step, shape};

/// Types of a field.
const TYPES: [(&str, &str); 6] = [
    ("string", "text"),
    ("integer", "a whole number"),
    ("number", "any number"),
    ("boolean", "true or false"),
    ("array", "a list"),
    ("object", "fields of its own (t edits them as JSON)"),
];

/// Which of the accepted samples come into the dataset.
fn selection(draft: &Draft) -> Vec<Line> {
    let of = |label: &str, key: &str, kind: Kind, note: &str| {
        Line::of(draft, label, &format!("dataset.select.{key}"), kind, note)
    };
    vec![
        Line::heading("Which of the accepted are in it"),
        of(
            "of a task",
            "best_of",
            Kind::Number,
            "all; 1: only the best answer",
        ),
        of(
            "of twins in",
            "near.field",
            Kind::Text,
            "a column or step.field; empty: all stay",
        ),
        of("alike from", "near.threshold", Kind::Number, "0.8"),
        of("best of all", "top", Kind::Number, "all"),
        of(
            "best is",
            "score",
            Kind::Text,
            "judge, script, length; empty: the last score",
        ),
        of(
            "even over",
            "stratified.field",
            Kind::Text,
            "a column or step.field; empty: no draw",
        ),
        of(
            "rows drawn",
            "stratified.rows",
            Kind::Number,
            "how many are drawn evenly",
        ),
    ]
}

impl NewJob {
    pub(super) fn schema_lines(&self, work: &Work) -> Vec<Line> {
        if let Some(at) = self.opened
            && let Some((name, property)) = property(work, at)
        {
            return property_lines(work, &name, &property);
        }
        let draft = &work.draft;
        let mut lines = Vec::new();
        let file = work.path("schema_file");
        if draft.has(&file) {
            lines.push(Line::heading("The answer is JSON of a schema file"));
            lines.push(Line::of(draft, "schema file", &file, Kind::Text, ""));
        } else if let Some(schema) = schema_of(work) {
            lines.push(Line::heading("The answer is JSON with these fields"));
            let required = schema.get("required").and_then(Value::as_array);
            for (at, (name, property)) in properties(&schema).iter().enumerate() {
                let must = required.is_some_and(|names| names.iter().any(|one| one == name));
                let label = if must { name.clone() } else { format!("{name}?") };
                let about = property
                    .get("description")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                lines.push(Line::new(
                    &label,
                    &format!("@f.{at}"),
                    Kind::Link,
                    shape::in_words(property),
                    about,
                ));
            }
        } else if draft.has(&work.path("schema")) {
            lines.push(Line::heading("The schema is no JSON yet"));
            lines.push(Line::new(
                "schema",
                "@raw",
                Kind::Link,
                "⏎ or t opens it".to_owned(),
                "",
            ));
        } else {
            lines.push(Line::heading("The answer is plain text (a adds a field)"));
        }
        lines.push(Line::of(
            draft,
            "asked again",
            &work.path("on_invalid.reask"),
            Kind::Number,
            "0 times where the answer does not fit",
        ));
        lines.push(Line::heading("Dataset"));
        let format = "dataset.format";
        lines.push(Line::of(
            draft,
            "format",
            format,
            Kind::Words(FORMAT_KINDS),
            "messages",
        ));
        let format = draft.string(format);
        let known = FORMATS.iter().find(|known| known.kind == format);
        let mut fields: Vec<String> = known.map_or_else(Vec::new, |known| {
            let all = known.required.iter().chain(known.optional.unwrap_or_default());
            all.map(|field| (*field).to_owned()).collect()
        });
        for own in draft.keys("dataset.fields") {
            if !fields.contains(&own) {
                fields.push(own);
            }
        }
        for field in fields {
            let path = format!("dataset.fields.{field}");
            let note = "column, step or step.field";
            lines.push(Line::of(draft, &field, &path, Kind::Text, note));
        }
        lines.push(Line::of(
            draft,
            "split",
            "dataset.split",
            Kind::Any,
            "{ train = 0.95, valid = 0.05 }, or one file",
        ));
        let styles = Kind::Words(&["drop", "inline", "reasoning_content", "thinking"]);
        lines.push(Line::of(draft, "reasoning", "dataset.reasoning", styles, "drop"));
        lines.extend(selection(draft));
        lines
    }

    /// The place of the selected field of the answer.
    pub(super) fn selected_property(&self, shared: &Shared) -> Option<usize> {
        if self.opened.is_some() {
            return self.opened;
        }
        let line = self.selected_line(shared)?;
        line.path.strip_prefix("@f.")?.parse().ok()
    }

    pub(super) fn schema_act(&mut self, action: Action, cx: &mut Cx) {
        let selected = self.selected_property(cx.shared);
        if let Some(work) = &mut self.work
            && !matches!(action, Action::Open)
        {
            work.remember();
        }
        match action {
            Action::Add => {
                self.opened = None;
                let at = self.lines(cx.shared).len();
                self.cursors[Step::Schema.at()].selected = at;
                self.input = Input::Line {
                    field: Field::default(),
                    line: Line::new("new field", "@new", Kind::Text, String::new(), ""),
                };
            }
            Action::Toggle => self.on_schema(cx, |schema| {
                let name = selected.and_then(|at| properties(schema).keys().nth(at).cloned());
                require(schema, name.as_deref(), None);
            }),
            Action::Remove if selected.is_some() && self.opened.is_none() => self.on_schema(cx, |schema| {
                let name = selected.and_then(|at| properties(schema).keys().nth(at).cloned());
                if let Some(name) = name {
                    require(schema, Some(&name), Some(false));
                    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                        fields.shift_remove(&name);
                    }
                }
            }),
            Action::Later | Action::Earlier => {
                let Some(at) = selected else { return };
                let to = if action == Action::Later {
                    at + 1
                } else {
                    at.saturating_sub(1)
                };
                let mut moved = false;
                self.on_schema(cx, |schema| {
                    let mut all: Vec<(String, Value)> = properties(schema).into_iter().collect();
                    if to < all.len() && to != at {
                        all.swap(at, to);
                        schema.insert("properties".to_owned(), all.into_iter().collect());
                        moved = true;
                    }
                });
                if moved {
                    let step = if action == Action::Later {
                        Action::Down
                    } else {
                        Action::Up
                    };
                    self.step_act(step, cx);
                }
            }
            Action::Shape => self.open_raw(),
            Action::Infer => {
                let text = self.example.clone();
                self.open_text(Target::Example, &text);
            }
            other => self.form_act(other, cx),
        }
    }

    fn open_raw(&mut self) {
        let Some(work) = &self.work else { return };
        let text = match work.draft.get(&work.path("schema")) {
            Some(Value::String(text)) => text,
            Some(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
            None => String::new(),
        };
        self.open_text(Target::Schema, &text);
    }

    /// Changes the schema as a whole; one without fields is none.
    fn on_schema(&mut self, cx: &mut Cx, change: impl FnOnce(&mut Map<String, Value>)) {
        if let Some(work) = &mut self.work {
            let mut schema = schema_of(work).unwrap_or_default();
            change(&mut schema);
            put_schema(work, schema);
        }
        self.changed(cx);
    }

    pub(super) fn open_property(&mut self, path: &str, cx: &mut Cx) {
        if path == "@raw" {
            return self.open_raw();
        }
        if path == "@p.type" {
            let items = TYPES.map(|(name, about)| (name.to_owned(), about.to_owned()));
            return self.offer(For::FieldType, "Type", items.to_vec());
        }
        if let Some(at) = path.strip_prefix("@f.").and_then(|at| at.parse().ok()) {
            self.opened = Some(at);
            self.cursors[Step::Schema.at()] = Cursor::default();
            self.changed(cx);
        }
    }

    pub(super) fn set_type(&mut self, kind: &str, cx: &mut Cx) {
        self.set_property("@p.type", Kind::Text, kind);
        self.changed(cx);
    }

    /// Changes one thing of the open field, or adds a field.
    pub(super) fn set_property(&mut self, path: &str, kind: Kind, typed: &str) {
        let opened = self.opened;
        let Some(work) = &mut self.work else { return };
        let mut schema = schema_of(work).unwrap_or_default();
        if path == "@new" {
            let name = typed.trim().to_owned();
            if schema.is_empty() {
                schema.insert("type".to_owned(), json!("object"));
                schema.insert("required".to_owned(), json!([]));
                schema.insert("additionalProperties".to_owned(), json!(false));
            }
            let fields = schema.entry("properties").or_insert_with(|| json!({}));
            if let Some(fields) = fields.as_object_mut() {
                fields
                    .entry(name.clone())
                    .or_insert_with(|| json!({"type": "string"}));
            }
            require(&mut schema, Some(&name), Some(true));
            return put_schema(work, schema);
        }
        let Some(key) = path.strip_prefix("@p.") else {
            return;
        };
        let Some((name, mut property)) = opened.and_then(|at| properties(&schema).into_iter().nth(at)) else {
            return;
        };
        let mut own = name.clone();
        match key {
            "name" if !typed.trim().is_empty() => typed.trim().clone_into(&mut own),
            "required" => require(&mut schema, Some(&name), Some(typed == "yes")),
            "type" => {
                property = json!({ "type": typed });
                if typed == "array" {
                    property["items"] = json!({ "type": "string" });
                }
            }
            "items" => property["items"] = json!({ "type": typed }),
            key => {
                if let Some(property) = property.as_object_mut() {
                    match read(kind, typed) {
                        Some(value) => property.insert(key.to_owned(), value),
                        None => property.shift_remove(key),
                    };
                }
            }
        }
        if let Some(names) = schema.get_mut("required").and_then(Value::as_array_mut) {
            for one in names.iter_mut().filter(|one| one.as_str() == Some(&name)) {
                *one = Value::from(own.as_str());
            }
        }
        let fields = properties(&schema).into_iter().map(|(other, old)| {
            if other == name {
                (own.clone(), property.clone())
            } else {
                (other, old)
            }
        });
        let fields: Map<String, Value> = fields.collect();
        schema.insert("properties".to_owned(), Value::Object(fields));
        put_schema(work, schema);
    }

    /// A schema from the example that was pasted.
    pub(super) fn infer(&mut self, cx: &mut Cx) {
        if self.example.trim().is_empty() {
            return;
        }
        let Some(work) = &mut self.work else { return };
        match serde_json::from_str::<Value>(&self.example) {
            Ok(value @ Value::Object(_)) => {
                work.remember();
                let file = work.path("schema_file");
                work.draft.remove(&file);
                if let Value::Object(schema) = shape::infer(&value) {
                    put_schema(work, schema);
                }
                cx.shared.toast(
                    Level::Ok,
                    "The schema is guessed from the example; u takes it back",
                );
            }
            Ok(_) => cx
                .shared
                .toast(Level::Warning, "The example is no JSON object; i goes on with it"),
            Err(error) => cx.shared.toast(
                Level::Warning,
                format!("The example is no JSON: {error}; i goes on with it"),
            ),
        }
    }

    pub(super) fn draw_example(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let inner = pane(buf, area, "A valid answer", "", self.preview, shared);
        let Some(schema) = schema_of(work) else {
            let lines = [
                "The answer is plain text.",
                "a adds a field, i guesses the fields from an example, t takes a JSON Schema",
            ];
            return empty(buf, inner, &lines, shared);
        };
        let example = shape::example(&Value::Object(schema));
        let text = serde_json::to_string_pretty(&example).unwrap_or_default();
        for (row, line) in text.lines().enumerate() {
            let (key, value) = match line.split_once("\": ") {
                Some((key, value)) => (format!("{key}\": "), value.to_owned()),
                None => (String::new(), line.to_owned()),
            };
            let used = put(buf, inner, 1, row as u16, &key, shared.style(Slot::JsonKey));
            let slot = match value.trim_start().chars().next() {
                Some('"') => Slot::JsonStr,
                Some('{' | '}' | '[' | ']') | None => Slot::Fg,
                _ => Slot::JsonNum,
            };
            put(buf, inner, 1 + used, row as u16, &value, shared.style(slot));
        }
    }
}

fn property_lines(work: &Work, name: &str, property: &Value) -> Vec<Line> {
    let text = |key: &str| {
        property
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let number = |key: &str| property.get(key).map_or_else(String::new, Value::to_string);
    let kind = shape::kind_of(property).to_owned();
    let required = schema_of(work)
        .and_then(|schema| schema.get("required").cloned())
        .is_some_and(|names| {
            names
                .as_array()
                .is_some_and(|names| names.iter().any(|one| one == name))
        });
    let choices = property
        .get("enum")
        .and_then(Value::as_array)
        .map_or_else(String::new, |all| {
            let all = all
                .iter()
                .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
            all.collect::<Vec<_>>().join(", ")
        });
    let yes = if required { "yes" } else { "no" };
    let mut lines = vec![
        Line::heading("A field of the answer (esc goes back)"),
        Line::new("name", "@p.name", Kind::Text, name.to_owned(), ""),
        Line::new("type", "@p.type", Kind::Link, kind.clone(), ""),
        Line::new("required", "@p.required", Kind::Flag, yes.to_owned(), ""),
        Line::new(
            "description",
            "@p.description",
            Kind::Text,
            text("description"),
            "the teacher reads it",
        ),
    ];
    if kind == "array" {
        let items = property.get("items").map_or("string", shape::kind_of).to_owned();
        let kinds = Kind::Words(&["string", "integer", "number", "boolean", "object"]);
        lines.push(Line::new("of", "@p.items", kinds, items, ""));
    } else if kind != "boolean" && kind != "object" {
        lines.push(Line::new(
            "one of",
            "@p.enum",
            Kind::List,
            choices,
            "any; separate by commas",
        ));
    }
    if let Some((low, high)) = shape::bounds(&kind) {
        let what = match kind.as_str() {
            "string" => "characters",
            "array" => "items",
            _ => "",
        };
        lines.push(Line::new(
            "at least",
            &format!("@p.{low}"),
            Kind::Number,
            number(low),
            what,
        ));
        lines.push(Line::new(
            "at most",
            &format!("@p.{high}"),
            Kind::Number,
            number(high),
            what,
        ));
    }
    lines
}

/// The schema of the step that is being written, if it is one.
fn schema_of(work: &Work) -> Option<Map<String, Value>> {
    match work.draft.get(&work.path("schema"))? {
        Value::Object(schema) => Some(schema),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(schema)) => Some(schema),
            _ => None,
        },
        _ => None,
    }
}

fn put_schema(work: &mut Work, schema: Map<String, Value>) {
    let path = work.path("schema");
    let simple = schema.keys().all(|key| {
        matches!(
            key.as_str(),
            "type" | "required" | "additionalProperties" | "properties"
        )
    });
    if simple && properties(&schema).is_empty() {
        work.draft.remove(&path);
    } else {
        work.draft.set(&path, &Value::Object(schema));
    }
}

fn properties(schema: &Map<String, Value>) -> Map<String, Value> {
    let fields = schema.get("properties").and_then(Value::as_object);
    fields.cloned().unwrap_or_default()
}

fn property(work: &Work, at: usize) -> Option<(String, Value)> {
    properties(&schema_of(work)?).into_iter().nth(at)
}

/// Requires a field, or not; `None`: the other way round.
fn require(schema: &mut Map<String, Value>, name: Option<&str>, wanted: Option<bool>) {
    let Some(name) = name else { return };
    let names = schema.entry("required").or_insert_with(|| json!([]));
    let Some(names) = names.as_array_mut() else { return };
    let is = names.iter().any(|one| one == name);
    if wanted.unwrap_or(!is) == is {
        return;
    }
    if is {
        names.retain(|one| one != name);
    } else {
        names.push(Value::from(name));
    }
}
