//! Actions, and how a key press finds its own in the one key table (`tables`).

pub use chord::{chord, is_chord};
pub use keymap::{Keymap, Trouble, presets};
pub use tables::*;

mod chord;
mod keymap;
pub(crate) mod rebind;
mod tables;

/// Something a person can make the application do. Verbs are shared; the screen that is open gives them their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To the dashboard.
    GoDashboard,
    /// To the jobs.
    GoJobs,
    /// To the samples.
    GoSamples,
    /// To reviewing.
    GoReview,
    /// To the providers.
    GoProviders,
    /// To the log.
    GoLogs,
    /// To the settings.
    GoSettings,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// The next page of rows.
    Next,
    /// The page of rows before.
    Previous,
    /// Open what is selected.
    Open,
    /// One level up.
    Back,
    /// Ask again.
    Reload,
    /// Narrow the list.
    Filter,
    /// Show the same in another shape.
    Shape,
    /// A longer chart.
    Longer,
    /// A shorter chart.
    Shorter,
    /// A chart of everything.
    Whole,
    /// What the chart shows.
    Metric,
    /// How values become heights.
    Scale,
    /// Hold what is shown.
    Freeze,
    /// To the newest error.
    NewestError,
    /// One pane over the whole screen.
    Zoom,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// The next tab.
    NextTab,
    /// The tab before.
    PreviousTab,
    /// In another order.
    Sort,
    /// Narrow by what there is.
    Facets,
    /// Mark a row.
    Mark,
    /// Mark from here to there.
    MarkRange,
    /// Mark all.
    MarkAll,
    /// Leave the program.
    Quit,
    /// Stop the topmost thing.
    Interrupt,
    /// All commands.
    Palette,
    /// All keys.
    Help,
    /// Draw everything again.
    Redraw,
    /// Back to the shell, for a while.
    Suspend,
    /// The next theme.
    Theme,
    /// Hear the mouse, or no longer.
    Mouse,
    /// Write a new job.
    NewJob,
    /// Run the offline demo.
    Demo,
    /// Pause a job, or let it go on.
    Pause,
    /// Pause every running job.
    PauseAll,
    /// Stop a job for good.
    Cancel,
    /// Queue what failed again.
    Retry,
    /// Remove a job.
    Delete,
    /// Change what is selected.
    Edit,
    /// Open the text in the person's own editor.
    External,
    /// Put what is selected where it can be pasted from.
    Copy,
    /// See the samples of a job.
    Samples,
    /// See the log of a job.
    JobLog,
    /// Copy a job under a new name.
    CloneJob,
    /// Edit the whole job file.
    EditFile,
    /// How varied what a job made is, and how its judges stand against persons.
    Report,
    /// Make verdicts again from stored answers.
    Rejudge,
    /// Put what is shown in force.
    Apply,
    /// Open the database for reading only.
    OpenReadOnly,
    /// Write the dataset's files anew.
    WriteDataset,
    /// Write samples to a file.
    Export,
    /// Let it run earlier.
    Earlier,
    /// Let it run later.
    Later,
    /// What changed between revisions.
    Diff,
    /// A newer revision.
    Newer,
    /// An older revision.
    Older,
    /// Accept.
    Accept,
    /// Reject.
    Reject,
    /// Take the last decision back.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Reject, with a reason in the person's words.
    RejectWhy,
    /// What to do with all that is marked.
    Bulk,
    /// Put tags on samples, or take them off.
    Tag,
    /// Judge samples again by what is stored.
    JudgeAgain,
    /// Ask for samples anew.
    Regenerate,
    /// Which columns there are, and how wide.
    Columns,
    /// Texts as Markdown, or as they were written.
    Markdown,
    /// Stay with the newest.
    Follow,
    /// The other pane.
    Pane,
    /// The next attempt.
    NextAttempt,
    /// The attempt before.
    PreviousAttempt,
    /// Close a branch.
    Fold,
    /// Open a branch.
    Unfold,
    /// See the difference.
    Compare,
    /// See why.
    Explain,
    /// What was done, to be taken back.
    History,
    /// Take what is offered.
    Complete,
    /// The entry with this digit.
    Pick(u8),
    /// What was asked about was agreed to.
    Agreed,
    /// No opinion: the next one.
    Skip,
    /// Mark it to come back to.
    Flag,
    /// Show what is hidden: who it is from and what was said of it.
    Reveal,
    /// Read all of it on a page of its own.
    ReadAll,
    /// Keep the reason for the next ones.
    Sticky,
    /// What one is to go by.
    Guideline,
    /// The reason of that digit, 1 to 8.
    Because(u8),
    /// Make another queue.
    NewQueue,
    /// A is better.
    SideA,
    /// B is better.
    SideB,
    /// Both are as good.
    Tie,
    /// Neither is good.
    BothBad,
    /// The value before.
    LessOf,
    /// The value after.
    MoreOf,
    /// Try it out.
    Test,
    /// Check, then offer to save.
    Check,
    /// Type.
    Insert,
    /// Take the last change of the text back.
    UndoText,
    /// Make it again.
    RedoText,
    /// Delete from the start of the line.
    DeleteToStart,
    /// Add a provider.
    AddProvider,
    /// Try all of them out.
    TestAll,
    /// See what models there are.
    Models,
    /// Switch it on or off.
    Toggle,
    /// A larger share.
    Heavier,
    /// A smaller share.
    Lighter,
    /// Say where a key is found.
    ChangeKey,
    /// Let one request through.
    ResetCircuit,
    /// Add what was found.
    TakeFound,
    /// Do not offer it again.
    IgnoreFound,
    /// Take a model, or leave it.
    Choose,
    /// Say what a model costs.
    Price,
    /// Say what a model is good for.
    Capabilities,
    /// Add a model by its name.
    AddByName,
    /// The next field.
    NextField,
    /// The field before.
    PreviousField,
    /// Go on.
    Continue,
    /// Write it down.
    Save,
    /// See how a script talks.
    Protocol,
    /// Long lines over several rows, or cut.
    Wrap,
    /// The next one found.
    NextMatch,
    /// The one found before.
    PreviousMatch,
    /// Hide what this part of the program says.
    HideTarget,
    /// Write what is shown into a file.
    SaveLog,
    /// Log everything for ten minutes.
    Loud,
    /// The job file as text.
    Toml,
    /// Swap form and preview.
    Preview,
    /// The next seed row.
    NextRow,
    /// The seed row before.
    PreviousRow,
    /// Insert a variable.
    Variables,
    /// Add one.
    Add,
    /// Take one out.
    Remove,
    /// More of it.
    More,
    /// Less of it.
    Less,
    /// The same for all.
    Even,
    /// Try it on a sample.
    Try,
    /// Guess it from an example.
    Infer,
    /// Say which variable a column is.
    Map,
    /// Choose a file.
    PickFile,
    /// The next step of the job.
    NextQuestion,
    /// Start the job.
    Launch,
    /// Write the job file.
    WriteFile,
    /// Store the job without starting it.
    Store,
    /// The next button.
    NextButton,
    /// The button before.
    PreviousButton,
    /// Press the button that has the focus.
    Press,
    /// Say yes.
    Yes,
    /// Say no.
    No,
    /// Everything that was said in the corner.
    Messages,
    /// Give an action another key.
    Rebind,
    /// Put back what it was by default.
    Reset,
    /// Put everything back.
    ResetAll,
    /// Take the last change of a setting back.
    UndoSetting,
    /// The next section.
    NextSection,
    /// The section before.
    PreviousSection,
}

