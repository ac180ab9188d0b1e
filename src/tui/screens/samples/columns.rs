//! The columns of the list: which are shown, in which order, how wide; and the menu that changes them.

use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use serde_json::{Value, json};

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::layout::centred;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::table::{Column, numbers, prose, words};

use super::menu::{frame, mark};

/// What a column says of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Row,
    State,
    Judge,
    Reason,
    Provider,
    Model,
    Tags,
    Length,
    Tokens,
    Likeness,
    Task,
    Job,
    Text,
}

impl Fact {
    /// Every column, in the order of the list; the second half is hidden until somebody wants it.
    const ALL: [Self; 13] = [
        Self::Row,
        Self::State,
        Self::Judge,
        Self::Reason,
        Self::Provider,
        Self::Tags,
        Self::Model,
        Self::Length,
        Self::Tokens,
        Self::Likeness,
        Self::Task,
        Self::Job,
        Self::Text,
    ];

    fn column(self) -> Column {
        match self {
            Self::Row => numbers("ROW", 9, 8),
            Self::State => words("ST", 2, 7),
            Self::Judge => numbers("JUDGE", 5, 4),
            Self::Reason => words("REASON", 12, 2),
            Self::Provider => words("PROVIDER", 10, 3),
            Self::Tags => words("TAGS", 10, 5),
            Self::Model => words("MODEL", 12, 1),
            Self::Length => numbers("LENGTH", 6, 1),
            Self::Tokens => numbers("TOKENS", 6, 1),
            Self::Likeness => numbers("LIKE", 4, 1),
            Self::Task => numbers("TASK", 9, 1),
            Self::Job => words("JOB", 12, 1),
            Self::Text => prose("TEXT", 14, 9),
        }
    }

    fn is_shown_first(self) -> bool {
        !matches!(
            self,
            Self::Model | Self::Length | Self::Tokens | Self::Likeness | Self::Task | Self::Job
        )
    }

    /// Whether it may be hidden: without these a row says nothing.
    fn may_go(self) -> bool {
        !matches!(self, Self::Row | Self::Text)
    }
}

/// A column as the person has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chosen {
    fact: Fact,
    width: u16,
    shown: bool,
}

impl Chosen {
    fn first(fact: Fact) -> Self {
        Self {
            fact,
            width: fact.column().width,
            shown: fact.is_shown_first(),
        }
    }
}

/// All columns, in the person's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns(Vec<Chosen>);

impl Default for Columns {
    fn default() -> Self {
        Self(Fact::ALL.map(Chosen::first).to_vec())
    }
}

/// Narrowest and widest column.
const WIDTHS: (u16, u16) = (2, 60);

impl Columns {
    /// Those that are shown; tags only where there are some.
    pub(super) fn shown(&self, any_tags: bool) -> (Vec<Fact>, Vec<Column>) {
        let shown = self
            .0
            .iter()
            .filter(|one| one.shown && (any_tags || one.fact != Fact::Tags));
        let column = |one: &Chosen| Column {
            width: one.width,
            ..one.fact.column()
        };
        shown.map(|one| (one.fact, column(one))).unzip()
    }

    /// For the next start: each by its heading; nothing while all is as it was at first.
    pub(super) fn remember(&self) -> Value {
        if *self == Self::default() {
            return Value::Null;
        }
        let one = |one: &Chosen| json!([one.fact.column().title, one.width, one.shown]);
        self.0.iter().map(one).collect()
    }

