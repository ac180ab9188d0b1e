//! What is done about samples: the word on one or on all that are marked, the marks themselves, and exports. Questions come first
//! where many are touched or a file is replaced.

use std::path::PathBuf;

use crate::core::api::{Command, FailureKind, Level, SampleQuery};
use crate::core::ports::Decided;
use crate::core::sample::SampleId;
use crate::core::text::grouped;

use crate::tui::context::Cx;
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};

use super::Samples;
use super::bulk::{Bulk, Marks};

/// More samples than that are not decided about without a question.
const ASK_ABOVE: u64 = 100;

impl Samples {
    /// What an action is about: the marked ones, or the selected one; and how many, where that is known.
    pub(super) fn targets(&self) -> Option<(SampleQuery, Option<u64>)> {
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
    pub(super) fn marked_or_all(&self) -> (SampleQuery, Option<u64>) {
        match &self.marks {
            Marks::Some(_) => self.targets().unwrap_or_default(),
            _ => (self.rows.filter.clone(), self.rows.total()),
        }
    }

    pub(super) fn decide(&mut self, decided: Decided, cx: &mut Cx) {
        let Some((query, all)) = self.targets() else {
            return;
        };
        if self.marks == Marks::None {
            let done = match decided {
                Decided::Accept => "Accepted",
                Decided::Tag(_) => "Tagged",
                _ => "Rejected",
            };
            let stays = matches!(decided, Decided::Tag(_));
            let samples = query.ids;
            cx.order(Command::Decide { samples, decided }, done);
            if stays {
                return;
            }
            let page = Self::page(cx.shared);
            self.rows.act(Action::Down, page, cx);
            return;
        }
        let mut bulk = Bulk::of(query, decided, all);
        if all.is_some_and(|all| all <= ASK_ABOVE) {
            bulk.go(None, cx);
            self.bulk = Some(bulk);
            return;
        }
        let [verb, ..] = bulk.verbs();
        let many = all.map_or("all".to_owned(), grouped);
        let lines = vec![
            format!(
                "{verb} {many} samples: {}",
                match (&self.marks, self.filter.as_str()) {
                    (Marks::All, "") => "all there are",
                    (Marks::All, filter) => filter,
                    _ => "the marked ones",
                }
            ),
            "It is one entry of the history: u takes all of it back.".to_owned(),
        ];
        let agreed = choice(format!("{verb} them"), "", Outcome::Act(Action::Agreed));
        // What another question was about is no longer meant.
        (self.judging, self.again, self.export) = (None, None, None);
        self.asked = Some(bulk);
        let dialog = Dialog::ask(
            cx.shared,
            format!("{verb} {many} samples"),
            lines,
            vec![cancel("Cancel"), agreed],
        );
        cx.confirm(dialog);
    }

    pub(super) fn agreed(&mut self, cx: &mut Cx) {
        if self.judge_agreed(cx) || self.again_agreed(cx) {
        } else if let Some(mut bulk) = self.asked.take() {
            bulk.go(None, cx);
            self.bulk = Some(bulk);
        } else if let Some((_, filter, path)) = self.export.take() {
            self.write(filter, path, true, cx);
        }
    }

    pub(super) fn write(&mut self, filter: SampleQuery, path: PathBuf, overwrite: bool, cx: &mut Cx) {
        let order = Command::ExportSamples {
            filter: filter.clone(),
            path: path.clone(),
            overwrite,
        };
        let ticket = cx.order(order, format!("Samples written into {}", path.display()));
        self.export = Some((Some(ticket), filter, path));
    }

    /// A file that is there is replaced only after a question.
    pub(super) fn exported(&mut self, message: &Message, cx: &mut Cx) {
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
            (self.asked, self.judging, self.again) = (None, None, None);
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

    pub(super) fn mark(&mut self, action: Action, cx: &mut Cx) {
        let page = Self::page(cx.shared);
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
                cx.shared
                    .toast(Level::Ok, format!("{many} samples match and are marked"));
            }
            _ => match self.range.take() {
                None => self.range = Some(self.rows.row()),
                Some(from) => self.mark_range(from, cx),
            },
        }
    }

    pub(super) fn mark_range(&mut self, from: u64, cx: &mut Cx) {
        let (low, high) = (from.min(self.rows.row()), from.max(self.rows.row()));
        let (offset, first, _) = self.rows.view();
        let begin = first - offset as u64;
        let shown = self.rows.shown();
        if low < begin || high >= begin + shown.len() as u64 {
            let text = "The range is longer than what is loaded: filter, then A marks all";
            cx.shared.toast(Level::Warning, text);
            return;
        }
        let (low, high) = ((low - begin) as usize, (high - begin) as usize);
        let ids: Vec<SampleId> = shown[low..=high]
            .iter()
            .map(|(_, sample)| sample.id.clone())
            .collect();
        self.marks.add(ids.into_iter());
    }
}
