//! The screens, one file each, behind one small trait; an enum holds them, so that the compiler leads whoever adds one.

pub(crate) mod closed;
pub(crate) mod dashboard;
pub(crate) mod editor;
pub(crate) mod forms;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod new_job;
pub(crate) mod providers;
pub(crate) mod rejudge;
pub(crate) mod review;
pub(crate) mod samples;
pub(crate) mod settings;
pub(crate) mod verbs;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use crate::core::api::SampleQuery;

use super::context::{Cx, Shared};
use super::keys::{Action, Table};
use super::message::Message;

/// What a screen is to the application around it.
pub(crate) trait View {
    /// Its keys in its present state.
    fn bindings(&self, shared: &Shared) -> &'static Table;
    /// Where one is, from the outside in.
    fn breadcrumb(&self) -> Vec<String>;
    /// Whether a text field has the caret, and letters are letters.
    fn typing(&self) -> bool {
        false
    }
    /// Draws tabs of its own into the row of tabs. False if it has none, and the screens' numbers are shown.
    fn tabs(&self, _shared: &Shared, _area: Rect, _buf: &mut Buffer) -> bool {
        false
    }
    /// What a press on its own tabs means, at that column of their row.
    fn tab_at(&self, _shared: &Shared, _area: Rect, _column: u16) -> Option<Action> {
        None
    }
    /// Called when it is opened and whenever it comes back to the top: ask again.
    fn enter(&mut self, cx: &mut Cx);
    /// Called before it is closed or covered: keep what was typed.
    fn leave(&mut self, _shared: &mut Shared) {}
    /// One level up inside the screen. False if there is none, and the screen itself is to be left.
    fn back(&mut self, _cx: &mut Cx) -> bool {
        false
    }
    /// Why an action of its table cannot be done now.
    fn disabled(&self, _action: Action, _shared: &Shared) -> Option<String> {
        None
    }
    /// Rows of the table it shows, if one can go to a row by its number.
    fn rows(&self) -> Option<u64> {
        None
    }
    /// When it next wants to hear of the time, since the start; the picture is drawn again then.
    fn wake(&self, _shared: &Shared) -> Option<Duration> {
        None
    }
    /// Something happened.
    fn update(&mut self, message: &Message, cx: &mut Cx);
    /// The mouse was pressed at this place of the screen, the second time shortly after the first.
    fn click(&mut self, _at: Position, _double: bool, _cx: &mut Cx) {}
    /// The wheel turned so many rows down (up: negative) over this place of the screen.
    fn wheel(&mut self, _at: Position, _rows: i16, _cx: &mut Cx) {}
    /// A row of its table was asked for by its number, counted from 1.
    fn go_to(&mut self, _row: u64, _cx: &mut Cx) {}
    /// Samples it would hand to reviewing.
    fn chosen(&self) -> Option<SampleQuery> {
        None
    }
    /// How it looks, to be found like that at the next start: filter, order, what is selected. Never a secret, never a draft.
    fn remember(&self) -> Option<Value> {
        None
    }
    /// Takes what [`View::remember`] gave in another session, perhaps of another version: what it does not understand is left out.
    fn recall(&mut self, _memory: &Value) {}
    /// The status line's text.
    fn status(&self, shared: &Shared) -> String;
    /// Draws it; says where the caret is.
    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position>;
}

/// Every screen there is.
pub(crate) enum Screen {
    /// Is it working?
    Dashboard(Box<dashboard::Dashboard>),
    /// All jobs.
    Jobs(Box<jobs::Jobs>),
    /// One job.
    Job(Box<job::JobScreen>),
    /// There is no database.
    Closed(Box<closed::Closed>),
    /// New verdicts of a job.
    Rejudge(Box<rejudge::Rejudge>),
    /// Writing a job, step by step.
    NewJob(Box<new_job::NewJob>),
    /// A job file.
    Editor(Box<editor::Editor>),
    /// Samples.
    Samples(Box<samples::Samples>),
    /// Deciding about samples, one by one.
    Review(Box<review::Review>),
    /// Providers.
    Providers(Box<providers::Providers>),
    /// A provider being added or changed.
    Provider(Box<providers::wizard::Wizard>),
    /// The models of a provider.
    Models(Box<providers::models::Models>),
    /// The log.
    Logs(Box<logs::Logs>),
    /// Settings.
    Settings(Box<settings::Settings>),
}

