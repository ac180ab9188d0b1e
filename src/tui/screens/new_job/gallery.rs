//! What a job starts from: drafts that were left, ready jobs, shapes, jobs that are there already, files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use crate::core::api::{Answer, DraftRow, JobRow, JobSource, Level, Query};
use crate::core::job::draft::Draft;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, prose, table, words};

use super::menu::For;
use super::shapes::SHAPES;
use super::sketch::{Sketch, described, discard};
use super::work::{Origin, Work};
use super::{NewJob, Place, Step, now_ms};

/// Something to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// A draft, by its id.
    Draft(String),
    /// A ready job.
    Ready(String),
    /// A shape, by its place.
    Shape(usize),
    /// A copy of a job.
    Copy(String),
    /// A job that has not run yet, itself.
    Edit(String),
    /// A file.
    File(PathBuf),
}

/// A line of the gallery.
struct Item {
    choice: Choice,
    name: String,
    about: String,
}

/// What there is to start from.
#[derive(Default)]
pub(super) struct Gallery {
    bundled: Remote<Vec<(String, String)>>,
    drafts: Remote<Vec<DraftRow>>,
    jobs: Remote<Vec<JobRow>>,
    /// Texts of jobs that were looked at, with their directories.
    texts: BTreeMap<String, (String, PathBuf)>,
    text: Remote<(String, PathBuf)>,
    asked: String,
    /// To be begun with as soon as its text is there.
    opening: Option<Choice>,
}

impl Gallery {
    /// One that is left at once for this choice.
    pub(super) fn opening(choice: Choice) -> Self {
        Self {
            opening: Some(choice),
            ..Self::default()
        }
    }
}

const COLUMNS: [Column; 2] = [words("START FROM", 20, 9), prose("WHAT IT MAKES", 12, 1)];

impl NewJob {
    fn items(&self, shared: &Shared) -> Vec<Item> {
        let mut items = Vec::new();
        for draft in self.gallery.drafts.value().into_iter().flatten() {
            let sketch = Sketch::of(draft, &shared.options.directory);
            items.push(Item {
                choice: Choice::Draft(draft.id.clone()),
                name: format!("◌ {}", sketch.name),
                about: format!("draft, left at {} {} ago", sketch.step, sketch.age(shared)),
            });
        }
        for (name, about) in self.gallery.bundled.value().into_iter().flatten() {
            items.push(Item {
                choice: Choice::Ready(name.clone()),
                name: name.clone(),
                about: about.clone(),
            });
        }
        for (at, shape) in SHAPES.iter().enumerate() {
            let about = Draft::read(shape.text).map(|draft| draft.string("description"));
            let about = about.unwrap_or_default();
            items.push(Item {
                choice: Choice::Shape(at),
                name: shape.name.to_owned(),
                about: if about.is_empty() {
                    "An empty page with the parts every job has".to_owned()
                } else {
                    about
                },
            });
        }
        for job in self.gallery.jobs.value().into_iter().flatten() {
            items.push(Item {
                choice: Choice::Copy(job.name.clone()),
                name: format!("copy of {}", job.name),
                about: job.description.clone(),
            });
        }
        items
    }

