//! Which key does what once the user's wishes are in: the key tables, a preset over them, `keymap.toml` over both. Resolved when it
//! is read, never at a key press; what is wrong with a wish is said with its line, and only that wish is left out.

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::{Action, Binding, TABLES, Table, is_chord};
use crate::core::text::nearest;

/// The presets: name, what it is, its lines over the tables.
const PRESETS: [(&str, &str, &str); 4] = [
    ("default", "letters and arrows, as the tables have them", ""),
    (
        "arrows",
        "no letter moves: arrows, home, end and page keys only",
        include_str!("../../../keymaps/arrows.toml"),
    ),
    (
        "vim",
        "h goes back, ctrl-e and ctrl-y move, ctrl-j and ctrl-k in the palette",
        include_str!("../../../keymaps/vim.toml"),
    ),
    (
        "emacs",
        "ctrl-n, ctrl-p, ctrl-v, alt-v, alt-<, alt->, alt-x",
        include_str!("../../../keymaps/emacs.toml"),
    ),
];

/// What frees a key in a file.
const NOTHING: &str = "none";

/// Names of the presets with what they are, the default first.
pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
    PRESETS.iter().map(|(name, about, _)| (*name, *about))
}

/// One thing that is wrong with a file of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Where; 0 for the whole file.
    pub line: usize,
    /// What, and what was probably meant.
    pub message: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

/// The keys in force: a list for each line of each table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: Vec<Vec<Vec<String>>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let owned = |binding: &Binding| binding.keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            keys: TABLES
                .iter()
                .map(|table| table.bindings.iter().map(owned).collect())
                .collect(),
        }
    }
}

impl Keymap {
    /// The tables with a preset and a user's file over them, and everything that is wrong with the file.
    pub fn read(preset: &str, text: Option<&str>) -> (Self, Vec<Trouble>) {
        let mut keymap = Self::default();
        let mut troubles = Vec::new();
        if let Some((_, _, lines)) = PRESETS.iter().find(|(name, ..)| *name == preset) {
            troubles.extend(keymap.lay(lines));
        } else {
            let names: Vec<&str> = presets().map(|(name, _)| name).collect();
            let message = format!("`{preset}` is no preset of keys; there are {}", names.join(", "));
            troubles.push(Trouble { line: 0, message });
        }
        troubles.extend(text.map(|text| keymap.lay(text)).unwrap_or_default());
        (keymap, troubles)
    }

    /// What a key does in a table.
    pub fn find(&self, table: &Table, chord: &str) -> Option<Action> {
        self.bindings(table)
            .find(|(keys, _)| keys.iter().any(|key| key == chord))
            .map(|(_, binding)| binding.action)
    }

