//! The list of all jobs: narrowed, sorted, marked, and one beside it in more words.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{Answer, JobDetail, JobRow, Query};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FACETS, FIELD, JOBS, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::table::row_at;

use super::job::{JobScreen, Page};
use super::new_job::Sketch;
use super::verbs::{Subject, cancel_all, delete_all, toggle_all};
use super::{Screen, View, forms};

use drafts::Drafts;
use facets::Facets;
use order::Sort;

mod drafts;
mod facets;
mod list;
mod order;
mod preview;

/// How often the list is asked again while jobs run.
const EVERY: Duration = Duration::from_secs(2);

/// The list of all jobs.
#[derive(Default)]
pub(crate) struct Jobs {
    rows: Remote<Vec<JobRow>>,
    drafts: Drafts,
    /// The selected job, whole.
    detail: Remote<JobDetail>,
    cursor: Cursor,
    /// Letters that a row must have, and whether they are being typed.
    filter: Field,
    typing: bool,
    /// The job to select once it is known.
    sought: Option<String>,
    sort: Sort,
    facets: Facets,
    /// Names of marked jobs, and the row a range is marked from.
    marked: BTreeSet<String>,
    range: Option<usize>,
}

fn panes(area: Rect) -> (Rect, Rect) {
    match Width::of(area.width) {
        Width::Wide => left(area, area.width * 66 / 100),
        _ => (area, Rect { height: 0, ..area }),
    }
}

/// Where the table is, without the line of the filter.
fn rows_area(shared: &Shared) -> Rect {
    let list = inside(panes(shell(shared.size).body).0, shared.size.width);
    top(list, list.height.saturating_sub(1)).0
}

fn page(shared: &Shared) -> usize {
    usize::from(rows_area(shared).height.saturating_sub(1))
}

impl Jobs {
    fn all(&self) -> &[JobRow] {
        self.rows.value().map_or(&[], Vec::as_slice)
    }

    /// The rows that pass filter and facets, in order.
    fn shown(&self) -> Vec<&JobRow> {
        let needle = self.filter.text().to_lowercase();
        let passes = |row: &&JobRow| {
            let text = format!(
                "{} {} {} {}",
                row.name,
                row.state.word(),
                row.tags.join(" "),
                row.description
            );
            let text = text.to_lowercase();
            needle.split_whitespace().all(|word| text.contains(word)) && self.facets.pass(row)
        };
        let mut shown: Vec<&JobRow> = self.all().iter().filter(passes).collect();
        self.sort.apply(&mut shown);
        shown
    }

    fn selected(&self) -> Option<&JobRow> {
        self.shown().get(self.cursor.selected).copied()
    }

    /// The drafts that pass filter and facets; they stand behind the jobs.
    fn shown_drafts(&self) -> Vec<&Sketch> {
        let needle = self.filter.text().to_lowercase();
        if self.facets.pass_drafts() {
            self.drafts.with(&needle)
        } else {
            Vec::new()
        }
    }

    fn selected_draft(&self) -> Option<&Sketch> {
        let at = self.cursor.selected.checked_sub(self.shown().len())?;
        self.shown_drafts().get(at).copied()
    }

    /// Rows of the table.
    fn many(&self) -> usize {
        self.shown().len() + self.shown_drafts().len()
    }

    /// Selects the job that was selected in the last session.
    fn find(&mut self, page: usize) {
        if self.rows.value().is_none() {
            return;
        }
        let Some(sought) = self.sought.take() else { return };
        let at = self.shown().iter().position(|row| row.name == sought);
        self.cursor.selected = at.unwrap_or(self.cursor.selected);
        self.cursor.clamp(self.many(), page);
    }

    /// The marked jobs, in the order shown.
    fn marks(&self, shared: &Shared) -> Vec<Subject> {
        let marked = self.all().iter().filter(|row| self.marked.contains(&row.name));
        marked.map(|row| Subject::of(row, shared)).collect()
    }

