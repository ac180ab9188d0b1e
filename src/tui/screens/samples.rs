//! The samples: all rows that match a filter, one beside them, and a person's word on each or on many. What stands over the list
//! is one thing at a time; the rows, the sample and the bulk are in files of their own.

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{Command, FailureKind, SampleQuery};
use crate::core::filter::{By, Sort};
use crate::core::ports::Decided;
use crate::core::sample::{SampleId, SampleState};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, MENU, SAMPLE_EDIT, SAMPLE_FILTER, SAMPLES, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::text::{put, put_all, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::pane;
use crate::tui::widgets::table::row_at;

use super::View;

mod bulk;
mod detail;
mod diff;
mod edit;
mod facets;
mod history;
mod list;
mod menu;
mod prompt;
mod rows;
mod tree;

use bulk::{Bulk, Marks};
use detail::{Detail, Tab};
use edit::Edit;
use facets::FacetMenu;
use history::History;
use menu::{Kind, Menu};
use prompt::Prompt;
use rows::Rows;

/// More samples than that are not decided about without a question.
const ASK_ABOVE: u64 = 100;

/// Reasons of a rejection that need no typing; the last one is none.
const REASONS: [&str; 8] = [
    "wrong",
    "incomplete",
    "off topic",
    "unclear",
    "badly written",
    "a duplicate",
    "harmful",
    "no reason",
];

/// What stands over the list.
enum Over {
    Nothing,
    Filter(Box<Prompt>),
    Menu(Menu),
    Facets(FacetMenu),
    History(History),
    Edit(Box<Edit>),
    /// A reason in the person's own words.
    Reason(Field),
    /// Where an export goes.
    Path(Field),
}

/// The samples.
pub(crate) struct Samples {
    /// The filter in force, as it was typed.
    filter: String,
    rows: Rows,
    marks: Marks,
    /// Where a range began.
    range: Option<u64>,
    detail: Detail,
    /// The sample has the keys.
    reading: bool,
    /// It covers the list.
    full: bool,
    over: Over,
    /// On its way; and one that waits for a yes.
    bulk: Option<Bulk>,
    asked: Option<Bulk>,
    /// What is being written where.
    export: Option<(Option<Ticket>, SampleQuery, PathBuf)>,
    reason: usize,
    /// An edit that was left before it was saved.
    draft: Option<Box<Edit>>,
    /// Opened from a job: its filter came with it.
    of_job: Option<String>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            filter: String::new(),
            rows: Rows::default(),
            marks: Marks::None,
            range: None,
            detail: Detail::default(),
            reading: false,
            full: false,
            over: Over::Nothing,
            bulk: None,
            asked: None,
            export: None,
            reason: REASONS.len() - 1,
            draft: None,
            of_job: None,
        }
    }
}

impl Samples {
    /// Those of one job.
    pub(crate) fn of(job: &str) -> Self {
        let mut samples = Self {
            filter: format!("job:{job}"),
            of_job: Some(format!("job:{job}")),
            ..Self::default()
        };
        samples.rows.filter = SampleQuery::of(job);
        samples
    }

    fn covers(&self, shared: &Shared) -> bool {
        self.full || (self.reading && Width::of(shared.size.width) != Width::Wide)
    }

    /// The list, and the sample beside it or over it.
    fn panes(&self, area: Rect, shared: &Shared) -> (Rect, Rect) {
        let none = Rect { height: 0, ..area };
        match (self.covers(shared), Width::of(shared.size.width)) {
            (true, _) => (none, area),
            (false, Width::Wide) => left(area, area.width / 2),
            (false, _) => (area, none),
        }
    }

    fn body(&self, shared: &Shared) -> Rect {
        let (_, below) = top(shell(shared.size).body, 1);
        below
    }

    fn page(&self, shared: &Shared) -> usize {
        let list = Self::default().panes(self.body(shared), shared).0;
        usize::from(inside(list, shared.size.width).height.saturating_sub(1))
    }

    fn reading_area(&self, shared: &Shared) -> Rect {
        inside(self.panes(self.body(shared), shared).1, shared.size.width)
    }

    /// Puts a filter in force.
    fn narrow(&mut self, text: &str, query: SampleQuery, cx: &mut Cx) {
        text.clone_into(&mut self.filter);
        self.marks = Marks::None;
        self.range = None;
        let page = self.page(cx.shared);
        self.rows.change(query, self.rows.sort, page, cx);
    }

