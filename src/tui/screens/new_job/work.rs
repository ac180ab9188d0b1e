//! What is being written: the document, where it came from, what is switched off in it, and the way back through its changes. As
//! text it is a job file under one comment that remembers the rest, so that any editor can open a draft.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::core::api::{DrySample, JobSource};
use crate::core::job::draft::Draft;

use super::step::Step;

/// How the first line of a saved draft begins.
const MARK: &str = "# destiler draft ";
/// Changes that can be taken back.
const UNDO_AT_MOST: usize = 200;

/// Where a draft came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nothing but the parts every job has.
    Blank,
    /// A ready job, a shape, or a job that was copied.
    Template(String),
    /// A file.
    File(PathBuf),
    /// A stored job that is being changed.
    Job(String),
}

/// A state to come back to.
#[derive(Debug, Clone, PartialEq)]
struct Before {
    text: String,
    off: Vec<(usize, String)>,
}

/// A job being written.
pub(super) struct Work {
    /// Its name among the drafts.
    pub(super) id: String,
    /// The document; its last sound state while `broken`.
    pub(super) draft: Draft,
    /// Text that is no TOML, and why.
    pub(super) broken: Option<(String, String)>,
    /// Directory that relative paths refer to.
    pub(super) base: PathBuf,
    /// Where it came from.
    pub(super) origin: Origin,
    /// The text it began with, for the difference.
    pub(super) first: String,
    /// Validators that are switched off: their places among all, and their text.
    pub(super) off: Vec<(usize, String)>,
    /// Which step of the job is being written.
    pub(super) question: usize,
    /// The caret: system (0) or user (1), row, column.
    pub(super) caret: (usize, usize, usize),
    /// What the last dry run brought.
    pub(super) dry: Vec<DrySample>,
    /// Not saved since that moment.
    pub(super) unsaved: Option<Duration>,
    undo: Vec<Before>,
    redo: Vec<Before>,
}

impl Work {
    /// A new draft.
    pub(super) fn new(id: String, draft: Draft, base: PathBuf, origin: Origin) -> Self {
        Self {
            id,
            first: draft.text(),
            draft,
            broken: None,
            base,
            origin,
            off: Vec::new(),
            question: 0,
            caret: (1, 0, 0),
            dry: Vec::new(),
            unsaved: None,
            undo: Vec::new(),
            redo: Vec::new(),
        }
    }

    /// The job file.
    pub(super) fn text(&self) -> String {
        self.broken
            .as_ref()
            .map_or_else(|| self.draft.text(), |(text, _)| text.clone())
    }

    /// The job file as the engine takes it.
    pub(super) fn source(&self) -> JobSource {
        JobSource::Text {
            source: self.text(),
            base: self.base.clone(),
        }
    }

    /// Takes another text for the whole file.
    pub(super) fn adopt(&mut self, text: &str) {
        self.remember();
        match Draft::read(text) {
            Ok(draft) => {
                self.draft = draft;
                self.broken = None;
            }
            Err(why) => self.broken = Some((text.to_owned(), why)),
        }
    }

    /// The path of something of the step that is being written.
    pub(super) fn path(&self, key: &str) -> String {
        let path = format!("steps.{}.{key}", self.question);
        let answer = format!("steps.{}.answer", self.question);
        // A step whose answer is computed has its text there.
        if key == "prompt" && self.draft.has(&answer) {
            return answer;
        }
        path
    }

    /// The name of the step that is being written.
    pub(super) fn question_name(&self) -> String {
        self.draft.string(&self.path("name"))
    }

    /// Marks the present state as one to come back to.
    pub(super) fn remember(&mut self) {
        let now = self.now();
        if self.undo.last() == Some(&now) {
            return;
        }
        self.undo.push(now);
        self.redo.clear();
        if self.undo.len() > UNDO_AT_MOST {
            self.undo.remove(0);
        }
    }

    fn now(&self) -> Before {
        Before {
            text: self.text(),
            off: self.off.clone(),
        }
    }

    /// Takes the last change back, or makes it again. False if there is none.
    pub(super) fn step_back(&mut self, forward: bool) -> bool {
        let now = self.now();
        let from = if forward { &mut self.redo } else { &mut self.undo };
        while from.last() == Some(&now) {
            from.pop();
        }
        let Some(then) = from.pop() else { return false };
        if forward {
            self.undo.push(now);
        } else {
            self.redo.push(now);
        }
        self.off = then.off;
        match Draft::read(&then.text) {
            Ok(draft) => {
                self.draft = draft;
                self.broken = None;
            }
            Err(why) => self.broken = Some((then.text, why)),
        }
        true
    }