    /// The selected job may be another one now.
    fn follow(&mut self, cx: &mut Cx) {
        let name = self.selected().map(|row| row.name.clone());
        let known = self.detail.value().map(|detail| detail.row.name.clone());
        if let Some(name) = name.filter(|name| known.as_ref() != Some(name)) {
            self.detail.ask(Query::Job(name), cx);
        }
    }

    fn mark(&mut self, action: Action) {
        let shown: Vec<String> = self.shown().iter().map(|row| row.name.clone()).collect();
        match action {
            Action::Mark => {
                if let Some(name) = shown.get(self.cursor.selected) {
                    if !self.marked.remove(name) {
                        self.marked.insert(name.clone());
                    }
                    self.range = None;
                }
            }
            Action::MarkRange => {
                self.range = match self.range {
                    Some(_) => None,
                    None => Some(self.cursor.selected),
                };
                self.marked.extend(shown.get(self.cursor.selected).cloned());
            }
            _ if shown.iter().all(|name| self.marked.contains(name)) => self.marked.clear(),
            _ => self.marked.extend(shown),
        }
    }

    fn moved(&mut self, action: Action, cx: &mut Cx) -> bool {
        if !self.cursor.act(action, self.many(), page(cx.shared)) {
            return false;
        }
        let rows = self.shown().len();
        if let Some(from) = self.range {
            let to = self.cursor.selected;
            let names = self.shown()[from.min(to).min(rows.saturating_sub(1))..(from.max(to) + 1).min(rows)]
                .iter()
                .map(|row| row.name.clone())
                .collect::<Vec<_>>();
            self.marked.extend(names);
        }
        self.follow(cx);
        true
    }

    /// Lets the selected job run earlier or later among those that wait.
    fn reorder(&mut self, action: Action, cx: &mut Cx) {
        let Some(name) = self.selected().map(|row| row.name.clone()) else {
            return;
        };
        let earlier = action == Action::Earlier;
        for (job, priority) in order::moved(self.all(), &name, earlier) {
            let changes = vec![crate::core::job::Adjustment::Priority(priority)];
            let words = if earlier { "earlier" } else { "later" };
            let done = format!("{name} runs {words}: {job} has priority {priority}");
            cx.order(crate::core::api::Command::Adjust { job, changes }, done);
        }
    }

    /// A verb on all marked jobs. False if it is none that acts on several.
    fn act_on_marked(&mut self, action: Action, cx: &mut Cx) -> bool {
        let subjects = self.marks(cx.shared);
        if subjects.is_empty() {
            return false;
        }
        match action {
            Action::Pause => toggle_all(&subjects, cx),
            Action::Cancel => cancel_all(&subjects, cx),
            Action::Delete => delete_all(&subjects, cx),
            Action::Export => {
                let names = subjects.into_iter().map(|one| one.name).collect();
                let sheet = forms::export(names, cx.shared);
                cx.fill(sheet);
            }
            _ => return false,
        }
        true
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        if self.facets.is_open() && self.facets.act(action, self.rows.value(), page(cx.shared)) {
            self.follow(cx);
            return;
        }
        match action {
            Action::Filter => self.typing = true,
            Action::Press => self.typing = false,
            Action::DeleteToStart => self.filter.delete_to_start(),
            Action::Facets => self.facets.open(),
            Action::Sort => self.sort = self.sort.next(),
            Action::Reload => self.ask(cx),
            Action::Mark | Action::MarkRange | Action::MarkAll => self.mark(action),
            Action::Earlier | Action::Later => self.reorder(action, cx),
            action => {
                if self.moved(action, cx) || self.act_on_marked(action, cx) {
                    return;
                }
                let Some(row) = self.selected().cloned() else {
                    if let Some(draft) = self.selected_draft() {
                        drafts::act(draft, action, cx);
                    }
                    return;
                };
                match action {
                    Action::Open => {
                        cx.open(Screen::Job(Box::new(JobScreen::at(row.name, Page::Overview))));
                    }
                    Action::Copy => cx.copy(row.name, "job name"),
                    verb => {
                        Subject::of(&row, cx.shared).act(verb, self.detail.value(), cx);
                    }
                }
            }
        }
        self.cursor.clamp(self.many(), page(cx.shared));
    }

