//! What is typed and chosen in a step: one line, a text of several lines, a prompt, or something of a list. Whatever is typed reaches
//! the job file with every key, so that nothing is lost by leaving.

use crossterm::event::KeyEvent;
use serde_json::Value;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Ticket;
use crate::tui::widgets::field::Field;

use super::form::{Kind, Line, next_word, read};
use super::menu::{For, Menu};
use super::pad::Pad;
use super::{NewJob, Step};

/// Who gets the keys.
#[derive(Default)]
pub(super) enum Input {
    /// The step.
    #[default]
    None,
    /// A value of the form.
    Line {
        /// What is typed.
        field: Field,
        /// Where it belongs.
        line: Line,
    },
    /// The selected prompt.
    Prompt,
    /// A text in place of the form.
    Text {
        /// What it is.
        target: Target,
        /// What is typed.
        pad: Box<Pad>,
    },
    /// A list to choose from.
    Menu(Box<Menu>),
}

/// What a text of several lines is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The schema as JSON.
    Schema,
    /// Rows, one JSON object a line.
    Rows,
    /// An example of an answer, to guess the schema from.
    Example,
    /// An answer, to try the validators on.
    Sample,
    /// A string of the job file.
    Value(String),
}

/// What was given to the person's own editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outside {
    /// The selected prompt.
    Prompt,
    /// The text that is typed.
    Text,
}

impl Target {
    /// What stands over it.
    pub(super) fn title(&self) -> &str {
        match self {
            Self::Schema => "JSON Schema of the answer",
            Self::Rows => "Rows, one JSON object a line",
            Self::Example => "Paste an example of an answer (JSON); esc reads it",
            Self::Sample => "Paste an answer; esc tries the validators on it",
            Self::Value(path) => path,
        }
    }
}

impl Input {
    /// Whether keys are letters.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The line that is typed.
    pub(super) fn field(&self) -> Option<&Field> {
        match self {
            Self::Line { field, .. } => Some(field),
            _ => None,
        }
    }

    /// The text that is typed.
    pub(super) fn text(&self) -> Option<(&Target, &Pad)> {
        match self {
            Self::Text { target, pad } => Some((target, pad)),
            _ => None,
        }
    }

    /// In the colours of the theme.
    pub(super) fn dress(&mut self, shared: &Shared) {
        if let Self::Text { pad, .. } = self {
            pad.dress(shared);
        }
    }
}

impl NewJob {
    /// Begins to change a line.
    pub(super) fn open_line(&mut self, line: &Line, cx: &mut Cx) {
        if let Some(work) = &mut self.work {
            work.remember();
        }
        match line.kind {
            Kind::Heading => {}
            Kind::Flag | Kind::Words(_) => {
                if let Some(word) = next_word(line) {
                    self.set(line, &word);
                    self.changed(cx);
                }
            }
            Kind::Text | Kind::Number | Kind::List | Kind::Counts | Kind::Any => {
                self.input = Input::Line {
                    field: Field::holding(&line.value),
                    line: line.clone(),
                };
            }
            Kind::Long => self.open_text(Target::Value(line.path.clone()), &line.value.clone()),
            Kind::Link => match self.step.0 {
                Step::Seeds => self.open_rows(),
                Step::Schema => self.open_property(&line.path, cx),
                Step::Validators => self.open_validator(&line.path, cx),
                _ => {}
            },
        }
    }

    /// Begins to type a text.
    pub(super) fn open_text(&mut self, target: Target, text: &str) {
        self.preview = false;
        self.input = Input::Text {
            target,
            pad: Box::new(Pad::holding(text)),
        };
    }

    /// Offers a list.
    pub(super) fn offer(&mut self, reason: For, title: &str, items: Vec<(String, String)>) {
        self.input = Input::Menu(Box::new(Menu::new(reason, title, items)));
    }

    /// Puts what was typed into the job file.
    pub(super) fn set(&mut self, line: &Line, typed: &str) {
        if line.path.starts_with('@') {
            return match self.step.0 {
                Step::Seeds => self.set_seed_word(&line.path, typed),
                Step::Schema => self.set_property(&line.path, line.kind, typed),
                Step::Validators => self.set_validator_word(&line.path, typed),
                _ => {}
            };
        }
        let Some(work) = &mut self.work else { return };
        match read(line.kind, typed) {
            Some(value) if work.draft.get(&line.path).as_ref() != Some(&value) => {
                work.draft.set(&line.path, &value);
            }
            // What is about to be typed keeps its place and its comment.
            None if work.draft.has(&line.path) => work.draft.set(&line.path, &Value::from("")),
            Some(_) | None => {}
        }
    }

