//! Giving an action another key: waits for the key, warns once about what has it already, and says which line of the keymap does it.
//! It writes nothing.

use super::{Action, CAPTURE, GLOBAL, Keymap, Table, is_chord};
use crate::core::api::KeyChange;

/// An action that waits for its new key.
#[derive(Debug, Clone)]
pub(crate) struct Rebinding {
    table: &'static Table,
    action: Action,
    help: &'static str,
    /// The key that was warned about; pressed again, it is meant.
    warned: Option<(String, String)>,
}

/// What came of a key press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing changes.
    Cancel,
    /// Wait on; the prompt tells why.
    Wait,
    /// Write this line; say that.
    Bind(KeyChange, String),
}

impl Rebinding {
    /// Of an action of a table.
    pub(crate) fn of(table: &'static Table, action: Action) -> Self {
        let binding = table.bindings.iter().find(|binding| binding.action == action);
        Self {
            table,
            action,
            help: binding.map_or("", |binding| binding.help),
            warned: None,
        }
    }

    /// What a person reads while it waits.
    pub(crate) fn prompt(&self) -> String {
        match &self.warned {
            Some((key, has)) => format!("{key} is “{has}”: {key} again takes it over, esc leaves it"),
            None => format!("New key for “{}” … esc leaves it", self.help),
        }
    }

    /// Takes the key.
    pub(crate) fn key(&mut self, chord: &str, keymap: &Keymap) -> Step {
        if keymap.find(&CAPTURE, chord) == Some(Action::Back) {
            return Step::Cancel;
        }
        if !is_chord(chord) {
            return Step::Wait;
        }
        let again = self.warned.as_ref().is_some_and(|(key, _)| key == chord);
        if let Some(has) = self.taken(chord, keymap).filter(|_| !again) {
            self.warned = Some((chord.to_owned(), has.to_owned()));
            return Step::Wait;
        }
        let change = KeyChange {
            context: self.table.id(),
            key: chord.to_owned(),
            action: Some(self.action.id().to_owned()),
        };
        Step::Bind(change, format!("{chord} is “{}” now", self.help))
    }

    /// What has the key where it would be meant.
    fn taken(&self, chord: &str, keymap: &Keymap) -> Option<&'static str> {
        [self.table, &GLOBAL]
            .into_iter()
            .find_map(|table| {
                let mut lines = keymap.bindings(table);
                lines.find(|(keys, _)| keys.iter().any(|key| key == chord))
            })
            .map(|(_, binding)| binding)
            .filter(|binding| binding.action != self.action)
            .map(|binding| binding.help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::JOBS;

    #[test]
    fn a_key_that_is_taken_wants_to_be_pressed_twice() {
        let keymap = Keymap::default();
        let mut rebinding = Rebinding::of(&JOBS, Action::Cancel);
        assert_eq!(rebinding.key("p", &keymap), Step::Wait);
        assert!(
            rebinding.prompt().starts_with("p is “Pause"),
            "{}",
            rebinding.prompt()
        );
        assert_eq!(
            rebinding.key("j", &keymap),
            Step::Wait,
            "what works everywhere counts"
        );
        let Step::Bind(change, _) = rebinding.key("j", &keymap) else {
            panic!("pressed again, it is meant")
        };
        assert_eq!((change.context.as_str(), change.key.as_str()), ("jobs", "j"));
        assert_eq!(change.action.as_deref(), Some("job.cancel"));
        assert_eq!(rebinding.key("esc", &keymap), Step::Cancel);
        assert!(matches!(rebinding.key("f5", &keymap), Step::Bind(..)));
    }
}
