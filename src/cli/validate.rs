//! `validate`: validators over any JSONL file, without a job in the ledger.

use std::path::{Path, PathBuf};

use clap::Args;

use super::format::count;
use super::line::{Align, Line, Style, Table};
use super::output::{Ending, Outcome};
use super::{Plain, exit, files, source};
use crate::core::Row;
use crate::core::api::{Answer, Base, Failure, FailureKind, Query, StreamReport, StreamRequest};
use crate::core::catalog::Plug;
use crate::core::text::grouped;

const HELP: &str = "\
Without --validator and --job: structural, dedup, refusal, truncated, no_control_chars.
  destiler validate data.jsonl --validator dedup --validator 'length{min = 20, max = 4000}'

With --json or -o every row comes back as an object on a line, with its verdicts:
  {\"line\":n,\"verdict\":\"accept|reject\",\"reason\":\"exact_duplicate\"|null,\"row\":{…},
   \"verdicts\":[{\"validator\":\"dedup\",\"decision\":\"reject\",\"reason\":\"exact_duplicate\",\"evidence\":\"…\"}]}
Exit code 7 if any row is rejected.";

/// Which file, which validators.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub struct ValidateArguments {
    /// JSON lines, or - for stdin
    pub file: PathBuf,
    /// A validator: its kind, and its settings in braces as TOML
    #[arg(long, value_name = "KIND{…}", value_parser = plug)]
    pub validator: Vec<Plug>,
    /// Take the validators of this job file or stored job
    #[arg(long, value_name = "JOB.toml|NAME", conflicts_with = "validator")]
    pub job: Option<String>,
    /// The field that holds the answer; the last text field unless told
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// Write the rows with their verdicts into this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Reads `kind` or `kind{key = value, …}`.
fn plug(text: &str) -> Result<Plug, String> {
    let (kind, settings) = text
        .split_once('{')
        .map_or((text, None), |(kind, rest)| (kind, Some(rest)));
    let params = match settings {
        None => Row::new(),
        Some(rest) => {
            let table: toml::Table = toml::from_str(&format!("settings = {{{rest}"))
                .map_err(|error| format!("the settings are not a TOML table: {}", error.message()))?;
            to_row(table.get("settings"))
        }
    };
    let kind = kind.trim();
    if kind.is_empty() {
        return Err("write the kind first, such as length{min = 20}".to_owned());
    }
    Ok(Plug {
        kind: kind.to_owned(),
        params,
    })
}

fn to_row(value: Option<&toml::Value>) -> Row {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(row)) => row,
        _ => Row::new(),
    }
}

/// Runs the validators.
pub(super) async fn run(arguments: &ValidateArguments, plain: &mut Plain<'_>) -> Outcome {
    let (validators, base) = match &arguments.job {
        Some(job) => of_job(job, plain).await?,
        None => (arguments.validator.clone(), Base::Here),
    };
    let request = StreamRequest::Validate {
        file: arguments.file.clone(),
        validators,
        field: arguments.field.clone(),
        base,
    };
    let report = match &arguments.output {
        Some(path) => to_file(path, request, plain).await?,
        None if plain.out.json => {
            let mut rows = plain.out.rows();
            plain.app.stream(request, &mut *rows).await?
        }
        None => plain.app.stream(request, &mut std::io::sink()).await?,
    };
    if report.closed {
        return Err(Ending::ClosedPipe);
    }
    say(&report, plain);
    Ok(if report.rejected.is_empty() {
        exit::OK
    } else {
        exit::RECORDS
    })
}

/// Into a file, whole or not at all.
async fn to_file(path: &Path, request: StreamRequest, plain: &mut Plain<'_>) -> Result<StreamReport, Ending> {
    let mut file = files::Whole::begin(path).await?;
    match plain.app.stream(request, file.writer()).await {
        Ok(report) => {
            file.finish().await?;
            Ok(report)
        }
        Err(failure) => {
            file.abandon().await;
            Err(failure.into())
        }
    }
}

/// The validators of a stored job, or of a job file as they are written there, and where their files are.
async fn of_job(word: &str, plain: &Plain<'_>) -> Result<(Vec<Plug>, Base), Ending> {
    if source::is_name(word) {
        return match plain.app.ask(Query::Job(word.to_owned())).await? {
            Answer::Job(detail) => Ok((detail.spec.validators, Base::Job(word.to_owned()))),
            _ => Err(Ending::mismatch()),
        };
    }
    let invalid = |message: String| {
        Failure::new(FailureKind::Invalid, message)
            .help(format!("`destiler check {word}` says everything that is wrong"))
    };
    let text = files::read(Path::new(word)).await?;
    let job: toml::Table = toml::from_str(&text)
        .map_err(|error| invalid(format!("{word} is no job file: {}", error.message())))?;
    let Some(tables) = job.get("validators").and_then(toml::Value::as_array) else {
        return Err(invalid(format!("{word} has no [[validators]]")).into());
    };
    let plugs = tables.iter().map(|table| {
        let mut params = to_row(Some(table));
        match params.shift_remove("kind") {
            Some(serde_json::Value::String(kind)) => Ok(Plug { kind, params }),
            _ => Err(invalid(format!("a validator of {word} has no kind"))),
        }
    });
    let directory = Path::new(word).parent().unwrap_or(Path::new(""));
    Ok((
        plugs.collect::<Result<_, _>>()?,
        Base::Directory(Path::new(".").join(directory)),
    ))
}

fn say(report: &StreamReport, plain: &mut Plain<'_>) {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    table.row(vec!["accepted".into(), grouped(report.accepted).into()]);
    for (reason, count) in &report.rejected {
        table.row(vec![reason.word().into(), grouped(*count).into()]);
    }
    plain
        .out
        .say(Line::styled(Style::Strong, count(report.rows, "row")));
    for line in table.lines(None) {
        plain.out.say(Line::from(format!("  {}", line.render(false))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_validator_is_its_kind_with_settings_in_braces() {
        assert_eq!(plug("dedup").unwrap().params, Row::new());
        let length = plug("length { min = 20, field = 'a' }").unwrap();
        assert_eq!(length.kind, "length");
        assert_eq!(
            serde_json::Value::Object(length.params),
            json!({ "min": 20, "field": "a" })
        );
        assert!(plug("length{min = }").is_err());
        assert!(plug("{min = 1}").is_err());
    }
}
