//! A job file being written: a TOML document changed value by value, with every comment, every key nobody here knows and every
//! other line as they were. It judges nothing; reading a draft as a job is [`super::parse`]'s business.

use serde_json::{Map, Value as Json};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::core::document::{json_of, json_of_value, toml_of};

/// A job file that can be changed. Paths are dotted, with numbers for places in lists: `steps.0.prompt`, `limits.usd`.
#[derive(Debug, Clone, Default)]
pub struct Draft(DocumentMut);

impl Draft {
    /// Reads a document; an error is one line.
    pub fn read(text: &str) -> Result<Self, String> {
        text.parse::<DocumentMut>().map(Self).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.unwrap_or_default().matches('\n').count() + 1;
            format!("line {line}: {}", error.message().replace('\n', " "))
        })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// The value at a path, tables as objects.
    pub fn get(&self, path: &str) -> Option<Json> {
        self.item(path).map(json_of)
    }

    /// The string at a path; empty if there is none.
    pub fn string(&self, path: &str) -> String {
        let found = self.item(path).and_then(Item::as_str);
        found.unwrap_or_default().to_owned()
    }

    /// Whether there is anything at a path.
    pub fn has(&self, path: &str) -> bool {
        self.item(path).is_some()
    }

    /// Elements of the list at a path.
    pub fn len(&self, path: &str) -> usize {
        match self.item(path) {
            Some(Item::ArrayOfTables(tables)) => tables.len(),
            Some(Item::Value(Value::Array(items))) => items.len(),
            _ => 0,
        }
    }

    /// Keys of the table at a path, as written.
    pub fn keys(&self, path: &str) -> Vec<String> {
        let table = if path.is_empty() {
            Some(self.0.as_table() as &dyn TableLike)
        } else {
            self.item(path).and_then(Item::as_table_like)
        };
        table.map_or_else(Vec::new, |table| {
            table.iter().map(|(key, _)| key.to_owned()).collect()
        })
    }

    /// Sets the value at a path; tables on the way are made. Of an object only what differs is touched.
    pub fn set(&mut self, path: &str, value: &Json) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        if name.parse::<usize>().is_ok() {
            if let Some(list) = self.item_mut(parent)
                && let Some(mut old) = json_of(list).as_array().cloned()
                && let Some(slot) = name.parse::<usize>().ok().and_then(|at| old.get_mut(at))
            {
                *slot = value.clone();
                *list = Item::Value(toml_of(&Json::Array(old)));
            }
            return;
        }
        if let Some(table) = self.table(parent) {
            put(table, name, value);
        }
    }

    /// Removes what is at a path, and a table of the file that is left empty by it.
    pub fn remove(&mut self, path: &str) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        if parent.is_empty() {
            self.0.remove(name);
            return;
        }
        let mut empty = false;
        if let Some(table) = self.item_mut(parent).and_then(Item::as_table_like_mut) {
            table.remove(name);
            empty = table.is_empty();
        }
        // Where a place in a list is on the way, the table is an element: it stays.
        if empty && !parent.split('.').any(|part| part.parse::<usize>().is_ok()) {
            self.remove(parent);
        }
    }

    /// Puts a table, written as TOML without its header, into the list of tables at a path. The list is made if need be.
    pub fn insert(&mut self, path: &str, at: usize, table: &str) -> Result<(), String> {
        // What is said above the first key is said of the table.
        let body = table
            .lines()
            .position(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        let lines: Vec<&str> = table.lines().collect();
        let (comment, keys) = lines.split_at(body.unwrap_or(0));
        let mut table = Self::read(&format!("{}\n", keys.join("\n")))?
            .0
            .as_table()
            .clone();
        let comment: String = comment.iter().flat_map(|line| [line, "\n"]).collect();
        table.decor_mut().set_prefix(format!("\n{comment}"));
        table.set_implicit(false);
        let tables = self
            .tables(path)
            .ok_or_else(|| format!("`{path}` is no list of tables"))?;
        let mut all: Vec<Table> = std::mem::take(tables).into_iter().collect();
        all.insert(at.min(all.len()), table);
        *tables = in_order(all);
        Ok(())
    }

    /// Takes a table out of the list at a path; its text, without header, comments included.
    pub fn take(&mut self, path: &str, at: usize) -> Option<String> {
        let tables = self.tables(path)?;
        let mut all: Vec<Table> = std::mem::take(tables).into_iter().collect();
        let taken = (at < all.len()).then(|| all.remove(at));
        let empty = all.is_empty();
        *tables = in_order(all);
        if empty {
            self.remove(path);
        }
        let mut taken = taken?;
        let comment = taken
            .decor()
            .prefix()
            .and_then(|raw| raw.as_str())
            .unwrap_or_default();
        let comment: String = comment
            .lines()
            .filter(|line| !line.trim().is_empty())
            .flat_map(|line| [line, "\n"])
            .collect();
        unplace(&mut taken);
        taken.decor_mut().clear();
        let document: DocumentMut = taken.into();
        Some(format!("{comment}{document}"))
    }

    /// Moves a table of the list at a path to another place in it.
    pub fn shift(&mut self, path: &str, from: usize, to: usize) {
        let Some(tables) = self.tables(path) else { return };
        let mut all: Vec<Table> = std::mem::take(tables).into_iter().collect();
        if from < all.len() && to < all.len() {
            let table = all.remove(from);
            all.insert(to, table);
        }
        *tables = in_order(all);
    }

    fn item(&self, path: &str) -> Option<&Item> {
        let mut item = self.0.as_item();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            item = match part.parse::<usize>() {
                Ok(at) => item.get(at).or_else(|| item.get(part)),
                Err(_) => item.get(part),
            }?;
        }
        Some(item).filter(|item| !item.is_none())
    }

    fn item_mut(&mut self, path: &str) -> Option<&mut Item> {
        let mut item = self.0.as_item_mut();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            item = match part.parse::<usize>() {
                Ok(at) => item.get_mut(at),
                // Asked for to be changed, a key that is missing would be made, as nothing.
                Err(_) if item.get(part).is_none() => None,
                Err(_) => item.get_mut(part),
            }?;
        }
        Some(item)
    }

    /// The table at a path, made with every table on the way to it. `None` where something else stands in the way.
    fn table(&mut self, path: &str) -> Option<&mut dyn TableLike> {
        let mut item = self.0.as_item_mut();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            item = if let Ok(at) = part.parse::<usize>() {
                item.get_mut(at)?
            } else {
                let inline = item.is_inline_table();
                let table = item.as_table_like_mut()?;
                table.entry(part).or_insert_with(|| {
                    if inline {
                        Item::Value(Value::InlineTable(InlineTable::new()))
                    } else {
                        Item::Table(block())
                    }
                })
            };
        }
        item.as_table_like_mut()
    }

    fn tables(&mut self, path: &str) -> Option<&mut ArrayOfTables> {
        let root = self.0.as_table_mut();
        let item = root
            .entry(path)
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if item.is_value() {
            let old = std::mem::take(item);
            *item = old
                .into_array_of_tables()
                .map_or_else(|same| same, Item::ArrayOfTables);
        }
        item.as_array_of_tables_mut()
    }
}

