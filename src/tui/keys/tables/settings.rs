//! Keys of the settings.

use super::{Table, key};
use crate::tui::keys::Action;

/// Keys of the settings.
pub static SETTINGS: Table = Table {
    context: "Settings",
    bindings: &[key(&["enter"], Action::Open, "open", "Open what is selected")],
};
