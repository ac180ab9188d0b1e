//! Keys of reviewing: choosing a queue, deciding about samples, comparing two, and what comes at the end.

use super::{Binding, Table, key};
use crate::tui::keys::Action;

/// Choosing what to review.
pub static REVIEW: Table = Table {
    context: "Review",
    bindings: &[
        key(
            &["enter"],
            Action::Open,
            "start",
            "Start with these choices, or go on with the selected queue",
        ),
        key(&["right", "l", "+"], Action::MoreOf, "change", "The next value"),
        key(&["left", "-"], Action::LessOf, "", "The value before"),
        key(
            &["c"],
            Action::Compare,
            "compare/decide",
            "Compare two samples blindly, or decide about one after the other",
        ),
        key(
            &["h"],
            Action::Guideline,
            "guideline",
            "Write what to go by; it is shown while reviewing",
        ),
        CALIBRATE,
    ],
};

/// What the decisions are good for.
const CALIBRATE: Binding = key(
    &["Q"],
    Action::Report,
    "calibrate",
    "Hold the job's judges against what persons said",
);

const fn because(digit: &'static [&'static str], number: u8, help: &'static str) -> Binding {
    key(digit, Action::Because(number), "", help)
}

/// Deciding about one sample after the other.
pub static REVIEWING: Table = Table {
    context: "Reviewing",
    bindings: &[
        key(&["a"], Action::Accept, "accept", "Accept it; the next one comes"),
        key(
            &["x"],
            Action::Reject,
            "reject",
            "Reject it; a digit before, or within 2 s after, says why",
        ),
        key(
            &["e"],
            Action::Edit,
            "edit",
            "Edit the answer against its schema, then accept it",
        ),
        key(&["space"], Action::Skip, "skip", "No opinion; the next one comes"),
        key(
            &["u", "backspace"],
            Action::Undo,
            "undo",
            "Take the last word back and show the sample again",
        ),
        key(
            &["f"],
            Action::Flag,
            "flag",
            "Mark it to come back to, or take the mark away",
        ),
        key(
            &["i"],
            Action::Reveal,
            "info",
            "Show teacher, scores and verdicts of this one (it then counts as not blind)",
        ),
        key(
            &["h"],
            Action::Guideline,
            "guide",
            "Show the guideline, or put it away",
        ),
        key(
            &["tab"],
            Action::Shape,
            "raw",
            "The answer as text, or as it came",
        ),
        key(
            &["p"],
            Action::Fold,
            "fold",
            "Less of the prompt, all of it, or as usual",
        ),
        key(
            &["o"],
            Action::ReadAll,
            "",
            "All of it on a page of its own: prompt and answer, and what i showed",
        ),
        key(
            &["s"],
            Action::Sticky,
            "sticky",
            "Keep the last reason for the next rejections, or stop keeping it",
        ),
        key(&["c"], Action::Compare, "", "To comparing two samples blindly"),
        because(&["1"], 1, "Reason: wrong"),
        because(&["2"], 2, "Reason: not cited"),
        because(&["3"], 3, "Reason: style"),
        because(&["4"], 4, "Reason: too easy"),
        because(&["5"], 5, "Reason: near duplicate"),
        because(&["6"], 6, "Reason: unsafe"),
        because(&["7"], 7, "Reason: language"),
        because(&["8"], 8, "Reason: other"),
    ],
};

/// The end of a queue.
pub static REVIEWED: Table = Table {
    context: "Review, at the end",
    bindings: &[
        key(
            &["w"],
            Action::Export,
            "export",
            "Write what was said as JSON lines",
        ),
        key(&["n"], Action::NewQueue, "new queue", "Choose another queue"),
        key(
            &["o"],
            Action::ReadAll,
            "all of it",
            "The result on a page of its own",
        ),
        CALIBRATE,
        key(
            &["u", "backspace"],
            Action::Undo,
            "undo",
            "Take the last word back and show it again",
        ),
    ],
};

/// Saying which of two is better.
pub static COMPARING: Table = Table {
    context: "Comparing",
    bindings: &[
        key(&["1", "left"], Action::SideA, "A better", "A is better"),
        key(&["2", "right"], Action::SideB, "B better", "B is better"),
        key(&["3"], Action::Tie, "tie", "Both are as good"),
        key(&["4"], Action::BothBad, "both bad", "Neither is good"),
        key(
            &["space"],
            Action::Skip,
            "skip",
            "No opinion; the next pair comes",
        ),
        key(
            &["u", "backspace"],
            Action::Undo,
            "undo",
            "Take the last word back and show the pair again",
        ),
        key(&["d"], Action::Diff, "diff", "Mark the words only one side has"),
        key(
            &["tab"],
            Action::Shape,
            "raw/zoom",
            "The answers as they came; where room is short: A alone, B alone, both",
        ),
        key(
            &["i"],
            Action::Fold,
            "prompt",
            "All of the prompt, or one line of it",
        ),
        key(
            &["o"],
            Action::ReadAll,
            "",
            "All of it on a page of its own: the prompt, A and B",
        ),
        key(
            &["R"],
            Action::Reveal,
            "",
            "Show whose A and B are, for this pair (it then counts as not blind)",
        ),
        key(
            &["h"],
            Action::Guideline,
            "guide",
            "Show the guideline, or put it away",
        ),
        key(
            &["c"],
            Action::Compare,
            "",
            "To deciding about one sample after the other",
        ),
    ],
};

/// Editing an answer.
pub static REVIEW_EDIT: Table = Table {
    context: "Editing an answer",
    bindings: &[
        key(
            &["ctrl-s"],
            Action::Check,
            "accept as edited",
            "Check it against its schema and accept it",
        ),
        key(
            &["esc"],
            Action::Back,
            "stop editing",
            "Stop editing; the text waits until this sample is decided",
        ),
        key(
            &["ctrl-_", "ctrl-7", "ctrl-/"],
            Action::UndoText,
            "",
            "Take the last change back",
        ),
        key(&["ctrl-y"], Action::RedoText, "", "Make it again"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// A line of text to be given.
pub static REVIEW_FIELD: Table = Table {
    context: "Review, a line of text",
    bindings: &[
        key(&["enter"], Action::Press, "done", "Take the text"),
        key(&["esc"], Action::Back, "close", "Close it; nothing changes"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};
