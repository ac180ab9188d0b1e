//! Writing a job, step by step: the job file itself is the model, every step changes it, and it is checked as a whole all the time.
//! What is written is kept as a draft whatever happens; nothing is stored as a job before it is launched.

mod asking;
mod columns;
mod dry_run;
mod form;
mod frame;
mod gallery;
mod launch;
mod limits;
mod menu;
mod pad;
mod preview;
mod prompts;
mod providers;
mod questions;
mod schema;
mod seeds;
mod shape;
mod shapes;
mod sketch;
mod step;
mod typing;
mod validators;
mod work;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{CheckReport, EstimateReport, KindRow, SeedPreview};
use crate::core::job::parse::{Problem, Severity};
use crate::core::route::Teacher;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, NEW_CHOICE, NEW_LINE, NEW_TEXT, Table};
use crate::tui::layout::Width;
use crate::tui::message::{Message, Ticket};
use crate::tui::remote::Remote;
use crate::tui::screens::editor::Editor;
use crate::tui::screens::{Screen, View};
use crate::tui::text::time_of_day;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::tabs::{tab_at, tabs};

use form::{Kind, Line};
use gallery::{Choice, Gallery};
pub(crate) use sketch::Sketch;
use step::Step;
use typing::{Input, Outside};
use work::{Origin, Work};

/// A draft is saved so long after the last change.
const SAVE_AFTER: Duration = Duration::from_millis(300);

/// The wizard.
#[derive(Default)]
pub(crate) struct NewJob {
    step: Place,
    work: Option<Work>,
    cursors: [Cursor; 9],
    input: Input,
    /// Where there is no room for both: the preview instead of the form.
    preview: bool,
    gallery: Gallery,
    check: Remote<CheckReport>,
    checked: String,
    estimate: Remote<EstimateReport>,
    /// The stored job this one is made from, and what it would take.
    made_from: Option<(String, Remote<EstimateReport>)>,
    estimated: String,
    seeds: Remote<SeedPreview>,
    looked_at: String,
    /// Rows of the seeds that are read at most.
    rows_at_most: u64,
    /// The seed row of the preview.
    row: usize,
    kinds: Remote<Vec<KindRow>>,
    teachers: Remote<Vec<Teacher>>,
    files: Remote<Vec<String>>,
    prompts: prompts::Prompts,
    /// The field or validator whose own form is open.
    opened: Option<usize>,
    /// Texts that were typed for trying and guessing.
    example: String,
    sample: String,
    tried: dry_run::Tries,
    dry: dry_run::Tries,
    /// Dry runs ask so many tasks.
    wanted: u64,
    /// The whole file instead of the difference.
    whole: bool,
    /// A text that is in the person's own editor.
    outside: Option<(Ticket, Outside)>,
    /// Waiting for the job to be stored.
    leaving: launch::Leaving,
    /// When the draft was last saved, milliseconds since 1970 UTC.
    saved_ms: Option<i64>,
}

/// The open step.
struct Place(Step);

impl Default for Place {
    fn default() -> Self {
        Self(Step::Template)
    }
}

impl NewJob {
    /// A stored job that has not run yet.
    pub(crate) fn edit(name: &str) -> Self {
        Self::with(Choice::Edit(name.to_owned()))
    }

    /// A new job with everything of a stored one but its name.
    pub(crate) fn copy_of(name: &str) -> Self {
        Self::with(Choice::Copy(name.to_owned()))
    }

    /// A draft that was left.
    pub(crate) fn draft(id: &str) -> Self {
        Self::with(Choice::Draft(id.to_owned()))
    }

    fn with(choice: Choice) -> Self {
        Self {
            gallery: Gallery::opening(choice),
            ..Self::default()
        }
    }

    /// The problems of a step, errors first; without one, all.
    fn problems(&self, step: Option<Step>) -> Vec<&Problem> {
        let all = self.check.value().map_or(&[][..], |report| &report.problems);
        let mut found: Vec<&Problem> = all
            .iter()
            .filter(|problem| step.is_none_or(|step| Step::of_key(&problem.key) == step))
            .collect();
        found.sort_by_key(|problem| problem.severity);
        found
    }

