//! Going through a queue: what is shown now, what was said in this visit, and what is on its way to the ledger. How it looks is in
//! [`super::showing`].

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::api::{Answer, Command, Query, ReviewItem, ReviewReport};
use crate::core::review::agreement::{Match, Tally};
use crate::core::review::{Outcome, QueueId, QueueKind, QueueSpec};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::typing::type_key;

use super::editing::Editing;
use super::outbox::{Delivered, Outbox};
use super::showing::{Fold, Zoom};
use super::word::reason;
use super::{comparing, deciding, ending, whole};

/// Keys so soon after something new came belong to what was there before: a held key decides once.
const DEAF: Duration = Duration::from_millis(150);
/// Places that are fetched before they are needed.
pub(super) const AHEAD: usize = 6;
/// Places of one question.
const PAGE: usize = 12;

/// What the screen around is to do.
pub(super) enum Then {
    /// Nothing.
    Stay,
    /// Show the choices.
    Choose,
    /// Show the choices, of the other kind.
    ChooseOther,
}

/// A word of this visit.
pub(super) struct Spoken {
    pub(super) item: ReviewItem,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) took_ms: u64,
    pub(super) blind: bool,
    /// When, since the start of the program.
    pub(super) at: Duration,
}

/// A visit to a queue.
#[expect(clippy::struct_excessive_bools, reason = "most are a key each, on or off")]
pub(super) struct Session {
    pub(super) id: QueueId,
    pub(super) kind: QueueKind,
    pub(super) report: Remote<ReviewReport>,
    pub(super) page: Remote<Vec<ReviewItem>>,
    /// What is shown and what comes after it.
    pub(super) ahead: VecDeque<ReviewItem>,
    /// The place to ask from.
    from: u32,
    /// Nothing comes after `ahead`.
    pub(super) ended: bool,
    /// Figures as they were before this visit.
    pub(super) base: Option<(Tally, Match)>,
    pub(super) words: Vec<Spoken>,
    pub(super) outbox: Outbox,
    /// Ask again from this place, once everything was delivered.
    pub(super) again: Option<u32>,
    /// The screen was left and entered again: words may have been taken back elsewhere.
    returned: bool,
    pub(super) shown_at: Duration,
    /// Until then keys that decide are not heard.
    pub(super) deaf_until: Duration,
    unblinded: bool,
    pub(super) raw: bool,
    pub(super) fold: Fold,
    pub(super) zoom: Zoom,
    pub(super) diff: bool,
    pub(super) guideline: bool,
    pub(super) scroll: usize,
    pub(super) digit: Option<u8>,
    pub(super) sticky: Option<u8>,
    pub(super) editing: Option<Editing>,
    pub(super) field: Option<Field>,
}

impl Session {
    /// Goes through a queue from that place on.
    pub(super) fn begin(id: QueueId, from: u32, kind: QueueKind, cx: &mut Cx) -> Self {
        let mut session = Self {
            id,
            kind,
            report: Remote::default(),
            page: Remote::default(),
            ahead: VecDeque::new(),
            from,
            ended: false,
            base: None,
            words: Vec::new(),
            outbox: Outbox::default(),
            again: None,
            returned: false,
            shown_at: Duration::ZERO,
            deaf_until: Duration::ZERO,
            unblinded: false,
            raw: false,
            fold: Fold::default(),
            zoom: Zoom::default(),
            diff: false,
            guideline: false,
            scroll: 0,
            digit: None,
            sticky: None,
            editing: None,
            field: None,
        };
        session.report.ask(Query::Review(id), cx);
        session.fetch(cx);
        session
    }

    /// What the queue is, once that is known.
    pub(super) fn spec(&self) -> Option<&QueueSpec> {
        self.report.value().map(|report| &report.queue.spec)
    }

    /// What is shown.
    pub(super) fn current(&self) -> Option<&ReviewItem> {
        self.ahead.front().filter(|_| self.base.is_some())
    }

    /// Whether every place has a word.
    pub(super) fn is_over(&self) -> bool {
        self.ahead.is_empty() && self.ended && self.base.is_some() && self.again.is_none()
    }

    /// Whether teacher and scores are hidden.
    pub(super) fn is_blind(&self) -> bool {
        self.spec().is_none_or(|spec| spec.blind) && !self.unblinded
    }

    /// Whether every word is in the ledger.
    pub(super) fn is_saved(&self) -> bool {
        self.outbox.is_empty()
    }

    fn waits_for_editor(&self) -> bool {
        self.editing.as_ref().is_some_and(|editing| editing.sent)
    }

    pub(super) fn is_typing(&self) -> bool {
        self.editing.as_ref().is_some_and(|editing| editing.typing)
    }

    pub(super) fn typing(&self) -> bool {
        self.field.is_some() || self.is_typing()
    }

    pub(super) fn enter(&mut self, cx: &mut Cx) {
        self.outbox.catch_up(cx);
        self.shown(cx.shared);
        self.returned = true;
        self.report.ask(Query::Review(self.id), cx);
        if self.ahead.len() < AHEAD && !self.ended {
            self.fetch(cx);
        }
    }