    fn show(&mut self, cx: &mut Cx) {
        let marked = self.marks.ids();
        self.detail.show(self.rows.selected(), &marked, cx);
    }

    fn reload(&mut self, cx: &mut Cx) {
        let page = self.page(cx.shared);
        self.rows.reload(page, cx);
        self.detail.forget();
    }

    /// What an action is about: the marked ones, or the selected one; and how many, where that is known.
    fn targets(&self) -> Option<(SampleQuery, Option<u64>)> {
        match &self.marks {
            Marks::All => Some((self.rows.filter.clone(), self.rows.total())),
            Marks::Some(ids) => Some((
                SampleQuery::these(ids.iter().cloned().collect()),
                Some(ids.len() as u64),
            )),
            Marks::None => {
                let (_, sample) = self.rows.selected()?;
                Some((SampleQuery::these(vec![sample.id.clone()]), Some(1)))
            }
        }
    }

    /// The marked ones, or all that match.
    fn marked_or_all(&self) -> (SampleQuery, Option<u64>) {
        match &self.marks {
            Marks::Some(_) => self.targets().unwrap_or_default(),
            _ => (self.rows.filter.clone(), self.rows.total()),
        }
    }

    fn decide(&mut self, decided: Decided, cx: &mut Cx) {
        let Some((query, all)) = self.targets() else {
            return;
        };
        if self.marks == Marks::None {
            let done = match decided {
                Decided::Accept => "Accepted samples (u takes it back)",
                _ => "Rejected samples (u takes it back)",
            };
            let samples = query.ids;
            cx.order(Command::Decide { samples, decided }, done);
            let page = self.page(cx.shared);
            self.rows.act(Action::Down, page, cx);
            return;
        }
        let mut bulk = Bulk::of(query, decided, all);
        if all.is_some_and(|all| all <= ASK_ABOVE) {
            bulk.go(None, cx);
            self.bulk = Some(bulk);
            return;
        }
        let verb = bulk.verb();
        let many = all.map_or("all".to_owned(), grouped);
        let lines = vec![
            format!(
                "{verb} {many} samples: {}",
                if self.marks == Marks::All {
                    &self.filter
                } else {
                    "the marked ones"
                }
            ),
            "It is one entry of the history: u takes all of it back.".to_owned(),
        ];
        let agreed = choice(format!("{verb} them"), "", Outcome::Act(Action::Agreed));
        self.asked = Some(bulk);
        let dialog = Dialog::ask(
            cx.shared,
            format!("{verb} {many} samples"),
            lines,
            vec![cancel("Cancel"), agreed],
        );
        cx.confirm(dialog);
    }

    fn agreed(&mut self, cx: &mut Cx) {
        if let Some(mut bulk) = self.asked.take() {
            bulk.go(None, cx);
            self.bulk = Some(bulk);
        } else if let Some((_, filter, path)) = self.export.take() {
            self.write(filter, path, true, cx);
        }
    }

    fn write(&mut self, filter: SampleQuery, path: PathBuf, overwrite: bool, cx: &mut Cx) {
        let order = Command::ExportSamples {
            filter: filter.clone(),
            path: path.clone(),
            overwrite,
        };
        let ticket = cx.order(order, format!("Wrote {}, samples", path.display()));
        self.export = Some((Some(ticket), filter, path));
    }

