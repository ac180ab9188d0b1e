//! What palette and help offer: the keys of a place; in the palette also jobs, providers, settings, topics, and commands as the command
//! line has them.

use crate::core::api::Command;

use super::context::Shared;
use super::keys::{Action, GLOBAL, TYPING};
use super::overlay::Outcome;
use super::overlay::page::TOPICS;
use super::overlay::picker::Entry;
use super::screens::View;
use super::screens::settings::Section;
use super::screens::verbs::Subject;

/// What `jobs` can do to a job from the palette.
const JOB_VERBS: [(&str, Option<Action>); 10] = [
    ("show", None),
    ("pause", Some(Action::Pause)),
    ("resume", Some(Action::Pause)),
    ("cancel", Some(Action::Cancel)),
    ("retry", Some(Action::Retry)),
    ("delete", Some(Action::Delete)),
    ("edit", Some(Action::Edit)),
    ("rejudge", Some(Action::Rejudge)),
    ("samples", Some(Action::Samples)),
    ("report", Some(Action::Report)),
];

/// Everything that can be done here, with the reason where it cannot be done now.
pub(crate) fn entries(view: &dyn View, shared: &Shared, palette: bool) -> Vec<Entry> {
    let around = if view.typing() && !palette {
        &TYPING
    } else {
        &GLOBAL
    };
    let mut entries = Vec::new();
    let own = view.bindings(shared);
    for table in [own, around] {
        for (keys, binding) in shared.keymap.bindings(table) {
            // A screen may give a key another meaning: `n` is what is new there.
            let shadowed =
                |key: &&String| !std::ptr::eq(table, own) && shared.keymap.find(own, key).is_some();
            let left: Vec<&str> = keys
                .iter()
                .filter(|key| !shadowed(key))
                .map(String::as_str)
                .collect();
            if left.is_empty() && !keys.is_empty() && !palette {
                continue;
            }
            entries.push(Entry {
                bound: Some((table, binding.action)),
                keys: left.join(" "),
                disabled: view.disabled(binding.action, shared),
                ..Entry::place(table.context, binding.help, Outcome::Act(binding.action))
            });
        }
    }
    if palette {
        places(shared, &mut entries);
    }
    entries
}

fn places(shared: &Shared, entries: &mut Vec<Entry>) {
    for name in jobs(shared) {
        entries.push(Entry::place("Open job", name, Outcome::OpenJob(name.to_owned())));
    }
    let providers = shared.progress.iter().flat_map(|progress| &progress.providers);
    for provider in providers {
        let name = &provider.name;
        let test = || test(name);
        entries.push(Entry::place("Provider", format!("Test {name}"), test()));
        entries.push(Entry::spoken(format!("providers test {name}"), test(), None));
    }
    for section in Section::ALL {
        entries.push(Entry::place(
            "Settings",
            format!("{}: {}", section.name(), section.about()),
            Outcome::Settings(section),
        ));
    }
    for (at, (title, _)) in TOPICS.iter().enumerate() {
        entries.push(Entry::place("Read", *title, Outcome::Topic(at)));
    }
    spoken(shared, entries);
}

/// Names of the jobs: those of the last list, else those at work.
fn jobs(shared: &Shared) -> Vec<&str> {
    let known: Vec<&str> = shared.jobs.iter().map(|row| row.name.as_str()).collect();
    if known.is_empty() {
        let gauges = shared.progress.iter().flat_map(|progress| &progress.jobs);
        return gauges.map(|gauge| gauge.name.as_str()).collect();
    }
    known
}

fn test(name: &str) -> Outcome {
    let order = (Command::TestProvider(name.to_owned()), format!("Tested {name}"));
    Outcome::Order {
        orders: vec![order],
        draft: None,
    }
}

fn spoken(shared: &Shared, entries: &mut Vec<Entry>) {
    for row in &shared.jobs {
        let subject = Subject::of(row, shared);
        for (word, action) in JOB_VERBS {
            let label = format!("jobs {word} {}", row.name);
            let (outcome, disabled) = match action {
                None => (Outcome::OpenJob(row.name.clone()), None),
                Some(action) => {
                    let at_work = matches!(subject.state.as_str(), "running" | "queued" | "pausing");
                    let contrary = match word {
                        "pause" if !at_work => Some(format!("it is {}", subject.state)),
                        "resume" if at_work => Some(format!("it is {}", subject.state)),
                        _ => None,
                    };
                    let disabled = contrary.or_else(|| subject.disabled(action, shared));
                    (Outcome::Verb(row.name.clone(), action), disabled)
                }
            };
            entries.push(Entry::spoken(label, outcome, disabled));
        }
    }
}