    pub(super) fn selected_draft(&self, shared: &Shared) -> Option<String> {
        match self
            .items(shared)
            .into_iter()
            .nth(self.cursors[0].selected)?
            .choice
        {
            Choice::Draft(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn gallery_ask(&mut self, cx: &mut Cx) {
        self.gallery.drafts.refresh(Query::Drafts, cx);
        self.gallery.jobs.refresh(Query::Jobs, cx);
        if self.work.is_none() {
            self.gallery.bundled.refresh(Query::Bundled, cx);
            if let Some(choice) = self.gallery.opening.clone() {
                self.begin(choice, cx);
            }
        }
    }

    pub(super) fn gallery_act(&mut self, action: Action, cx: &mut Cx) {
        let items = self.items(cx.shared);
        let page = self.page(cx.shared);
        match action {
            Action::Open => {
                if let Some(item) = items.into_iter().nth(self.cursors[0].selected) {
                    self.begin(item.choice, cx);
                }
            }
            Action::Filter => {
                let items = items.into_iter().map(|item| (item.name, item.about)).collect();
                self.offer(For::Template, "Start from", items);
            }
            Action::PickFile => self.pick_file(For::JobFile, "Job file", &["toml"], cx),
            Action::Delete => {
                if let Some(item) = items.into_iter().nth(self.cursors[0].selected)
                    && let Choice::Draft(id) = item.choice
                {
                    discard(&id, item.name.trim_start_matches("◌ "), cx);
                }
            }
            movement => {
                self.cursors[0].act(movement, items.len(), page);
                self.look_at_choice(cx);
            }
        }
    }

    /// Asks for the text of what is selected, to say what it makes.
    fn look_at_choice(&mut self, cx: &mut Cx) {
        let item = self.items(cx.shared).into_iter().nth(self.cursors[0].selected);
        if let Some(Choice::Ready(name) | Choice::Copy(name)) = item.map(|item| item.choice)
            && !self.gallery.texts.contains_key(&name)
            && self.gallery.asked != name
        {
            self.ask_text(&name, cx);
        }
    }

    fn ask_text(&mut self, name: &str, cx: &mut Cx) {
        name.clone_into(&mut self.gallery.asked);
        let source = JobSource::Name(name.to_owned());
        self.gallery.text.ask(Query::Source(source), cx);
    }

    pub(super) fn gallery_reply(&mut self, message: &Message, cx: &mut Cx) {
        let bundled = |answer: &Answer| match answer {
            Answer::Bundled(jobs) => Some(jobs.clone()),
            _ => None,
        };
        let drafts = |answer: &Answer| match answer {
            Answer::Drafts(drafts) => Some(drafts.clone()),
            _ => None,
        };
        let jobs = |answer: &Answer| match answer {
            Answer::Jobs(jobs) => Some(jobs.clone()),
            _ => None,
        };
        let text = |answer: &Answer| match answer {
            Answer::Source { text, base } => Some((text.clone(), base.clone())),
            _ => None,
        };
        let asked = self.gallery.asked.clone();
        let mut heard = false;
        if self.gallery.text.take(
            message,
            text,
            || Query::Source(JobSource::Name(asked.clone())),
            cx,
        ) {
            if let Some(text) = self.gallery.text.value().cloned() {
                self.gallery.texts.insert(asked, text);
            }
            if let Some(error) = self.gallery.text.error()
                && self.gallery.opening.take().is_some()
            {
                cx.shared.toast(Level::Warning, error.message.clone());
            }
            heard = true;
        }
        let taken = heard
            || self.gallery.bundled.take(message, bundled, || Query::Bundled, cx)
            || self.gallery.drafts.take(message, drafts, || Query::Drafts, cx)
            || self.gallery.jobs.take(message, jobs, || Query::Jobs, cx);
        if taken && self.work.is_none() {
            if let Some(choice) = self.gallery.opening.take() {
                self.begin(choice, cx);
            } else {
                self.look_at_choice(cx);
            }
            let (rows, page) = (self.items(cx.shared).len(), self.page(cx.shared));
            self.cursors[0].clamp(rows, page);
        }
    }

    /// Begins a draft with a choice, or goes on with one; asks for its text first where that is not known.
    fn begin(&mut self, choice: Choice, cx: &mut Cx) {
        let directory = cx.shared.options.directory.clone();
        let (text, base, origin, name) = match &choice {
            Choice::Draft(id) => {
                let drafts = self.gallery.drafts.value().into_iter().flatten();
                let found = drafts.into_iter().find(|draft| draft.id == *id).cloned();
                let Some(draft) = found else {
                    self.gallery.opening = self.gallery.drafts.is_pending().then_some(choice);
                    return;
                };
                let (work, step) = Work::restored(&draft.id, &draft.text, &directory);
                self.saved_ms = Some(draft.changed_ms);
                return self.take_up(work, step, cx);
            }
            Choice::Shape(at) => {
                let shape = &SHAPES[*at];
                let origin = if *at == 0 {
                    Origin::Blank
                } else {
                    Origin::Template(shape.name.to_owned())
                };
                let name = if *at == 0 {
                    "my-job".to_owned()
                } else {
                    format!("my-{}", shape.name)
                };
                (shape.text.to_owned(), directory, origin, Some(name))
            }
            // Only who knows the jobs knows a name that none of them has.
            Choice::Copy(_) if self.gallery.jobs.value().is_none() && self.gallery.jobs.is_pending() => {
                self.gallery.opening = Some(choice);
                return;
            }
            Choice::Ready(name) | Choice::Copy(name) | Choice::Edit(name) => {
                let Some((text, base)) = self.gallery.texts.get(name).cloned() else {
                    let name = name.clone();
                    self.gallery.opening = Some(choice);
                    if !self.gallery.text.is_pending() || self.gallery.asked != name {
                        self.ask_text(&name, cx);
                    }
                    return;
                };
                match &choice {
                    Choice::Edit(_) => (text, base, Origin::Job(name.clone()), None),
                    Choice::Copy(_) => {
                        let copy = format!("{name}-copy");
                        (text, base, Origin::Template(name.clone()), Some(copy))
                    }
                    _ => {
                        let own = format!("my-{name}");
                        (text, base, Origin::Template(name.clone()), Some(own))
                    }
                }
            }
            Choice::File(path) => {
                let key = path.display().to_string();
                let Some((text, base)) = self.gallery.texts.get(&key).cloned() else {
                    self.gallery.opening = Some(choice.clone());
                    self.gallery.asked.clone_from(&key);
                    let source = JobSource::File(path.clone());
                    self.gallery.text.ask(Query::Source(source), cx);
                    return;
                };
                (text, base, Origin::File(path.clone()), None)
            }
        };
        let id = format!("d{}", now_ms(cx.shared));
        let mut work = match Draft::read(&text) {
            Ok(draft) => Work::new(id, draft, base, origin),
            Err(_) => Work::restored(&id, &text, &base).0,
        };
        if let Some(name) = name {
            let name = self.free_name(&name);
            work.draft.set("name", &Value::from(name));
        }
        self.saved_ms = None;
        self.take_up(work, Step::Seeds, cx);
    }

    /// The job's name, if another job has it already.
    pub(super) fn taken_name(&self) -> Option<String> {
        let work = self.work.as_ref()?;
        let name = work.draft.string("name");
        let own = matches!(&work.origin, Origin::Job(job) if *job == name);
        let mut jobs = self.gallery.jobs.value()?.iter();
        (!own && jobs.any(|job| job.name == name)).then_some(name)
    }

    /// A name no job has.
    fn free_name(&self, wanted: &str) -> String {
        let wanted: String = wanted.chars().take(60).collect();
        let jobs = self.gallery.jobs.value();
        let taken = |name: &str| jobs.is_some_and(|jobs| jobs.iter().any(|job| job.name == name));
        let mut name = wanted.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{wanted}-{number}");
            number += 1;
        }
        name
    }

    fn take_up(&mut self, work: Work, step: Step, cx: &mut Cx) {
        self.gallery.opening = None;
        self.prompts = super::prompts::Prompts::default();
        self.prompts.focus = work.caret.0;
        self.cursors = [super::Cursor::default(); 9];
        self.opened = None;
        self.dry = super::dry_run::Tries::of(&work.dry);
        self.tried = super::dry_run::Tries::default();
        self.checked.clear();
        self.check = Remote::default();
        self.work = Some(work);
        self.step = Place(step);
        let step = if step == Step::Template { Step::Seeds } else { step };
        self.go(step, cx);
    }

    pub(super) fn begin_with_file(&mut self, name: &str, cx: &mut Cx) {
        let path = cx.shared.options.directory.join(name);
        self.begin(Choice::File(path), cx);
    }

    /// Offers files of the directory.
    pub(super) fn pick_file(&mut self, reason: For, title: &str, extensions: &[&str], cx: &mut Cx) {
        let extensions = extensions.iter().map(|one| (*one).to_owned()).collect();
        let directory = cx.shared.options.directory.clone();
        self.files.ask(
            Query::Files {
                directory,
                extensions,
            },
            cx,
        );
        self.offer(reason, title, Vec::new());
    }

    pub(super) fn files_reply(&mut self, message: &Message, cx: &mut Cx) {
        let files = |answer: &Answer| match answer {
            Answer::Files(files) => Some(files.clone()),
            _ => None,
        };
        if self.files.take(message, files, || Query::Drafts, cx)
            && let super::Input::Menu(menu) = &mut self.input
        {
            let items = self.files.value().into_iter().flatten();
            menu.refill(items.map(|file| (file.clone(), String::new())).collect());
        }
    }

    pub(super) fn draw_gallery(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let items = self.items(shared);
        let fact = items.len().to_string();
        let inner = pane(buf, area, "Start from", &fact, true, shared);
        if let Some(error) = self.gallery.bundled.error() {
            return failure(buf, inner, error, shared);
        }
        if self.gallery.bundled.value().is_none() {
            if self.gallery.bundled.is_slow(shared.now) {
                empty(buf, inner, &["Loading what a job can start from …"], shared);
            }
            return;
        }
        let cursor = self.cursors[0];
        let rows = items.into_iter().skip(cursor.offset).map(|item| {
            vec![
                (item.name, shared.style(Slot::Fg)),
                (item.about, shared.style(Slot::Muted)),
            ]
        });
        table(
            buf,
            inner,
            &COLUMNS,
            rows,
            Some(cursor.selected - cursor.offset),
            shared,
        );
    }

    /// What the selected one makes, and what it needs.
    pub(super) fn draw_choice(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let Some(item) = self.items(shared).into_iter().nth(self.cursors[0].selected) else {
            pane(buf, area, "What it makes", "", false, shared);
            return;
        };
        let inner = pane(buf, area, item.name.trim_start_matches("◌ "), "", false, shared);
        let text = match &item.choice {
            Choice::Shape(at) => Some(SHAPES[*at].text.to_owned()),
            Choice::Ready(name) | Choice::Copy(name) => {
                self.gallery.texts.get(name).map(|(text, _)| text.clone())
            }
            Choice::Draft(id) => {
                let drafts = self.gallery.drafts.value().into_iter().flatten();
                let found = drafts.into_iter().find(|draft| draft.id == *id);
                found.map(|draft| {
                    Work::restored(id, &draft.text, &shared.options.directory)
                        .0
                        .text()
                })
            }
            Choice::Edit(_) | Choice::File(_) => None,
        };
        let width = usize::from(inner.width.saturating_sub(2));
        let mut row = 0;
        for (slot, line) in text.as_deref().map_or_else(
            || vec![(Slot::Fg, item.about.clone())],
            |text| described(text, &item.about),
        ) {
            for line in wrap(&line, width) {
                put(buf, inner, 1, row, &line, shared.style(slot));
                row += 1;
            }
        }
    }
}
