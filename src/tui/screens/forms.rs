//! The small forms that jobs open: copy, export, limits. What they ask for, and what the answers order.

use std::path::PathBuf;

use crate::core::api::{Command, Export, JobDetail};
use crate::core::budget::Money;
use crate::core::job::parse::FORMAT_KINDS;
use crate::core::job::{Adjustment, JobSpec};

use crate::tui::context::Shared;
use crate::tui::overlay::sheet::Entry;
use crate::tui::overlay::{Dialog, Outcome, Sheet};

/// The first choice of an export's format.
const OWN_FORMAT: &str = "as the job says";
/// What happens to a file of that name.
const EXISTING: [&str; 2] = ["keep it", "replace it"];
/// Which samples.
const WHICH: [&str; 2] = ["accepted", "accepted and rejected"];

/// What a form is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// Files of jobs' samples.
    Export {
        /// The jobs.
        jobs: Vec<String>,
    },
    /// Numbers of a job.
    Limits(Box<Numbers>),
}

/// The numbers of a job that can change while it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    job: String,
    running: bool,
    target: Option<u64>,
    usd: Option<f64>,
    concurrency: Option<u32>,
    per_minute: Option<u32>,
    weights: Vec<(String, f64)>,
}

impl Numbers {
    fn of(spec: &JobSpec, running: bool) -> Self {
        let mut weights: Vec<(String, f64)> = Vec::new();
        for teacher in spec.steps.iter().flat_map(|step| &step.teachers) {
            if !weights.iter().any(|(name, _)| *name == teacher.name) {
                weights.push((teacher.name.clone(), teacher.weight));
            }
        }
        Self {
            job: spec.name.clone(),
            running,
            target: spec.target.map(|target| target.accepted),
            usd: spec.limits.usd.map(Money::usd),
            concurrency: spec.limits.concurrency,
            per_minute: spec.limits.requests_per_minute,
            weights,
        }
    }

    /// The differences the values make, and which of them are less than before.
    fn changes(&self, values: &[&str]) -> Result<(Vec<Adjustment>, Vec<String>), String> {
        let text = |at: usize| values.get(at).copied().unwrap_or_default();
        let target = whole(text(0), "accepted samples")?;
        let usd = number(text(1), "dollars")?;
        let small = |at: usize, what| {
            whole(text(at), what)?
                .map(|number| u32::try_from(number).map_err(|_| format!("{what}: too many")))
                .transpose()
        };
        let concurrency = small(2, "requests at once")?;
        let per_minute = small(3, "requests a minute")?;
        let mut changes = Vec::new();
        let mut less = Vec::new();
        let mut lower = |what: &str, before: Option<f64>, after: Option<f64>| {
            if let Some(after) = after.filter(|after| before.is_none_or(|before| *after < before)) {
                let before = before.map_or_else(|| "no limit".to_owned(), |before| before.to_string());
                less.push(format!("{what}: {before} → {after}"));
            }
        };
        if target != self.target {
            changes.push(Adjustment::Target(target));
            lower(
                "accepted samples",
                self.target.map(|n| n as f64),
                target.map(|n| n as f64),
            );
        }
        if usd != self.usd {
            changes.push(Adjustment::Usd(usd));
            lower("dollars", self.usd, usd);
        }
        if concurrency != self.concurrency {
            changes.push(Adjustment::Concurrency(concurrency));
            lower(
                "requests at once",
                self.concurrency.map(f64::from),
                concurrency.map(f64::from),
            );
        }
        if per_minute != self.per_minute {
            changes.push(Adjustment::RequestsPerMinute(per_minute));
            lower(
                "requests a minute",
                self.per_minute.map(f64::from),
                per_minute.map(f64::from),
            );
        }
        for (at, (teacher, before)) in self.weights.iter().enumerate() {
            let weight = number(text(4 + at), teacher)?.unwrap_or(0.0);
            if (weight - before).abs() > f64::EPSILON {
                changes.push(Adjustment::Weight {
                    teacher: teacher.clone(),
                    weight,
                });
            }
        }
        Ok((changes, less))
    }
}

/// Files of jobs' samples: a path for one, a directory for several.
pub(crate) fn export(jobs: Vec<String>, shared: &Shared) -> Sheet {
    let (title, path) = match &jobs[..] {
        [job] => (
            format!("Export {job}"),
            Entry::text("File", &format!("{job}.jsonl"), ""),
        ),
        several => (
            format!("Export {} jobs", several.len()),
            Entry::text("Directory", ".", "a file a job"),
        ),
    };
    let entries = vec![
        path,
        Entry::choice("Format", &[&[OWN_FORMAT], FORMAT_KINDS].concat()),
        Entry::choice("Samples", &WHICH),
        Entry::choice("If it exists", &EXISTING),
    ];
    Sheet::new(shared, title, Vec::new(), entries, Purpose::Export { jobs })
}