    /// Takes of it what it understands; columns it does not name stand as they did, at the end.
    pub(super) fn recall(memory: &Value) -> Self {
        let mut columns: Vec<Chosen> = Vec::new();
        for one in memory.as_array().into_iter().flatten() {
            let fact = Fact::ALL.iter().find(|fact| one[0] == fact.column().title);
            let Some(fact) = fact.filter(|fact| columns.iter().all(|known| known.fact != **fact)) else {
                continue;
            };
            let first = Chosen::first(*fact);
            let width = one[1].as_u64().and_then(|width| u16::try_from(width).ok());
            columns.push(Chosen {
                width: width.map_or(first.width, |width| width.clamp(WIDTHS.0, WIDTHS.1)),
                shown: one[2].as_bool().unwrap_or(first.shown) || !fact.may_go(),
                ..first
            });
        }
        let missing = Fact::ALL
            .into_iter()
            .filter(|fact| columns.iter().all(|one| one.fact != *fact));
        let missing: Vec<Chosen> = missing.map(Chosen::first).collect();
        columns.extend(missing);
        Self(columns)
    }
}

/// The menu over the list.
#[derive(Default)]
pub(super) struct ColumnMenu(Cursor);

impl ColumnMenu {
    /// Changes the columns, or moves.
    pub(super) fn act(&mut self, action: Action, columns: &mut Columns, shared: &Shared) {
        let (at, last) = (self.0.selected, columns.0.len() - 1);
        match action {
            Action::Toggle if columns.0[at].fact.may_go() => columns.0[at].shown ^= true,
            Action::MoreOf => columns.0[at].width = (columns.0[at].width + 1).min(WIDTHS.1),
            Action::LessOf => columns.0[at].width = (columns.0[at].width - 1).max(WIDTHS.0),
            Action::Earlier if at > 0 => {
                columns.0.swap(at, at - 1);
                self.0.selected -= 1;
            }
            Action::Later if at < last => {
                columns.0.swap(at, at + 1);
                self.0.selected += 1;
            }
            Action::Whole => *columns = Columns::default(),
            movement => {
                let page = usize::from(Self::height(shared.size));
                self.0.act(movement, columns.0.len(), page);
            }
        }
    }

    fn height(size: Size) -> u16 {
        (Fact::ALL.len() as u16).min(size.height.saturating_sub(3))
    }

    pub(super) fn view(&self, columns: &Columns, shared: &Shared, buf: &mut Buffer) {
        let width = 34.min(shared.size.width);
        let area = centred(shared.size, width, Self::height(shared.size) + 2);
        let inner = frame("Columns", area, shared, buf);
        let page = usize::from(inner.height);
        let offset = (self.0.selected + 1).saturating_sub(page);
        for (row, (at, one)) in columns.0.iter().enumerate().skip(offset).take(page).enumerate() {
            let row = row as u16;
            let (glyph, slot) = match (one.fact.may_go(), one.shown) {
                (false, _) => ("·", Slot::Muted),
                (true, true) => ("✓", Slot::Ok),
                (true, false) => (" ", Slot::Muted),
            };
            put(buf, inner, 2, row, glyph, shared.style(slot));
            let slot = if one.shown { Slot::Fg } else { Slot::Muted };
            put(buf, inner, 4, row, one.fact.column().title, shared.style(slot));
            let width = if one.fact == Fact::Text {
                "the rest ".to_owned()
            } else {
                format!("{} wide ", one.width)
            };
            put_right(buf, inner, row, &width, shared.style(Slot::Muted));
            if at == self.0.selected {
                mark(inner, row, shared, buf);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_remembered_and_nonsense_is_not() {
        let mut columns = Columns::default();
        assert_eq!(columns.remember(), Value::Null);
        assert_eq!(Columns::recall(&Value::Null), columns);
        columns.0.swap(2, 3);
        columns.0[4].shown = false;
        columns.0[1].width = 7;
        assert_eq!(Columns::recall(&columns.remember()), columns);
        let odd = json!([
            ["JUDGE", 9999, "x"],
            ["JUDGE", 3, false],
            ["NOPE", 1, true],
            7,
            ["ROW", -1, false]
        ]);
        let read = Columns::recall(&odd);
        assert_eq!(read.0.len(), Fact::ALL.len());
        assert_eq!((read.0[0].fact, read.0[0].width), (Fact::Judge, WIDTHS.1));
        assert!(read.0[1].fact == Fact::Row && read.0[1].shown && read.0[1].width == 9);
    }
}
