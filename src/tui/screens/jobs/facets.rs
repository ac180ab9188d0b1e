//! Narrowing the list by what there is: states and tags, each with how many jobs have it. One of each kind is enough.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::JobRow;

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, pane};
use crate::tui::widgets::table::{Column, numbers, prose, table, words};

use super::order::rank;

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Facet {
    State(String),
    Tag(String),
}

/// What is chosen, and whether one is choosing.
#[derive(Debug, Default)]
pub(super) struct Facets {
    open: bool,
    cursor: Cursor,
    chosen: BTreeSet<Facet>,
}

/// Everything there is, with its number of jobs: states as a person wants to see them, then tags.
fn known(rows: Option<&Vec<JobRow>>) -> Vec<(Facet, usize)> {
    let mut counts: BTreeMap<Facet, usize> = BTreeMap::new();
    for row in rows.into_iter().flatten() {
        *counts
            .entry(Facet::State(row.state.word().to_owned()))
            .or_default() += 1;
        for tag in &row.tags {
            *counts.entry(Facet::Tag(tag.clone())).or_default() += 1;
        }
    }
    let mut known: Vec<(Facet, usize)> = counts.into_iter().collect();
    known.sort_by_key(|(facet, _)| match facet {
        Facet::State(word) => rank(word),
        Facet::Tag(_) => usize::MAX,
    });
    known
}

impl Facets {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Closes the choice. False if it was closed.
    pub(super) fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// How many are chosen.
    pub(super) fn chosen(&self) -> usize {
        self.chosen.len()
    }

    /// Whether a job has one of the chosen states and one of the chosen tags, where any are chosen.
    pub(super) fn pass(&self, row: &JobRow) -> bool {
        let mut states = self.chosen.iter().filter_map(|facet| match facet {
            Facet::State(word) => Some(word),
            Facet::Tag(_) => None,
        });
        let mut tags = self.chosen.iter().filter_map(|facet| match facet {
            Facet::Tag(tag) => Some(tag),
            Facet::State(_) => None,
        });
        let none = |kind: fn(&Facet) -> bool| !self.chosen.iter().any(kind);
        let state =
            none(|facet| matches!(facet, Facet::State(_))) || states.any(|word| word == row.state.word());
        let tag = none(|facet| matches!(facet, Facet::Tag(_))) || tags.any(|tag| row.tags.contains(tag));
        state && tag
    }

    /// Whether a draft of the wizard, which has no tags, passes.
    pub(super) fn pass_drafts(&self) -> bool {
        let is_draft = |facet: &Facet| *facet == Facet::State("draft".to_owned());
        self.chosen.is_empty() || self.chosen.iter().all(is_draft)
    }

    /// A key while one is choosing. False if it means nothing here.
    pub(super) fn act(&mut self, action: Action, rows: Option<&Vec<JobRow>>, page: usize) -> bool {
        let known = known(rows);
        match action {
            Action::Facets => self.open = false,
            Action::MarkAll => self.chosen.clear(),
            Action::Mark => {
                if let Some((facet, _)) = known.get(self.cursor.selected)
                    && !self.chosen.remove(facet)
                {
                    self.chosen.insert(facet.clone());
                }
            }
            action => return self.cursor.act(action, known.len(), page),
        }
        true
    }

    pub(super) fn view(&self, rows: Option<&Vec<JobRow>>, shared: &Shared, area: Rect, buf: &mut Buffer) {
        const COLUMNS: [Column; 3] = [words("", 1, 8), prose("FACET", 12, 9), numbers("JOBS", 5, 7)];
        let inner = pane(buf, area, "Facets", "space chooses", true, shared);
        let known = known(rows);
        if known.is_empty() {
            return empty(buf, inner, &["There are no jobs."], shared);
        }
        let cells = known.into_iter().skip(self.cursor.offset).map(|(facet, count)| {
            let chosen = self.chosen.contains(&facet);
            let style = shared.style(if chosen { Slot::Accent } else { Slot::Fg });
            let text = match facet {
                Facet::State(word) => word,
                Facet::Tag(tag) => format!("tag {tag}"),
            };
            let mark = if chosen { "+" } else { " " };
            vec![
                (mark.to_owned(), style),
                (text, style),
                (count.to_string(), style),
            ]
        });
        let selected = Some(self.cursor.selected.saturating_sub(self.cursor.offset));
        table(buf, inner, &COLUMNS[..], cells, selected, shared);
    }
}
