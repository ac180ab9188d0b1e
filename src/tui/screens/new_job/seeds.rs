//! Step 2, where the rows come from: a file, rows in the job file, or none; what is varied; and a look at the first rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::core::Row;
use crate::core::api::{Answer, JobSource, Query, SeedPreview};
use crate::core::job::JobSpec;
use crate::core::job::draft::{Draft, value_of, written};
use crate::core::job::parse::{Known, parse};
use crate::core::plan::Plan;
use crate::core::sample::as_text;
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::top;
use crate::tui::message::Message;
use crate::tui::text::{percent, put};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, prose, table, words};

use super::NewJob;
use super::form::{Kind, Line};
use super::frame::told;
use super::menu::For;
use super::typing::{Input, Target};
use super::work::Work;

/// Rows that are read at first; ten times as many each time there are more.
pub(super) const FIRST_LOOK: u64 = 10_000;
/// Rows that are shown.
const SHOWN: usize = 100;
/// Where files of ready jobs are.
const IN_THE_BINARY: &str = "bundled:";

const COLUMNS: [Column; 4] = [
    words("COLUMN", 12, 9),
    words("TYPE", 6, 5),
    numbers("FILLED", 7, 7),
    prose("EXAMPLE", 10, 3),
];

/// Everything that says where rows come from.
const SOURCES: [&str; 5] = [
    "seeds.path",
    "seeds.rows",
    "seeds.count",
    "seeds.job",
    "seeds.fields",
];

impl NewJob {
    /// The lines of the form.
    pub(super) fn seed_lines(&self, work: &Work) -> Vec<Line> {
        let draft = &work.draft;
        let source = source_of(work);
        let mut lines = vec![Line::new(
            "source",
            "@source",
            Kind::Words(&["file", "rows", "job", "none"]),
            source.to_owned(),
            "file, rows here, a job, or none",
        )];
        let of = |label: &str, path: &str, kind: Kind, note: &str| Line::of(draft, label, path, kind, note);
        match source {
            "file" => lines.push(of("file", "seeds.path", Kind::Text, "o picks one")),
            "rows" => {
                let rows = format!("{} rows", draft.len("seeds.rows"));
                lines.push(Line::new("rows", "@rows", Kind::Link, rows, "⏎ edits them"));
            }
            "job" => {
                let note = "whose accepted samples are the rows";
                lines.push(of("job", "seeds.job", Kind::Text, note));
            }
            _ => lines.push(of("tasks", "seeds.count", Kind::Number, "")),
        }
        lines.push(of("at most", "seeds.limit", Kind::Number, "all rows"));
        lines.push(of("shuffle", "seeds.shuffle", Kind::Flag, "no"));
        lines.push(of("tasks per row", "seeds.repeat", Kind::Number, "1"));
        if source != "none" {
            lines.push(of(
                "cut field",
                "seeds.chunk.field",
                Kind::Text,
                "none; its long texts become chunks",
            ));
            if draft.has("seeds.chunk") {
                lines.push(of("chunk characters", "seeds.chunk.size", Kind::Number, ""));
                lines.push(of("overlap", "seeds.chunk.overlap", Kind::Number, "0"));
            }
        }
        if source != "none" {
            lines.extend(self.column_lines(work));
        }
        lines.push(Line::heading("Varied for each task (a adds one)"));
        for name in draft.keys("vary") {
            let path = format!("vary.{name}");
            let value = draft.get(&path).map_or_else(String::new, |value| spoken(&value));
            lines.push(Line::new(&name, &format!("@{path}"), Kind::Any, value, ""));
        }
        lines
    }

    /// Rows × tasks per row.
    pub(super) fn seeds_fact(&self, work: &Work) -> String {
        let tasks = self.check.value().and_then(|report| report.tasks);
        let tasks = tasks.or_else(|| {
            let spec = seeds_spec(work)?;
            let rows = self
                .seeds
                .value()
                .filter(|seen| seen.complete)
                .map(|seen| seen.read);
            Plan::new(&spec, rows).total()
        });
        tasks.map_or_else(String::new, |tasks| format!("{} tasks", grouped(tasks)))
    }