    /// A file that is there is replaced only after a question.
    fn exported(&mut self, message: &Message, cx: &mut Cx) {
        let Message::Done(ticket, result) = message else {
            return;
        };
        let Some((waiting, filter, path)) = self.export.take_if(|(waiting, ..)| *waiting == Some(*ticket))
        else {
            return;
        };
        let exists = result
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::Usage);
        if waiting.is_some() && exists {
            // The question says it better than the error does.
            cx.shared.toasts.pop();
            let lines = vec![format!("{} is there already.", path.display())];
            let agreed = choice("Replace it", "", Outcome::Act(Action::Agreed));
            self.export = Some((None, filter, path));
            let dialog = Dialog::ask(
                cx.shared,
                "Replace the file",
                lines,
                vec![cancel("Cancel"), agreed],
            );
            cx.confirm(dialog);
        }
    }

    fn mark(&mut self, action: Action, cx: &mut Cx) {
        let page = self.page(cx.shared);
        match action {
            Action::Mark => {
                if let Some((_, sample)) = self.rows.selected() {
                    let id = sample.id.clone();
                    self.marks.toggle(&id);
                    self.rows.act(Action::Down, page, cx);
                }
            }
            Action::MarkAll if self.marks == Marks::All => self.marks = Marks::None,
            Action::MarkAll => {
                self.marks = Marks::All;
                let many = self.rows.total().map_or("All".to_owned(), grouped);
                cx.shared.toast(
                    crate::core::api::Level::Ok,
                    format!("{many} samples match and are marked"),
                );
            }
            _ => match self.range.take() {
                None => self.range = Some(self.rows.row()),
                Some(from) => self.mark_range(from, cx),
            },
        }
    }

    fn mark_range(&mut self, from: u64, cx: &mut Cx) {
        let (low, high) = (from.min(self.rows.row()), from.max(self.rows.row()));
        let (offset, first, _) = self.rows.view();
        let begin = first - offset as u64;
        let shown = self.rows.shown();
        if low < begin || high >= begin + shown.len() as u64 {
            let text = "The range is longer than what is loaded: filter, then A marks all";
            cx.shared.toast(crate::core::api::Level::Warning, text);
            return;
        }
        let (low, high) = ((low - begin) as usize, (high - begin) as usize);
        let ids: Vec<SampleId> = shown[low..=high]
            .iter()
            .map(|(_, sample)| sample.id.clone())
            .collect();
        self.marks.add(ids.into_iter());
    }

    fn open_menu(&mut self, kind: Kind) {
        let entry = |label: &str, note: &str| (label.to_owned(), note.to_owned());
        let menu = match kind {
            Kind::Reject => {
                let entries = REASONS.iter().map(|reason| entry(reason, "")).collect();
                Menu::new(kind, "Reject: why", entries, self.reason)
            }
            Kind::Sort => {
                let sort = self.rows.sort;
                let word = |by: &By| match by {
                    By::Plan => "direct at any size",
                    By::Time => "the newest last",
                    By::Random(_) => "the same every time",
                    _ => "",
                };
                let at = By::ALL
                    .iter()
                    .position(|by| by.word() == sort.by.word())
                    .unwrap_or(0);
                let entries = By::ALL.iter().map(|by| entry(by.word(), word(by))).collect();
                Menu::new(kind, "Order (again: backwards)", entries, at)
            }
            Kind::Bulk => {
                let (_, all) = self.targets().unwrap_or_default();
                let many = all.map_or("all that match".to_owned(), grouped);
                let entries = vec![
                    entry("Accept", &many),
                    entry("Reject", &many),
                    entry("Export to a file", &many),
                ];
                Menu::new(kind, "What is marked", entries, 0)
            }
            Kind::Copy => {
                let entries = vec![
                    entry("its text", ""),
                    entry("its JSON", ""),
                    entry("its id", ""),
                    entry("a command that shows it", ""),
                ];
                Menu::new(kind, "Copy", entries, 0)
            }
        };
        self.over = Over::Menu(menu);
    }

    fn chosen_entry(&mut self, kind: Kind, at: usize, cx: &mut Cx) {
        self.over = Over::Nothing;
        match kind {
            Kind::Reject => {
                self.reason = at;
                let note = (at + 1 < REASONS.len()).then(|| REASONS[at].to_owned());
                self.decide(Decided::Reject { note }, cx);
            }
            Kind::Sort => {
                let by = By::ALL[at.min(By::ALL.len() - 1)];
                let same = by.word() == self.rows.sort.by.word();
                let sort = Sort {
                    by,
                    down: same && !self.rows.sort.down,
                };
                let (filter, page) = (self.rows.filter.clone(), self.page(cx.shared));
                self.rows.change(filter, sort, page, cx);
            }
            Kind::Bulk => match at {
                0 => self.decide(Decided::Accept, cx),
                1 => self.open_menu(Kind::Reject),
                _ => self.over = Over::Path(Field::holding(&self.path_of())),
            },
            Kind::Copy => {
                let Some((_, sample)) = self.rows.selected() else {
                    return;
                };
                match at {
                    0 => cx.copy(sample.steps.last().map_or("", |step| &step.text), "the text"),
                    1 => cx.copy(detail::object(sample), "the sample as JSON"),
                    2 => cx.copy(sample.id.0.clone(), "the id"),
                    _ => cx.copy(format!("destiler samples show {}", sample.id.0), "the command"),
                }
            }
        }
    }

    fn path_of(&self) -> String {
        let job = self.rows.filter.job.as_deref().unwrap_or("samples");
        format!("{job}-samples.jsonl")
    }

    fn over_act(&mut self, action: Action, cx: &mut Cx) {
        match &mut self.over {
            Over::Nothing => {}
            Over::Filter(prompt) => match action {
                Action::Press => {
                    let text = prompt.text().to_owned();
                    if let Some(query) = prompt.apply() {
                        self.over = Over::Nothing;
                        self.narrow(&text, query, cx);
                    }
                }
                Action::Complete => prompt.complete(),
                Action::DeleteToStart => prompt.delete_to_start(),
                direction => prompt.choose(direction == Action::Down),
            },
            Over::Menu(menu) => {
                let kind = menu.kind;
                if let Some(at) = menu.act(action, cx.shared) {
                    self.chosen_entry(kind, at, cx);
                }
            }
            Over::Facets(facets) => {
                if let Some(words) = facets.act(action, cx.shared) {
                    let text = format!("{} {words}", self.filter).trim().to_owned();
                    self.over = Over::Nothing;
                    if let Ok(query) = SampleQuery::parse(&text) {
                        self.narrow(&text, query, cx);
                    }
                }
            }
            Over::History(history) => history.act(action, cx),
            Over::Edit(edit) => match action {
                Action::Check => edit.save(cx),
                Action::External => edit.outside(cx),
                _ => {}
            },
            Over::Reason(field) => match action {
                Action::Press => {
                    let note = Some(field.text().trim().to_owned()).filter(|note| !note.is_empty());
                    self.over = Over::Nothing;
                    self.decide(Decided::Reject { note }, cx);
                }
                Action::DeleteToStart => field.delete_to_start(),
                _ => {}
            },
            Over::Path(field) => match action {
                Action::Press if !field.text().trim().is_empty() => {
                    let path = cx.shared.options.directory.join(field.text().trim());
                    let (filter, _) = self.marked_or_all();
                    self.over = Over::Nothing;
                    self.write(filter, path, false, cx);
                }
                Action::DeleteToStart => field.delete_to_start(),
                _ => {}
            },
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        if action == Action::Agreed {
            return self.agreed(cx);
        }
        if !matches!(self.over, Over::Nothing) {
            return self.over_act(action, cx);
        }
        let job = self.rows.filter.job.clone();
        match action {
            Action::Accept => self.decide(Decided::Accept, cx),
            Action::Reject => self.open_menu(Kind::Reject),
            Action::RejectWhy => self.over = Over::Reason(Field::default()),
            Action::Undo => {
                cx.order(Command::Undo { job, entry: None }, "Taken back");
            }
            Action::Redo => {
                cx.order(Command::Redo { job }, "Done again");
            }
            Action::Edit => {
                let Some((_, sample)) = self.rows.selected() else {
                    return;
                };
                if let Some(draft) = self.draft.take_if(|draft| draft.is_about(&sample.id)) {
                    self.over = Over::Edit(draft);
                    cx.shared
                        .toast(crate::core::api::Level::Ok, "This is the draft you left");
                } else if let Some(edit) = Edit::of(sample) {
                    self.over = Over::Edit(Box::new(edit));
                }
            }
            Action::Mark | Action::MarkAll | Action::Range => self.mark(action, cx),
            Action::Filter => {
                self.over = Over::Filter(Box::new(Prompt::holding(&self.filter, known(cx.shared))))
            }
            Action::Facets => self.over = Over::Facets(FacetMenu::of(&self.rows.filter, cx)),
            Action::History => self.over = Over::History(History::of(job.as_deref(), cx)),
            Action::Sort => self.open_menu(Kind::Sort),
            Action::Bulk => self.open_menu(Kind::Bulk),
            Action::Copy => self.open_menu(Kind::Copy),
            Action::Export => self.over = Over::Path(Field::holding(&self.path_of())),
            Action::Follow => {
                self.rows.follows = !self.rows.follows;
                let says = if self.rows.follows {
                    "Following the newest sample"
                } else {
                    "No longer following"
                };
                cx.shared.toast(crate::core::api::Level::Ok, says);
            }
            Action::Reload => self.reload(cx),
            Action::Open => {
                self.reading = !self.reading || !self.full;
                self.full = self.reading;
            }
            Action::Pane => {
                self.reading = !self.reading;
                self.full = false;
            }
            Action::Compare => self.detail.open(Tab::Diff),
            Action::Explain => self.detail.open(Tab::Scores),
            Action::NextAttempt | Action::PreviousAttempt => {
                self.detail.wants_attempts(self.rows.selected(), cx);
                self.detail_act(action, cx.shared);
            }
            Action::Next | Action::Previous | Action::Fold | Action::Unfold => {
                self.detail_act(action, cx.shared);
            }
            movement if self.reading => self.detail_act(movement, cx.shared),
            movement => {
                let page = self.page(cx.shared);
                self.rows.act(movement, page, cx);
            }
        }
        if matches!(action, Action::Compare | Action::Explain) {
            self.reading = true;
        }
    }

    fn detail_act(&mut self, action: Action, shared: &Shared) {
        let area = self.reading_area(shared);
        self.detail.act(action, self.rows.selected(), area, shared);
    }

    fn typed(&mut self, message: &Message) {
        match (&mut self.over, message) {
            (Over::Filter(prompt), Message::Key(key)) => prompt.key(key),
            (Over::Filter(prompt), Message::Paste(text)) => prompt.insert(text),
            (Over::Edit(edit), Message::Key(key)) => edit.key(key),
            (Over::Edit(edit), Message::Paste(text)) => edit.insert(text),
            (Over::Reason(field) | Over::Path(field), Message::Key(key)) => {
                field.key(key);
            }
            (Over::Reason(field) | Over::Path(field), Message::Paste(text)) => field.insert(text),
            _ => {}
        }
    }

    fn carried_out(&mut self, message: &Message, cx: &mut Cx) {
        if let Some(bulk) = &mut self.bulk
            && bulk.take(message, cx)
        {
            self.bulk = None;
            self.marks = Marks::None;
        }
        if let Over::Edit(edit) = &mut self.over
            && edit.take(message)
        {
            self.over = Over::Nothing;
        }
        if let Over::History(history) = &mut self.over {
            history.reload(cx);
        }
        self.exported(message, cx);
        if self.bulk.is_none() {
            self.reload(cx);
        }
    }

    fn prompt(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let text = shared.style(Slot::Match);
        let label = match &self.over {
            Over::Reason(_) => "Reject because: ",
            Over::Path(_) => "Write to: ",
            _ => "",
        };
        if let Over::Reason(field) | Over::Path(field) = &self.over {
            let at = 1 + put(buf, area, 1, 0, label, shared.style(Slot::Accent));
            return Some(field.draw(buf, area, at, 0, text));
        }
        let matches = self.rows.counting(shared);
        let matches = if matches.is_empty() {
            matches
        } else {
            format!("{matches} match ")
        };
        let (shown, style) = if self.filter.is_empty() {
            ("no filter", shared.style(Slot::Muted))
        } else {
            (self.filter.as_str(), text)
        };
        let room = Rect {
            width: area.width.saturating_sub(matches.chars().count() as u16 + 1),
            ..area
        };
        put_all(buf, room, 1, 0, &[("/ ", style), (shown, style)]);
        put_right(buf, area, 0, &matches, shared.style(Slot::Muted));
        None
    }

    fn beside(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let row = self.rows.selected().filter(|_| area.height > 2)?;
        if let Over::Edit(edit) = &self.over {
            let inner = pane(buf, area, "Edit the answer", "ctrl-s saves", true, shared);
            return edit.view(shared, inner, buf);
        }
        let title = format!("Sample {}", grouped(self.rows.row() + 1));
        let inner = pane(buf, area, &title, &self.detail.fact(), self.reading, shared);
        self.detail.view(row, self.reading, shared, inner, buf);
        None
    }
}

