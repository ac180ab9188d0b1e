//! Keys of the providers.

use super::{Table, key};
use crate::tui::keys::Action;

/// The providers.
pub static PROVIDERS: Table = Table {
    context: "Providers",
    bindings: &[
        key(
            &["t"],
            Action::Test,
            "test",
            "One tiny call over the wire; says what it cost",
        ),
        key(
            &["enter"],
            Action::Open,
            "",
            "One tiny call over the wire; says what it cost",
        ),
    ],
};
