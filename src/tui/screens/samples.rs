//! The samples: all rows that match a filter, one beside them, and a person's word on each or on many. What stands over the list
//! is one thing at a time; the rows, the sample and the bulk are in files of their own.

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{Level, SampleQuery};
use crate::core::filter::{By, Sort};
use crate::core::sample::SampleState;
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{
    Action, FIELD, MENU, SAMPLE_COLUMNS, SAMPLE_EDIT, SAMPLE_FILTER, SAMPLE_TAGS, SAMPLES, Table,
};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::remote::Remote;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::table::row_at;

use super::View;

mod acting;
mod again;
mod bulk;
mod choosing;
mod columns;
mod deciding;
mod detail;
mod diff;
mod edit;
mod facets;
mod history;
mod judging;
mod list;
mod markdown;
mod menu;
mod rows;
mod sides;
mod tree;
mod typed;
mod words;

use again::Again;
use bulk::{Bulk, Marks};
use columns::{ColumnMenu, Columns};
use detail::{Detail, Tab};
use edit::Edit;
use facets::FacetMenu;
use history::History;
use judging::Judging;
use menu::Menu;
use rows::Rows;
use typed::Typed;
use words::{Filter, Tags};

/// What stands over the list.
enum Over {
    Nothing,
    Filter(Box<Typed<Filter>>),
    Menu(Menu),
    Facets(FacetMenu),
    Columns(ColumnMenu),
    Tags(Box<Typed<Tags>>),
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
    columns: Columns,
    /// Tags in use.
    tags: Remote<Vec<(String, u64)>>,
    /// The sample has the keys.
    reading: bool,
    /// It covers the list.
    full: bool,
    over: Over,
    /// On its way; and one that waits for a yes.
    bulk: Option<Bulk>,
    asked: Option<Bulk>,
    judging: Option<Judging>,
    again: Option<Again>,
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
            columns: Columns::default(),
            tags: Remote::default(),
            reading: false,
            full: false,
            over: Over::Nothing,
            bulk: None,
            asked: None,
            judging: None,
            again: None,
            export: None,
            reason: choosing::REASONS.len() - 1,
            draft: None,
            of_job: None,
        }
    }
}

impl Samples {
    /// Those that a filter finds, opened above another screen.
    pub(crate) fn filtered(filter: String) -> Self {
        let mut samples = Self {
            of_job: Some(filter.clone()),
            ..Self::default()
        };
        samples.rows.filter = SampleQuery::parse(&filter).unwrap_or_default();
        samples.filter = filter;
        samples
    }