impl Screen {
    pub(crate) fn view(&self) -> &dyn View {
        match self {
            Self::Dashboard(screen) => screen.as_ref(),
            Self::Jobs(screen) => screen.as_ref(),
            Self::Job(screen) => screen.as_ref(),
            Self::Rejudge(screen) => screen.as_ref(),
            Self::Closed(screen) => screen.as_ref(),
            Self::NewJob(screen) => screen.as_ref(),
            Self::Editor(screen) => screen.as_ref(),
            Self::Samples(screen) => screen.as_ref(),
            Self::Review(screen) => screen.as_ref(),
            Self::Logs(screen) => screen.as_ref(),
            Self::Settings(screen) => screen.as_ref(),
            Self::Providers(screen) => screen.as_ref(),
            Self::Provider(screen) => screen.as_ref(),
            Self::Models(screen) => screen.as_ref(),
        }
    }

    pub(crate) fn view_mut(&mut self) -> &mut dyn View {
        match self {
            Self::Dashboard(screen) => screen.as_mut(),
            Self::Jobs(screen) => screen.as_mut(),
            Self::Job(screen) => screen.as_mut(),
            Self::Rejudge(screen) => screen.as_mut(),
            Self::Closed(screen) => screen.as_mut(),
            Self::NewJob(screen) => screen.as_mut(),
            Self::Editor(screen) => screen.as_mut(),
            Self::Samples(screen) => screen.as_mut(),
            Self::Review(screen) => screen.as_mut(),
            Self::Logs(screen) => screen.as_mut(),
            Self::Settings(screen) => screen.as_mut(),
            Self::Providers(screen) => screen.as_mut(),
            Self::Provider(screen) => screen.as_mut(),
            Self::Models(screen) => screen.as_mut(),
        }
    }

    /// A screen of the first row, new.
    pub(crate) fn root(tab: Tab) -> Self {
        match tab {
            Tab::Dashboard => Self::Dashboard(Box::default()),
            Tab::Jobs => Self::Jobs(Box::default()),
            Tab::Samples => Self::Samples(Box::default()),
            Tab::Review => Self::Review(Box::default()),
            Tab::Providers => Self::Providers(Box::default()),
            Tab::Logs => Self::Logs(Box::default()),
            Tab::Settings => Self::Settings(Box::default()),
        }
    }
}

/// The screens one goes to by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// 1
    Dashboard,
    /// 2
    Jobs,
    /// 3
    Samples,
    /// 4
    Review,
    /// 5
    Providers,
    /// 6
    Logs,
    /// 7
    Settings,
}

impl Tab {
    /// In the order of their numbers, with the action that goes there.
    pub(crate) const ALL: [(Self, Action, &'static str, &'static str); 7] = [
        (Self::Dashboard, Action::GoDashboard, "1", "Dashboard"),
        (Self::Jobs, Action::GoJobs, "2", "Jobs"),
        (Self::Samples, Action::GoSamples, "3", "Samples"),
        (Self::Review, Action::GoReview, "4", "Review"),
        (Self::Providers, Action::GoProviders, "5", "Providers"),
        (Self::Logs, Action::GoLogs, "6", "Logs"),
        (Self::Settings, Action::GoSettings, "7", "Settings"),
    ];

    /// The name where there is little room.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Dashboard => "Dash",
            Self::Jobs => "Jobs",
            Self::Samples => "Samples",
            Self::Review => "Review",
            Self::Providers => "Prov",
            Self::Logs => "Logs",
            Self::Settings => "Set",
        }
    }
}