/// Names a filter may ask for: jobs, providers, teachers.
fn known(shared: &Shared) -> Vec<(&'static str, Vec<String>)> {
    let Some(progress) = &shared.progress else {
        return Vec::new();
    };
    let jobs = progress.jobs.iter().map(|job| job.name.clone()).collect();
    let providers = progress.providers.iter().map(|one| one.name.clone()).collect();
    let teachers: Vec<String> = progress
        .providers
        .iter()
        .flat_map(|one| one.models.clone())
        .collect();
    vec![("job", jobs), ("provider", providers), ("teacher", teachers)]
}

impl View for Samples {
    fn bindings(&self, _: &Shared) -> &'static Table {
        match &self.over {
            Over::Nothing => &SAMPLES,
            Over::Filter(_) => &SAMPLE_FILTER,
            Over::Menu(_) | Over::Facets(_) | Over::History(_) => &MENU,
            Over::Edit(_) => &SAMPLE_EDIT,
            Over::Reason(_) | Over::Path(_) => &FIELD,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        let job = self.rows.filter.job.clone().filter(|_| self.of_job.is_none());
        std::iter::once("Samples".to_owned()).chain(job).collect()
    }

    fn typing(&self) -> bool {
        !matches!(self.over, Over::Nothing)
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.reload(cx);
        self.show(cx);
    }

