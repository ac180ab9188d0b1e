//! Changing single numbers of a job file while its comments and its order stay. It edits text and judges nothing: whoever stores the
//! result reads it as any job file.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

/// A number of the job file, and what it becomes. `None` takes it out.
#[derive(Debug, Clone, PartialEq)]
pub enum Adjustment {
    /// `target.accepted`; taking it out takes the whole table out.
    Target(Option<u64>),
    /// `limits.usd`.
    Usd(Option<f64>),
    /// `limits.concurrency`.
    Concurrency(Option<u32>),
    /// `limits.requests_per_minute`.
    RequestsPerMinute(Option<u32>),
    /// `priority`.
    Priority(i64),
    /// The weight of a teacher wherever a step names it.
    Weight {
        /// `provider/model`.
        teacher: String,
        /// Its share.
        weight: f64,
    },
}

/// The file with these changes. An error says why the text cannot be edited.
pub fn adjust(source: &str, changes: &[Adjustment]) -> Result<String, String> {
    let mut file: DocumentMut = source
        .parse()
        .map_err(|error| format!("the job file is no TOML: {error}"))?;
    for change in changes {
        match change {
            Adjustment::Target(None) => {
                file.remove("target");
            }
            Adjustment::Target(number) => number_in(&mut file, "target", "accepted", number.map(whole)),
            Adjustment::Usd(number) => number_in(&mut file, "limits", "usd", number.map(Value::from)),
            Adjustment::Concurrency(number) => {
                let number = number.map(|number| Value::from(i64::from(number)));
                number_in(&mut file, "limits", "concurrency", number);
            }
            Adjustment::RequestsPerMinute(number) => {
                let number = number.map(|number| Value::from(i64::from(number)));
                number_in(&mut file, "limits", "requests_per_minute", number);
            }
            Adjustment::Priority(number) => put(file.as_table_mut(), "priority", Value::from(*number)),
            Adjustment::Weight { teacher, weight } => weigh(&mut file, teacher, *weight),
        }
    }
    Ok(file.to_string())
}

fn whole(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn number_in(file: &mut DocumentMut, table: &str, key: &str, number: Option<Value>) {
    let Some(number) = number else {
        if let Some(table) = file.get_mut(table).and_then(Item::as_table_like_mut) {
            table.remove(key);
        }
        return;
    };
    let table = file.entry(table).or_insert_with(|| Item::Table(Table::new()));
    if let Some(table) = table.as_table_like_mut() {
        put(table, key, number);
    }
}

/// Sets a value; the comment behind the one that was there stays.
fn put(table: &mut dyn TableLike, key: &str, mut new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => {
            table.insert(key, value(new));
        }
    }
}

fn weigh(file: &mut DocumentMut, teacher: &str, weight: f64) {
    let Some(steps) = file.get_mut("steps").and_then(Item::as_array_of_tables_mut) else {
        return;
    };
    for step in steps.iter_mut() {
        let named = |entry: &dyn TableLike| entry.get("use").and_then(Item::as_str) == Some(teacher);
        match step.get_mut("teachers") {
            Some(Item::Value(Value::Array(entries))) => {
                let tables = entries.iter_mut().filter_map(Value::as_inline_table_mut);
                for entry in tables.filter(|entry| named(*entry)) {
                    put(entry, "weight", Value::from(weight));
                }
            }
            Some(Item::ArrayOfTables(entries)) => {
                for entry in entries.iter_mut().filter(|entry| named(*entry)) {
                    put(entry, "weight", Value::from(weight));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# what it is for\nname = \"a\"\n\n[[steps]]\nname = \"s\"\nteachers = [{ use = \"x/y\", weight = 3 }, { use = \"z/w\" }]\n\n[limits]\nusd = 1.5  # enough\nrequests = 10\n";

    #[test]
    fn numbers_change_and_comments_stay() {
        let changed = adjust(
            FILE,
            &[
                Adjustment::Usd(Some(2.0)),
                Adjustment::Concurrency(Some(8)),
                Adjustment::Target(Some(50)),
                Adjustment::Priority(-2),
                Adjustment::Weight {
                    teacher: "z/w".to_owned(),
                    weight: 0.5,
                },
            ],
        )
        .unwrap();
        assert!(
            changed.contains("usd = 2.0  # enough\nrequests = 10\nconcurrency = 8"),
            "{changed}"
        );
        assert!(changed.contains("[target]\naccepted = 50"), "{changed}");
        assert!(
            changed.contains("{ use = \"x/y\", weight = 3 }, { use = \"z/w\" , weight = 0.5 }]")
                || changed.contains("weight = 0.5"),
            "{changed}"
        );
        assert!(
            changed.starts_with("# what it is for\nname = \"a\"\npriority = -2\n"),
            "{changed}"
        );
    }

    #[test]
    fn what_is_taken_out_is_gone() {
        let without = adjust(
            FILE,
            &[Adjustment::Usd(None), Adjustment::RequestsPerMinute(None)],
        )
        .unwrap();
        assert!(
            !without.contains("usd") && without.contains("requests = 10"),
            "{without}"
        );
        let targeted = adjust(FILE, &[Adjustment::Target(Some(5))]).unwrap();
        assert!(
            !adjust(&targeted, &[Adjustment::Target(None)])
                .unwrap()
                .contains("target")
        );
        assert!(adjust("a = ", &[]).is_err());
    }
}
