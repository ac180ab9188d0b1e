//! The command line: parses words, asks and orders through the driving port, prints. It decides nothing.
//!
//! [`args`] is the tree of commands, every other file a group of them. Data goes to stdout, narration to stderr, and every line
//! passes through one place that makes foreign text harmless. [`run`] carries out what needs an application, [`run_offline`] the rest.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch as gauge};

use crate::core::api::{Application, Event, Progress};

pub mod args;
mod calibrate;
mod check;
mod config;
mod db;
mod doctor;
mod editor;
mod exit;
mod export;
mod failure;
mod farewell;
mod files;
mod format;
mod generate;
mod import;
mod init;
mod jobs;
mod keys;
mod line;
mod lint;
mod needs;
mod output;
mod providers;
mod rejudge;
mod report;
mod review;
mod run;
mod sample_text;
mod samples;
mod source;
mod summary;
mod validate;
mod watch;

use args::{Arguments, CommandLine};
use config::ConfigCommand;
use jobs::JobsCommand;
use samples::SamplesCommand;

pub use config::ConfigFile;
pub use farewell::farewell;
pub use keys::{KeyRow, ThemeRow, markdown as keys_page};
pub use needs::{Database, Needs, needs};
pub use output::{Input, Output, Pace, Stream};

use output::{Ending, Outcome};

/// A wish from outside that the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-c.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, or the terminal was closed.
    Hangup,
}

/// What the composition root knows about the world around a command.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The user's editor with its arguments (`DESTILER_EDITOR`, `VISUAL`, `EDITOR`, else one that is there).
    pub editor: Option<String>,
    /// Directory for copies in the editor.
    pub scratch: PathBuf,
    /// How long the first ctrl-c waits for what is in flight (`engine.grace_seconds`).
    pub grace: Duration,
}

/// Data for commands that need no application.
#[derive(Debug, Clone, Default)]
pub struct Offline {
    /// Every binding of the full-screen application, as it is in force.
    pub keys: Vec<KeyRow>,
    /// The same for each preset, by its name.
    pub presets: Vec<(String, Vec<KeyRow>)>,
    /// What is wrong with the user's own keys.
    pub troubles: Vec<String>,
    /// Every theme.
    pub themes: Vec<ThemeRow>,
    /// Where configuration is looked for, the strongest first.
    pub config_files: Vec<ConfigFile>,
    /// What `init` writes: relative path and text, `destiler.toml` and at least one job.
    pub init: Vec<(PathBuf, String)>,
}

/// Everything `run` and `demo` use while they watch.
struct Session<'a> {
    app: &'a dyn Application,
    facts: &'a mut mpsc::Receiver<Event>,
    progress: &'a gauge::Receiver<Progress>,
    signals: &'a mut mpsc::Receiver<Signal>,
    surroundings: &'a Surroundings,
    out: &'a mut Output,
}

/// Everything the other commands use.
struct Plain<'a> {
    app: &'a dyn Application,
    surroundings: &'a Surroundings,
    out: &'a mut Output,
}

/// Carries out a command that needs an application. Returns the exit code; everything is said and flushed.
pub async fn run(
    arguments: &Arguments,
    app: Arc<dyn Application>,
    mut facts: mpsc::Receiver<Event>,
    progress: gauge::Receiver<Progress>,
    mut signals: mpsc::Receiver<Signal>,
    surroundings: &Surroundings,
    out: &mut Output,
) -> u8 {
    let Some(command) = &arguments.command else {
        return no_terminal(out);
    };
    let watched = match command {
        CommandLine::Run(arguments) => arguments.dry_run.is_none(),
        CommandLine::Import(arguments) => !arguments.dry_run,
        CommandLine::Demo => true,
        _ => false,
    };
    let outcome = if watched {
        let mut session = Session {
            app: &*app,
            facts: &mut facts,
            progress: &progress,
            signals: &mut signals,
            surroundings,
            out: &mut *out,
        };
        match command {
            CommandLine::Run(arguments) => run::run(arguments, &mut session).await,
            CommandLine::Import(arguments) => import::run(arguments, &mut session).await,
            _ => run::demo(&mut session).await,
        }
    } else {
        let mut plain = Plain {
            app: &*app,
            surroundings,
            out: &mut *out,
        };
        let work = dispatch(command, &mut plain);
        let (outcome, heard) = beside(work, in_editor(command), &mut facts, &mut signals).await;
        let mut narrator = watch::Watch::new(Pace::Silent);
        for line in heard.iter().filter_map(|event| narrator.heard(event)) {
            out.say(line);
        }
        outcome
    };
    end(outcome, command, out)
}