/// A table of its own, with a blank line above.
fn block() -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table
}

/// The tables in this order whatever their places in the file were: the first keeps the earliest, the others follow it.
fn in_order(mut all: Vec<Table>) -> ArrayOfTables {
    let first = all.iter().filter_map(Table::position).min();
    all.iter_mut().for_each(unplace);
    if let (Some(head), Some(place)) = (all.first_mut(), first) {
        head.set_position(Some(place));
    }
    let mut tables = ArrayOfTables::new();
    for table in all {
        tables.push(table);
    }
    tables
}

/// Forgets where a table and those in it stood in the file.
fn unplace(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => unplace(inner),
            Item::ArrayOfTables(inner) => inner.iter_mut().for_each(unplace),
            _ => {}
        }
    }
}

/// Sets a value, keeping the old one's comment and, where nothing changes, its spelling.
fn put(table: &mut dyn TableLike, name: &str, wanted: &Json) {
    let old = table.get(name);
    // As text, for objects are equal in any order of their keys.
    let before = old.map(|item| json_of(item).to_string());
    let after = wanted.to_string();
    if before.as_ref() == Some(&after) {
        return;
    }
    if let (Some(inner), Json::Object(wanted)) =
        (table.get_mut(name).and_then(Item::as_table_like_mut), wanted)
    {
        let gone: Vec<String> = inner
            .iter()
            .map(|(key, _)| key.to_owned())
            .filter(|key| !wanted.contains_key(key))
            .collect();
        for key in gone {
            inner.remove(&key);
        }
        for (key, value) in wanted {
            put(inner, key, value);
        }
        // Fields of an answer come in the order they are asked for.
        if name == "properties" {
            let place = |key: &str| wanted.keys().position(|one| one == key);
            match table.get_mut(name) {
                Some(Item::Table(inner)) => {
                    inner.sort_values_by(|one, _, other, _| place(one.get()).cmp(&place(other.get())));
                }
                Some(Item::Value(Value::InlineTable(inner))) => {
                    inner.sort_values_by(|one, _, other, _| place(one.get()).cmp(&place(other.get())));
                }
                _ => {}
            }
        }
        return;
    }
    let item = match wanted {
        // A schema reads better over lines than on one.
        Json::Object(schema) if name == "schema" => Item::Table(spread(schema)),
        other => {
            let mut value = toml_of(other);
            if let Some(old) = table.get(name).and_then(Item::as_value) {
                *value.decor_mut() = old.decor().clone();
            }
            Item::Value(value)
        }
    };
    match table.get_mut(name) {
        Some(slot) => *slot = item,
        None => {
            table.insert(name, item);
        }
    }
}

