//! Keys of the samples: of the list and the sample beside it, and of what opens over them.

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
            "Accept the sample, or all that are marked, whatever the validators said",
        ),
        key(
            &["x"],
            Action::Reject,
            "reject",
            "Reject the sample, or all that are marked, with a reason",
        ),
        key(
            &["e"],
            Action::Edit,
            "edit",
            "Edit its answer, checked against the schema",
        ),
        key(
            &["u"],
            Action::Undo,
            "undo",
            "Take back what was done last, however many samples it was",
        ),
        key(&["space"], Action::Mark, "mark", "Mark the sample, or no longer"),
        key(
            &["enter"],
            Action::Open,
            "view",
            "Read the sample, and back to the list",
        ),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Filter: status:rejected judge:<3 \"words\" -not a OR b",
        ),
        key(
            &["f"],
            Action::Facets,
            "facets",
            "Counts by status, reason, teacher, score and length",
        ),
        key(&["s"], Action::Sort, "sort", "Choose the order"),
        key(
            &["t"],
            Action::Tag,
            "tag",
            "Put tags on the sample, or on all that are marked; -tag takes one off",
        ),
        key(&["b"], Action::Bulk, "bulk", "What to do with all that is marked"),
        key(
            &["y"],
            Action::Copy,
            "copy",
            "Copy its text, JSON, id, or a command",
        ),
        key(
            &["w"],
            Action::Export,
            "export",
            "Write what is marked, or what matches, to a file",
        ),
        key(
            &["X"],
            Action::RejectWhy,
            "",
            "Reject with a reason in your own words",
        ),
        key(&["ctrl-r"], Action::Redo, "", "Do again what was taken back last"),
        key(
            &["v"],
            Action::MarkRange,
            "",
            "Begin a range, and mark it the second time",
        ),
        key(&["A"], Action::MarkAll, "", "Mark all that match the filter"),
        key(
            &["F"],
            Action::Follow,
            "",
            "Stay with the newest sample, or no longer",
        ),
        key(
            &["tab"],
            Action::Pane,
            "",
            "From the list to the sample, and back",
        ),
        key(
            &["]"],
            Action::Next,
            "",
            "The sample's next side: pretty, raw, prompt, diff, scores, meta",
        ),
        key(&["["], Action::Previous, "", "The side before"),
        key(&["}"], Action::NextAttempt, "", "The next attempt behind it"),
        key(&["{"], Action::PreviousAttempt, "", "The attempt before"),
        key(
            &["h", "left"],
            Action::Fold,
            "",
            "Close the branch (in the sample)",
        ),
        key(
            &["l", "right"],
            Action::Unfold,
            "",
            "Open the branch (in the sample)",
        ),
        key(
            &["d"],
            Action::Compare,
            "",
            "Compare with the other marked one, the original, or its duplicate",
        ),
        key(
            &["E"],
            Action::Explain,
            "",
            "Why it stands as it does: scores and evidence",
        ),
        key(
            &["V"],
            Action::JudgeAgain,
            "",
            "Judge it, or all that are marked, again from stored answers: nobody is asked, changes are told first",
        ),
        key(
            &["R"],
            Action::Regenerate,
            "",
            "Ask the teachers anew for it, or for all that are marked; the cost is told first",
        ),
        key(
            &["c"],
            Action::Columns,
            "",
            "Choose the columns, their order and their width",
        ),
        key(
            &["m"],
            Action::Markdown,
            "",
            "Show texts as Markdown, or as they were written",
        ),
        key(
            &["H"],
            Action::History,
            "",
            "What was done by hand; any of it can be taken back",
        ),
    ],
};

