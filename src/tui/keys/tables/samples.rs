//! Keys of the samples.

use super::{Table, key};
use crate::tui::keys::Action;

/// The samples.
pub static SAMPLES: Table = Table {
    context: "Samples",
    bindings: &[
        key(
            &["a"],
            Action::Accept,
            "accept",
            "Accept the selected sample, whatever the validators said",
        ),
        key(&["x"], Action::Reject, "reject", "Reject the selected sample"),
        key(&["u"], Action::Undo, "undo", "Take the last decision back"),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Filter: job:NAME state:rejected reason:schema teacher:NAME words",
        ),
        key(&["y"], Action::Copy, "", "Copy the selected sample as JSON"),
        key(&["]"], Action::Next, "next page", "The next page of samples"),
        key(&["["], Action::Previous, "", "The page before"),
        key(
            &["tab"],
            Action::Shape,
            "pretty/raw",
            "The sample as text, or as the object the `raw` format writes",
        ),
        key(
            &["enter"],
            Action::Open,
            "read",
            "The sample over the whole screen, and back",
        ),
    ],
};
