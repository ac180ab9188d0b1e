//! The ledger's adapters: SQLite for real work, memory for simulations and for a machine where nothing was saved yet. What both
//! must agree about is in `rules`; neither knows what a teacher or a validator is.

pub mod memory;
mod rules;
pub mod sqlite;

pub use sqlite::open::{OpenMode, Opened, Tell, open, open_at, open_telling};