/// The numbers of a job that can change while it runs.
pub(crate) fn limits(detail: &JobDetail, running: bool, shared: &Shared) -> Sheet {
    let numbers = Numbers::of(&detail.spec, running);
    let shown = |number: Option<String>| number.unwrap_or_default();
    let spent = detail.row.usd.to_string();
    let mut entries = vec![
        Entry::text(
            "Accepted samples",
            &shown(numbers.target.map(|n| n.to_string())),
            "empty: all tasks",
        ),
        Entry::text(
            "Dollars",
            &shown(numbers.usd.map(|n| n.to_string())),
            format!("{spent} spent"),
        ),
        Entry::text(
            "Requests at once",
            &shown(numbers.concurrency.map(|n| n.to_string())),
            "empty: 64",
        ),
        Entry::text(
            "Requests a minute",
            &shown(numbers.per_minute.map(|n| n.to_string())),
            "empty: no limit",
        ),
    ];
    for (teacher, weight) in &numbers.weights {
        let label = format!("Weight of {teacher}");
        entries.push(Entry::text(label, &weight.to_string(), "0: fallback only"));
    }
    let when = if running {
        "In force at once, as a new revision; E edits the whole file."
    } else {
        "A new revision; p then starts it. E edits the whole file."
    };
    let title = format!("Limits of {}", numbers.job);
    let purpose = Purpose::Limits(Box::new(numbers));
    Sheet::new(shared, title, vec![when.to_owned()], entries, purpose)
}

impl Purpose {
    /// What `enter` does.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Export { .. } => "export",
            Self::Limits(_) => "change them",
        }
    }

    /// What the values order, or what is wrong with them.
    pub(crate) fn outcome(&self, values: &[&str], shared: &Shared) -> Result<Outcome, String> {
        match self {
            Self::Export { jobs } => exported(jobs, values),
            Self::Limits(numbers) => {
                let (changes, less) = numbers.changes(values)?;
                if changes.is_empty() {
                    return Ok(Outcome::Close);
                }
                let job = &numbers.job;
                let command = Command::Adjust {
                    job: job.clone(),
                    changes,
                };
                let order = vec![(command, format!("Changed limits of {job}"))];
                if less.is_empty() || !numbers.running {
                    return Ok(orders(order));
                }
                let mut lines = vec![format!("{job} is running. Less than before:")];
                lines.extend(less);
                lines.push("What is in flight is finished and paid for.".to_owned());
                let dialog = Dialog::order(shared, "Lower limits", lines, "Lower them", order);
                Ok(Outcome::Ask(Box::new(dialog)))
            }
        }
    }
}

fn orders(orders: Vec<(Command, String)>) -> Outcome {
    Outcome::Order { orders, draft: None }
}

fn exported(jobs: &[String], values: &[&str]) -> Result<Outcome, String> {
    let [path, format, which, existing] = values else {
        return Err("a file is missing".to_owned());
    };
    let path = path.trim();
    if path.is_empty() {
        return Err("say where to: a path".to_owned());
    }
    let order = |job: &String| {
        let export = Export {
            job: job.clone(),
            format: (*format != OWN_FORMAT).then(|| (*format).to_owned()),
            include_rejected: *which == WHICH[1],
            ..Export::default()
        };
        let path = match jobs.len() {
            1 => PathBuf::from(path),
            _ => PathBuf::from(path).join(format!("{job}.jsonl")),
        };
        let done = format!("Exported {job} to {}, rows", path.display());
        let command = if *existing == EXISTING[1] {
            Command::ExportTo { export, path }
        } else {
            Command::ExportNew { export, path }
        };
        (command, done)
    };
    Ok(orders(jobs.iter().map(order).collect()))
}

fn whole(text: &str, what: &str) -> Result<Option<u64>, String> {
    let text: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{what}: a whole number from 1 on, or nothing")),
        Ok(number) => Ok(Some(number)),
    }
}

fn number(text: &str, what: &str) -> Result<Option<f64>, String> {
    let text = text.trim().trim_start_matches('$');
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .map(Some)
        .ok_or_else(|| format!("{what}: a number from 0 on, or nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        Numbers {
            job: "a".to_owned(),
            running: true,
            target: Some(100),
            usd: Some(1.5),
            concurrency: None,
            per_minute: None,
            weights: vec![("x/y".to_owned(), 2.0)],
        }
    }

    #[test]
    fn only_differences_are_ordered_and_lowering_is_told() {
        assert_eq!(
            numbers().changes(&["100", "1.5", "", "", "2"]),
            Ok((vec![], vec![]))
        );
        let (changes, less) = numbers().changes(&["1,000", "$1", "8", "", "2.5"]).unwrap();
        assert_eq!(
            changes,
            [
                Adjustment::Target(Some(1000)),
                Adjustment::Usd(Some(1.0)),
                Adjustment::Concurrency(Some(8)),
                Adjustment::Weight {
                    teacher: "x/y".to_owned(),
                    weight: 2.5
                },
            ]
        );
        assert_eq!(less, ["dollars: 1.5 → 1", "requests at once: no limit → 8"]);
        let (changes, less) = numbers().changes(&["", "", "", "", "2"]).unwrap();
        assert_eq!(changes, [Adjustment::Target(None), Adjustment::Usd(None)]);
        assert!(less.is_empty());
    }

    #[test]
    fn what_is_no_number_is_told() {
        assert!(numbers().changes(&["many", "", "", "", ""]).is_err());
        assert!(numbers().changes(&["", "-1", "", "", ""]).is_err());
        assert!(numbers().changes(&["", "", "0", "", ""]).is_err());
    }
}
