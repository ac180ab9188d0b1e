//! `keys` and `themes`: tables of the full-screen application, printed. The rows come from the composition root, since wings do
//! not know each other.

use clap::Subcommand;
use serde_json::json;

use super::exit;
use super::line::{Align, Cell, Style, Table};
use super::output::{Outcome, Output};

const KEYS_JSON: &str = "\
With --json every binding is an object on a line:
  {\"context\":\"…\",\"keys\":\"…\",\"action\":\"…\",\"help\":\"…\"}";
const THEMES_JSON: &str = "\
With --json every theme is an object on a line: {\"name\":\"…\",\"about\":\"…\",\"origin\":\"…\"}";

/// Show the keys of the full-screen application.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// List every key with what it does
    #[command(after_long_help = KEYS_JSON)]
    List,
}

/// Show the themes of the full-screen application.
#[derive(Debug, Clone, Subcommand)]
pub enum ThemesCommand {
    /// List every theme
    #[command(after_long_help = THEMES_JSON)]
    List,
}

/// A binding of the full-screen application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Where it holds: a screen or pane.
    pub context: String,
    /// The keys, as the footer writes them.
    pub keys: String,
    /// The action's name in `keymap.toml`.
    pub action: String,
    /// What it does, in a few words.
    pub help: String,
}

/// A theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeRow {
    /// The word for `ui.theme`.
    pub name: String,
    /// Light or dark, or what is special about it.
    pub about: String,
    /// `bundled`, or the file it comes from.
    pub origin: String,
}

/// Prints the bindings.
pub(super) fn keys(rows: &[KeyRow], out: &mut Output) -> Outcome {
    let mut table = Table::new(&[
        ("WHERE", Align::Left),
        ("KEYS", Align::Left),
        ("ACTION", Align::Left),
        ("DOES", Align::Left),
    ]);
    for row in rows {
        if out.json {
            out.json(&json!({
                "context": row.context,
                "keys": row.keys,
                "action": row.action,
                "help": row.help,
            }))?;
        } else {
            table.row(vec![
                Cell::styled(Style::Faint, &row.context),
                Cell::styled(Style::Strong, &row.keys),
                row.action.as_str().into(),
                row.help.as_str().into(),
            ]);
        }
    }
    if !out.json {
        out.table(&table)?;
    }
    Ok(exit::OK)
}

/// Prints the themes.
pub(super) fn themes(rows: &[ThemeRow], out: &mut Output) -> Outcome {
    let mut table = Table::new(&[
        ("THEME", Align::Left),
        ("ABOUT", Align::Left),
        ("FROM", Align::Left),
    ]);
    for row in rows {
        if out.json {
            out.json(&json!({ "name": row.name, "about": row.about, "origin": row.origin }))?;
        } else {
            table.row(vec![
                Cell::styled(Style::Strong, &row.name),
                row.about.as_str().into(),
                Cell::styled(Style::Faint, &row.origin),
            ]);
        }
    }
    if !out.json {
        out.table(&table)?;
    }
    Ok(exit::OK)
}