    fn leave(&mut self, shared: &mut Shared) {
        if let Some(bulk) = self.bulk.take() {
            let text = format!(
                "Stopped after {} samples: the screen was left",
                grouped(bulk.done)
            );
            shared.toast(crate::core::api::Level::Warning, text);
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if !matches!(self.over, Over::Nothing) {
            if let Over::Edit(edit) = std::mem::replace(&mut self.over, Over::Nothing)
                && edit.is_changed()
            {
                self.draft = Some(edit);
                cx.shared
                    .toast(crate::core::api::Level::Ok, "Not saved; e goes on with it");
            }
        } else if let Some(bulk) = &mut self.bulk {
            bulk.stop();
        } else if self.reading || self.full {
            (self.reading, self.full) = (false, false);
        } else if self.range.take().is_some() {
        } else if self.marks != Marks::None {
            self.marks = Marks::None;
        } else {
            // Opened from a job, the way back is the job; its filter came with it.
            let home = self.of_job.clone().unwrap_or_default();
            if self.filter == home {
                return false;
            }
            let query = SampleQuery::parse(&home).unwrap_or_default();
            self.narrow(&home, query, cx);
        }
        self.show(cx);
        true
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        if !matches!(self.over, Over::Nothing) {
            return None;
        }
        let state = self.rows.selected().map(|(_, sample)| sample.state);
        let one = self.marks == Marks::None;
        let why = match action {
            Action::Accept | Action::Reject | Action::RejectWhy | Action::Bulk if self.bulk.is_some() => {
                "a bulk is on its way; esc stops it"
            }
            Action::Accept
            | Action::Reject
            | Action::RejectWhy
            | Action::Open
            | Action::Edit
            | Action::Copy
            | Action::Compare
            | Action::Explain
            | Action::Mark
            | Action::Range
            | Action::MarkAll
            | Action::Bulk
            | Action::Export
                if state.is_none() =>
            {
                "no sample is selected"
            }
            Action::Accept if one && state == Some(SampleState::Accepted) => "it is accepted already",
            Action::Reject | Action::RejectWhy if one && state == Some(SampleState::Rejected) => {
                "it is rejected already"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let page = self.page(cx.shared);
        match message {
            Message::Key(_) | Message::Paste(_) => return self.typed(message),
            Message::Act(action) => self.act(*action, cx),
            Message::Done(..) => self.carried_out(message, cx),
            Message::Edited(..) => {
                if let Over::Edit(edit) = &mut self.over {
                    edit.take(message);
                }
            }
            Message::Tick(_) => self.rows.look(cx),
            Message::Resize(..) => self.rows.fit(page),
            Message::Reply(..) => {
                let taken = self.rows.take(message, page, cx) || self.detail.take(message, cx);
                match &mut self.over {
                    Over::Facets(facets) if !taken => {
                        facets.take(message, cx);
                    }
                    Over::History(history) if !taken => {
                        history.take(message, cx);
                    }
                    _ => {}
                }
            }
            _ => return,
        }
        self.show(cx);
    }

    fn go_to(&mut self, row: u64, cx: &mut Cx) {
        let page = self.page(cx.shared);
        self.rows.go(row.saturating_sub(1), page, cx);
        self.show(cx);
    }

    fn chosen(&self) -> Option<SampleQuery> {
        let (query, _) = self.marked_or_all();
        (query != SampleQuery::default()).then_some(query)
    }

    fn click(&mut self, at: Position, double: bool, cx: &mut Cx) {
        if !matches!(self.over, Over::Nothing) {
            return;
        }
        let (list, beside) = self.panes(self.body(cx.shared), cx.shared);
        if let Some(row) = row_at(inside(list, cx.shared.size.width), at) {
            if self.rows.click(row) {
                self.reading = false;
                if double {
                    self.act(Action::Open, cx);
                }
            }
        } else if beside.contains(at) {
            self.reading = true;
        }
        self.show(cx);
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        if !matches!(self.over, Over::Nothing) {
            return;
        }
        let (_, beside) = self.panes(self.body(cx.shared), cx.shared);
        let action = if rows > 0 { Action::Down } else { Action::Up };
        let page = self.page(cx.shared);
        for _ in 0..rows.unsigned_abs() {
            if beside.contains(at) {
                self.detail_act(action, cx.shared);
            } else {
                self.rows.act(action, page, cx);
            }
        }
        self.show(cx);
    }

    fn remember(&self) -> Option<Value> {
        let sort = self.rows.sort;
        Some(json!({
            "filter": self.filter, "sort": sort.by.word(), "down": sort.down, "tab": self.detail.tab.word(),
        }))
    }

    fn recall(&mut self, memory: &Value) {
        let text = memory["filter"].as_str().unwrap_or_default();
        if let Ok(query) = SampleQuery::parse(text) {
            text.clone_into(&mut self.filter);
            self.rows.filter = query;
        }
        let by = By::ALL.into_iter().find(|by| memory["sort"] == json!(by.word()));
        self.rows.sort = Sort {
            by: by.unwrap_or_default(),
            down: memory["down"] == json!(true),
        };
        let tab = memory["tab"].as_str().and_then(Tab::from_word);
        self.detail.tab = tab.unwrap_or_default();
    }

    fn status(&self, _: &Shared) -> String {
        if let Some(bulk) = &self.bulk {
            let of = bulk
                .all
                .map_or(String::new(), |all| format!(" of {}", grouped(all)));
            return format!("{}ing {}{of} … esc stops", bulk.verb(), grouped(bulk.done));
        }
        let mut parts = Vec::new();
        if !self.rows.shown().is_empty() {
            parts.push(format!("row {}", grouped(self.rows.row() + 1)));
        }
        match &self.marks {
            Marks::None => {}
            Marks::Some(ids) => parts.push(format!("{} marked", grouped(ids.len() as u64))),
            Marks::All => parts.push("all that match are marked".to_owned()),
        }
        if self.range.is_some() {
            parts.push("v ends the range".to_owned());
        }
        if self.rows.new_ones() > 0 {
            parts.push(format!("▼ {} new (r)", grouped(self.rows.new_ones())));
        }
        if self.rows.follows {
            parts.push("following".to_owned());
        }
        parts.join(" · ")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (prompt, below) = top(area, 1);
        let mut caret = self.prompt(shared, prompt, buf);
        let (list, beside) = self.panes(below, shared);
        let beside = match &self.over {
            // There is no room beside the list: the editor takes its place.
            Over::Edit(_) if beside.height == 0 => below,
            _ => {
                self.list(shared, list, buf);
                beside
            }
        };
        caret = self.beside(shared, beside, buf).or(caret);
        match &self.over {
            Over::Filter(typed) => caret = Some(typed.view(clear(prompt, shared, buf), shared, buf)),
            Over::Menu(menu) => menu.view(shared, buf),
            Over::Facets(facets) => facets.view(shared, buf),
            Over::History(history) => history.view(shared, buf),
            Over::Nothing | Over::Edit(_) | Over::Reason(_) | Over::Path(_) => {}
        }
        caret
    }
}

/// Blanks a row.
fn clear(area: Rect, shared: &Shared, buf: &mut Buffer) -> Rect {
    put(
        buf,
        area,
        0,
        0,
        &" ".repeat(usize::from(area.width)),
        shared.style(Slot::Fg),
    );
    area
}