    /// One level up inside; false if the queue is to be left.
    pub(super) fn back(&mut self, _: &mut Cx) -> bool {
        if self.field.take().is_some() {
            return true;
        }
        if let Some(editing) = self.editing.as_mut().filter(|editing| editing.typing) {
            editing.typing = false;
            return true;
        }
        std::mem::take(&mut self.guideline)
    }

    /// Sends what is left: the queue is left.
    pub(super) fn flush(&mut self, cx: &mut Cx) {
        self.outbox.flush(cx);
    }

    pub(super) fn fetch(&mut self, cx: &mut Cx) {
        let query = self.query();
        self.page.ask(query, cx);
    }

    fn query(&self) -> Query {
        Query::ReviewItems {
            queue: self.id,
            from: self.from,
            limit: PAGE,
        }
    }

    pub(super) fn update(&mut self, message: &Message, cx: &mut Cx) -> Then {
        match message {
            Message::Key(key) => {
                if let Some(field) = &mut self.field {
                    field.key(key);
                } else if let Some(editing) = &mut self.editing {
                    type_key(&mut editing.text, key);
                }
            }
            Message::Paste(text) => {
                if let Some(field) = &mut self.field {
                    field.insert(text);
                } else if let Some(editing) = &mut self.editing {
                    editing.text.insert_str(text.replace('\t', "  "));
                }
            }
            Message::Act(action) => return self.act(*action, cx),
            Message::Done(..) => self.delivered(message, cx),
            _ => self.reply(message, cx),
        }
        Then::Stay
    }

    fn reply(&mut self, message: &Message, cx: &mut Cx) {
        let items = |answer: &Answer| match answer {
            Answer::ReviewItems(items) => Some(items.clone()),
            _ => None,
        };
        let report = |answer: &Answer| match answer {
            Answer::Review(report) => Some(ReviewReport::clone(report)),
            _ => None,
        };
        let (again, queue) = (self.query(), self.id);
        if self.page.take(message, items, || again, cx) {
            self.arrived(cx);
        } else if self.report.take(message, report, || Query::Review(queue), cx) {
            self.reported(cx);
        }
    }

    fn reported(&mut self, cx: &mut Cx) {
        let done = self.done();
        let Some(report) = self.report.value() else { return };
        if self.base.is_none() {
            self.base = Some((report.tally.clone(), report.matched.clone()));
            self.shown(cx.shared);
        } else if self.returned && self.outbox.is_empty() && !self.report.is_pending() {
            self.returned = false;
            if u64::from(report.queue.done) != done {
                let (tally, matched) = (report.tally.clone(), report.matched.clone());
                let next = report.queue.next;
                self.words.clear();
                self.base = Some((tally, matched));
                self.reload(next, cx);
                self.show(cx);
            }
        }
    }

    fn arrived(&mut self, cx: &mut Cx) {
        if self.page.error().is_some() || self.page.is_pending() {
            return;
        }
        let items = self.page.value().cloned().unwrap_or_default();
        self.ended = items.is_empty();
        let was_empty = self.ahead.is_empty();
        for item in items {
            self.from = item.place.place + 1;
            if item.place.word.is_none() {
                self.ahead.push_back(item);
            }
        }
        if was_empty {
            self.shown(cx.shared);
        }
        if self.ahead.len() < AHEAD && !self.ended {
            self.fetch(cx);
        }
    }

    fn delivered(&mut self, message: &Message, cx: &mut Cx) {
        match self.outbox.hear(message, cx) {
            Delivered::NotOurs | Delivered::Yes => {}
            Delivered::No(failure) => match self.editing.as_mut().filter(|editing| editing.sent) {
                Some(editing) => {
                    editing.sent = false;
                    editing.typing = true;
                    editing.error = Some(failure.message);
                }
                None => self.restart(cx),
            },
            Delivered::All => {
                if self.waits_for_editor() {
                    self.editing = None;
                    self.spoken(Outcome::Edited, None, cx);
                }
                if let Some(from) = self.again.take() {
                    self.reload(from, cx);
                }
                self.report.refresh(Query::Review(self.id), cx);
            }
        }
    }

    /// What we believed was said was not: the ledger tells what is true.
    fn restart(&mut self, cx: &mut Cx) {
        self.words.clear();
        self.base = None;
        self.reload(0, cx);
        self.report.ask(Query::Review(self.id), cx);
    }

    fn reload(&mut self, from: u32, cx: &mut Cx) {
        self.ahead.clear();
        self.ended = false;
        self.from = from;
        self.fetch(cx);
    }

