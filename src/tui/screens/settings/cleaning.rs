//! What to clean: which rules are on, how many days they leave, what they would take away, and the question before they do.

use crate::core::api::{CleanRow, CleanRules, Command};
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::overlay::Dialog;
use crate::tui::text::megabytes;

/// Days to choose from.
const DAYS: [u32; 5] = [7, 30, 90, 180, 365];

/// A rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// How the plan names it.
    pub(crate) what: &'static str,
    /// What it takes away.
    pub(crate) label: &'static str,
    /// What is lost with it.
    pub(crate) loses: &'static str,
    /// Whether it is to be done.
    pub(crate) on: bool,
    /// Days that are left, if it knows days.
    pub(crate) days: Option<u32>,
}

/// All rules, and whether a copy is made first.
#[derive(Debug, Clone)]
pub(crate) struct Cleaning {
    pub(crate) rules: [Rule; 5],
    pub(crate) backup: bool,
}

impl Default for Cleaning {
    fn default() -> Self {
        let rule = |what, label, loses, days| Rule {
            what,
            label,
            loses,
            on: false,
            days,
        };
        Self {
            rules: [
                rule(
                    "responses",
                    "Raw responses",
                    "what changed rules would be judged by without asking again, and what identical requests would reuse",
                    Some(90),
                ),
                rule(
                    "rejected",
                    "Texts of rejected samples",
                    "the chance to read or accept them; reason and score stay",
                    Some(90),
                ),
                rule(
                    "cancelled jobs",
                    "Cancelled jobs",
                    "those jobs with everything they made; their dataset files stay",
                    None,
                ),
                rule("orphans", "Orphans", "nothing: no job refers to them", None),
                rule("logs", "Log files", "what happened then", Some(30)),
            ],
            backup: true,
        }
    }
}

impl Cleaning {
    /// The rules for a dry run of all, or of those that are on.
    pub(crate) fn rules(&self, only_on: bool) -> CleanRules {
        let on = |what: &str| {
            let rule = self.rules.iter().find(|rule| rule.what == what);
            rule.filter(|rule| rule.on || !only_on)
        };
        let days = |what: &str| on(what).and_then(|rule| rule.days);
        CleanRules {
            responses_days: days("responses"),
            rejected_days: days("rejected"),
            cancelled_jobs: on("cancelled jobs").is_some(),
            orphans: on("orphans").is_some(),
            logs_days: days("logs"),
        }
    }

    /// More days, then few again.
    pub(crate) fn more_days(&mut self, at: usize) {
        if let Some(days) = &mut self.rules[at].days {
            let next = DAYS.iter().find(|more| *more > days).unwrap_or(&DAYS[0]);
            *days = *next;
        }
    }

    /// Rows and bytes that go, of the rules that are on.
    pub(crate) fn total(&self, plan: &[CleanRow]) -> (u64, u64) {
        let on = |row: &&CleanRow| self.rules.iter().any(|rule| rule.on && rule.what == row.what);
        let rows = plan.iter().filter(on);
        rows.fold((0, 0), |(rows, bytes), row| (rows + row.rows, bytes + row.bytes))
    }

    /// The question: it wants the number of rows typed.
    pub(crate) fn question(&self, plan: &[CleanRow], shared: &Shared) -> Result<Dialog, &'static str> {
        let (rows, bytes) = self.total(plan);
        if self.rules.iter().all(|rule| !rule.on) {
            return Err("Nothing is chosen: enter on a line above chooses it");
        }
        if rows == 0 {
            return Err("There is nothing of that to clean");
        }
        let mut lines = vec![format!("{} rows go, {}.", grouped(rows), megabytes(bytes))];
        let on = self.rules.iter().filter(|rule| rule.on);
        lines.extend(on.map(|rule| format!("{}: you lose {}.", rule.label, rule.loses)));
        lines.push(if self.backup {
            "The database is copied first, beside it.".to_owned()
        } else {
            "No copy is made. This cannot be undone.".to_owned()
        });
        let order = Command::CleanUp {
            rules: self.rules(true),
            backup: self.backup,
        };
        let orders = vec![(order, "Cleaned, rows gone".to_owned())];
        Ok(Dialog::order(shared, "Clean the database", lines, "Clean", orders).typed(&rows.to_string()))
    }
}

/// How far a cleaning is, while there is one.
pub(crate) fn busy(shared: &Shared) -> Option<String> {
    let now = shared.progress.as_ref()?.cleaning?;
    let gone = match now.gone {
        0 => String::new(),
        gone => format!(" · {} rows gone", grouped(gone)),
    };
    Some(format!("{}{gone} · esc stops", now.doing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_looks_at_everything_and_a_cleaning_takes_only_what_was_chosen() {
        let mut cleaning = Cleaning::default();
        assert!(cleaning.rules(true).is_empty());
        assert_eq!(cleaning.rules(false).responses_days, Some(90));
        cleaning.rules[1].on = true;
        cleaning.more_days(1);
        let rules = cleaning.rules(true);
        assert_eq!((rules.rejected_days, rules.responses_days), (Some(180), None));
        let row = |what, rows| CleanRow {
            what,
            rows,
            bytes: 10,
        };
        let plan = [row("responses", 5), row("rejected", 7)];
        assert_eq!(cleaning.total(&plan), (7, 10));
        assert_eq!(megabytes(1_500_000), "1.5 MB");
    }
}
