//! `config`: where the configuration is read from, and what is in force.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::line::{Align, Cell, Style, Table};
use super::output::{Ending, Outcome, Output};
use super::{Plain, exit};
use crate::core::api::{Answer, Query};

const PATH_JSON: &str =
    "With --json every file is an object on a line: {\"path\":\"…\",\"what\":\"…\",\"exists\":true}";
const SHOW_JSON: &str = "\
With --json every key is an object on a line: {\"key\":\"engine.jobs_at_once\",\"value\":\"2\",\"origin\":\"…\"}
Keys of providers are references (where a key is found); the keys themselves are never read here.";

/// Show the configuration in force.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Say which files are read, the strongest first
    #[command(after_long_help = PATH_JSON)]
    Path,
    /// Print every key with its value
    #[command(after_long_help = SHOW_JSON)]
    Show {
        /// Say where each value was set
        #[arg(long)]
        origin: bool,
    },
}

/// A place where configuration is looked for; passed in by the composition root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where.
    pub path: PathBuf,
    /// In a few words: `--config`, the nearest project file, the user's own.
    pub what: String,
    /// It is there and read.
    pub exists: bool,
}

/// Prints the places.
pub(super) fn path(files: &[ConfigFile], out: &mut Output) -> Outcome {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    for file in files {
        if out.json {
            out.json(&json!({ "path": file.path, "what": file.what, "exists": file.exists }))?;
            continue;
        }
        let (style, word) = if file.exists {
            (Style::Good, "read")
        } else {
            (Style::Faint, "not there")
        };
        table.row(vec![
            file.path.display().to_string().into(),
            Cell::styled(style, word),
            file.what.as_str().into(),
        ]);
    }
    out.table(&table)?;
    Ok(exit::OK)
}

/// Prints the keys.
pub(super) async fn show(origin: bool, plain: &mut Plain<'_>) -> Outcome {
    let Answer::Configuration(rows) = plain.app.ask(Query::Configuration).await? else {
        return Err(Ending::mismatch());
    };
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    for (key, value, from) in &rows {
        if plain.out.json {
            plain
                .out
                .json(&json!({ "key": key, "value": value, "origin": from }))?;
            continue;
        }
        let mut cells = vec![Cell::styled(Style::Strong, key), Cell::from(format!("= {value}"))];
        if origin {
            cells.push(Cell::styled(Style::Faint, &format!("# {from}")));
        }
        table.row(cells);
    }
    plain.out.table(&table)?;
    Ok(exit::OK)
}
