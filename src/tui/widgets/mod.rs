//! Drawing that several screens share: panes, tables, bars, charts, one-line fields. Pure functions of what they are given.

pub(crate) mod chart;
pub(crate) mod cursor;
pub(crate) mod field;
pub(crate) mod pane;
pub(crate) mod table;
pub(crate) mod tabs;
pub(crate) mod typing;
