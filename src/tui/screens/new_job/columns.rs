//! The columns of the seed rows as lines of the second step: which a job takes, and which variable of the prompts each of them is. The
//! job file says it with `exclude` and `rename` of `[seeds]`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::core::job::Columns;
use crate::core::job::draft::Draft;
use crate::core::template::{Template, root};
use crate::tui::context::{Cx, Shared};
use crate::tui::widgets::field::Field;

use super::NewJob;
use super::form::{Kind, Line};
use super::menu::For;
use super::typing::Input;
use super::work::Work;

/// What the paths of these lines begin with.
const COLUMN: &str = "@column.";

/// What the draft says about columns.
fn written(draft: &Draft) -> Columns {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let exclude = draft.get("seeds.exclude");
    let exclude = exclude.as_ref().and_then(Value::as_array);
    let rename = draft.get("seeds.rename");
    let rename = rename.as_ref().and_then(Value::as_object);
    Columns {
        exclude: exclude.into_iter().flatten().filter_map(text).collect(),
        rename: rename
            .into_iter()
            .flatten()
            .filter_map(|(from, to)| Some((from.clone(), text(to)?)))
            .collect(),
    }
}

/// Writes it into the draft; nothing to say is not written.
fn write(draft: &mut Draft, columns: &Columns) {
    if columns.exclude.is_empty() {
        draft.remove("seeds.exclude");
    } else {
        draft.set("seeds.exclude", &Value::from(columns.exclude.clone()));
    }
    if columns.rename.is_empty() {
        draft.remove("seeds.rename");
    } else {
        let pairs = columns.rename.iter();
        let pairs: Map<String, Value> = pairs
            .map(|(from, to)| (from.clone(), Value::from(to.as_str())))
            .collect();
        draft.set("seeds.rename", &Value::Object(pairs));
    }
}

impl NewJob {
    /// One line a column, those that only the draft knows at the end.
    pub(super) fn column_lines(&self, work: &Work) -> Vec<Line> {
        let columns = written(&work.draft);
        let names = self.column_names(&columns);
        if names.is_empty() {
            return Vec::new();
        }
        let line = |(name, seen): (String, bool)| {
            let known = columns.known_as(&name);
            let note = match known {
                None => "excluded",
                Some(_) if !seen => "not in the rows",
                Some(other) if other == name => "as it is",
                Some(_) => "",
            };
            let other = known.filter(|other| *other != name).unwrap_or_default();
            let path = format!("{COLUMN}{name}");
            Line::new(&name, &path, Kind::Text, other.to_owned(), note)
        };
        let heading = Line::heading("Columns (m names one, x excludes it)");
        let lines = names.into_iter().map(line);
        std::iter::once(heading).chain(lines).collect()
    }

    /// The columns, and whether they are in the rows.
    fn column_names(&self, columns: &Columns) -> Vec<(String, bool)> {
        let seen = self.seeds.value().into_iter().flat_map(|seen| &seen.columns);
        let mut names: Vec<(String, bool)> = seen.map(|column| (column.name.clone(), true)).collect();
        let renamed = columns.rename.iter().map(|(from, _)| from);
        for name in columns.exclude.iter().chain(renamed) {
            if !names.iter().any(|(other, _)| other == name) {
                names.push((name.clone(), false));
            }
        }
        names
    }

    /// Whether there is a column to do something with.
    pub(super) fn has_columns(&self) -> bool {
        let columns = self.work.as_ref().map(|work| written(&work.draft));
        columns.is_some_and(|columns| !self.column_names(&columns).is_empty())
    }

    /// Leaves the selected column out, or takes it in again. False if no column is selected.
    pub(super) fn exclude_column(&mut self, line: &Line, cx: &mut Cx) -> bool {
        let Some(column) = line.path.strip_prefix(COLUMN) else {
            return false;
        };
        self.change_columns(|columns| columns.toggle(column));
        self.changed(cx);
        true
    }

    /// Begins to say which variable a column is: the selected one, or one that is chosen first.
    pub(super) fn map_column(&mut self, shared: &Shared) {
        let Some(work) = &self.work else { return };
        let line = self.selected_line(shared);
        if let Some(column) = line.and_then(|line| Some(line.path.strip_prefix(COLUMN)?.to_owned())) {
            return self.offer_names(&column, shared);
        }
        let columns = written(&work.draft);
        let items = self.column_names(&columns).into_iter().map(|(name, _)| {
            let about = match columns.known_as(&name) {
                None => "excluded".to_owned(),
                Some(known) if known == name => String::new(),
                Some(known) => format!("is {known} now"),
            };
            (name, about)
        });
        let items = items.collect();
        self.offer(For::Column, "Which column gets a name?", items);
    }

    /// A column was chosen: it is selected, and asked for its name.
    pub(super) fn chosen_column(&mut self, name: &str, shared: &Shared) {
        let path = format!("{COLUMN}{name}");
        let lines = self.lines(shared);
        if let Some(at) = lines.iter().position(|line| line.path == path) {
            let page = self.page(shared);
            let cursor = &mut self.cursors[self.step.0.at()];
            cursor.selected = at;
            cursor.clamp(lines.len(), page);
            self.offer_names(name, shared);
        }
    }