    /// The lines of a table with their keys.
    pub fn bindings<'a>(
        &'a self,
        table: &'a Table,
    ) -> impl Iterator<Item = (&'a [String], &'static Binding)> + 'a {
        let at = place(table.context);
        let keys = at.and_then(|at| self.keys.get(at)).map_or(&[][..], Vec::as_slice);
        keys.iter().map(Vec::as_slice).zip(table.bindings)
    }

    /// The first key of an action in a table.
    pub fn key_of<'a>(&'a self, table: &'a Table, action: Action) -> Option<&'a str> {
        self.bindings(table)
            .find(|(_, binding)| binding.action == action)
            .and_then(|(keys, _)| keys.first())
            .map(String::as_str)
    }

    /// Every context with its lines, in the tables' order.
    pub fn rows(&self) -> Vec<(&'static Table, String, &'static Binding)> {
        let lines = TABLES.iter().flat_map(|table| {
            self.bindings(table)
                .map(move |(keys, binding)| (*table, keys.join(" "), binding))
        });
        lines.collect()
    }

    /// Lays the lines of a file over what is there.
    fn lay(&mut self, text: &str) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let (root, errors) = DeTable::parse_recoverable(text);
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        for error in &errors {
            troubles.push(Trouble {
                line: line(error.span().map_or(0, |span| span.start)),
                message: error.message().to_owned(),
            });
        }
        if !troubles.is_empty() {
            return troubles;
        }
        let ids: Vec<String> = TABLES.iter().map(|table| table.id()).collect();
        for (context, keys) in root.get_ref() {
            let mut wrong = |at: usize, message: String| {
                troubles.push(Trouble {
                    line: line(at),
                    message,
                });
            };
            let at = context.span().start;
            let Some(table) = ids.iter().position(|id| id == context.get_ref().as_ref()) else {
                let known: Vec<&str> = ids.iter().map(String::as_str).collect();
                wrong(at, unknown("context", context.get_ref(), &known));
                continue;
            };
            let DeValue::Table(keys) = keys.get_ref() else {
                wrong(at, format!("`{}` must be a table of keys", context.get_ref()));
                continue;
            };
            let mut taken = Vec::new();
            for (key, action) in keys {
                let DeValue::String(id) = action.get_ref() else {
                    wrong(
                        key.span().start,
                        format!("`{}` must name an action", key.get_ref()),
                    );
                    continue;
                };
                match self.bind(table, key.get_ref(), id) {
                    Ok(from) => {
                        taken.extend(from.map(|from| (key.span().start, key.get_ref().clone(), from)));
                    }
                    Err(message) => wrong(key.span().start, message),
                }
            }
            // Only what has lost its last key by the end of the context is worth a word.
            for (at, key, from) in taken {
                let binding = &TABLES[table].bindings[from];
                if self.keys[table][from].is_empty() {
                    let message = format!("`{key}` was the last key of {}", binding.action.id());
                    troubles.push(Trouble {
                        line: line(at),
                        message,
                    });
                }
            }
        }
        troubles
    }

    /// Gives a key of a context to an action. Says which line of the table had it before.
    fn bind(&mut self, table: usize, key: &str, id: &str) -> Result<Option<usize>, String> {
        if !is_chord(key) {
            return Err(format!(
                "`{key}` is no key; keys look like x, X, space, enter, f3, ctrl-x, alt-x, pgdn"
            ));
        }
        let bindings = TABLES[table].bindings;
        let to = bindings.iter().position(|binding| binding.action.id() == id);
        if to.is_none() && id != NOTHING {
            if let Some(other) = TABLES
                .iter()
                .find(|other| other.bindings.iter().any(|binding| binding.action.id() == id))
            {
                return Err(format!(
                    "{id} is no action of this context; it belongs to [{}]",
                    other.id()
                ));
            }
            let known: Vec<&str> = bindings.iter().map(|binding| binding.action.id()).collect();
            return Err(unknown("action", id, &known));
        }
        let lists = &mut self.keys[table];
        let from = lists.iter().position(|keys| keys.iter().any(|one| one == key));
        if from == to && from.is_some() {
            return Ok(None);
        }
        for keys in lists.iter_mut() {
            keys.retain(|one| one != key);
        }
        if let Some(to) = to {
            // The newest key is the one the footer shows.
            lists[to].insert(0, key.to_owned());
        }
        Ok(from.filter(|_| to.is_some()))
    }
}

/// The place of a context among the tables.
fn place(context: &str) -> Option<usize> {
    TABLES.iter().position(|table| table.context == context)
}

fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("`{word}` is no {what}; did you mean `{near}`?"),
        None => format!("`{word}` is no {what}; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::{GLOBAL, JOBS};

    #[test]
    fn every_preset_is_right_and_takes_no_action_its_last_key() {
        for (name, _) in presets() {
            assert_eq!(Keymap::read(name, None).1, [], "{name}");
        }
    }

    #[test]
    fn a_file_moves_keys_and_says_what_is_wrong_with_its_lines() {
        let text = "[jobs]\nx = \"job.cancel\"\np = \"none\"\ny = \"job.cancle\"\n\"ctrl-\" = \"job.edit\"\n\n[job]\nz = \"nav.down\"\n[jobbs]\n";
        let (keymap, troubles) = Keymap::read("default", Some(text));
        assert_eq!(keymap.find(&JOBS, "x"), Some(Action::Cancel));
        assert_eq!(keymap.key_of(&JOBS, Action::Cancel), Some("x"));
        assert_eq!(keymap.find(&JOBS, "C"), Some(Action::Cancel), "the old key stays");
        assert_eq!(keymap.find(&JOBS, "p"), None);
        let said: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.contains(&"line 4: `job.cancle` is no action; did you mean `job.cancel`?".to_owned()));
        assert!(
            said.iter()
                .any(|one| one.starts_with("line 5: `ctrl-` is no key"))
        );
        assert!(said.contains(
            &"line 8: nav.down is no action of this context; it belongs to [everywhere]".to_owned()
        ));
        assert!(said.contains(&"line 9: `jobbs` is no context; did you mean `jobs`?".to_owned()));
    }

    #[test]
    fn taking_the_last_key_of_an_action_is_said() {
        let (keymap, troubles) = Keymap::read("default", Some("[everywhere]\nr = \"app.redraw\"\n"));
        assert_eq!(keymap.find(&GLOBAL, "r"), Some(Action::Redraw));
        assert_eq!(
            troubles[0].to_string(),
            "line 2: `r` was the last key of view.reload"
        );
    }

    #[test]
    fn a_file_that_is_no_toml_changes_nothing() {
        let (keymap, troubles) = Keymap::read("default", Some("[jobs\nx = "));
        assert_eq!(keymap, Keymap::default());
        assert!(!troubles.is_empty());
        let (keymap, troubles) = Keymap::read("wordstar", None);
        assert_eq!(keymap, Keymap::default());
        assert!(troubles[0].message.contains("default, arrows, vim, emacs"));
    }
}