    /// Whether the text is no TOML, so that there is nothing to change but the text.
    fn is_broken(&self) -> bool {
        self.step.0 != Step::Template && self.work.as_ref().is_some_and(|work| work.broken.is_some())
    }

    fn errors(&self, step: Step) -> usize {
        let errors = self.problems(Some(step)).into_iter();
        errors
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    }

    /// The first step with an error.
    fn blocking(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|step| self.errors(*step) > 0)
    }

    /// The names of the steps with a mark for how they are, and which is open.
    fn steps(&self, shared: &Shared) -> Vec<(String, bool)> {
        let wide = Width::of(shared.size.width) == Width::Wide;
        let blocking = self.blocking();
        let tab = |step: &Step| {
            let at = step.at();
            let (long, short) = step.names();
            let name = if wide { long } else { short };
            let open = *step == self.step.0;
            let mark = match blocking {
                _ if self.work.is_none() || open => "",
                _ if self.errors(*step) > 0 => "✗",
                _ if *step == Step::DryRun && self.dry.samples.is_empty() => "",
                _ if at < self.step.0.at() => "✓",
                _ => "",
            };
            let text = match (wide, mark) {
                (true, "") => format!("{} {name}", at + 1),
                (true, mark) => format!("{}{mark}{name}", at + 1),
                (false, mark) => format!("{mark}{name}"),
            };
            (text, open)
        };
        Step::ALL.iter().map(tab).collect()
    }

    /// Why a later step cannot be entered: what blocks one before it.
    fn blocked(&self, to: Step) -> Option<String> {
        let blocking = self.blocking().filter(|blocking| *blocking < to)?;
        let first = self.problems(Some(blocking));
        let first = first.first()?;
        let step = blocking.names().0;
        Some(format!("{step}: {}: {}", last_of(&first.key), first.message))
    }

    /// The lines of the open step's form.
    fn lines(&self, shared: &Shared) -> Vec<Line> {
        let Some(work) = &self.work else {
            return Vec::new();
        };
        match self.step.0 {
            Step::Seeds => self.seed_lines(work),
            Step::Schema => self.schema_lines(work),
            Step::Validators => self.validator_lines(work),
            Step::Limits => limits::lines(work),
            Step::Launch => launch::lines(work),
            Step::Providers => self
                .teacher_rows(work, shared)
                .iter()
                .map(|_| Line::new("", "", Kind::Link, String::new(), ""))
                .collect(),
            Step::DryRun => (0..self.dry.samples.len())
                .map(|_| Line::new("", "", Kind::Link, String::new(), ""))
                .collect(),
            Step::Template | Step::Prompts => Vec::new(),
        }
    }

    fn cursor(&self) -> Cursor {
        self.cursors[self.step.0.at()]
    }

    fn selected_line(&self, shared: &Shared) -> Option<Line> {
        self.lines(shared).into_iter().nth(self.cursor().selected)
    }

    fn go(&mut self, step: Step, cx: &mut Cx) {
        self.step = Place(step);
        self.opened = None;
        self.preview = false;
        self.touched(cx);
        self.save(cx);
        self.load_pads(cx.shared);
        self.refresh(cx);
        if step == Step::Launch {
            self.gallery_ask(cx);
        }
        let (lines, page) = (self.lines(cx.shared), self.page(cx.shared));
        let cursor = &mut self.cursors[step.at()];
        cursor.clamp(lines.len(), page);
        form::skip_headings(&lines, cursor, true, page);
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        if let (Action::Pick(_), Input::Prompt | Input::Line { .. } | Input::Text { .. }) =
            (action, &self.input)
        {
            // Somebody points elsewhere: what was typed is kept.
            self.stop_typing(cx);
        }
        if self.input.is_open() {
            return self.act_typing(action, cx);
        }
        match action {
            Action::Pick(digit) => self.go(Step::of_place(usize::from(digit).saturating_sub(1)), cx),
            Action::Next | Action::Previous => {
                let at = self.step.0.at();
                let to = if action == Action::Next {
                    at + 1
                } else {
                    at.saturating_sub(1)
                };
                self.go(Step::of_place(to), cx);
            }
            Action::Preview => self.preview = !self.preview,
            Action::Save => {
                self.touched(cx);
                self.save(cx);
                self.refresh(cx);
            }
            Action::Toml => self.edit_whole(cx),
            Action::External => self.edit_outside(cx),
            Action::UndoText | Action::RedoText => {
                let forward = action == Action::RedoText;
                if self.work.as_mut().is_some_and(|work| work.step_back(forward)) {
                    self.opened = None;
                    self.changed(cx);
                }
            }
            Action::NextQuestion => self.next_question(cx),
            Action::Reload => {
                self.checked.clear();
                self.estimated.clear();
                self.looked_at.clear();
                self.ask_world(cx);
                self.refresh(cx);
                if self.step.0 == Step::DryRun && !self.dry.samples.is_empty() {
                    self.dry_act(Action::Open, cx);
                }
            }
            other => self.step_act(other, cx),
        }
    }

    fn step_act(&mut self, action: Action, cx: &mut Cx) {
        match self.step.0 {
            Step::Template => return self.gallery_act(action, cx),
            Step::Prompts => return self.prompts_act(action, cx),
            _ => {}
        }
        let (lines, page) = (self.lines(cx.shared), self.page(cx.shared));
        let cursor = &mut self.cursors[self.step.0.at()];
        if cursor.act(action, lines.len(), page) {
            let down = !matches!(action, Action::Up | Action::PageUp | Action::HalfUp);
            form::skip_headings(&lines, cursor, down, page);
            return;
        }
        match self.step.0 {
            Step::Seeds => self.seeds_act(action, cx),
            Step::Schema => self.schema_act(action, cx),
            Step::Validators => self.validators_act(action, cx),
            Step::Providers => self.providers_act(action, cx),
            Step::Limits => self.form_act(action, cx),
            Step::DryRun => self.dry_act(action, cx),
            Step::Launch => self.launch_act(action, cx),
            Step::Template | Step::Prompts => {}
        }
    }

    /// What `enter` and `x` mean on a line that is a value of the job file.
    fn form_act(&mut self, action: Action, cx: &mut Cx) {
        let Some(line) = self.selected_line(cx.shared) else {
            return;
        };
        match action {
            Action::Open => self.open_line(&line, cx),
            Action::Remove if !line.path.starts_with('@') => {
                if let Some(work) = &mut self.work {
                    work.remember();
                    work.draft.remove(&line.path);
                }
                self.changed(cx);
            }
            _ => {}
        }
    }

    fn edit_whole(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let key = draft_key(&work.id);
        cx.shared.drafts.insert(key.clone(), work.text());
        let editor = Editor::draft(&key, work.base.clone(), &work.id, &work.head(self.step.0));
        cx.open(Screen::Editor(Box::new(editor)));
    }
}

