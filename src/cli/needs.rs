//! What a command needs opened before it can be carried out, so that the composition root opens nothing more.

use std::path::PathBuf;

use super::args::CommandLine;
use super::config::ConfigCommand;
use super::db::DatabaseCommand;
use super::jobs::JobsCommand;
use super::providers::ProvidersCommand;
use super::samples::SamplesCommand;
use super::source::is_name;
use crate::core::api::LintRows;

/// What a command needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// An application at all: [`super::run`]; without it [`super::run_offline`].
    pub application: bool,
    /// The ledger.
    pub database: Database,
    /// Providers with their keys: it may ask them.
    pub providers: bool,
    /// Jobs may be claimed and run in this process. Without it, an order that makes a job go on only queues it.
    pub runs: bool,
    /// How long the built-in mock takes over an answer, where somebody watches.
    pub mock_latency_ms: Option<u64>,
    /// Record every exchange into this cassette.
    pub record: Option<PathBuf>,
}

/// How a command uses the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Database {
    /// Not at all.
    #[default]
    None,
    /// Only reading: works while another instance holds it, and is empty where there is none yet.
    Read,
    /// The same, but one that cannot be read is a finding and not the end.
    Look,
    /// It could not be opened: it reads as empty and takes nothing.
    Closed,
    /// Takes the lock; exit 10 while another instance holds it.
    Write,
}

/// What that command needs.
pub fn needs(command: &CommandLine) -> Needs {
    let reading = Needs {
        application: true,
        database: Database::Read,
        ..Needs::default()
    };
    let writing = Needs {
        database: Database::Write,
        ..reading.clone()
    };
    let neither = Needs {
        database: Database::None,
        ..reading.clone()
    };
    match command {
        // A damaged one may not open: it is left closed.
        CommandLine::Db(DatabaseCommand::Backup { salvage: true, .. }) => Needs {
            database: Database::Closed,
            ..reading
        },
        CommandLine::Run(arguments) => Needs {
            database: if arguments.dry_run.is_some() {
                Database::Read
            } else {
                Database::Write
            },
            providers: true,
            runs: arguments.dry_run.is_none(),
            record: arguments.record.clone(),
            ..reading
        },
        CommandLine::Import(arguments) if arguments.dry_run => reading,
        // Nobody is asked for a row; a judge that was added since may be.
        CommandLine::Import(_) | CommandLine::Demo => Needs {
            providers: true,
            runs: true,
            ..writing
        },
        // They read a judge's stored answers; nobody is asked.
        CommandLine::Jobs(JobsCommand::Rejudge { apply, .. }) => Needs {
            providers: true,
            ..if *apply { writing } else { reading }
        },
        CommandLine::Jobs(JobsCommand::List | JobsCommand::Show { .. } | JobsCommand::Report { .. })
        | CommandLine::Samples(SamplesCommand::List { .. } | SamplesCommand::Show { .. })
        | CommandLine::Review(_)
        | CommandLine::Export(_)
        | CommandLine::Verify(_)
        | CommandLine::Db(
            DatabaseCommand::Info | DatabaseCommand::Check { .. } | DatabaseCommand::Backup { .. },
        ) => reading,
        CommandLine::Jobs(_) | CommandLine::Samples(_) | CommandLine::Db(DatabaseCommand::Clean(_)) => {
            writing
        }
        CommandLine::Check(_) | CommandLine::Estimate(_) | CommandLine::Validate(_)
            if command.job_word().is_some_and(is_name) =>
        {
            reading
        }
        CommandLine::Lint(arguments) if matches!(arguments.rows(), LintRows::Job(_)) => reading,
        CommandLine::Check(_)
        | CommandLine::Estimate(_)
        | CommandLine::Validate(_)
        | CommandLine::Lint(_)
        | CommandLine::Config(ConfigCommand::Show { .. }) => neither,
        CommandLine::Doctor => Needs {
            database: Database::Look,
            providers: true,
            ..reading
        },
        CommandLine::Providers(ProvidersCommand::List | ProvidersCommand::Test { .. }) => Needs {
            providers: true,
            ..reading
        },
        CommandLine::Providers(ProvidersCommand::Models { .. }) => Needs {
            providers: true,
            ..neither
        },
        CommandLine::Config(ConfigCommand::Path)
        | CommandLine::Init(_)
        | CommandLine::Keys(_)
        | CommandLine::Themes(_)
        | CommandLine::Completions(_)
        | CommandLine::Man(_) => Needs::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Arguments;
    use super::*;

    fn of(line: &str) -> Needs {
        let words = std::iter::once("destiler").chain(line.split_whitespace());
        needs(&Arguments::from_words(words).unwrap().command.unwrap())
    }

    #[test]
    fn writing_commands_take_the_lock_and_reading_ones_do_not() {
        assert_eq!(of("run job.toml").database, Database::Write);
        assert!(of("run job.toml").runs);
        assert_eq!(of("run job.toml --dry-run").database, Database::Read);
        assert!(!of("run job.toml --dry-run").runs);
        assert_eq!(of("run job.toml --record tape").record, Some("tape".into()));
        assert_eq!(of("jobs list").database, Database::Read);
        assert_eq!(of("jobs resume x").database, Database::Write);
        assert!(!of("jobs resume x").runs);
        assert_eq!(of("samples accept a").database, Database::Write);
        assert_eq!(of("check x.toml").database, Database::None);
        assert_eq!(of("check x").database, Database::Read);
        assert_eq!(of("lint rows.jsonl --for trl").database, Database::None);
        assert_eq!(of("lint tides --for trl").database, Database::Read);
        assert!(!of("completions bash").application);
    }
}