    pub(super) fn seeds_act(&mut self, action: Action, cx: &mut Cx) {
        let line = self.selected_line(cx.shared);
        match action {
            Action::PickFile => self.pick_file(For::SeedFile, "Seed file", &[], cx),
            Action::Add => {
                if let Some(work) = &mut self.work {
                    work.remember();
                }
                let note = "name = one | another, or name = 2..6";
                let last = self.lines(cx.shared).len();
                self.cursors[1].selected = last;
                self.input = Input::Line {
                    field: Field::default(),
                    line: Line::new("new field", "@vary", Kind::Any, String::new(), note),
                };
            }
            Action::Map => self.map_column(cx.shared),
            Action::Remove => {
                if let Some(line) = line
                    && !self.exclude_column(&line, cx)
                    && let Some(work) = &mut self.work
                    && !matches!(line.path.as_str(), "@source" | "@rows" | "")
                {
                    work.remember();
                    work.draft.remove(line.path.trim_start_matches('@'));
                    self.changed(cx);
                }
            }
            other => self.form_act(other, cx),
        }
    }

    /// Changes something of the seeds that is no single key.
    pub(super) fn set_seed_word(&mut self, path: &str, typed: &str) {
        if self.type_column(path, typed) {
            return;
        }
        let Some(work) = &mut self.work else { return };
        if let Some(name) = path.strip_prefix("@vary.") {
            return work.draft.set(&format!("vary.{name}"), &varied(typed));
        }
        if path == "@vary" {
            let (name, value) = typed.split_once('=').unwrap_or((typed, "one | another"));
            let name: String = name
                .trim()
                .chars()
                .map(|letter| {
                    if letter.is_ascii_alphanumeric() {
                        letter
                    } else {
                        '_'
                    }
                })
                .collect();
            if !name.is_empty() {
                work.draft.set(&format!("vary.{name}"), &varied(value));
            }
            return;
        }
        for key in SOURCES {
            work.draft.remove(key);
        }
        match typed {
            "job" => work.draft.set("seeds.job", &json!("another-job")),
            "rows" => work.draft.set("seeds.rows", &json!([{"topic": "tides"}])),
            "none" => {
                work.draft.remove("seeds.chunk");
                work.draft.set("seeds.count", &json!(100));
            }
            _ => work.draft.set("seeds.path", &json!("seeds.jsonl")),
        }
    }

    /// A path typed into a draft whose files are in the binary means this machine's directory.
    pub(super) fn settle_seed_path(&mut self, shared: &Shared) {
        let Some(work) = &mut self.work else { return };
        let path = work.draft.string("seeds.path");
        let known = Draft::read(&work.first).is_ok_and(|first| first.string("seeds.path") == path);
        if in_the_binary(work) && !known && !path.is_empty() {
            let path = shared.options.directory.join(path);
            work.draft
                .set("seeds.path", &Value::from(path.display().to_string()));
        }
    }

