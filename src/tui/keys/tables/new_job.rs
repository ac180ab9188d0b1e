//! Keys of writing a job: its nine steps, what is typed and chosen in them, and the editor of the whole file.

use super::{Binding, Table, key};
use crate::tui::keys::Action;

/// The keys of a step, and then those that all steps have.
macro_rules! step {
    ($first:expr, $($own:expr),* $(,)?) => {
        &[
            $first,
            key(&["]"], Action::Next, "next", "The next step, where this one has no problem"),
            key(&["f3"], Action::Preview, "preview", "Form or preview, where there is no room for both"),
            $($own,)*
            key(&["["], Action::Previous, "back", "The step before"),
            key(&["u"], Action::UndoText, "", "Take the last change back"),
            key(&["ctrl-r"], Action::RedoText, "", "Make it again"),
            key(&["ctrl-s"], Action::Save, "", "Save the draft now; it is saved by itself too"),
            key(&["ctrl-e"], Action::Toml, "", "Edit the whole job file as TOML"),
        ]
    };
}

const CHANGE: Binding = key(&["enter"], Action::Open, "change", "Change the selected value");

/// What a new job starts from.
pub static NEW_JOB: Table = Table {
    context: "New job",
    bindings: step![
        key(
            &["enter"],
            Action::Open,
            "start from this",
            "Begin a draft with the selected template, or go on with a draft"
        ),
        key(&["/"], Action::Filter, "find", "Find a template by a few letters"),
        key(
            &["o"],
            Action::PickFile,
            "open file",
            "Begin with a job file of this directory"
        ),
        key(
            &["D"],
            Action::Delete,
            "discard draft",
            "Discard the selected draft (asks first)"
        ),
    ],
};

/// Where the rows come from.
pub static NEW_SEEDS: Table = Table {
    context: "New job: seeds",
    bindings: step![
        CHANGE,
        key(
            &["m"],
            Action::Map,
            "map",
            "Say which variable of the prompts the selected column is"
        ),
        key(
            &["o"],
            Action::PickFile,
            "pick file",
            "Choose a seed file of this directory by a few letters"
        ),
        key(
            &["a"],
            Action::Add,
            "add varied field",
            "Add a field that is drawn for each task"
        ),
        key(
            &["x"],
            Action::Remove,
            "exclude",
            "Exclude the selected column (again: take it in), or take the selected value or varied field out"
        ),
    ],
};

/// The questions.
pub static NEW_PROMPTS: Table = Table {
    context: "New job: prompts",
    bindings: step![
        key(
            &["enter", "i"],
            Action::Insert,
            "type",
            "Type in the selected prompt"
        ),
        key(&["tab"], Action::Pane, "system/user", "The other prompt"),
        key(&["v"], Action::Variables, "variables", "Insert a variable"),
        key(
            &["ctrl-g"],
            Action::External,
            "",
            "Open the prompt in your own editor ($EDITOR)"
        ),
        key(
            &["f6"],
            Action::NextRow,
            "next row",
            "Preview with the next seed row"
        ),
        key(
            &["f5"],
            Action::PreviousRow,
            "",
            "Preview with the seed row before"
        ),
        key(
            &["s"],
            Action::NextQuestion,
            "",
            "The prompts of the job's next step"
        ),
        key(&["x"], Action::Remove, "", "Take the system prompt out"),
    ],
};

/// The shape of the answer, and what the dataset takes of it.
pub static NEW_SCHEMA: Table = Table {
    context: "New job: schema",
    bindings: step![
        key(
            &["enter"],
            Action::Open,
            "edit",
            "Edit the selected field or value"
        ),
        key(&["a"], Action::Add, "add field", "Add a field to the answer"),
        key(
            &["space"],
            Action::Toggle,
            "required",
            "Require the selected field, or not"
        ),
        key(
            &["i"],
            Action::Infer,
            "infer",
            "Guess the schema from an example of an answer"
        ),
        key(&["t"], Action::Shape, "raw", "The schema as JSON text"),
        key(
            &["x"],
            Action::Remove,
            "",
            "Take the selected field out; without fields the answer is plain text"
        ),
        key(
            &["s"],
            Action::NextQuestion,
            "",
            "The schema of the job's next step"
        ),
        key(&["J"], Action::Later, "", "Move the field down"),
        key(&["K"], Action::Earlier, "", "Move the field up"),
    ],
};

/// The gates.
pub static NEW_VALIDATORS: Table = Table {
    context: "New job: validators",
    bindings: step![
        key(
            &["enter"],
            Action::Open,
            "edit",
            "Edit the selected validator's settings"
        ),
        key(&["a"], Action::Add, "add", "Add a validator of any kind"),
        key(
            &["space"],
            Action::Toggle,
            "on/off",
            "Switch the selected validator on or off"
        ),
        key(
            &["J"],
            Action::Later,
            "order",
            "Move it down; cheap ones belong first"
        ),
        key(&["K"], Action::Earlier, "", "Move it up"),
        key(
            &["T"],
            Action::Try,
            "try",
            "Try the validators on a pasted answer; nobody is asked"
        ),
        key(
            &["x"],
            Action::Remove,
            "",
            "Take the selected validator or setting out"
        ),
    ],
};

