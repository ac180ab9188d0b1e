//! How the screens looked, kept from one start to the next: as text to write, and read with nothing but good will. Whatever is
//! broken or of another version is ignored.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::model::{Model, opening};
use super::screens::{Screen, Tab};

/// Its file in the state directory.
pub const FILE: &str = "ui-state.json";

/// The shape of the file.
const VERSION: u64 = 1;

/// How long after a person did something it is kept.
const AFTER: Duration = Duration::from_secs(1);

/// What is kept, and when that is next looked at.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What the screens gave in an earlier session; those that were not opened in this one keep it.
    screens: Map<String, Value>,
    /// Jobs of the last session, for the first picture.
    pub(super) jobs: Value,
    /// The text as it was kept last.
    kept: String,
    due: Option<Duration>,
}

impl Memory {
    /// Reads what was kept; says which screen was open.
    pub(super) fn read(text: &str) -> (Self, Option<Tab>) {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        if value["version"] != json!(VERSION) {
            return (Self::default(), None);
        }
        let memory = Self {
            screens: value["screens"].as_object().cloned().unwrap_or_default(),
            jobs: value["jobs"].clone(),
            kept: String::new(),
            due: None,
        };
        let open = Tab::ALL
            .iter()
            .find(|(_, _, _, name)| value["screen"] == json!(name.to_lowercase()))
            .map(|(tab, ..)| *tab);
        (memory, open)
    }

    /// A screen of the first row, as it was.
    pub(super) fn root(&self, tab: Tab) -> Screen {
        let mut screen = Screen::root(tab);
        if let Some(memory) = self.screens.get(&key(tab)) {
            screen.view_mut().recall(memory);
        }
        screen
    }

    /// When it is next looked at.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// A person did something.
    pub(super) fn touch(&mut self, now: Duration) {
        self.due.get_or_insert(now + AFTER);
    }
}

fn key(tab: Tab) -> String {
    let name = Tab::ALL.iter().find(|(one, ..)| *one == tab);
    name.map_or_else(String::new, |(.., name)| name.to_lowercase())
}

impl Model {
    fn remembered(&self) -> String {
        let mut screens = self.memory.screens.clone();
        let open = std::iter::once((self.tab, &self.screens[0]));
        let parked = self.parked.iter().map(|(tab, screen)| (*tab, screen));
        for (tab, screen) in open.chain(parked) {
            if let Some(memory) = screen.view().remember() {
                screens.insert(key(tab), memory);
            }
        }
        let jobs = if self.shared.from_last || self.shared.closed.is_some() {
            self.memory.jobs.clone()
        } else {
            opening::kept(&self.shared)
        };
        json!({ "version": VERSION, "screen": key(self.tab), "screens": screens, "jobs": jobs }).to_string()
    }

    /// Everything is kept as it is now.
    pub(super) fn settle(&mut self) {
        self.memory.kept = self.remembered();
    }

    /// What changed since it was last kept, to be kept now.
    pub(super) fn unkept(&mut self) -> Option<String> {
        self.memory.due = None;
        let now = self.remembered();
        (now != self.memory.kept).then(|| {
            now.clone_into(&mut self.memory.kept);
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_or_of_another_version_is_ignored() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"version":99,"screen":"jobs"}"#,
            r#"{"screen":"jobs"}"#,
        ] {
            let (memory, open) = Memory::read(text);
            assert!(memory.screens.is_empty() && open.is_none(), "{text}");
        }
        let (memory, open) = Memory::read(r#"{"version":1,"screen":"jobs","screens":{"jobs":{"filter":7}}}"#);
        assert_eq!((memory.screens.len(), open), (1, Some(Tab::Jobs)));
        // A screen takes of it what it understands.
        let _ = memory.root(Tab::Jobs);
    }
}