/// Where a draft's text waits while the editor has it.
fn draft_key(id: &str) -> String {
    format!("draft/{id}")
}

fn now_ms(shared: &Shared) -> i64 {
    shared.options.started_ms + i64::try_from(shared.now.as_millis()).unwrap_or_default()
}

fn glyph(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Error => "✗ ",
        Severity::Warning => "▲ ",
    }
}

/// Whether an action goes on from the document, or changes it.
fn changes(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::Next
            | A::Open
            | A::Insert
            | A::Add
            | A::Remove
            | A::Toggle
            | A::Later
            | A::Earlier
            | A::More
            | A::Less
    ) || matches!(
        action,
        A::Even
            | A::Try
            | A::Infer
            | A::PickFile
            | A::Variables
            | A::Map
            | A::Launch
            | A::Store
            | A::Shape
            | A::External
    )
}

fn last_of(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

impl View for NewJob {
    fn bindings(&self, _: &Shared) -> &'static Table {
        match &self.input {
            Input::None => self.step.0.table(),
            Input::Line { .. } => &NEW_LINE,
            Input::Menu(_) => &NEW_CHOICE,
            Input::Prompt | Input::Text { .. } => &NEW_TEXT,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        let (name, _) = self.step.0.names();
        let title = match &self.work {
            Some(Work {
                origin: Origin::Job(job),
                ..
            }) => format!("Edit {job}"),
            _ => "New job".to_owned(),
        };
        vec![title, format!("{}/9 {name}", self.step.0.at() + 1)]
    }

    fn tabs(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> bool {
        tabs(buf, area, &self.steps(shared), shared);
        true
    }

    fn tab_at(&self, shared: &Shared, area: Rect, column: u16) -> Option<Action> {
        let at = tab_at(area, &self.steps(shared), column)?;
        Some(Action::Pick(at as u8 + 1))
    }

    fn wake(&self, _: &Shared) -> Option<Duration> {
        let save = self.work.as_ref()?.unsaved? + SAVE_AFTER;
        Some(save)
    }

    fn typing(&self) -> bool {
        self.input.is_open()
    }

    fn enter(&mut self, cx: &mut Cx) {
        if self.wanted == 0 {
            self.wanted = 3;
        }
        if let Some(work) = &mut self.work
            && let Some(text) = cx.shared.drafts.remove(&draft_key(&work.id))
            && text.trim_end() != work.text().trim_end()
        {
            work.adopt(&text);
            work.question = work.question.min(work.draft.len("steps").saturating_sub(1));
            self.changed(cx);
        }
        self.ask_world(cx);
        self.refresh(cx);
    }

    fn leave(&mut self, shared: &mut Shared) {
        if let Some(command) = self.saving(shared) {
            shared.order_on_leaving(command);
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if self.input.is_open() {
            self.stop_typing(cx);
            return true;
        }
        if self.stop_looking() || self.stop_asking(cx) {
            return true;
        }
        if std::mem::take(&mut self.preview) || self.opened.take().is_some() {
            return true;
        }
        self.save(cx);
        false
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        if self.input.is_open() {
            return None;
        }
        let step = self.step.0;
        match action {
            Action::Next if self.work.is_none() => Some("choose what it starts from first".to_owned()),
            Action::Next if step == Step::Launch => Some("this is the last step: l launches".to_owned()),
            action if self.is_broken() && changes(action) => {
                Some("the file is no TOML: ctrl-e puts it right".to_owned())
            }
            Action::Next => self.blocked(Step::of_place(step.at() + 1)),
            Action::Pick(_) if self.work.is_none() => Some("choose what it starts from first".to_owned()),
            Action::Pick(digit) => {
                let to = Step::of_place(usize::from(digit).saturating_sub(1));
                self.blocked(to).filter(|_| to > step)
            }
            Action::Preview if Width::of(shared.size.width) == Width::Wide || self.work.is_none() => {
                Some("both are shown".to_owned())
            }
            Action::Previous if step == Step::Template => Some("this is the first step".to_owned()),
            Action::Toml | Action::Save if self.work.is_none() => {
                Some("choose what it starts from first".to_owned())
            }
            _ => self.step_disabled(action, shared),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Key(key) => self.key(key, cx),
            Message::Paste(text) => self.paste(text, cx),
            Message::Act(action) => self.act(*action, cx),
            Message::Reply(..) => self.reply(message, cx),
            Message::Done(ticket, result) => self.done(*ticket, result, cx),
            Message::Edited(ticket, Ok(text)) => self.edited(*ticket, text, cx),
            Message::Tick(now) => {
                let due = self.wake(cx.shared).is_some_and(|at| at <= *now);
                if due {
                    self.save(cx);
                    self.refresh(cx);
                }
            }
            _ => {}
        }
        self.prompts.dress(cx.shared);
        self.input.dress(cx.shared);
    }

    fn status(&self, shared: &Shared) -> String {
        let saved = match (&self.work, self.saved_ms) {
            (None, _) => "nothing is stored before you launch".to_owned(),
            (Some(work), Some(ms)) if work.unsaved.is_none() => {
                let time = time_of_day(ms, shared.options.offset_seconds);
                format!("draft saved {time}")
            }
            _ => "draft not saved yet".to_owned(),
        };
        let place = self.typing_status();
        let word = match (Width::of(shared.size.width), self.work.is_some()) {
            (Width::Medium, true) => self.word(),
            _ => String::new(),
        };
        [place, word, saved]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (form, strip, beside) = self.panes(shared, area);
        let mut caret = None;
        if form.height > 0 {
            caret = self.form(shared, form, buf);
        }
        if strip.height > 0 {
            self.strip(shared, strip, buf);
        }
        if beside.height > 0 {
            self.beside(shared, beside, buf);
        }
        if let Input::Menu(menu) = &self.input {
            return Some(menu.view(shared, buf));
        }
        caret.filter(|_| self.input.is_open())
    }
}