/// The teachers.
pub static NEW_PROVIDERS: Table = Table {
    context: "New job: providers",
    bindings: step![
        key(
            &["space", "enter"],
            Action::Toggle,
            "use",
            "Use the selected teacher, or not"
        ),
        key(&["+"], Action::More, "weight", "More weight"),
        key(&["-"], Action::Less, "", "Less weight; 0 is a fallback only"),
        key(
            &["="],
            Action::Even,
            "even",
            "The same weight for all that are used"
        ),
        key(&["t"], Action::Test, "test", "One tiny call to its provider"),
        key(
            &["c"],
            Action::Open,
            "capability",
            "Route by a capability instead of names"
        ),
        key(
            &["s"],
            Action::NextQuestion,
            "",
            "The teachers of the job's next step"
        ),
    ],
};

/// Target, caps and parameters.
pub static NEW_LIMITS: Table = Table {
    context: "New job: limits and cost",
    bindings: step![
        CHANGE,
        key(&["x"], Action::Remove, "default", "Back to the default"),
    ],
};

/// Trying it.
pub static NEW_DRY_RUN: Table = Table {
    context: "New job: dry run",
    bindings: step![
        key(
            &["enter"],
            Action::Open,
            "run",
            "Ask these tasks now; nothing is kept, real teachers cost money"
        ),
        key(&["e"], Action::Edit, "fix", "To the step that failed"),
        key(&["+"], Action::More, "more", "One task more, 20 at most"),
        key(&["-"], Action::Less, "", "One task less"),
    ],
};

/// The last look.
pub static NEW_LAUNCH: Table = Table {
    context: "New job: launch",
    bindings: step![
        key(
            &["l"],
            Action::Launch,
            "launch",
            "Start the job (asks first where it is likely to cost more than $1)"
        ),
        CHANGE,
        key(
            &["d"],
            Action::Store,
            "store draft",
            "Store the job without starting it"
        ),
        key(
            &["w"],
            Action::WriteFile,
            "write file",
            "Write the job file into this directory"
        ),
        key(
            &["y"],
            Action::Copy,
            "copy command",
            "Copy the command line that runs the job"
        ),
        key(
            &["t"],
            Action::Shape,
            "diff/all",
            "Only what differs from the template, or the whole file"
        ),
        key(&["x"], Action::Remove, "", "Take the selected value out"),
    ],
};

/// Typing a text of several lines.
pub static NEW_TEXT: Table = Table {
    context: "New job: typing",
    bindings: &[
        key(&["esc"], Action::Back, "stop", "Stop typing; the text stays"),
        key(
            &["ctrl-g"],
            Action::External,
            "$EDITOR",
            "Open the text in your own editor",
        ),
        key(&["f2"], Action::Variables, "vars", "Insert a variable"),
        key(
            &["f3"],
            Action::Preview,
            "preview",
            "Text or preview, where there is no room for both",
        ),
        key(
            &["ctrl-_", "ctrl-7", "ctrl-/"],
            Action::UndoText,
            "undo",
            "Take the last change back",
        ),
        key(&["ctrl-y"], Action::RedoText, "redo", "Make it again"),
        key(&["f6"], Action::NextRow, "", "Preview with the next seed row"),
        key(
            &["f5"],
            Action::PreviousRow,
            "",
            "Preview with the seed row before",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
        key(
            &["ctrl-s"],
            Action::Save,
            "",
            "Save the draft now; it is saved by itself too",
        ),
    ],
};

/// Typing a value.
pub static NEW_LINE: Table = Table {
    context: "New job: typing a value",
    bindings: &[
        key(&["enter"], Action::Press, "done", "Done"),
        key(
            &["tab"],
            Action::NextButton,
            "next value",
            "Done; type the next value",
        ),
        key(&["esc"], Action::Back, "stop", "Stop typing; the value stays"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// Choosing from a list by a few letters.
pub static NEW_CHOICE: Table = Table {
    context: "New job: choosing",
    bindings: &[
        key(&["enter"], Action::Press, "choose", "Choose the selected one"),
        key(&["down", "ctrl-n"], Action::Down, "", "Down"),
        key(&["up"], Action::Up, "", "Up"),
        key(&["pgdn"], Action::PageDown, "", "A page down"),
        key(&["pgup"], Action::PageUp, "", "A page up"),
        key(&["esc"], Action::Back, "close", "Close; nothing changes"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The editor, while typing.
pub static EDITOR: Table = Table {
    context: "Editor",
    bindings: &[
        key(
            &["ctrl-s"],
            Action::Check,
            "check and save",
            "Check the job file, then offer to save or launch it",
        ),
        key(
            &["esc"],
            Action::Back,
            "stop typing",
            "Stop typing; the text stays",
        ),
        key(
            &["ctrl-g"],
            Action::External,
            "your editor",
            "Open the text in your own editor ($EDITOR)",
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

/// The editor, while reading.
pub static READING: Table = Table {
    context: "Editor, not typing",
    bindings: &[
        key(&["i", "enter"], Action::Insert, "type", "Type again"),
        key(
            &["ctrl-s"],
            Action::Check,
            "check and save",
            "Check the job file, then offer to save or launch it",
        ),
        key(
            &["ctrl-g"],
            Action::External,
            "your editor",
            "Open the text in your own editor ($EDITOR)",
        ),
    ],
};
