//! Comma-separated values (RFC 4180) under a line of names. Text stands as it is, everything else as JSON text; a missing value is
//! empty. A cell that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that already begins so.

use std::io::{self, BufWriter};

use serde_json::Value;

use super::super::files::Replacement;
use super::Rows;

/// Writes all rows under the columns of all rows, in the order they are met.
pub(super) fn write(rows: &Rows, out: &mut BufWriter<Replacement>) -> io::Result<()> {
    let mut names: Vec<String> = Vec::new();
    rows.each(|row, _| {
        for name in row.keys() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(())
    })?;
    let mut writer = csv::Writer::from_writer(out);
    if names.is_empty() {
        return writer.flush();
    }
    writer.write_record(names.iter().map(|name| harmless(name.clone())))?;
    rows.each(|row, _| {
        let cells = names.iter().map(|name| match row.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => harmless(text.clone()),
            Some(other) => other.to_string(),
        });
        writer.write_record(cells)?;
        Ok(())
    })?;
    writer.flush()
}

/// `=1+1` becomes `'=1+1`, and `'=1+1` becomes `''=1+1`: taking one apostrophe off such a cell gives the text back.
fn harmless(text: String) -> String {
    let begins = text.trim_start_matches('\'').chars().next();
    if matches!(begins, Some('=' | '+' | '-' | '@' | '\t' | '\r')) {
        return format!("'{text}");
    }
    text
}