/// A schema as a table of its own, its properties one a line.
fn spread(schema: &Map<String, Json>) -> Table {
    let mut table = block();
    for (key, value) in schema {
        let item = match value {
            Json::Object(properties) if key == "properties" => {
                let mut inner = block();
                for (name, property) in properties {
                    inner.insert(name, Item::Value(toml_of(property)));
                }
                Item::Table(inner)
            }
            other => Item::Value(toml_of(other)),
        };
        table.insert(key, item);
    }
    table
}

/// A TOML value written by hand (`0.8`, `["a", "b"]`) as JSON; anything else is the text itself.
pub fn value_of(written: &str) -> Json {
    written
        .trim()
        .parse::<Value>()
        .map_or_else(|_| Json::from(written), |value| json_of_value(&value))
}

/// A JSON value as TOML writes it on one line; strings bare.
pub fn written(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => toml_of(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_taken_out_where_nothing_is_can_be_set_after() {
        let mut draft = Draft::read("name = \"a\"\n").unwrap();
        draft.remove("target.accepted");
        assert_eq!(draft.text(), "name = \"a\"\n");
        draft.set("target.accepted", &json!(7));
        assert_eq!(draft.get("target.accepted"), Some(json!(7)), "{}", draft.text());
    }

    const TEXT: &str = r#"# head
name = "a"   # its name
unknown_key = 7

[seeds]
rows = [ { topic = "tides" } ]

[[steps]]
name = "card"
prompt = "old" # why

# the schema
[steps.schema]
type = "object"

[steps.schema.properties]
q = { type = "string" }   # asked

# first
[[validators]]
kind = "dedup"

# second
[[validators]]
kind = "length" # short
min_chars = 3

[limits]
usd = 1.00
"#;

    fn draft() -> Draft {
        Draft::read(TEXT).unwrap()
    }

    #[test]
    fn what_nobody_touches_stays_byte_for_byte() {
        assert_eq!(draft().text(), TEXT);
        let mut same = draft();
        same.set("limits.usd", &json!(1.0));
        same.set("name", &json!("a"));
        assert_eq!(same.text(), TEXT);
    }

    #[test]
    fn a_change_keeps_its_comment_and_everything_else() {
        let mut draft = draft();
        draft.set("name", &json!("b"));
        draft.set("steps.0.prompt", &json!("new\nlines"));
        draft.set(
            "steps.0.schema",
            &json!({"type": "object", "properties": {"q": {"type": "string"}, "a": {"type": "number"}}}),
        );
        let text = draft.text();
        assert!(
            text.contains("name = \"b\"   # its name\nunknown_key = 7\n"),
            "{text}"
        );
        assert!(text.contains("\nnew\nlines\"\"\" # why"), "{text}");
        assert!(
            text.contains("q = { type = \"string\" }   # asked\na = { type = \"number\" }\n"),
            "{text}"
        );
        assert_eq!(draft.string("steps.0.prompt"), "new\nlines");
        draft.set(
            "steps.0.schema.properties",
            &json!({"a": {"type": "number"}, "q": {"type": "string"}}),
        );
        let text = draft.text();
        assert!(
            text.contains("a = { type = \"number\" }\nq = { type = \"string\" }   # asked"),
            "{text}"
        );
    }

    #[test]
    fn tables_are_made_where_they_are_missing_and_go_when_they_are_empty() {
        let mut draft = draft();
        draft.set("target.accepted", &json!(10));
        draft.set("dataset.fields.user", &json!("topic"));
        assert!(
            draft
                .text()
                .ends_with("\n[target]\naccepted = 10\n\n[dataset]\n\n[dataset.fields]\nuser = \"topic\"\n"),
            "{}",
            draft.text()
        );
        draft.remove("target.accepted");
        assert!(!draft.text().contains("target"));
    }

    #[test]
    fn validators_move_leave_and_come_back_with_their_comments() {
        let mut draft = draft();
        draft.shift("validators", 1, 0);
        let text = draft.text();
        assert!(
            text.find("# second").unwrap() < text.find("# first").unwrap(),
            "{text}"
        );
        assert!(
            text.find("# first").unwrap() < text.find("[limits]").unwrap(),
            "{text}"
        );
        let taken = draft.take("validators", 0).unwrap();
        assert_eq!(taken, "# second\nkind = \"length\" # short\nmin_chars = 3\n");
        assert_eq!(draft.len("validators"), 1);
        draft.insert("validators", 1, &taken).unwrap();
        assert_eq!(draft.text(), TEXT);
        draft.take("validators", 0);
        draft.take("validators", 0);
        assert!(!draft.has("validators"));
        draft.insert("validators", 0, "kind = \"dedup\"").unwrap();
        assert_eq!(draft.string("validators.0.kind"), "dedup");
    }

    #[test]
    fn what_is_no_toml_says_where() {
        assert!(Draft::read("a = 1\nb = \n").unwrap_err().starts_with("line 2: "));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "(?s).{0,80}", other in "[a-z {}%\"'\\\\\n]{0,60}") {
            let mut draft = draft();
            draft.set("steps.0.prompt", &Json::from(text.as_str()));
            draft.set("steps.0.system", &Json::from(other.as_str()));
            let back = Draft::read(&draft.text()).unwrap();
            // A file has one kind of line end.
            prop_assert_eq!(back.string("steps.0.prompt"), text);
            prop_assert_eq!(back.string("steps.0.system"), other);
            prop_assert_eq!(back.string("validators.1.kind"), "length");
        }
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!(value_of("0.8"), json!(0.8));
        assert_eq!(value_of("[\"a\", 1]"), json!(["a", 1]));
        assert_eq!(value_of("plain words"), json!("plain words"));
        assert_eq!(written(&json!([1, 5])), "[1, 5]");
    }
}
