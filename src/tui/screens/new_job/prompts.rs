//! Step 3, the questions: system and user prompt of one step in editors that know the variables. How both look when they
//! are sent is in [`super::preview`].

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use crate::core::Row;
use crate::core::plan::Plan;
use crate::core::template::{Template, root};
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::{Width, top};
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::menu::For;
use super::pad::Pad;
use super::typing::Input;
use super::work::Work;
use super::{NewJob, Step, seeds, shape};

/// Characters a token has, about.
const CHARACTERS_PER_TOKEN: f64 = 3.5;

const KEYS: [&str; 2] = ["system", "prompt"];

/// The two prompts of the step that is being written.
#[derive(Default)]
pub(super) struct Prompts {
    pads: Option<[Pad; 2]>,
    /// Which is selected: system, user.
    pub(super) focus: usize,
    /// Names in the prompts that nothing provides.
    pub(super) unknown: BTreeSet<String>,
    /// What does not compile: prompt, line, message.
    wrong: Vec<(usize, usize, String)>,
    empty: Option<Pad>,
}

impl Prompts {
    /// The selected one.
    pub(super) fn pad(&mut self) -> &mut Pad {
        match &mut self.pads {
            Some(pads) => &mut pads[self.focus.min(1)],
            None => self.empty.get_or_insert_with(|| Pad::holding("")),
        }
    }

    /// Another text for the selected one.
    pub(super) fn replace(&mut self, text: &str) {
        *self.pad() = Pad::holding(text);
    }

    /// In the colours of the theme.
    pub(super) fn dress(&mut self, shared: &Shared) {
        for pad in self.pads.iter_mut().flatten() {
            pad.dress(shared);
        }
    }
}

/// What prompts can use.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) filled: Option<u64>,
    pub(super) example: String,
}

impl NewJob {
    /// Puts the prompts of the document into the editors, where they differ.
    pub(super) fn load_pads(&mut self, shared: &Shared) {
        let Some(work) = &self.work else { return };
        if self.step.0 != Step::Prompts {
            return;
        }
        let texts = KEYS.map(|key| work.draft.string(&work.path(key)));
        if let Some(pads) = &mut self.prompts.pads {
            for (pad, text) in pads.iter_mut().zip(&texts) {
                if pad.text() != *text {
                    let (row, column) = pad.caret();
                    *pad = Pad::holding(text);
                    pad.move_to(row, column);
                }
            }
        } else {
            let mut pads = texts.map(|text| Pad::holding(&text));
            let (focus, row, column) = work.caret;
            pads[focus.min(1)].move_to(row, column);
            self.prompts.focus = focus.min(1);
            self.prompts.pads = Some(pads);
        }
        self.prompts.dress(shared);
        self.lint();
    }

    /// Remembers where the caret is.
    pub(super) fn note_caret(&mut self) {
        if let (Some(work), Some(pads)) = (&mut self.work, &self.prompts.pads) {
            let focus = self.prompts.focus.min(1);
            let (row, column) = pads[focus].caret();
            work.caret = (focus, row, column);
        }
    }

    /// Puts what is typed into the document.
    pub(super) fn sync_prompt(&mut self) {
        let (Some(work), Some(pads)) = (&mut self.work, &self.prompts.pads) else {
            return;
        };
        let focus = self.prompts.focus.min(1);
        let (path, text) = (work.path(KEYS[focus]), pads[focus].text());
        if text.is_empty() && focus == 0 {
            work.draft.remove(&path);
        } else {
            work.draft.set(&path, &Value::from(text));
        }
        self.lint();
    }

    /// What does not compile, and what nothing provides.
    pub(super) fn lint(&mut self) {
        let Some(work) = &self.work else { return };
        let known: BTreeSet<String> = self.variables().into_iter().map(|one| one.name).collect();
        let sure = self.seeds.value().is_some();
        let mut unknown = BTreeSet::new();
        let mut wrong = Vec::new();
        for (at, key) in KEYS.into_iter().enumerate() {
            match Template::compile(key, &work.draft.string(&work.path(key))) {
                Ok(template) => {
                    let names = template.variables();
                    let names = names.iter().map(|path| root(path).to_owned());
                    unknown.extend(
                        names.filter(|name| sure && !known.contains(name) && !template.tolerates(name)),
                    );
                }
                Err(problem) => wrong.push((at, problem.line, problem.message)),
            }
        }
        self.prompts.unknown = unknown;
        self.prompts.wrong = wrong;
    }

