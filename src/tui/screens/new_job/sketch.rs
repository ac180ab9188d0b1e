//! A draft, or any job file, in a few words for lists and for the pane beside them.

use std::path::Path;
use std::time::Duration;

use crate::core::api::{Command, DraftRow};
use crate::core::job::draft::Draft;
use crate::core::template::{Template, root};
use crate::tui::context::{Cx, Shared};
use crate::tui::overlay::Dialog;
use crate::tui::text::ago;
use crate::tui::theme::Slot;

use super::now_ms;
use super::work::Work;

/// A draft in a few words.
pub(crate) struct Sketch {
    /// Its name among the drafts.
    pub(crate) id: String,
    /// The job's name so far.
    pub(crate) name: String,
    /// The step it was left at: its number and its name.
    pub(crate) number: usize,
    /// The same by name.
    pub(crate) step: &'static str,
    /// When it was saved last, milliseconds since 1970 UTC.
    pub(crate) changed_ms: i64,
    /// What it makes, line by line.
    pub(crate) lines: Vec<(Slot, String)>,
}

impl Sketch {
    /// Of a draft as it is kept; a foreign one refers to this directory.
    pub(crate) fn of(draft: &DraftRow, directory: &Path) -> Self {
        let (work, step) = Work::restored(&draft.id, &draft.text, directory);
        let name = work.draft.string("name");
        let about = work.draft.string("description");
        Self {
            id: draft.id.clone(),
            name: if name.is_empty() { "draft".to_owned() } else { name },
            number: step.at() + 1,
            step: step.names().0,
            changed_ms: draft.changed_ms,
            lines: described(&work.text(), &about),
        }
    }

    /// How long ago it was saved.
    pub(crate) fn age(&self, shared: &Shared) -> String {
        let age = u64::try_from(now_ms(shared) - self.changed_ms).unwrap_or_default();
        ago(Duration::from_millis(age))
    }

    /// Throws it away, after a question.
    pub(crate) fn discard(&self, cx: &mut Cx) {
        discard(&self.id, &self.name, cx);
    }
}

/// Throws a draft away, after a question.
pub(super) fn discard(id: &str, name: &str, cx: &mut Cx) {
    let lines = vec![format!("The draft {name} is gone then. This cannot be undone.")];
    let done = format!("Discarded the draft {name}");
    let order = vec![(Command::DropDraft(id.to_owned()), done)];
    let dialog = Dialog::order(cx.shared, "Discard draft", lines, "Discard", order);
    cx.confirm(dialog.renamed("Keep it"));
}

/// A job file in a few lines.
pub(super) fn described(text: &str, about: &str) -> Vec<(Slot, String)> {
    let Ok(draft) = Draft::read(text) else {
        return vec![(Slot::Warn, "It is no TOML yet.".to_owned())];
    };
    let mut lines = vec![(Slot::Fg, about.to_owned()), (Slot::Fg, " ".to_owned())];
    let vary = draft.keys("vary");
    let steps: Vec<String> = (0..draft.len("steps"))
        .map(|at| draft.string(&format!("steps.{at}.name")))
        .collect();
    let mut needed: Vec<String> = Vec::new();
    for at in 0..steps.len() {
        for key in ["system", "prompt", "answer"] {
            let source = draft.string(&format!("steps.{at}.{key}"));
            let variables = Template::compile(key, &source).map(|template| template.variables());
            for variable in variables.unwrap_or_default() {
                let name = root(&variable).to_owned();
                if !vary.contains(&name) && !steps.contains(&name) && !needed.contains(&name) {
                    needed.push(name);
                }
            }
        }
    }
    let validators: Vec<String> = (0..draft.len("validators"))
        .map(|at| draft.string(&format!("validators.{at}.kind")))
        .collect();
    let fields = |at: usize| draft.keys(&format!("steps.{at}.schema.properties")).join(", ");
    let none = |words: String| {
        if words.is_empty() {
            "none".to_owned()
        } else {
            words
        }
    };
    let seeds = match draft.string("seeds.path") {
        path if !path.is_empty() => path,
        _ if draft.has("seeds.count") => "no rows".to_owned(),
        _ if draft.has("seeds.job") => format!("samples of {}", draft.string("seeds.job")),
        _ => format!("{} rows in the file", draft.len("seeds.rows")),
    };
    let mut say = |label: &str, text: String| lines.push((Slot::Muted, format!("{label:<12}{text}")));
    say("seeds", seeds);
    say("columns", none(needed.join(", ")));
    say("varied", none(vary.join(", ")));
    for (at, step) in steps.iter().enumerate() {
        let fields = fields(at);
        let shape = if fields.is_empty() {
            "plain text".to_owned()
        } else {
            fields
        };
        say("step", format!("{step}: {shape}"));
    }
    say("validators", none(validators.join(", ")));
    say("dataset", none(draft.string("dataset.format")));
    lines
}