    fn act(&mut self, action: Action, cx: &mut Cx) -> Then {
        let decides = matches!(
            action,
            Action::Accept
                | Action::Reject
                | Action::Skip
                | Action::Edit
                | Action::Undo
                | Action::SideA
                | Action::SideB
                | Action::Tie
                | Action::BothBad
        );
        if decides && cx.shared.now < self.deaf_until {
            // For as long as a key is held it is not heard again.
            self.deaf_until = cx.shared.now + DEAF;
            return Then::Stay;
        }
        if decides && self.waits_for_editor() {
            return Then::Stay;
        }
        match action {
            Action::Accept => self.say(Outcome::Accepted, None, cx),
            Action::Reject => {
                let digit = self.digit.take().or(self.sticky);
                self.say(Outcome::Rejected, digit.map(reason), cx);
            }
            Action::Skip => self.say(Outcome::Skipped, None, cx),
            Action::SideA => self.side(true, cx),
            Action::SideB => self.side(false, cx),
            Action::Tie => self.say(Outcome::Tie, None, cx),
            Action::BothBad => self.say(Outcome::BothBad, None, cx),
            Action::Because(digit) => self.because(digit, cx),
            Action::Sticky => self.stick(cx),
            Action::Undo => self.undo(cx),
            Action::Flag => self.flag(cx),
            Action::Reveal => self.unblinded = true,
            Action::ReadAll => {
                let item = self.current().map(|item| whole::page(self, item, cx.shared));
                cx.read(item.unwrap_or_else(|| ending::page(self)));
            }
            Action::Fold => self.refold(),
            Action::Shape => self.reshape(cx.shared),
            Action::Diff => self.diff = !self.diff,
            Action::Guideline => self.guideline = !self.guideline,
            Action::Edit => self.edit(cx.shared),
            Action::Check => self.accept_edit(cx),
            Action::UndoText | Action::RedoText | Action::DeleteToStart => self.change_text(action),
            Action::Export => self.field = Some(Field::holding(&self.file())),
            Action::Press => self.export(cx),
            Action::NewQueue => return Then::Choose,
            Action::Compare => {
                self.flush(cx);
                return Then::ChooseOther;
            }
            Action::Reload => {
                self.report.ask(Query::Review(self.id), cx);
                self.reload(self.current().map_or(0, |item| item.place.place), cx);
            }
            movement => self.move_by(movement, cx.shared),
        }
        Then::Stay
    }

    /// Something new is on the screen.
    fn shown(&mut self, shared: &Shared) {
        self.shown_at = shared.now;
        self.deaf_until = shared.now + DEAF;
    }

    pub(super) fn show(&mut self, cx: &Cx) {
        self.shown(cx.shared);
        self.unblinded = false;
        self.scroll = 0;
        self.zoom = Zoom::Both;
        self.digit = None;
        let place = self.ahead.front().map(|item| item.place.place);
        if self
            .editing
            .as_ref()
            .is_some_and(|editing| Some(editing.place) != place)
        {
            self.editing = None;
        }
    }

    fn refold(&mut self) {
        self.fold = match (self.kind, self.fold) {
            (QueueKind::Decide, Fold::Usual) => Fold::Folded,
            (QueueKind::Decide, Fold::Folded) | (QueueKind::Compare, Fold::Usual) => Fold::Whole,
            (_, Fold::Whole) | (QueueKind::Compare, Fold::Folded) => Fold::Usual,
        };
    }

    fn reshape(&mut self, shared: &Shared) {
        if self.kind == QueueKind::Decide || comparing::side_by_side(shared) {
            self.raw = !self.raw;
            return;
        }
        self.scroll = 0;
        self.zoom = match self.zoom {
            Zoom::Both => Zoom::A,
            Zoom::A => Zoom::B,
            Zoom::B => Zoom::Both,
        };
    }

    fn edit(&mut self, shared: &Shared) {
        let kept = self.editing.take();
        let Some(item) = self.current() else { return };
        let mut editing = kept
            .filter(|editing| editing.place == item.place.place)
            .unwrap_or_else(|| Editing::of(item));
        editing.typing = true;
        editing.dress(shared);
        self.editing = Some(editing);
    }

    fn change_text(&mut self, action: Action) {
        if let Some(field) = &mut self.field {
            field.delete_to_start();
        } else if let Some(editing) = &mut self.editing {
            editing.change(action);
        }
    }

    fn file(&self) -> String {
        let spec = self.spec();
        let job = spec.map(|spec| spec.job.as_str()).filter(|job| !job.is_empty());
        format!("{}-review-{}.jsonl", job.unwrap_or("all"), self.id.0)
    }

    fn export(&mut self, cx: &mut Cx) {
        let Some(field) = self.field.take() else { return };
        let name = field.text().trim();
        if name.is_empty() {
            return;
        }
        let path = cx.shared.options.directory.join(name);
        let done = format!("Rows written into {name}");
        cx.order(Command::ExportQueue { queue: self.id, path }, done);
    }

    fn move_by(&mut self, movement: Action, shared: &Shared) {
        let (lines, page) = match self.kind {
            QueueKind::Decide => deciding::extent(self, shared),
            QueueKind::Compare => comparing::extent(self, shared),
        };
        let last = lines.saturating_sub(page);
        self.scroll = match movement {
            Action::Down => self.scroll + 1,
            Action::Up => self.scroll.saturating_sub(1),
            Action::First => 0,
            Action::Last => last,
            Action::HalfDown => self.scroll + page.div_ceil(2),
            Action::HalfUp => self.scroll.saturating_sub(page.div_ceil(2)),
            Action::PageDown => self.scroll + page,
            Action::PageUp => self.scroll.saturating_sub(page),
            _ => self.scroll,
        }
        .min(last);
    }
}