    pub(super) fn variables(&self) -> Vec<Variable> {
        let Some(work) = &self.work else {
            return Vec::new();
        };
        let mut variables: Vec<Variable> = Vec::new();
        for column in self.seeds.value().into_iter().flat_map(|seen| &seen.columns) {
            let Some(name) = column.known_as.clone() else {
                continue;
            };
            variables.push(Variable {
                name,
                kind: column.kind.to_owned(),
                filled: Some(column.filled),
                example: column.example.clone(),
            });
        }
        for name in work.draft.keys("vary") {
            let value = work.draft.get(&format!("vary.{name}")).unwrap_or_default();
            let choices = value.as_object().and_then(|table| table.values().next().cloned());
            variables.push(Variable {
                name,
                kind: "drawn".to_owned(),
                filled: None,
                example: choices.unwrap_or_default().to_string(),
            });
        }
        for at in 0..work.question {
            variables.push(Variable {
                name: work.draft.string(&format!("steps.{at}.name")),
                kind: "answer".to_owned(),
                filled: None,
                example: work
                    .draft
                    .keys(&format!("steps.{at}.schema.properties"))
                    .join(", "),
            });
        }
        if work.draft.has("seeds.chunk") {
            variables.push(Variable {
                name: crate::core::plan::chunk::CHUNK_FIELD.to_owned(),
                kind: "number".to_owned(),
                filled: None,
                example: "which piece of the document".to_owned(),
            });
        }
        variables
    }

    /// Rows the preview can show.
    pub(super) fn preview_rows(&self) -> usize {
        self.seeds.value().map_or(0, |seen| seen.rows.len())
    }

    pub(super) fn turn_row(&mut self, action: Action) {
        let rows = self.preview_rows().max(1);
        self.row = match action {
            Action::NextRow => (self.row + 1) % rows,
            _ => (self.row + rows - 1) % rows,
        };
    }

    /// What the prompts see on the row of the preview; what nothing provides is named in its place.
    fn context(&self, work: &Work) -> Row {
        let rows = self.seeds.value().map_or(&[][..], |seen| &seen.rows);
        let mut row = rows.get(self.row).cloned().unwrap_or_default();
        if let Some(spec) = seeds::seeds_spec(work) {
            let drawn = Plan::new(&spec, None).vary_of(self.row as u64, &row);
            row.extend(drawn);
        }
        for at in 0..work.question {
            let name = work.draft.string(&format!("steps.{at}.name"));
            let schema = work.draft.get(&format!("steps.{at}.schema"));
            let answer = schema.map_or_else(
                || Value::from(format!("⟨answer of {name}⟩")),
                |schema| shape::example(&schema),
            );
            row.insert(name, answer);
        }
        for name in &self.prompts.unknown {
            row.insert(name.clone(), Value::from(format!("⟨{name}?⟩")));
        }
        row
    }

    pub(super) fn rendered(&self, work: &Work) -> [Result<String, String>; 2] {
        let row = self.context(work);
        KEYS.map(|key| {
            let source = work.draft.string(&work.path(key));
            let template = Template::compile(key, &source)
                .map_err(|problem| format!("line {}: {}", problem.line, problem.message))?;
            template
                .render(&row)
                .map_err(|error| format!("line {}: {}", error.line, error.message))
        })
    }

