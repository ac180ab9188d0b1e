//! Keys of the log.

use super::{Table, key};
use crate::tui::keys::Action;

/// Keys of the log.
pub static LOGS: Table = Table {
    context: "Logs",
    bindings: &[key(&["enter"], Action::Open, "open", "Open what is selected")],
};