    /// Takes a value out that was left empty, but for those no job is without.
    fn settle_empty(&mut self, line: &Line, typed: &str) {
        let needed = matches!(line.path.as_str(), "name" | "seeds.path");
        if let Some(work) = &mut self.work
            && typed.trim().is_empty()
            && !needed
        {
            work.draft.remove(&line.path);
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent, cx: &mut Cx) {
        match &mut self.input {
            Input::None => return,
            Input::Line { field, .. } => {
                field.key(key);
            }
            Input::Prompt => self.prompts.pad().key(key),
            Input::Text { pad, .. } => pad.key(key),
            Input::Menu(menu) => return menu.key(key),
        }
        self.typed(cx);
    }

    pub(super) fn paste(&mut self, text: &str, cx: &mut Cx) {
        match &mut self.input {
            Input::None => return,
            Input::Line { field, .. } => field.insert(text),
            Input::Prompt => self.prompts.pad().insert(text),
            Input::Text { pad, .. } => pad.insert(text),
            Input::Menu(menu) => return menu.paste(text),
        }
        self.typed(cx);
    }

    /// A letter more or less: it reaches the job file, the draft is saved soon.
    fn typed(&mut self, cx: &Cx) {
        match std::mem::take(&mut self.input) {
            Input::Line { field, line } => {
                if !line.path.starts_with('@') {
                    self.set(&line, field.text());
                }
                self.input = Input::Line { field, line };
            }
            Input::Text { target, pad } => {
                self.set_text(&target, &pad.text());
                self.input = Input::Text { target, pad };
            }
            Input::Prompt => {
                self.input = Input::Prompt;
                self.sync_prompt();
            }
            other => self.input = other,
        }
        self.touched(cx);
    }

    fn set_text(&mut self, target: &Target, text: &str) {
        let Some(work) = &mut self.work else { return };
        match target {
            Target::Example => text.clone_into(&mut self.example),
            Target::Sample => text.clone_into(&mut self.sample),
            Target::Value(path) => work.draft.set(path, &Value::from(text)),
            Target::Schema => {
                let path = work.path("schema");
                // What is no object stays as text: the check says where it breaks off.
                match serde_json::from_str::<Value>(text) {
                    Ok(value @ Value::Object(_)) => work.draft.set(&path, &value),
                    _ if text.trim().is_empty() => work.draft.remove(&path),
                    _ => work.draft.set(&path, &Value::from(text)),
                }
            }
            Target::Rows => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                let rows: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
                let rows = rows.map_or_else(|_| Value::from(text), Value::Array);
                work.draft.set("seeds.rows", &rows);
            }
        }
    }

    /// Opens what is typed, or the selected prompt, in the person's own editor.
    pub(super) fn edit_outside(&mut self, cx: &mut Cx) {
        self.outside = Some(match &self.input {
            Input::Text { target, pad } => {
                let extension = match target {
                    Target::Schema | Target::Example => "json",
                    Target::Rows => "jsonl",
                    Target::Sample | Target::Value(_) => "md",
                };
                (cx.edit(pad.text(), extension), Outside::Text)
            }
            _ => (cx.edit(self.prompts.pad().text(), "j2"), Outside::Prompt),
        });
    }

    /// The person's own editor came back with another text.
    pub(super) fn edited(&mut self, ticket: Ticket, text: &str, cx: &mut Cx) {
        let Some((_, what)) = self.outside.take_if(|(asked, _)| *asked == ticket) else {
            return;
        };
        if let Some(work) = &mut self.work {
            work.remember();
        }
        match (what, &mut self.input) {
            (Outside::Prompt, _) => {
                self.prompts.replace(text);
                self.sync_prompt();
                self.changed(cx);
            }
            (Outside::Text, Input::Text { pad, .. }) => {
                **pad = Pad::holding(text);
                self.typed(cx);
            }
            (Outside::Text, _) => {}
        }
        self.save(cx);
    }