    pub(super) fn open_rows(&mut self) {
        let Some(work) = &self.work else { return };
        let text = match work.draft.get("seeds.rows") {
            Some(Value::Array(rows)) => {
                let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
                rows.join("\n")
            }
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        self.open_text(Target::Rows, &text);
    }

    pub(super) fn use_seed_file(&mut self, name: &str, cx: &mut Cx) {
        let directory = cx.shared.options.directory.clone();
        let Some(work) = &mut self.work else { return };
        work.remember();
        // Relative to where the job file's paths point; from the binary nothing of this machine is.
        let path = if work.base == directory {
            name.to_owned()
        } else {
            directory.join(name).display().to_string()
        };
        for key in SOURCES {
            work.draft.remove(key);
        }
        work.draft.set("seeds.path", &Value::from(path));
        self.changed(cx);
        self.save(cx);
    }

    /// Asks for a look at the rows.
    pub(super) fn look(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let source = JobSource::Text {
            source: self.looked_at.clone(),
            base: work.base.clone(),
        };
        let query = Query::Seeds {
            source,
            limit: SHOWN,
            at_most: self.rows_at_most,
        };
        self.seeds.ask(query, cx);
    }

    pub(super) fn seeds_reply(&mut self, message: &Message, cx: &mut Cx) {
        let seen = |answer: &Answer| match answer {
            Answer::Seeds(seen) => Some(SeedPreview::clone(seen)),
            _ => None,
        };
        if !self.seeds.take(message, seen, || Query::Drafts, cx) {
            return;
        }
        let rows = self.preview_rows();
        self.row = self.row.min(rows.saturating_sub(1));
        let more = self.seeds.value().is_some_and(|seen| !seen.complete);
        if more && self.seeds.error().is_none() && self.rows_at_most > 0 {
            self.rows_at_most = self.rows_at_most.saturating_mul(10);
            self.look(cx);
        }
    }

    /// Stops reading a long file at what was read. False if nothing is being read.
    pub(super) fn stop_looking(&mut self) -> bool {
        let reading = self.seeds.is_pending() && self.seeds.value().is_some_and(|seen| !seen.complete);
        if reading && self.rows_at_most > 0 {
            self.rows_at_most = 0;
            return true;
        }
        false
    }

    pub(super) fn draw_rows(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let seen = self.seeds.value();
        let fact = seen.map_or_else(String::new, |seen| {
            let rows = grouped(seen.read);
            match (seen.complete, self.rows_at_most) {
                (true, _) => format!("{rows} rows"),
                (false, 0) => format!("{rows} rows read, stopped"),
                (false, _) => format!("{rows} rows read …, esc stops"),
            }
        });
        let inner = pane(buf, area, "Rows", &fact, self.preview, shared);
        if let Some(error) = self.seeds.error() {
            let error = told(error, "⏎ changes the path, o picks a file");
            return failure(buf, inner, &error, shared);
        }
        let Some(seen) = seen else {
            if self.seeds.is_slow(shared.now) {
                empty(buf, inner, &["Reading the rows …"], shared);
            }
            return;
        };
        if seen.columns.is_empty() {
            let lines = [
                "No seeds: each task asks the same.",
                "a adds a field that is drawn for each task; the prompts use it as a variable",
            ];
            return empty(buf, inner, &lines, shared);
        }
        let columns = (seen.columns.len() as u16 + 1).min(inner.height / 2);
        let (above, below) = top(inner, columns);
        let rows = seen.columns.iter().map(|column| {
            let (name, slot, example) = match column.known_as.as_deref() {
                None => (column.name.clone(), Slot::Muted, "excluded"),
                Some(known) => (known.to_owned(), Slot::Fg, column.example.as_str()),
            };
            vec![
                (name, shared.style(slot)),
                (column.kind.to_owned(), shared.style(Slot::Muted)),
                (
                    format!("{}%", percent(column.filled, seen.read)),
                    shared.style(if column.filled < seen.read {
                        Slot::Warn
                    } else {
                        Slot::Fg
                    }),
                ),
                (example.to_owned(), shared.style(Slot::Muted)),
            ]
        });
        table(buf, above, &COLUMNS, rows, None, shared);
        let (word, below) = top(below, 2);
        let doubles = match seen.duplicates {
            0 => "no duplicates".to_owned(),
            1 => "1 duplicate".to_owned(),
            many => format!("{} duplicates", grouped(many)),
        };
        let slot = if seen.duplicates > 0 {
            Slot::Warn
        } else {
            Slot::Muted
        };
        put(buf, word, 2, 1, &doubles, shared.style(slot));
        if let Some(broken) = &seen.broken {
            put(buf, word, 20, 1, broken, shared.style(Slot::Error));
        }
        draw_values(seen, shared, below, buf);
    }
}

/// The first rows as a table of their first columns.
fn draw_values(seen: &SeedPreview, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width.saturating_sub(8));
    let taken = seen
        .columns
        .iter()
        .filter_map(|column| column.known_as.as_deref());
    let taken: Vec<&str> = taken.take((width / 16).clamp(1, 4)).collect();
    let many = taken.len().max(1);
    let each = (width / many) as u16;
    let cell = |row: &Row, name: &str| row.get(name).cloned().map(as_text).unwrap_or_default();
    let mut line = |y: u16, number: &str, texts: Vec<Cell>| {
        put(buf, area, 2, y, number, shared.style(Slot::Muted));
        for (at, (text, style)) in texts.into_iter().enumerate() {
            let slot = Rect {
                x: area.x + 7 + at as u16 * each,
                width: each.saturating_sub(2),
                ..area
            };
            put(buf, slot, 0, y, &text, style);
        }
    };
    let heads = taken.iter();
    let heads = heads.map(|name| (name.to_uppercase(), shared.style(Slot::Muted)));
    line(0, "ROW", heads.collect());
    for (at, row) in seen
        .rows
        .iter()
        .enumerate()
        .take(usize::from(area.height.saturating_sub(1)))
    {
        let cells = taken.iter();
        let cells = cells.map(|name| (cell(row, name), shared.style(Slot::Fg)));
        line(at as u16 + 1, &grouped(at as u64 + 1), cells.collect());
    }
}

