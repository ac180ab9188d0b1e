//! `doctor`: what is set up here, what is missing, and what to do about it.

use serde_json::json;

use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{Answer, Finding, Level, Query};

/// The `--json` output.
pub(super) const JSON: &str = "\
With --json one object:
  {\"ok\":true,\"findings\":[{\"level\":\"ok|warning|error\",\"topic\":\"…\",\"message\":\"…\",\"help\":\"…\"|null}]}
Exit code 1 if there is an error.";

/// Prints a line for each finding.
pub(super) async fn run(plain: &mut Plain<'_>) -> Outcome {
    let Answer::Doctor(findings) = plain.app.ask(Query::Doctor).await? else {
        return Err(Ending::mismatch());
    };
    let ok = findings.iter().all(|finding| finding.level != Level::Error);
    if plain.out.json {
        plain.out.json(&json!({ "ok": ok, "findings": findings }))?;
    } else {
        let width = findings.iter().map(|finding| finding.topic.chars().count()).max();
        for finding in &findings {
            for line in lines(finding, width.unwrap_or_default()) {
                plain.out.print(line)?;
            }
        }
    }
    Ok(if ok { exit::OK } else { exit::UNEXPECTED })
}

fn lines(finding: &Finding, width: usize) -> Vec<Line> {
    let (style, sign) = match finding.level {
        Level::Ok => (Style::Good, "✓"),
        Level::Warning => (Style::Warn, "▲"),
        Level::Error => (Style::Bad, "✗"),
    };
    let line = Line::styled(style, sign)
        .and(Style::Strong, format!(" {:<width$}  ", finding.topic))
        .and(Style::Plain, &finding.message);
    let help = finding
        .help
        .as_ref()
        .map(|help| Line::styled(Style::Good, "  help: ").and(Style::Plain, help));
    std::iter::once(line).chain(help).collect()
}