/// A menu over them.
pub static MENU: Table = Table {
    context: "Menu",
    bindings: &[
        key(&["enter"], Action::Press, "choose", "Choose the selected entry"),
        key(&["j", "down"], Action::Down, "", "Down"),
        key(&["k", "up"], Action::Up, "", "Up"),
        key(&["1"], Action::Pick(1), "", "The first entry"),
        key(&["2"], Action::Pick(2), "", "The second entry"),
        key(&["3"], Action::Pick(3), "", "The third entry"),
        key(&["4"], Action::Pick(4), "", "The fourth entry"),
        key(&["5"], Action::Pick(5), "", "The fifth entry"),
        key(&["6"], Action::Pick(6), "", "The sixth entry"),
        key(&["7"], Action::Pick(7), "", "The seventh entry"),
        key(&["8"], Action::Pick(8), "", "The eighth entry"),
        key(&["9"], Action::Pick(9), "", "The ninth entry"),
        key(&["g", "home"], Action::First, "", "First entry"),
        key(&["G", "end"], Action::Last, "", "Last entry"),
        key(&["pgdn", "ctrl-d"], Action::PageDown, "", "A page down"),
        key(&["pgup", "ctrl-u"], Action::PageUp, "", "A page up"),
        key(&["esc", "q"], Action::Back, "close", "Close it"),
    ],
};

/// The filter of the samples.
pub static SAMPLE_FILTER: Table = Table {
    context: "Filter of samples",
    bindings: &[
        key(&["enter"], Action::Press, "apply", "Apply the filter"),
        key(
            &["tab"],
            Action::Complete,
            "complete",
            "Take the word that is offered",
        ),
        key(
            &["down", "ctrl-n"],
            Action::Down,
            "",
            "The next word that is offered",
        ),
        key(&["up"], Action::Up, "", "The word before"),
        key(
            &["esc"],
            Action::Back,
            "close",
            "Close it; the filter stays as it was",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// An answer in the editor.
pub static SAMPLE_EDIT: Table = Table {
    context: "Edit a sample",
    bindings: &[
        key(&["ctrl-s"], Action::Check, "save", "Check it, and keep it"),
        key(
            &["ctrl-g"],
            Action::External,
            "your editor",
            "Open the text in your own editor ($EDITOR)",
        ),
        key(
            &["esc"],
            Action::Back,
            "leave",
            "Leave; what was typed is there when you come back",
        ),
    ],
};

/// Tags of a sample, being typed.
pub static SAMPLE_TAGS: Table = Table {
    context: "Tags of samples",
    bindings: &[
        key(
            &["enter"],
            Action::Press,
            "tag",
            "Put the words on; those with a minus are taken off",
        ),
        key(
            &["tab"],
            Action::Complete,
            "complete",
            "Take the tag that is offered",
        ),
        key(
            &["down", "ctrl-n"],
            Action::Down,
            "",
            "The next tag that is offered",
        ),
        key(&["up"], Action::Up, "", "The tag before"),
        key(
            &["esc"],
            Action::Back,
            "close",
            "Close it; the tags stay as they were",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The columns of the samples.
pub static SAMPLE_COLUMNS: Table = Table {
    context: "Columns of samples",
    bindings: &[
        key(&["space"], Action::Toggle, "show", "Show the column, or hide it"),
        key(
            &[">", "l", "right"],
            Action::MoreOf,
            "wider",
            "Make the column wider",
        ),
        key(
            &["<", "h", "left"],
            Action::LessOf,
            "narrower",
            "Make the column narrower",
        ),
        key(&["J"], Action::Later, "later", "Move the column further right"),
        key(&["K"], Action::Earlier, "earlier", "Move the column further left"),
        key(
            &["0"],
            Action::Whole,
            "as at first",
            "All columns as they were at first",
        ),
        key(&["j", "down"], Action::Down, "", "Down"),
        key(&["k", "up"], Action::Up, "", "Up"),
        key(&["g", "home"], Action::First, "", "First column"),
        key(&["G", "end"], Action::Last, "", "Last column"),
        key(&["esc", "enter", "q"], Action::Back, "close", "Close it"),
    ],
};