    /// Ends typing. What was typed stays.
    pub(super) fn stop_typing(&mut self, cx: &mut Cx) {
        let mut added = None;
        match std::mem::take(&mut self.input) {
            Input::Line { field, line } => {
                if line.path.starts_with('@') {
                    let adds = matches!(line.path.as_str(), "@new" | "@vary" | "@setting");
                    if !adds || !field.text().trim().is_empty() {
                        self.set(&line, field.text());
                    }
                    added = adds.then(|| field.text().to_owned());
                } else {
                    self.settle_empty(&line, field.text());
                }
                if line.path == "seeds.path" {
                    self.settle_seed_path(cx.shared);
                }
            }
            Input::Text { target, pad } => {
                self.set_text(&target, &pad.text());
                match target {
                    Target::Example => self.infer(cx),
                    Target::Sample => self.try_sample(cx),
                    _ => {}
                }
            }
            Input::Menu(menu) if menu.reason == For::Variable => self.input = Input::Prompt,
            _ => {}
        }
        if self.work.is_some() {
            self.changed(cx);
            self.save(cx);
        }
        // What was added is selected.
        if let Some(name) = added {
            let name = name.split('=').next().unwrap_or_default().trim().to_owned();
            let lines = self.lines(cx.shared);
            let page = self.page(cx.shared);
            let cursor = &mut self.cursors[self.step.0.at()];
            if let Some(at) = lines.iter().rposition(|line| line.label == name) {
                cursor.selected = at;
            }
            cursor.clamp(lines.len(), page);
        }
    }

    pub(super) fn act_typing(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Save => {
                self.touched(cx);
                self.save(cx);
                return self.refresh(cx);
            }
            Action::Preview => {
                self.preview = !self.preview;
                return;
            }
            Action::NextRow | Action::PreviousRow => return self.turn_row(action),
            Action::External => return self.edit_outside(cx),
            _ => {}
        }
        match &mut self.input {
            Input::Line { field, .. } => match action {
                Action::DeleteToStart => {
                    field.delete_to_start();
                    self.typed(cx);
                }
                Action::Press => self.stop_typing(cx),
                Action::NextButton => {
                    self.stop_typing(cx);
                    self.step_act(Action::Down, cx);
                    if let Some(line) = self.selected_line(cx.shared)
                        && matches!(
                            line.kind,
                            Kind::Text | Kind::Number | Kind::List | Kind::Counts | Kind::Any
                        )
                    {
                        self.open_line(&line, cx);
                    }
                }
                _ => {}
            },
            Input::Menu(menu) => {
                if action != Action::Press {
                    return menu.act(action);
                }
                let reason = menu.reason;
                let chosen = menu.selected().map(|(at, name)| (at, name.to_owned()));
                self.input = Input::None;
                if let Some((at, name)) = chosen {
                    self.chosen(reason, at, &name, cx);
                }
            }
            Input::Prompt if action == Action::Variables => self.offer_variables(),
            Input::Prompt => {
                if self.prompts.pad().act(action) {
                    self.typed(cx);
                }
            }
            Input::Text { pad, .. } => {
                if pad.act(action) {
                    self.typed(cx);
                }
            }
            Input::None => {}
        }
    }

    fn chosen(&mut self, reason: For, at: usize, name: &str, cx: &mut Cx) {
        match reason {
            For::Template => {
                self.cursors[0].selected = at;
                self.gallery_act(Action::Open, cx);
            }
            For::JobFile => self.begin_with_file(name, cx),
            For::SeedFile => self.use_seed_file(name, cx),
            For::Variable => self.insert_variable(name, cx),
            For::Validator => self.add_validator(name, cx),
            For::FieldType => self.set_type(name, cx),
            For::Column => self.chosen_column(name, cx.shared),
            For::ColumnName => self.name_column(name, cx),
        }
    }

    /// Where the caret is, for the status line.
    pub(super) fn typing_status(&self) -> String {
        let place = |pad: &Pad| {
            let (row, column) = pad.caret();
            format!("Ln {} Col {}", row + 1, column + 1)
        };
        match &self.input {
            Input::Prompt => self.prompt_status(),
            Input::Text { pad, .. } => place(pad),
            Input::Line { line, .. } => line.label.clone(),
            _ => String::new(),
        }
    }
}
