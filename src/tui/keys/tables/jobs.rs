//! Keys of the list of jobs, of one job, and of the small forms they open.

use super::{Binding, Table, key};
use crate::tui::keys::Action;

const PAUSE: Binding = key(
    &["p"],
    Action::Pause,
    "pause/resume",
    "Pause it, let it go on, or start a draft",
);
const EDIT: Binding = key(
    &["e"],
    Action::Edit,
    "edit",
    "Change its limits, target, budget and weights, even while it runs; a draft: its file",
);
const EDIT_FILE: Binding = key(
    &["E"],
    Action::EditFile,
    "",
    "Edit the whole job file; a new revision (asks before it saves)",
);
const CLONE: Binding = key(
    &["c"],
    Action::CloneJob,
    "clone",
    "Write a new job from its file, under a new name",
);
const EXPORT: Binding = key(
    &["w"],
    Action::Export,
    "export",
    "Write its samples to a file, in any format",
);
const SAMPLES: Binding = key(&["S"], Action::Samples, "samples", "See its samples");
const LOG: Binding = key(
    &["L"],
    Action::JobLog,
    "log",
    "What happened to it in this session",
);
const REPORT: Binding = key(
    &["Q"],
    Action::Report,
    "",
    "How varied its dataset is, and how its judges stand against persons",
);
const RETRY: Binding = key(
    &["R"],
    Action::Retry,
    "retry failed",
    "Queue its failed tasks again, or those of the selected group (asks first)",
);
const REJUDGE_JOB: Binding = key(
    &["V"],
    Action::Rejudge,
    "new verdicts",
    "Judge its samples again from stored answers, 0 requests; shown as a difference first",
);
const WRITE_DATASET: Binding = key(
    &["W"],
    Action::WriteDataset,
    "",
    "Write its dataset's files anew from the ledger (asks first)",
);
const CANCEL: Binding = key(
    &["C"],
    Action::Cancel,
    "cancel",
    "Stop it for good; what was made stays (asks first)",
);
const DELETE: Binding = key(
    &["D"],
    Action::Delete,
    "delete",
    "Remove it and its samples (type its name)",
);

/// The list of jobs.
pub static JOBS: Table = Table {
    context: "Jobs",
    bindings: &[
        key(&["enter"], Action::Open, "open", "Open the selected job"),
        PAUSE,
        CLONE,
        EDIT,
        RETRY,
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Narrow by name, tag, state or description",
        ),
        key(
            &["s"],
            Action::Sort,
            "sort",
            "Sort by queue, name, state, accepted, rejected, cost, age",
        ),
        EXPORT,
        CANCEL,
        DELETE,
        key(
            &["n"],
            Action::NewJob,
            "new",
            "New job, from a ready one or empty",
        ),
        SAMPLES,
        key(&["y"], Action::Copy, "", "Copy its name"),
        LOG,
        REPORT,
        key(
            &["f"],
            Action::Facets,
            "",
            "Narrow by states and tags that there are",
        ),
        key(
            &["space"],
            Action::Mark,
            "",
            "Mark it; p, C, D and w then act on all marked",
        ),
        key(
            &["v"],
            Action::MarkRange,
            "",
            "Mark from here to where the cursor goes",
        ),
        key(&["A"], Action::MarkAll, "", "Mark all that are shown, or none"),
        key(&["K"], Action::Earlier, "", "Let a queued job run earlier"),
        key(&["J"], Action::Later, "", "Let a queued job run later"),
        EDIT_FILE,
        REJUDGE_JOB,
        WRITE_DATASET,
    ],
};

/// What the list of jobs can be narrowed to.
pub static FACETS: Table = Table {
    context: "Facets",
    bindings: &[
        key(&["space"], Action::Mark, "choose", "Choose it, or no longer"),
        key(
            &["enter", "f"],
            Action::Facets,
            "close",
            "Close; what is chosen stays",
        ),
        key(
            &["A"],
            Action::MarkAll,
            "none",
            "Choose nothing: all jobs are shown",
        ),
    ],
};

/// One job.
pub static JOB: Table = Table {
    context: "Job",
    bindings: &[
        key(
            &["enter"],
            Action::Open,
            "drill in",
            "Into what is selected: a stage's samples, a group's tasks, a provider",
        ),
        PAUSE,
        key(&["]"], Action::NextTab, "tabs", "The next tab"),
        key(&["["], Action::PreviousTab, "", "The tab before"),
        key(&["tab"], Action::NextPane, "pane", "The next pane"),
        key(&["shift-tab"], Action::PreviousPane, "", "The pane before"),
        EDIT,
        RETRY,
        CLONE,
        EXPORT,
        CANCEL,
        DELETE,
        SAMPLES,
        key(
            &["y"],
            Action::Copy,
            "",
            "Copy the command line that runs it, or that says what the report says",
        ),
        LOG,
        REPORT,
        key(
            &["d"],
            Action::Diff,
            "",
            "On Config: what changed since the revision before",
        ),
        key(
            &["-"],
            Action::Older,
            "",
            "On Config: an older revision; on Report: a lower precision is wanted",
        ),
        key(
            &["+", "="],
            Action::Newer,
            "",
            "On Config: a newer revision; on Report: a higher precision is wanted",
        ),
        EDIT_FILE,
        REJUDGE_JOB,
        WRITE_DATASET,
    ],
};

/// New verdicts of a job, as a difference.
pub static REJUDGE: Table = Table {
    context: "New verdicts",
    bindings: &[
        key(
            &["A"],
            Action::Apply,
            "put in force",
            "Put the new verdicts in force and write the dataset anew (asks first)",
        ),
        key(
            &["y"],
            Action::Copy,
            "",
            "Copy the command line that puts it in force",
        ),
    ],
};

/// A small form.
pub static SHEET: Table = Table {
    context: "Form",
    bindings: &[
        key(&["enter"], Action::Press, "do it", "Do what the form is for"),
        key(&["tab", "down"], Action::NextButton, "next", "The next field"),
        key(
            &["shift-tab", "up"],
            Action::PreviousButton,
            "",
            "The field before",
        ),
        key(
            &["left"],
            Action::Older,
            "",
            "Another choice, or the caret to the left",
        ),
        key(
            &["right"],
            Action::Newer,
            "",
            "The next choice, or the caret to the right",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
        key(
            &["esc", "ctrl-c"],
            Action::Back,
            "close",
            "Close; nothing happens",
        ),
    ],
};
