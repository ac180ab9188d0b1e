//! What the keys of the list and of the sample beside it do, and what is to be done once an order was carried out. What stands over
//! the list hears its keys in [`super::choosing`].

use crate::core::api::{Answer, Command, Level, Query};
use crate::core::ports::Decided;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::widgets::field::Field;

use super::bulk::Marks;
use super::columns::ColumnMenu;
use super::detail::Tab;
use super::edit::Edit;
use super::facets::FacetMenu;
use super::history::History;
use super::menu::Kind;
use super::typed::Typed;
use super::words::{Filter, Tags};
use super::{Over, Samples};

impl Samples {
    pub(super) fn act(&mut self, action: Action, cx: &mut Cx) {
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
                    cx.shared.toast(Level::Ok, "This is the draft you left");
                } else if let Some(edit) = Edit::of(sample) {
                    self.over = Over::Edit(Box::new(edit));
                }
            }
            Action::Mark | Action::MarkAll | Action::MarkRange => self.mark(action, cx),
            Action::Filter => {
                let words = Filter::knowing(known(cx.shared));
                let text = format!("{} ", self.filter);
                self.over = Over::Filter(Box::new(Typed::holding(text.trim_start(), words)));
                self.ask_tags(cx);
            }
            Action::Facets => self.over = Over::Facets(FacetMenu::of(&self.rows.filter, cx)),
            Action::History => self.over = Over::History(History::of(job.as_deref(), cx)),
            Action::Tag => {
                let one = self.rows.selected().filter(|_| self.marks == Marks::None);
                let on = one.map_or(&[][..], |(_, sample)| &sample.tags);
                let words = Tags {
                    on: on.to_vec(),
                    known: self.tags.value().cloned().unwrap_or_default(),
                };
                self.over = Over::Tags(Box::new(Typed::holding("", words)));
                self.ask_tags(cx);
            }
            Action::JudgeAgain => self.judge_again(cx),
            Action::Regenerate => self.regenerate(cx),
            Action::Columns => self.over = Over::Columns(ColumnMenu::default()),
            Action::Markdown => {
                self.detail.markdown ^= true;
                let says = if self.detail.markdown {
                    "Texts are shown as Markdown"
                } else {
                    "Texts are shown as they were written"
                };
                cx.shared.toast(Level::Ok, says);
            }
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
                cx.shared.toast(Level::Ok, says);
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
                let page = Self::page(cx.shared);
                self.rows.act(movement, page, cx);
            }
        }
        if matches!(action, Action::Compare | Action::Explain) {
            self.reading = true;
        }
    }

    fn ask_tags(&mut self, cx: &mut Cx) {
        let query = self.tags_query();
        self.tags.refresh(query, cx);
    }

    fn tags_query(&self) -> Query {
        Query::Tags {
            job: self.rows.filter.job.clone(),
        }
    }

    /// Takes the tags that are known; what is being typed learns them.
    pub(super) fn take_tags(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let query = self.tags_query();
        let read = |answer: &Answer| {
            if let Answer::Tags(tags) = answer {
                Some(tags.clone())
            } else {
                None
            }
        };
        if !self.tags.take(message, read, || query, cx) {
            return false;
        }
        let known = self.tags.value().cloned().unwrap_or_default();
        match &mut self.over {
            Over::Filter(typed) => {
                let tags = known.into_iter().map(|(tag, _)| tag).collect();
                typed.teach(|words| words.learn("tag", tags));
            }
            Over::Tags(typed) => typed.teach(|words| words.known = known),
            _ => {}
        }
        true
    }

    pub(super) fn detail_act(&mut self, action: Action, shared: &Shared) {
        let area = self.reading_area(shared);
        self.detail.act(action, self.rows.selected(), area, shared);
    }

    pub(super) fn carried_out(&mut self, message: &Message, cx: &mut Cx) {
        if let Some(bulk) = &mut self.bulk
            && bulk.take(message, cx)
        {
            self.bulk = None;
            self.marks = Marks::None;
        }
        if let Over::Edit(edit) = &mut self.over
            && edit.take(message, cx)
        {
            self.over = Over::Nothing;
        }
        if let Over::History(history) = &mut self.over {
            history.reload(cx);
        }
        self.exported(message, cx);
        if self.made_again(message, cx) {
            let page = Self::page(cx.shared);
            self.detail.forget();
            return self.rows.reload_in_place(page, cx);
        }
        if self.bulk.is_none() {
            self.reload(cx);
        }
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
