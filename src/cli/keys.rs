//! `keys` and `themes`: tables of the full-screen application, printed. The rows come from the composition root, since wings do
//! not know each other.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::json;

use super::line::{Align, Cell, Style, Table};
use super::output::{Outcome, Output};
use super::{Offline, exit};

const KEYS_JSON: &str = "\
Keys of your own go into keymap.toml beside the user's config.toml (`destiler config path` names it):
  [jobs]
  x = \"job.cancel\"
  p = \"none\"

With --json every binding is an object on a line:
  {\"context\":\"…\",\"id\":\"…\",\"keys\":\"…\",\"action\":\"…\",\"help\":\"…\"}
  id is the context's name in keymap.toml.";
const THEMES_JSON: &str = "\
With --json every theme is an object on a line: {\"name\":\"…\",\"about\":\"…\",\"ground\":\"…\",\"origin\":\"…\"}";

/// Show the keys of the full-screen application.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// List every key with what it does
    #[command(after_long_help = KEYS_JSON)]
    List {
        /// Those of a preset instead of those in force
        #[arg(long, value_name = "NAME", value_parser = ["default", "arrows", "vim", "emacs"])]
        preset: Option<String>,
        /// As a page of Markdown
        #[arg(long)]
        markdown: bool,
    },
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
    /// The context's name in `keymap.toml`.
    pub id: String,
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
    /// What is special about it.
    pub about: String,
    /// The background it is made for.
    pub ground: String,
    /// `built in`, or `your own`.
    pub origin: String,
}

/// Prints the bindings.
pub(super) fn keys(command: &KeysCommand, offline: &Offline, out: &mut Output) -> Outcome {
    let KeysCommand::List {
        preset,
        markdown: page,
    } = command;
    let rows = match preset {
        Some(name) => offline.presets.iter().find(|(known, _)| known == name),
        None => None,
    };
    let rows = rows.map_or(&offline.keys, |(_, rows)| rows);
    if preset.is_none() {
        for trouble in &offline.troubles {
            out.say(trouble.as_str());
        }
    }
    if *page {
        for line in markdown(rows).lines() {
            out.print(line)?;
        }
        return Ok(exit::OK);
    }
    print(rows, out)
}

/// The page of keys, as `docs/keys.md` has it.
pub fn markdown(rows: &[KeyRow]) -> String {
    let mut page = "# Keys of the full-screen application\n\n\
        Made by `destiler keys list --markdown --preset default` from the one key table; a test compares. `?` shows the keys of a place,\n\
        `:` finds every command. Keys of your own go into `keymap.toml` beside the user's `config.toml`: `[context]`, then\n\
        `key = \"action\"`, and `key = \"none\"` frees a key. Presets: `ui.keys = \"arrows\"`, `\"vim\"` or `\"emacs\"`.\n"
        .to_owned();
    let mut before = "";
    for row in rows {
        if row.context != before {
            let _ = write!(
                page,
                "\n## {}\n\n`[{}]`\n\n| keys | action | does |\n|---|---|---|\n",
                row.context, row.id
            );
            before = &row.context;
        }
        let keys: Vec<String> = row.keys.split(' ').map(code).collect();
        let _ = writeln!(
            page,
            "| {} | `{}` | {} |",
            keys.join(" "),
            row.action,
            row.help.replace('|', "\\|")
        );
    }
    page
}

/// A key as code, where there is one.
fn code(key: &str) -> String {
    match key {
        "" => "–".to_owned(),
        "|" => "`\\|`".to_owned(),
        "`" => "`` ` ``".to_owned(),
        key => format!("`{key}`"),
    }
}

/// The keys as a part of the manual page, in roff.
pub(super) fn manual(rows: &[KeyRow]) -> String {
    let escaped = |text: &str| {
        let text = text.replace('\\', "\\e").replace('-', "\\-");
        let quoted = text.starts_with(['.', '\'']);
        if quoted { format!("\\&{text}") } else { text }
    };
    let mut page = ".SH KEYS\nKeys of the full\\-screen application.\n".to_owned();
    let mut before = "";
    for row in rows {
        if row.context != before {
            let _ = writeln!(page, ".SS {}", escaped(&row.context));
            before = &row.context;
        }
        let keys = if row.keys.is_empty() { "palette" } else { &row.keys };
        let _ = write!(
            page,
            ".TP\n.B {}\n{} ({})\n",
            escaped(keys),
            escaped(&row.help),
            escaped(&row.action)
        );
    }
    page
}

fn print(rows: &[KeyRow], out: &mut Output) -> Outcome {
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
                "id": row.id,
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
        ("FOR", Align::Left),
        ("ABOUT", Align::Left),
        ("FROM", Align::Left),
    ]);
    for row in rows {
        if out.json {
            out.json(
                &json!({ "name": row.name, "about": row.about, "ground": row.ground, "origin": row.origin }),
            )?;
        } else {
            table.row(vec![
                Cell::styled(Style::Strong, &row.name),
                row.ground.as_str().into(),
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