/// Carries out a command that needs no application: configuration files, key and theme tables, `init`, completions, manual.
pub async fn run_offline(command: &CommandLine, offline: &Offline, out: &mut Output) -> u8 {
    let outcome = match command {
        CommandLine::Config(ConfigCommand::Path) => config::path(&offline.config_files, out),
        CommandLine::Keys(command) => keys::keys(command, offline, out),
        CommandLine::Themes(_) => keys::themes(&offline.themes, out),
        CommandLine::Completions(arguments) => generate::completions(arguments, out),
        CommandLine::Man(arguments) => generate::man(arguments, &offline.keys, out),
        CommandLine::Init(arguments) => init::run(arguments, &offline.init, out).await,
        _ => Err(Ending::mismatch()),
    };
    end(outcome, command, out)
}

/// Says how to call the program when it has no terminal to draw on; exit code 2.
pub fn no_terminal(out: &mut Output) -> u8 {
    let help = <Arguments as clap::CommandFactory>::command().render_help();
    for line in help.to_string().lines() {
        out.insist(line);
    }
    2
}

/// Prints a failure that happened before a command could begin, as every failure is printed; returns its exit code.
pub fn fail(failure: &crate::core::api::Failure, out: &mut Output) -> u8 {
    let code = failure::report(failure, None, out);
    // Nothing is left to say if even that cannot be written.
    let _ = out.flush();
    code
}

async fn dispatch(command: &CommandLine, plain: &mut Plain<'_>) -> Outcome {
    match command {
        CommandLine::Run(arguments) => {
            run::dry_run(arguments, arguments.dry_run.unwrap_or_default(), plain).await
        }
        CommandLine::Jobs(command) => jobs::run(command, plain).await,
        CommandLine::Samples(command) => samples::run(command, plain).await,
        CommandLine::Review(command) => review::run(command, plain).await,
        CommandLine::Import(arguments) => import::dry_run(arguments, plain).await,
        CommandLine::Export(arguments) => export::export(arguments, plain).await,
        CommandLine::Verify(arguments) => export::verify(arguments, plain).await,
        CommandLine::Check(arguments) => check::check(arguments, plain).await,
        CommandLine::Estimate(arguments) => check::estimate(arguments, plain).await,
        CommandLine::Validate(arguments) => validate::run(arguments, plain).await,
        CommandLine::Lint(arguments) => lint::run(arguments, plain).await,
        CommandLine::Providers(command) => providers::run(command, plain).await,
        CommandLine::Doctor => doctor::run(plain).await,
        CommandLine::Db(command) => db::run(command, plain).await,
        CommandLine::Config(ConfigCommand::Show { origin }) => config::show(*origin, plain).await,
        CommandLine::Config(ConfigCommand::Path)
        | CommandLine::Demo
        | CommandLine::Init(_)
        | CommandLine::Keys(_)
        | CommandLine::Themes(_)
        | CommandLine::Completions(_)
        | CommandLine::Man(_) => Err(Ending::mismatch()),
    }
}

/// Whether an editor has the terminal, and ctrl-c is meant for it.
fn in_editor(command: &CommandLine) -> bool {
    matches!(
        command,
        CommandLine::Jobs(JobsCommand::Edit { file: None, .. })
            | CommandLine::Samples(SamplesCommand::Edit { file: None, .. })
    )
}

/// Carries a command out while taking events off their channel, so that the engine never waits for us. A signal ends it.
async fn beside(
    work: impl Future<Output = Outcome>,
    in_editor: bool,
    facts: &mut mpsc::Receiver<Event>,
    signals: &mut mpsc::Receiver<Signal>,
) -> (Outcome, Vec<Event>) {
    let mut heard = Vec::new();
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            biased;
            Some(signal) = signals.recv() => {
                if !(in_editor && signal == Signal::Interrupt) {
                    break Err(Ending::Exit(signal.exit_code()));
                }
            }
            outcome = &mut work => break outcome,
            Some(event) = facts.recv() => heard.push(event),
        }
    };
    while let Ok(event) = facts.try_recv() {
        heard.push(event);
    }
    (outcome, heard)
}

/// Says why a command failed, flushes, and settles the exit code.
fn end(outcome: Outcome, command: &CommandLine, out: &mut Output) -> u8 {
    let code = match outcome {
        Ok(code) | Err(Ending::Exit(code)) => code,
        Err(Ending::ClosedPipe) => {
            out.clear_live();
            return exit::OK;
        }
        Err(Ending::Failed(failure)) => failure::report(&failure, command.job_word(), out),
    };
    match out.flush().map_err(Ending::from) {
        Ok(()) | Err(Ending::ClosedPipe | Ending::Exit(_)) => code,
        Err(Ending::Failed(failure)) => failure::report(&failure, None, out),
    }
}