/// Names of the reasons' keys.
const BECAUSE: [&str; 8] = [
    "review.because_1",
    "review.because_2",
    "review.because_3",
    "review.because_4",
    "review.because_5",
    "review.because_6",
    "review.because_7",
    "review.because_8",
];

impl Action {
    /// `namespace.action`, stable: documentation and key overrides name it.
    pub fn id(self) -> &'static str {
        match self {
            Self::GoDashboard => "go.dashboard",
            Self::GoJobs => "go.jobs",
            Self::GoSamples => "go.samples",
            Self::GoReview => "go.review",
            Self::GoProviders => "go.providers",
            Self::GoLogs => "go.logs",
            Self::GoSettings => "go.settings",
            Self::Down => "nav.down",
            Self::Up => "nav.up",
            Self::First => "nav.first",
            Self::Last => "nav.last",
            Self::HalfDown => "nav.half_down",
            Self::HalfUp => "nav.half_up",
            Self::PageDown => "nav.page_down",
            Self::PageUp => "nav.page_up",
            Self::Next => "nav.next",
            Self::Previous => "nav.previous",
            Self::Open => "view.open",
            Self::Back => "view.back",
            Self::Reload => "view.reload",
            Self::Filter => "view.filter",
            Self::Shape => "view.shape",
            Self::Longer => "chart.longer",
            Self::Shorter => "chart.shorter",
            Self::Whole => "chart.whole",
            Self::Metric => "chart.metric",
            Self::Scale => "chart.scale",
            Self::Freeze => "view.freeze",
            Self::NewestError => "view.newest_error",
            Self::Zoom => "view.zoom",
            Self::NextPane => "pane.next",
            Self::PreviousPane => "pane.previous",
            Self::NextTab => "tab.next",
            Self::PreviousTab => "tab.previous",
            Self::Sort => "list.sort",
            Self::Facets => "list.facets",
            Self::Mark => "list.mark",
            Self::MarkRange => "list.mark_range",
            Self::MarkAll => "list.mark_all",
            Self::Quit => "app.quit",
            Self::Interrupt => "app.interrupt",
            Self::Palette => "app.palette",
            Self::Help => "app.help",
            Self::Redraw => "app.redraw",
            Self::Suspend => "app.suspend",
            Self::Theme => "app.theme",
            Self::Mouse => "app.mouse",
            Self::NewJob => "job.new",
            Self::Demo => "job.demo",
            Self::Pause => "job.pause",
            Self::PauseAll => "job.pause_all",
            Self::Cancel => "job.cancel",
            Self::Retry => "job.retry",
            Self::Delete => "job.delete",
            Self::Edit => "job.edit",
            Self::External => "editor.external",
            Self::Copy => "view.copy",
            Self::Samples => "job.samples",
            Self::JobLog => "job.log",
            Self::CloneJob => "job.clone",
            Self::EditFile => "job.edit_file",
            Self::Report => "job.report",
            Self::Rejudge => "job.rejudge",
            Self::Apply => "job.apply",
            Self::OpenReadOnly => "app.open_read_only",
            Self::WriteDataset => "job.write_dataset",
            Self::Export => "job.export",
            Self::Earlier => "job.earlier",
            Self::Later => "job.later",
            Self::Diff => "revision.diff",
            Self::Newer => "revision.newer",
            Self::Older => "revision.older",
            Self::Accept => "sample.accept",
            Self::Reject => "sample.reject",
            Self::Undo => "sample.undo",
            Self::Redo => "sample.redo",
            Self::RejectWhy => "sample.reject_why",
            Self::Bulk => "sample.bulk",
            Self::Tag => "sample.tag",
            Self::JudgeAgain => "sample.judge_again",
            Self::Regenerate => "sample.regenerate",
            Self::Columns => "list.columns",
            Self::Markdown => "sample.markdown",
            Self::Follow => "view.follow",
            Self::Pane => "nav.pane",
            Self::NextAttempt => "sample.next_attempt",
            Self::PreviousAttempt => "sample.previous_attempt",
            Self::Fold => "nav.fold",
            Self::Unfold => "nav.unfold",
            Self::Compare => "sample.compare",
            Self::Explain => "sample.explain",
            Self::History => "sample.history",
            Self::Complete => "field.complete",
            Self::Pick(digit) => PICKS[usize::from(digit.clamp(1, 9)) - 1],
            Self::Agreed => "dialog.agreed",
            Self::Skip => "review.skip",
            Self::Flag => "review.flag",
            Self::Reveal => "review.reveal",
            Self::ReadAll => "view.read",
            Self::Sticky => "review.sticky",
            Self::Guideline => "review.guideline",
            Self::Because(digit) => BECAUSE[usize::from(digit).saturating_sub(1) % BECAUSE.len()],
            Self::NewQueue => "review.new",
            Self::SideA => "compare.a",
            Self::SideB => "compare.b",
            Self::Tie => "compare.tie",
            Self::BothBad => "compare.both_bad",
            Self::LessOf => "form.less_of",
            Self::MoreOf => "form.more_of",
            Self::Test => "provider.test",
            Self::Check => "editor.check",
            Self::Insert => "editor.insert",
            Self::UndoText => "editor.undo",
            Self::RedoText => "editor.redo",
            Self::DeleteToStart => "editor.delete_to_start",
            Self::AddProvider => "provider.add",
            Self::TestAll => "provider.test_all",
            Self::Models => "provider.models",
            Self::Toggle => "view.toggle",
            Self::Heavier => "provider.heavier",
            Self::Lighter => "provider.lighter",
            Self::ChangeKey => "provider.change_key",
            Self::ResetCircuit => "provider.reset_circuit",
            Self::TakeFound => "provider.take_found",
            Self::IgnoreFound => "provider.ignore_found",
            Self::Choose => "model.choose",
            Self::Price => "model.price",
            Self::Capabilities => "model.capabilities",
            Self::AddByName => "model.add",
            Self::NextField => "form.next",
            Self::PreviousField => "form.previous",
            Self::Continue => "form.continue",
            Self::Save => "form.save",
            Self::Protocol => "provider.protocol",
            Self::Wrap => "log.wrap",
            Self::NextMatch => "log.next_match",
            Self::PreviousMatch => "log.previous_match",
            Self::HideTarget => "log.hide_target",
            Self::SaveLog => "log.save",
            Self::Loud => "log.debug",
            Self::Toml => "draft.toml",
            Self::Preview => "view.preview",
            Self::NextRow => "preview.next_row",
            Self::PreviousRow => "preview.previous_row",
            Self::Variables => "editor.variables",
            Self::Add => "form.add",
            Self::Remove => "form.remove",
            Self::More => "form.more",
            Self::Less => "form.less",
            Self::Even => "form.even",
            Self::Try => "validator.try",
            Self::Infer => "schema.infer",
            Self::Map => "seeds.map",
            Self::PickFile => "file.pick",
            Self::NextQuestion => "form.next_question",
            Self::Launch => "job.launch",
            Self::WriteFile => "job.write_file",
            Self::Store => "job.store",
            Self::NextButton => "dialog.next",
            Self::PreviousButton => "dialog.previous",
            Self::Press => "dialog.press",
            Self::Yes => "dialog.yes",
            Self::No => "dialog.no",
            Self::Messages => "app.messages",
            Self::Rebind => "keys.rebind",
            Self::Reset => "settings.reset",
            Self::ResetAll => "keys.reset_all",
            Self::UndoSetting => "settings.undo",
            Self::NextSection => "settings.next",
            Self::PreviousSection => "settings.previous",
        }
    }
}

/// Ids of [`Action::Pick`].
const PICKS: [&str; 9] = [
    "menu.pick_1",
    "menu.pick_2",
    "menu.pick_3",
    "menu.pick_4",
    "menu.pick_5",
    "menu.pick_6",
    "menu.pick_7",
    "menu.pick_8",
    "menu.pick_9",
];

impl Table {
    /// Its name in `keymap.toml`: the context in small letters, `_` between the words.
    pub fn id(&self) -> String {
        let words = self.context.split(|letter: char| !letter.is_alphanumeric());
        let words: Vec<String> = words
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.join("_")
    }
}