    /// Those of one job.
    pub(crate) fn of(job: &str) -> Self {
        Self::filtered(format!("job:{job}"))
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

    fn body(shared: &Shared) -> Rect {
        let (_, below) = top(shell(shared.size).body, 1);
        below
    }

    /// Rows the list shows.
    fn page(shared: &Shared) -> usize {
        let body = Self::body(shared);
        let list = match Width::of(shared.size.width) {
            Width::Wide => left(body, body.width / 2).0,
            Width::Medium | Width::Narrow => body,
        };
        usize::from(inside(list, shared.size.width).height.saturating_sub(1))
    }

    fn reading_area(&self, shared: &Shared) -> Rect {
        inside(self.panes(Self::body(shared), shared).1, shared.size.width)
    }

    /// Puts a filter in force.
    fn narrow(&mut self, text: &str, query: SampleQuery, cx: &mut Cx) {
        text.clone_into(&mut self.filter);
        self.marks = Marks::None;
        self.range = None;
        let page = Self::page(cx.shared);
        self.rows.change(query, self.rows.sort, page, cx);
    }

    fn show(&mut self, cx: &mut Cx) {
        let marked = self.marks.ids();
        self.detail.show(self.rows.selected(), &marked, cx);
    }

    fn reload(&mut self, cx: &mut Cx) {
        let page = Self::page(cx.shared);
        self.rows.reload(page, cx);
        self.detail.forget();
    }
}

impl View for Samples {
    fn bindings(&self, _: &Shared) -> &'static Table {
        match &self.over {
            Over::Nothing => &SAMPLES,
            Over::Filter(_) => &SAMPLE_FILTER,
            Over::Tags(_) => &SAMPLE_TAGS,
            Over::Columns(_) => &SAMPLE_COLUMNS,
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
            shared.toast(Level::Warning, text);
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if !matches!(self.over, Over::Nothing) {
            if let Over::Edit(edit) = std::mem::replace(&mut self.over, Over::Nothing)
                && edit.is_changed()
            {
                self.draft = Some(edit);
                cx.shared.toast(Level::Ok, "Not saved; e goes on with it");
            }
        } else if let Some(bulk) = &mut self.bulk {
            bulk.stop();
        } else if let Some(mut judging) = self.judging.take_if(|judging| judging.is_underway()) {
            judging.stop(cx);
        } else if let Some(mut again) = self.again.take_if(|again| again.is_underway()) {
            again.stop(cx);
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

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        if !matches!(self.over, Over::Nothing) {
            return None;
        }
        let state = self.rows.selected().map(|(_, sample)| sample.state);
        let one = self.marks == Marks::None;
        let why = match action {
            Action::Columns if Width::of(shared.size.width) == Width::Narrow => {
                "there is room for three columns only"
            }
            Action::Accept
            | Action::Reject
            | Action::RejectWhy
            | Action::Tag
            | Action::JudgeAgain
            | Action::Regenerate
            | Action::Bulk
                if self.bulk.is_some() =>
            {
                "a bulk is on its way; esc stops it"
            }
            Action::Accept
            | Action::Reject
            | Action::RejectWhy
            | Action::Tag
            | Action::JudgeAgain
            | Action::Regenerate
            | Action::Open
            | Action::Edit
            | Action::Copy
            | Action::Compare
            | Action::Explain
            | Action::Mark
            | Action::MarkRange
            | Action::MarkAll
            | Action::Bulk
            | Action::Export
                if state.is_none() =>
            {
                "no sample is selected"
            }
            Action::Accept if one && state == Some(SampleState::Accepted) => "it is accepted already",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let page = Self::page(cx.shared);
        match message {
            Message::Key(_) | Message::Paste(_) => return self.typed(message),
            Message::Act(action) => self.act(*action, cx),
            Message::Done(..) => self.carried_out(message, cx),
            Message::Edited(..) => {
                if let Over::Edit(edit) = &mut self.over {
                    edit.take(message, cx);
                }
            }
            Message::Tick(_) => self.rows.look(cx),
            Message::Resize(..) => self.rows.fit(page),
            Message::Reply(..) => {
                let taken = self.rows.take(message, page, cx)
                    || self.detail.take(message, cx)
                    || self.take_tags(message, cx)
                    || self.take_judging(message, cx)
                    || self.take_again(message, cx);
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

    fn rows(&self) -> Option<u64> {
        self.rows.total()
    }

    fn go_to(&mut self, row: u64, cx: &mut Cx) {
        let page = Self::page(cx.shared);
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
        let (list, beside) = self.panes(Self::body(cx.shared), cx.shared);
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
        let (_, beside) = self.panes(Self::body(cx.shared), cx.shared);
        let action = if rows > 0 { Action::Down } else { Action::Up };
        let page = Self::page(cx.shared);
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
            "markdown": self.detail.markdown, "columns": self.columns.remember(),
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
        self.detail.markdown = memory["markdown"] == json!(true);
        self.columns = Columns::recall(&memory["columns"]);
    }

    fn status(&self, shared: &Shared) -> String {
        if let Some(turning) = shared.progress.as_ref().and_then(|gauge| gauge.turning) {
            let doing = if turning.again {
                "Doing again"
            } else {
                "Taking back"
            };
            return format!("{doing} {} of {} …", grouped(turning.done), grouped(turning.all));
        }
        if let Some(bulk) = &self.bulk {
            let of = bulk
                .all
                .map_or(String::new(), |all| format!(" of {}", grouped(all)));
            return format!("{} {}{of} … esc stops", bulk.verbs()[1], grouped(bulk.done));
        }
        if self.judging.as_ref().is_some_and(Judging::is_underway) {
            return "Judging again … esc stops".to_owned();
        }
        if self.again.as_ref().is_some_and(Again::is_underway) {
            return "Adding up what it would cost … esc stops".to_owned();
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
            Over::Filter(typed) => caret = Some(typed.view(list::clear(prompt, shared, buf), shared, buf)),
            Over::Tags(typed) => caret = Some(typed.view(list::clear(prompt, shared, buf), shared, buf)),
            Over::Columns(menu) => menu.view(&self.columns, shared, buf),
            Over::Menu(menu) => menu.view(shared, buf),
            Over::Facets(facets) => facets.view(shared, buf),
            Over::History(history) => history.view(shared, buf),
            Over::Nothing | Over::Edit(_) | Over::Reason(_) | Over::Path(_) => {}
        }
        caret
    }
}
