//! A sample's answer in an editor of its own: JSON stays JSON, and the engine checks it against the schema before it is kept.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::TextArea;

use crate::core::api::{Command, Failure};
use crate::core::ports::Decided;
use crate::core::sample::{Sample, SampleId, StepAnswer};

use crate::tui::context::{Cx, Shared};
use crate::tui::layout::top;
use crate::tui::message::{Message, Ticket};
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::typing::type_key;

/// An answer being edited.
pub(super) struct Edit {
    id: SampleId,
    steps: Vec<StepAnswer>,
    /// The text as it was shown first.
    before: String,
    text: TextArea<'static>,
    problems: Vec<String>,
    saving: Option<Ticket>,
    outside: Option<Ticket>,
}

fn area_of(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
    area.set_tab_length(2);
    area.set_cursor_line_style(Style::new());
    area
}

impl Edit {
    /// The last answer of a sample; none where it has no answer.
    pub(super) fn of(sample: &Sample) -> Option<Self> {
        let last = sample.steps.last()?;
        let pretty = last
            .value
            .as_ref()
            .and_then(|value| serde_json::to_string_pretty(value).ok());
        Some(Self {
            id: sample.id.clone(),
            steps: sample.steps.clone(),
            before: pretty.clone().unwrap_or_else(|| last.text.clone()),
            text: area_of(pretty.as_deref().unwrap_or(&last.text)),
            problems: Vec::new(),
            saving: None,
            outside: None,
        })
    }

    fn content(&self) -> String {
        self.text.lines().join("\n")
    }

    pub(super) fn is_about(&self, id: &SampleId) -> bool {
        self.id == *id
    }

    /// Whether there is anything to lose.
    pub(super) fn is_changed(&self) -> bool {
        self.content() != self.before
    }

    pub(super) fn key(&mut self, key: &KeyEvent) {
        type_key(&mut self.text, key);
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.text.insert_str(text);
    }

    /// In the person's own editor.
    pub(super) fn outside(&mut self, cx: &mut Cx) {
        let is_json = self.steps.last().is_some_and(|step| step.value.is_some());
        self.outside = Some(cx.edit(self.content(), if is_json { "json" } else { "md" }));
    }

    /// Keeps it, unless it is no JSON where JSON is wanted; the engine has the last word.
    pub(super) fn save(&mut self, cx: &mut Cx) {
        let text = self.content();
        let Some(last) = self.steps.last() else { return };
        let mut last = last.clone();
        last.text.clone_from(&text);
        if last.value.is_some() {
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(value) => {
                    last.text = value.to_string();
                    last.value = Some(value);
                }
                Err(error) => {
                    self.problems = vec![format!("This is no JSON: {error}")];
                    return;
                }
            }
        }
        let mut steps = self.steps.clone();
        steps.pop();
        steps.push(last);
        if steps == self.steps {
            self.problems = vec!["Nothing is changed.".to_owned()];
            return;
        }
        self.problems.clear();
        let order = Command::Decide {
            samples: vec![self.id.clone()],
            decided: Decided::Edit { steps },
        };
        // What is wrong is said under the text.
        self.saving = Some(cx.order_quietly(order));
    }

    /// Takes what comes back; true once it is kept.
    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        match message {
            Message::Done(ticket, result) if self.saving == Some(*ticket) => {
                self.saving = None;
                match result {
                    Ok(_) => {
                        cx.shared.toast_counting("Edited", 1);
                        return true;
                    }
                    Err(failure) => self.problems = told(failure),
                }
            }
            Message::Edited(ticket, Ok(text)) if self.outside == Some(*ticket) => {
                self.text = area_of(text);
                self.problems.clear();
            }
            _ => {}
        }
        false
    }

    pub(super) fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let width = usize::from(area.width.saturating_sub(4));
        let problems: Vec<String> = self.problems.iter().flat_map(|one| wrap(one, width)).collect();
        let below = (problems.len() as u16).min(area.height / 2);
        let (text, wrong) = top(area, area.height - below);
        self.text.render(text, buf);
        for (row, line) in problems.iter().take(usize::from(wrong.height)).enumerate() {
            let head = if row == 0 { "✗ " } else { "  " };
            put(
                buf,
                wrong,
                1,
                row as u16,
                &format!("{head}{line}"),
                shared.style(Slot::Error),
            );
        }
        None
    }
}

fn told(failure: &Failure) -> Vec<String> {
    let mut lines = vec![failure.message.clone()];
    lines.extend(failure.causes.iter().cloned());
    lines
}