/// Which of the three it is.
fn source_of(work: &Work) -> &'static str {
    if work.draft.has("seeds.rows") {
        "rows"
    } else if work.draft.has("seeds.count") {
        "none"
    } else if work.draft.has("seeds.job") {
        "job"
    } else {
        "file"
    }
}

/// The seeds of the job as they are read, whatever the rest of it is.
pub(super) fn seeds_spec(work: &Work) -> Option<JobSpec> {
    // What is drawn from a file is shown by a row that stands for any of its rows.
    let fields = work.draft.keys("vary").into_iter();
    let fields = fields.map(|name| work.draft.string(&format!("vary.{name}.field")));
    let names: Vec<String> = fields
        .filter(|name| !name.is_empty())
        .chain(["row".to_owned()])
        .collect();
    let pool = |path: &str, _: usize| {
        let some = |name: &String| (name.clone(), Value::from(format!("⟨a row of {path}⟩")));
        Ok(vec![names.iter().map(some).collect()])
    };
    let known = Known {
        pool: &pool,
        ..Known::default()
    };
    parse(&work.seeds_alone(), &|_| Err(String::new()), &known).spec
}

/// Whether relative paths of the job point into the binary.
pub(super) fn in_the_binary(work: &Work) -> bool {
    work.base.as_os_str() == IN_THE_BINARY
}

/// A varied field as it is typed: `one | another`, `2..6`, or a table as TOML writes it.
fn spoken(value: &Value) -> String {
    let table = value.as_object();
    let only = |key: &str| {
        table
            .filter(|table| table.len() == 1)
            .and_then(|table| table.get(key))
    };
    if let Some(Value::Array(choices)) = only("choose")
        && choices
            .iter()
            .all(|choice| choice.as_str().is_some_and(|text| !text.contains('|')))
    {
        return choices.iter().map(written).collect::<Vec<_>>().join(" | ");
    }
    if let Some(Value::Array(ends)) = only("integer")
        && let [low, high] = ends.as_slice()
    {
        return format!("{low}..{high}");
    }
    written(value)
}

fn varied(typed: &str) -> Value {
    let typed = typed.trim();
    if let table @ Value::Object(_) = value_of(typed) {
        return table;
    }
    if let Some((low, high)) = typed.split_once("..")
        && let (Ok(low), Ok(high)) = (low.trim().parse::<i64>(), high.trim().parse::<i64>())
    {
        return json!({ "integer": [low, high] });
    }
    let choices: Vec<&str> = typed
        .split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    json!({ "choose": choices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varied_fields_are_typed_as_they_are_shown() {
        for (typed, value) in [
            ("a | b c", json!({"choose": ["a", "b c"]})),
            ("2..6", json!({"integer": [2, 6]})),
            ("{ weights = { easy = 3 } }", json!({"weights": {"easy": 3}})),
        ] {
            assert_eq!(varied(typed), value);
            assert_eq!(varied(&spoken(&value)), value);
        }
        let odd = json!({"choose": ["a|b", "c"]});
        assert_eq!(varied(&spoken(&odd)), odd);
    }
}