    fn ask(&mut self, cx: &mut Cx) {
        self.rows.refresh(Query::Jobs, cx);
        self.drafts.refresh(cx);
    }

    fn take(&mut self, message: &Message, cx: &mut Cx) {
        if self.drafts.take(message, cx) {
            return;
        }
        let rows = |answer: &Answer| {
            if let Answer::Jobs(rows) = answer {
                Some(rows.clone())
            } else {
                None
            }
        };
        let selected = self.selected().map(|row| row.name.clone());
        let draft = self.selected_draft().map(|draft| draft.id.clone());
        if self.rows.take(message, rows, || Query::Jobs, cx) {
            // The list may have moved under the cursor: it stays on its job.
            let at = selected.and_then(|name| self.shown().iter().position(|row| row.name == name));
            let below = self.shown().len();
            let drafts = self.shown_drafts();
            let at = at.or(drafts
                .iter()
                .position(|one| Some(&one.id) == draft.as_ref())
                .map(|at| below + at));
            self.cursor.selected = at.unwrap_or(self.cursor.selected);
            self.find(page(cx.shared));
            let names: BTreeSet<String> = self.all().iter().map(|row| row.name.clone()).collect();
            self.marked.retain(|name| names.contains(name));
            self.cursor.clamp(self.many(), page(cx.shared));
            self.follow(cx);
        }
        let detail = |answer: &Answer| {
            if let Answer::Job(job) = answer {
                Some(JobDetail::clone(job))
            } else {
                None
            }
        };
        let name = self.selected().map(|row| row.name.clone()).unwrap_or_default();
        self.detail.take(message, detail, || Query::Job(name), cx);
    }
}

impl View for Jobs {
    fn rows(&self) -> Option<u64> {
        Some(self.many() as u64)
    }
    fn bindings(&self, _: &Shared) -> &'static Table {
        match (self.typing, self.facets.is_open()) {
            (true, _) => &FIELD,
            (_, true) => &FACETS,
            _ => &JOBS,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Jobs".to_owned()]
    }

