//! The composition root: configuration → adapters → engine → a front end, and the way back. The only place that names concrete adapters.

mod assemble;
mod bundled;
mod customs;
mod desk;
mod directory;
mod door;
mod environment;
mod failpoints;
mod log_book;
mod logging;
mod signals;
mod streams;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use crate::cli::args::{Arguments, ColorChoice};
use crate::cli::{self, Database, Needs, Output, Surroundings};
use crate::config::{self, Dirs, Loaded, Variables};
use crate::core::api::{Application, Command, Failure, FailureKind, Query};
use crate::core::job::JobState;
use crate::tui;
use assemble::{Assembled, Logging, Site};
use door::Door;

/// How long the built-in mock takes on the screen: the demo's 200 tasks, 16 at once, in about 20 s.
const MOCK_LATENCY_MS: u64 = 1_500;

/// What this process knows before it opens anything.
struct World {
    arguments: Arguments,
    variables: Variables,
    cwd: PathBuf,
    dirs: Dirs,
}

/// Runs the program and returns its exit code.
pub fn main() -> Result<ExitCode> {
    color_eyre::config::HookBuilder::default()
        .display_env_section(false)
        .display_location_section(false)
        .install()?;
    // Files hold prompts, answers and paths: they are the user's alone, whatever the shell says.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let arguments = Arguments::parse();
    let cwd = std::env::current_dir().wrap_err("the current directory cannot be read")?;
    let world = World {
        variables: environment::variables(),
        dirs: Dirs::find(&cwd),
        arguments,
        cwd,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .wrap_err("no threads to run on")?;
    let code = runtime.block_on(world.run());
    // A reader of standard input may still wait for a line: it must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(ExitCode::from(code))
}

impl World {
    async fn run(self) -> u8 {
        failpoints::arm(&self.variables);
        let globals = &self.arguments.globals;
        let flags = config::Flags {
            config: globals.config.clone(),
            overrides: self.overrides(),
        };
        let loaded = config::load(&flags, &self.variables, &self.cwd, &self.dirs);
        let color = loaded
            .as_ref()
            .map_or_else(|_| "auto".to_owned(), |loaded| loaded.settings.ui.color.clone());
        let mut out = streams::output(globals, &self.variables, &color);
        let needs = self.needs();
        if !needs.application
            && let Some(command) = &self.arguments.command
        {
            let offline = environment::offline(&self.dirs, loaded.ok().as_ref(), &flags);
            return cli::run_offline(command, &offline, &mut out).await;
        }
        if self.arguments.command.is_none() && !streams::on_a_terminal() {
            return cli::no_terminal(&mut out);
        }
        if self.arguments.command.is_none() {
            return self.screen(flags, out).await;
        }
        let loaded = match checked(loaded) {
            Ok(loaded) => loaded,
            Err(failure) => return cli::fail(&failure, &mut out),
        };
        let log = if needs.database == Database::Write {
            Logging::File {
                bodies: globals.log_bodies,
            }
        } else {
            Logging::None
        };
        let (site, logs) = match self.site(flags, log) {
            Ok(site) => site,
            Err(failure) => return cli::fail(&failure, &mut out),
        };
        let grace = Duration::from_secs(loaded.settings.engine.grace_seconds);
        let code = match assemble::assemble(&site, loaded, &needs, &|_| ()).await {
            Ok(assembled) => self.with_engine(assembled, &needs, grace, &mut out).await,
            Err(failure) => cli::fail(&failure, &mut out),
        };
        drop(logs);
        code
    }

    fn site(
        &self,
        flags: config::Flags,
        log: Logging,
    ) -> Result<(Site, Option<tracing_appender::non_blocking::WorkerGuard>), Failure> {
        let world = (self.variables.clone(), self.dirs.clone(), self.cwd.clone(), flags);
        Site::new(world, Self::what(), log)
    }

    fn needs(&self) -> Needs {
        let screen = Needs {
            application: true,
            database: Database::Write,
            providers: true,
            runs: true,
            mock_latency_ms: Some(MOCK_LATENCY_MS),
            record: None,
        };
        self.arguments.command.as_ref().map_or(screen, cli::needs)
    }

    /// What this instance does, told to others that find the database taken.
    fn what() -> String {
        let words: Vec<String> = std::env::args().skip(1).take(4).collect();
        if words.is_empty() {
            "destiler".to_owned()
        } else {
            format!("destiler {}", words.join(" "))
        }
    }

    fn overrides(&self) -> Vec<(String, String)> {
        let color = self.arguments.globals.color.map(ColorChoice::word);
        color
            .map(|word| ("ui.color".to_owned(), word.to_owned()))
            .into_iter()
            .collect()
    }

    async fn with_engine(
        &self,
        assembled: Assembled,
        needs: &Needs,
        grace: Duration,
        out: &mut Output,
    ) -> u8 {
        let Assembled { started, held_by, .. } = assembled;
        let code = match &held_by {
            Some(holder) if needs.database == Database::Write => cli::fail(&locked(holder), out),
            _ => {
                let around = Surroundings {
                    editor: environment::editor(&self.variables),
                    scratch: self.dirs.state.join("scratch"),
                    grace,
                };
                let caught = signals::for_the_command_line();
                cli::run(
                    &self.arguments,
                    Arc::clone(&started.engine) as _,
                    started.events,
                    started.progress,
                    caught,
                    &around,
                    out,
                )
                .await
            }
        };
        started.engine.close().await;
        code
    }

    /// The full-screen application. It is there before the database is: opening that is its first order.
    async fn screen(&self, flags: config::Flags, mut out: Output) -> u8 {
        let log = Logging::File {
            bodies: self.arguments.globals.log_bodies,
        };
        let (site, logs) = match self.site(flags, log) {
            Ok(site) => site,
            Err(failure) => return cli::fail(&failure, &mut out),
        };
        let (loaded, wrong) = configured(&site);
        let grace = Duration::from_secs(loaded.settings.engine.grace_seconds);
        let banners = wrong.iter().map(|cause| {
            format!(
                "{} · defaults apply and no job runs until that is right",
                brief(cause)
            )
        });
        let options = self.options(&loaded, grace, banners.collect());
        let (door, events, progress) = Door::new(site, self.needs());
        let gauge = progress.clone();
        let app: Arc<dyn Application> = Arc::clone(&door) as _;
        let exit = tui::run(
            Arc::clone(&app),
            events,
            progress,
            signals::for_the_screen(),
            options,
        )
        .await;
        let code = Self::after_the_screen(exit, &door, grace, &mut out).await;
        if door.is_open() {
            let seen: Vec<String> = gauge.borrow().jobs.iter().map(|job| job.name.clone()).collect();
            cli::farewell(&app, &seen, &mut out).await;
        }
        door.close().await;
        drop(logs);
        code
    }

    fn options(&self, loaded: &Loaded, grace: Duration, banners: Vec<String>) -> tui::Options {
        let (panic_key, slow) = environment::hooks(&self.variables);
        let settings = tui::Options::of(&loaded.settings.ui, |name| self.variables.get(name).cloned());
        tui::Options {
            grace,
            remembered: environment::remembered(&self.dirs),
            outside: tui::Outside {
                editor: environment::editor(&self.variables),
                pager: environment::pager(&self.variables),
                state: self.dirs.state.clone(),
                logs: self.dirs.logs(),
                trace: self.arguments.globals.ui_trace.clone(),
                slow,
                panic_key,
                ..settings.outside.clone()
            },
            started_ms: environment::now_ms(),
            offset_seconds: environment::offset_seconds(),
            directory: self.cwd.clone(),
            keymap: customs::keymap(&self.dirs),
            themes: customs::themes(&self.dirs),
            banners,
            ..settings
        }
    }

    /// Stops the engine the way the screen was left, and says where jobs stand.
    async fn after_the_screen(
        exit: std::io::Result<tui::Exit>,
        door: &Door,
        grace: Duration,
        out: &mut Output,
    ) -> u8 {
        let (grace, code) = match exit {
            Ok(tui::Exit::Quit) => (grace, 0),
            Ok(tui::Exit::Now) => (Duration::ZERO, 0),
            Ok(tui::Exit::Signal(signal)) => (grace.min(signals::HURRY), signals::screen_exit_code(signal)),
            Ok(tui::Exit::Gone) => (grace.min(signals::HURRY), 129),
            Err(error) => {
                let failure = Failure::new(FailureKind::Unexpected, "the terminal cannot be used")
                    .because(error.to_string());
                (grace.min(signals::HURRY), cli::fail(&failure, out))
            }
        };
        door.stop(grace).await;
        code
    }
}

/// Jobs that were queued without a process to run them go on.
async fn go_on(app: &Arc<dyn Application>) {
    let Ok(crate::core::api::Answer::Jobs(jobs)) = app.ask(Query::Jobs).await else {
        return;
    };
    for job in jobs.into_iter().filter(|job| job.state == JobState::Queued) {
        if let Err(error) = app.order(Command::Resume(job.name.clone())).await {
            tracing::warn!(job = job.name, %error, "a queued job could not be started");
        }
    }
}

fn locked(holder: &str) -> Failure {
    Failure::new(FailureKind::Locked, format!("the database is held by {holder}"))
        .help("wait until it has ended, or stop it; reading commands work meanwhile")
}

/// The configuration as it is now. Where it cannot be used the defaults hold, with the first thing that is wrong: the screen opens
/// all the same, so that the file can be put right from there; but no job runs with teachers nobody chose.
fn configured(site: &Site) -> (Loaded, Option<String>) {
    let loaded = config::load(&site.flags, &site.variables, &site.cwd, &site.dirs);
    match checked(loaded) {
        Ok(loaded) => (loaded, None),
        Err(failure) => {
            let cause = failure.causes.into_iter().next();
            (Loaded::default(), Some(cause.unwrap_or(failure.message)))
        }
    }
}

/// A configuration that can be used, or everything that is wrong with it.
fn checked(loaded: Result<Loaded, config::ConfigError>) -> Result<Loaded, Failure> {
    let problems = match loaded {
        Ok(loaded) => {
            let problems = loaded.check(&crate::providers::CATALOG.kinds());
            if problems.is_empty() {
                return Ok(loaded);
            }
            problems
        }
        Err(error) => error.problems,
    };
    let words = if problems.len() == 1 {
        "1 problem".to_owned()
    } else {
        format!("{} problems", problems.len())
    };
    let mut failure = Failure::new(FailureKind::Invalid, format!("the configuration has {words}"));
    failure.causes = problems.iter().map(ToString::to_string).collect();
    Err(failure.help(config::help(&problems)))
}

/// A problem of a file with its name and line instead of the whole path: `config.toml line 3: …`.
fn brief(problem: &str) -> String {
    let Some((place, what)) = problem.split_once(": ") else {
        return problem.to_owned();
    };
    let mut parts = place.rsplitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(line), Some(path)) => {
            let name = Path::new(path).file_name().unwrap_or_default();
            format!("{} line {line}: {what}", name.display())
        }
        _ => problem.to_owned(),
    }
}

/// A path as the job file means it.
fn beside(base: &str, path: &str) -> PathBuf {
    Path::new(base).join(path)
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_problem_is_said_with_file_and_line() {
        assert_eq!(
            brief("/home/a/.config/destiler/config.toml:3:1: ui.muose: unknown key; did you mean `mouse`?"),
            "config.toml line 3: ui.muose: unknown key; did you mean `mouse`?"
        );
        assert_eq!(
            brief("DESTILER_UI__X: unknown key"),
            "DESTILER_UI__X: unknown key"
        );
    }
}
