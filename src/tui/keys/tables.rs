//! The one key table: what a key does in which context. Dispatch, footer, help, palette and the documentation all read it; there
//! is no other place that knows a key.

use super::Action;

mod dashboard;
mod everywhere;
mod jobs;
mod logs;
mod new_job;
mod providers;
mod review;
mod samples;
mod settings;

pub use dashboard::*;
pub use everywhere::*;
pub use jobs::*;
pub use logs::*;
pub use new_job::*;
pub use providers::*;
pub use review::*;
pub use samples::*;
pub use settings::*;

/// A line of the table.
#[derive(Debug)]
pub struct Binding {
    /// Keys by default; none: only in the palette.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: Action,
    /// One or two words for the footer; empty: not there.
    pub hint: &'static str,
    /// One line for the help.
    pub help: &'static str,
}

/// The keys of one context.
#[derive(Debug)]
pub struct Table {
    /// Where they work.
    pub context: &'static str,
    /// The keys, those of the footer by importance.
    pub bindings: &'static [Binding],
}

const fn key(
    keys: &'static [&'static str],
    action: Action,
    hint: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        hint,
        help,
    }
}

/// Every context.
pub static TABLES: &[&Table] = &[
    &GLOBAL,
    &TYPING,
    &CLOSED,
    &DASHBOARD,
    &WELCOME,
    &JOBS,
    &JOB,
    &REJUDGE,
    &NEW_JOB,
    &EDITOR,
    &READING,
    &SAMPLES,
    &REVIEW,
    &PROVIDERS,
    &MODELS,
    &MODELS_OF_DRAFT,
    &MODEL_FIELD,
    &PROVIDER_KINDS,
    &PROVIDER_FORM,
    &PROVIDER_TEST,
    &PROTOCOL,
    &LOGS,
    &FACETS,
    &LOG_FACETS,
    &SETTINGS,
    &SETTINGS_VALUE,
    &SETTINGS_CHOICE,
    &MENU,
    &SAMPLE_FILTER,
    &SAMPLE_EDIT,
    &SAMPLE_TAGS,
    &SAMPLE_COLUMNS,
    &REVIEWING,
    &REVIEWED,
    &COMPARING,
    &REVIEW_EDIT,
    &REVIEW_FIELD,
    &FIELD,
    &DIALOG,
    &PALETTE,
    &HELP,
    &NEW_SEEDS,
    &NEW_PROMPTS,
    &NEW_SCHEMA,
    &NEW_VALIDATORS,
    &NEW_PROVIDERS,
    &NEW_LIMITS,
    &NEW_DRY_RUN,
    &NEW_LAUNCH,
    &NEW_TEXT,
    &NEW_LINE,
    &NEW_CHOICE,
    &SHEET,
    &PAGE,
    &CAPTURE,
];