    fn typing(&self) -> bool {
        self.typing
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.rows.ask(Query::Jobs, cx);
        self.drafts.refresh(cx);
        self.detail = Remote::default();
        self.follow(cx);
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if self.facets.close() {
            return true;
        }
        let open = self.typing
            || !self.filter.text().is_empty()
            || !self.marked.is_empty()
            || self.facets.chosen() > 0;
        self.typing = false;
        self.filter = Field::default();
        self.facets = Facets::default();
        self.marked.clear();
        self.range = None;
        self.cursor.clamp(self.many(), page(cx.shared));
        self.follow(cx);
        open
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let verbs = [
            Action::Open,
            Action::Pause,
            Action::Cancel,
            Action::Retry,
            Action::Delete,
            Action::Edit,
            Action::EditFile,
            Action::CloneJob,
            Action::Rejudge,
            Action::WriteDataset,
            Action::Export,
            Action::Samples,
            Action::Copy,
            Action::JobLog,
            Action::Report,
            Action::Earlier,
            Action::Later,
            Action::Mark,
            Action::MarkRange,
        ];
        let several = [Action::Pause, Action::Cancel, Action::Delete, Action::Export];
        match self.selected() {
            _ if self.typing || self.facets.is_open() => None,
            _ if !self.marked.is_empty() && several.contains(&action) => shared.view_only(),
            None if verbs.contains(&action) && self.selected_draft().is_some() => drafts::disabled(action),
            None if verbs.contains(&action) => Some("no job is selected".to_owned()),
            None => None,
            Some(row) if matches!(action, Action::Earlier | Action::Later) => {
                let subject = Subject::of(row, shared);
                match subject.state.as_str() {
                    "queued" => subject.disabled(action, shared),
                    state => Some(format!("it is {state}: only queued jobs have an order")),
                }
            }
            Some(row) => Subject::of(row, shared).disabled(action, shared),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) => self.act(*action, cx),
            Message::Key(key) => {
                self.filter.key(key);
                self.cursor.clamp(self.many(), page(cx.shared));
                self.follow(cx);
            }
            Message::Paste(text) => self.filter.insert(text),
            Message::Event(_) | Message::Done(..) => {
                self.ask(cx);
                self.detail = Remote::default();
            }
            Message::Tick(now) if self.rows.older_than(EVERY, *now) => self.rows.refresh(Query::Jobs, cx),
            _ => self.take(message, cx),
        }
        self.cursor.clamp(self.many(), page(cx.shared));
    }

    fn go_to(&mut self, row: u64, cx: &mut Cx) {
        self.cursor.selected = usize::try_from(row.saturating_sub(1)).unwrap_or(usize::MAX);
        self.cursor.clamp(self.many(), page(cx.shared));
        self.follow(cx);
    }

    fn click(&mut self, at: Position, double: bool, cx: &mut Cx) {
        let shown = self.many();
        let hit = row_at(rows_area(cx.shared), at).is_some_and(|row| self.cursor.click(row, shown));
        if hit && double {
            self.update(&Message::Act(Action::Open), cx);
        }
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        if panes(shell(cx.shared.size).body).0.contains(at) {
            self.cursor.wheel(rows, self.many(), page(cx.shared));
        }
    }

    fn remember(&self) -> Option<Value> {
        let selected = self.selected().map(|row| &row.name).or(self.sought.as_ref());
        Some(json!({ "filter": self.filter.text(), "selected": selected }))
    }

    fn recall(&mut self, memory: &Value) {
        self.filter = Field::holding(memory["filter"].as_str().unwrap_or_default());
        self.sought = memory["selected"].as_str().map(str::to_owned);
    }

    fn status(&self, _: &Shared) -> String {
        let all = self.all().len();
        let filter = match (self.filter.text(), self.facets.chosen()) {
            ("", 0) => "none".to_owned(),
            ("", facets) => format!("{facets} facets"),
            (text, 0) => text.to_owned(),
            (text, facets) => format!("{text} and {facets} facets"),
        };
        let marked = if self.marked.is_empty() {
            String::new()
        } else {
            format!(" · {} marked", self.marked.len())
        };
        let jobs = if all == 1 { "job" } else { "jobs" };
        let drafts = match self.drafts.all().len() {
            0 => String::new(),
            1 => " · 1 draft".to_owned(),
            many => format!(" · {many} drafts"),
        };
        format!(
            "{all} {jobs}{drafts} · sort: {} · filter: {filter}{marked}",
            self.sort.name()
        )
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (list, beside) = panes(area);
        if self.facets.is_open() {
            let place = if beside.height > 0 { beside } else { list };
            if beside.height > 0 {
                self.list(shared, list, buf);
            }
            self.facets.view(self.rows.value(), shared, place, buf);
            return None;
        }
        self.list(shared, list, buf);
        if let Some(row) = self.selected() {
            let detail = self.detail.value().filter(|detail| detail.row.name == row.name);
            preview::view(row, detail, shared, beside, buf);
        } else if let Some(draft) = self.selected_draft() {
            drafts::preview(draft, shared, beside, buf);
        }
        let inner = inside(list, shared.size.width);
        let row = inner.height.saturating_sub(1);
        self.typing
            .then(|| self.filter.draw(buf, inner, 3, row, shared.style(Slot::Match)))
    }
}