    pub(super) fn prompts_act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Insert => {
                self.load_pads(cx.shared);
                if let Some(work) = &mut self.work {
                    work.remember();
                }
                self.preview = false;
                self.input = Input::Prompt;
            }
            Action::Pane | Action::Down | Action::Up => self.prompts.focus = 1 - self.prompts.focus.min(1),
            Action::Variables => {
                self.preview = false;
                self.input = Input::Prompt;
                self.offer_variables();
            }
            Action::NextRow | Action::PreviousRow => self.turn_row(action),
            Action::Remove if self.prompts.focus == 0 => {
                if let Some(work) = &mut self.work {
                    work.remember();
                    let path = work.path("system");
                    work.draft.remove(&path);
                }
                self.changed(cx);
            }
            other => self.prompts.pad().scroll(other),
        }
    }

    pub(super) fn offer_variables(&mut self) {
        let items = self.variables().into_iter().map(|one| {
            let about = format!("{}  {}", one.kind, one.example);
            (one.name, about)
        });
        let items = items.collect();
        self.offer(For::Variable, "Insert a variable", items);
    }

    pub(super) fn insert_variable(&mut self, name: &str, cx: &mut Cx) {
        self.input = Input::Prompt;
        self.prompts.pad().insert(&format!("{{{{ {name} }}}}"));
        self.sync_prompt();
        self.touched(cx);
    }

    pub(super) fn prompt_status(&self) -> String {
        let Some(pads) = &self.prompts.pads else {
            return String::new();
        };
        let focus = self.prompts.focus.min(1);
        let (row, column) = pads[focus].caret();
        let name = ["system", "user"][focus];
        let tokens = tokens(pads[focus].text().chars().count());
        let unknown = match self.prompts.unknown.len() {
            0 => String::new(),
            many => format!(" · {many} unknown"),
        };
        format!(
            "{name} · Ln {} Col {} · ≈{} tokens{unknown}",
            row + 1,
            column + 1,
            grouped(tokens)
        )
    }

    pub(super) fn draw_prompts(
        &self,
        work: &Work,
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        let focus = self.prompts.focus.min(1);
        let narrow = Width::of(shared.size.width) == Width::Narrow;
        let areas = if narrow || area.height < 12 {
            let none = Rect { height: 0, ..area };
            if focus == 0 { [area, none] } else { [none, area] }
        } else {
            let (above, below) = top(area, (area.height / 3).max(6));
            [above, below]
        };
        let mut caret = None;
        for (at, title) in ["System prompt", "User prompt"].into_iter().enumerate() {
            if areas[at].height == 0 {
                continue;
            }
            let here = at == focus;
            let fact = match (here, matches!(self.input, Input::Prompt)) {
                (true, true) => "typing".to_owned(),
                (true, false) => "⏎ types".to_owned(),
                _ => "tab".to_owned(),
            };
            let many = work.draft.len("steps") > 1;
            let title = if many {
                format!("{title} of {}", work.question_name())
            } else {
                title.to_owned()
            };
            let inner = pane(buf, areas[at], &title, &fact, here, shared);
            let said = self.said(at);
            let (text, below) = top(inner, inner.height - u16::from(said.is_some()).min(inner.height));
            if let Some(pads) = &self.prompts.pads {
                let found = pads[at].draw(Some(&self.prompts.unknown), shared, text, buf);
                caret = caret.or(found.filter(|_| here));
            }
            if let Some(said) = said {
                put(buf, below, 0, 0, &format!(" ✗ {said}"), shared.style(Slot::Error));
            }
        }
        caret
    }

    /// What is wrong with a prompt.
    fn said(&self, at: usize) -> Option<String> {
        let found = self.prompts.wrong.iter().find(|(prompt, ..)| *prompt == at);
        if let Some((_, line, message)) = found {
            return Some(format!("line {line}: {message}"));
        }
        let text = self.prompts.pads.as_ref()?[at].text();
        let name = self
            .prompts
            .unknown
            .iter()
            .find(|name| text.contains(name.as_str()))?;
        let line = text
            .lines()
            .position(|line| line.contains(name.as_str()))
            .unwrap_or(0);
        Some(format!(
            "line {}: {name} is no seed column (F2 lists them)",
            line + 1
        ))
    }
}

/// Tokens of so many characters, about.
pub(super) fn tokens(characters: usize) -> u64 {
    (characters as f64 / CHARACTERS_PER_TOKEN).ceil() as u64
}
