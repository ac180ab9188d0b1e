//! Keys of reviewing.

use super::{Table, key};
use crate::tui::keys::Action;

/// Keys of reviewing.
pub static REVIEW: Table = Table {
    context: "Review",
    bindings: &[key(&["enter"], Action::Open, "open", "Open what is selected")],
};