    /// A job of the same seeds that asks nothing: what the seeds can be looked at with while the rest is unfinished.
    pub(super) fn seeds_alone(&self) -> String {
        let mut alone = Draft::read("name = \"seeds\"\n[[steps]]\nname = \"step\"\nprompt = \"x\"\n")
            .unwrap_or_else(|_| self.draft.clone());
        for key in ["random_seed", "seeds", "vary"] {
            if let Some(value) = self.draft.get(key) {
                alone.set(key, &value);
            }
        }
        if self.draft.has("rounds") {
            alone.set("rounds", &serde_json::json!({"count": 2, "rows": "seeds"}));
        }
        alone.text()
    }

    /// The draft as it is saved.
    pub(super) fn saved(&self, step: Step) -> String {
        format!("{}\n{}", self.head(step), self.text())
    }

    /// The line over it, with all that is no part of the job file.
    pub(super) fn head(&self, step: Step) -> String {
        let (kind, name) = match &self.origin {
            Origin::Blank => ("blank", String::new()),
            Origin::Template(name) => ("template", name.clone()),
            Origin::File(path) => ("file", path.display().to_string()),
            Origin::Job(name) => ("job", name.clone()),
        };
        let about = json!({
            "step": step.at(),
            "question": self.question,
            "caret": [self.caret.0, self.caret.1, self.caret.2],
            "base": self.base.display().to_string(),
            "origin": [kind, name],
            "off": self.off,
            "first": self.first,
            "dry": self.dry,
        });
        format!("{MARK}{about}")
    }

    /// A saved draft, and the step it was left at. A file that somebody else wrote is a draft too.
    pub(super) fn restored(id: &str, saved: &str, directory: &Path) -> (Self, Step) {
        let (about, text) = match saved.strip_prefix(MARK).and_then(|rest| rest.split_once('\n')) {
            Some((about, text)) => (serde_json::from_str(about).unwrap_or(Value::Null), text),
            None => (Value::Null, saved),
        };
        let number = |value: &Value| value.as_u64().unwrap_or_default() as usize;
        let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text_of(&about["origin"][1]);
        let origin = match about["origin"][0].as_str() {
            Some("template") => Origin::Template(name),
            Some("file") => Origin::File(PathBuf::from(name)),
            Some("job") => Origin::Job(name),
            _ => Origin::Blank,
        };
        let base = about["base"]
            .as_str()
            .map_or_else(|| directory.to_owned(), PathBuf::from);
        let mut work = Self::new(id.to_owned(), Draft::default(), base, origin);
        work.adopt(text);
        work.undo.clear();
        work.first = about["first"]
            .as_str()
            .map_or_else(|| text.to_owned(), str::to_owned);
        work.question = number(&about["question"]).min(work.draft.len("steps").saturating_sub(1));
        let caret = &about["caret"];
        work.caret = (number(&caret[0]).min(1), number(&caret[1]), number(&caret[2]));
        work.off = serde_json::from_value(about["off"].clone()).unwrap_or_default();
        work.dry = serde_json::from_value(about["dry"].clone()).unwrap_or_default();
        (work, Step::of_place(number(&about["step"])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\nname = \"a\"\nodd = 1 # kept\n\n[[validators]]\nkind = \"dedup\"\n";

    #[test]
    fn a_draft_comes_back_as_it_was_left() {
        let draft = Draft::read(TEXT).unwrap();
        let mut work = Work::new(
            "d1".to_owned(),
            draft,
            PathBuf::from("jobs"),
            Origin::Template("x".to_owned()),
        );
        work.off.push((0, "kind = \"length\"\n".to_owned()));
        work.caret = (0, 3, 7);
        work.dry.push(DrySample {
            prompts: vec![("card".to_owned(), "two\nlines".to_owned())],
            sample: None,
            error: Some("openrouter: 401".to_owned()),
            usd: crate::core::budget::Money(7),
            latency_ms: 300,
        });
        let (back, step) = Work::restored("d1", &work.saved(Step::Validators), Path::new("."));
        assert_eq!((back.text().as_str(), step), (TEXT, Step::Validators));
        assert_eq!(
            (back.off, back.caret, back.base, back.origin, back.dry),
            (work.off, work.caret, work.base, work.origin, work.dry)
        );
        let (foreign, step) = Work::restored("d2", TEXT, Path::new("here"));
        assert_eq!(
            (foreign.text().as_str(), step, foreign.base),
            (TEXT, Step::Template, PathBuf::from("here"))
        );
    }

    #[test]
    fn text_that_is_no_toml_is_kept_too() {
        let (work, _) = Work::restored("d1", "name = \n", Path::new("."));
        assert_eq!(work.text(), "name = \n");
        assert!(work.broken.is_some());
    }

    #[test]
    fn changes_are_taken_back_and_made_again() {
        let mut work = Work::restored("d1", TEXT, Path::new(".")).0;
        work.remember();
        work.draft.set("name", &json!("b"));
        assert!(work.step_back(false));
        assert_eq!(work.text(), TEXT);
        assert!(!work.step_back(false));
        assert!(work.step_back(true));
        assert_eq!(work.draft.string("name"), "b");
        work.adopt("name =");
        assert!(work.step_back(false));
        assert_eq!(work.draft.string("name"), "b");
    }
}