    /// The names that are wanted; where none is, one is typed.
    fn offer_names(&mut self, column: &str, shared: &Shared) {
        let Some(work) = &mut self.work else { return };
        let columns = written(&work.draft);
        work.remember();
        let taken = columns.rename.iter().filter(|(from, _)| from != column);
        let taken: Vec<(String, String)> = taken
            .map(|(from, to)| (to.clone(), format!("instead of {from}")))
            .collect();
        let mut items = self.wanted(&columns);
        items.extend(taken);
        if items.is_empty() {
            if let Some(line) = self.selected_line(shared) {
                self.input = Input::Line {
                    field: Field::holding(&line.value),
                    line,
                };
            }
            return;
        }
        let is_own = columns.known_as(column) == Some(column);
        if !is_own && !items.iter().any(|(name, _)| name == column) {
            items.push((column.to_owned(), "its own name".to_owned()));
        }
        self.offer(For::ColumnName, &format!("{column} is the variable"), items);
    }

    /// Variables that nothing provides, and where each is wanted first.
    fn wanted(&self, columns: &Columns) -> Vec<(String, String)> {
        let Some(work) = &self.work else {
            return Vec::new();
        };
        let draft = &work.draft;
        let mut known: BTreeSet<String> = draft.keys("vary").into_iter().collect();
        let names = self.column_names(columns);
        let seen = names.iter().filter(|(_, seen)| *seen);
        known.extend(seen.filter_map(|(name, _)| columns.known_as(name).map(str::to_owned)));
        if draft.has("seeds.chunk") {
            known.insert(crate::core::plan::chunk::CHUNK_FIELD.to_owned());
        }
        let steps: Vec<String> = (0..draft.len("steps"))
            .map(|at| draft.string(&format!("steps.{at}.name")))
            .collect();
        let mut wanted: Vec<(String, String)> = Vec::new();
        let mut note = |name: &str, place: String| {
            let is_step = steps.iter().any(|step| step == name);
            if !is_step && !known.contains(name) && !wanted.iter().any(|(other, _)| other == name) {
                wanted.push((name.to_owned(), place));
            }
        };
        for (at, step) in steps.iter().enumerate() {
            for key in ["system", "prompt", "when"] {
                let source = draft.string(&format!("steps.{at}.{key}"));
                let template = if key == "when" {
                    Template::condition(key, &source)
                } else {
                    Template::compile(key, &source)
                };
                let Ok(template) = template else { continue };
                for path in template.variables() {
                    note(root(&path), format!("used in {key} of {step}"));
                }
            }
        }
        for field in draft.keys("dataset.fields") {
            let path = draft.string(&format!("dataset.fields.{field}"));
            if !path.is_empty() {
                note(root(&path), format!("used as {field} of the dataset"));
            }
        }
        wanted
    }

    /// Gives the selected column a name.
    pub(super) fn name_column(&mut self, name: &str, cx: &mut Cx) {
        let line = self.selected_line(cx.shared);
        if let Some(column) = line.as_ref().and_then(|line| line.path.strip_prefix(COLUMN)) {
            self.change_columns(|columns| columns.call(column, name));
            self.changed(cx);
        }
    }

    /// What is typed behind a column: its name; nothing is its own, or that it stays excluded. False if the path is of no column.
    pub(super) fn type_column(&mut self, path: &str, typed: &str) -> bool {
        let Some(column) = path.strip_prefix(COLUMN) else {
            return false;
        };
        let Some(work) = &mut self.work else { return true };
        let mut columns = written(&work.draft);
        match typed.trim() {
            "" => columns.rename.retain(|(from, _)| from != column),
            name => {
                // Half a name takes nobody else's away: what is wrong with it is said, not mended.
                columns.exclude.retain(|other| other != column);
                match columns.rename.iter_mut().find(|(from, _)| from == column) {
                    Some((_, to)) => name.clone_into(to),
                    None => columns.rename.push((column.to_owned(), name.to_owned())),
                }
                columns.rename.retain(|(from, to)| from != to);
            }
        }
        write(&mut work.draft, &columns);
        true
    }

    fn change_columns(&mut self, change: impl FnOnce(&mut Columns)) {
        let Some(work) = &mut self.work else { return };
        work.remember();
        let mut columns = written(&work.draft);
        change(&mut columns);
        write(&mut work.draft, &columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_columns_is_written_read_and_taken_out_again() {
        let text = "# mine\nname = \"a\"\n\n[seeds]\npath = \"a.csv\" # here\n";
        let mut draft = Draft::read(text).unwrap();
        let mut columns = written(&draft);
        columns.call("Problem Text", "question");
        columns.toggle("e.mail");
        write(&mut draft, &columns);
        assert_eq!(written(&draft), columns);
        let said = draft.text();
        assert!(said.contains("exclude = [\"e.mail\"]\n"), "{said}");
        assert!(
            said.contains("rename = { \"Problem Text\" = \"question\" }\n"),
            "{said}"
        );
        columns.call("Problem Text", "Problem Text");
        columns.toggle("e.mail");
        write(&mut draft, &columns);
        assert_eq!(draft.text(), text);
    }
}
