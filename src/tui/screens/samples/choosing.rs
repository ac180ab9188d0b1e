//! What stands over the list: the menus and what choosing in them means, and where typed letters go.

use crate::core::api::SampleQuery;
use crate::core::filter::{By, Sort};
use crate::core::ports::Decided;
use crate::core::sample::SampleState;
use crate::core::text::grouped;

use crate::tui::context::Cx;
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::widgets::field::Field;

use super::bulk::Marks;
use super::menu::{Kind, Menu};
use super::{Over, Samples, sides};

/// Reasons of a rejection that need no typing; the last one is none.
pub(super) const REASONS: [&str; 8] = [
    "wrong",
    "incomplete",
    "off topic",
    "unclear",
    "badly written",
    "a duplicate",
    "harmful",
    "no reason",
];

impl Samples {
    pub(super) fn open_menu(&mut self, kind: Kind) {
        let entry = |label: &str, note: &str| (label.to_owned(), note.to_owned());
        let menu = match kind {
            Kind::Reject => {
                let entries = REASONS.iter().map(|reason| entry(reason, "")).collect();
                let one = self.rows.selected().filter(|_| self.marks == Marks::None);
                let title = match one {
                    Some((_, sample)) if sample.state == SampleState::Rejected => {
                        "Rejected already: change why"
                    }
                    _ => "Reject: why",
                };
                Menu::new(kind, title, entries, self.reason)
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
                    entry("Tag", &many),
                    entry("Judge again", &many),
                    entry("Regenerate", &many),
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

    pub(super) fn chosen_entry(&mut self, kind: Kind, at: usize, cx: &mut Cx) {
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
                let (filter, page) = (self.rows.filter.clone(), Self::page(cx.shared));
                self.rows.change(filter, sort, page, cx);
            }
            Kind::Bulk => match at {
                0 => self.decide(Decided::Accept, cx),
                1 => self.open_menu(Kind::Reject),
                2 => self.act(Action::Tag, cx),
                3 => self.judge_again(cx),
                4 => self.regenerate(cx),
                _ => self.over = Over::Path(Field::holding(&self.path_of())),
            },
            Kind::Copy => {
                let Some((_, sample)) = self.rows.selected() else {
                    return;
                };
                match at {
                    0 => cx.copy(sample.steps.last().map_or("", |step| &step.text), "the text"),
                    1 => cx.copy(sides::object(sample), "the sample as JSON"),
                    2 => cx.copy(sample.id.0.clone(), "the id"),
                    _ => cx.copy(format!("destiler samples show {}", sample.id.0), "the command"),
                }
            }
        }
    }

    pub(super) fn path_of(&self) -> String {
        let job = self.rows.filter.job.as_deref();
        job.map_or_else(
            || "samples.jsonl".to_owned(),
            |job| format!("{job}-samples.jsonl"),
        )
    }

    pub(super) fn over_act(&mut self, action: Action, cx: &mut Cx) {
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
            Over::Tags(typed) => match action {
                Action::Press => {
                    if let Some(change) = typed.apply() {
                        self.over = Over::Nothing;
                        if !change.is_nothing() {
                            self.decide(Decided::Tag(change), cx);
                        }
                    }
                }
                Action::Complete => typed.complete(),
                Action::DeleteToStart => typed.delete_to_start(),
                direction => typed.choose(direction == Action::Down),
            },
            Over::Columns(menu) => menu.act(action, &mut self.columns, cx.shared),
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

    pub(super) fn typed(&mut self, message: &Message) {
        match (&mut self.over, message) {
            (Over::Filter(prompt), Message::Key(key)) => prompt.key(key),
            (Over::Filter(prompt), Message::Paste(text)) => prompt.insert(text),
            (Over::Tags(typed), Message::Key(key)) => typed.key(key),
            (Over::Tags(typed), Message::Paste(text)) => typed.insert(text),
            (Over::Edit(edit), Message::Key(key)) => edit.key(key),
            (Over::Edit(edit), Message::Paste(text)) => edit.insert(text),
            (Over::Reason(field) | Over::Path(field), Message::Key(key)) => {
                field.key(key);
            }
            (Over::Reason(field) | Over::Path(field), Message::Paste(text)) => field.insert(text),
            _ => {}
        }
    }
}
