//! The command tree. What each command does is in the file of its group; nothing here reads more than the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::check::{CheckArguments, EstimateArguments};
use super::config::ConfigCommand;
use super::db::DatabaseCommand;
use super::export::{ExportArguments, VerifyArguments};
use super::generate::{CompletionsArguments, ManArguments};
use super::import::ImportArguments;
use super::init::InitArguments;
use super::jobs::JobsCommand;
use super::keys::{KeysCommand, ThemesCommand};
use super::lint::LintArguments;
use super::providers::ProvidersCommand;
use super::review::ReviewCommand;
use super::run::RunArguments;
use super::samples::SamplesCommand;
use super::validate::ValidateArguments;

const EXIT_CODES: &str = "\
Without a command, destiler opens its full-screen application.
Data goes to stdout, everything else to stderr.

Exit codes:
  0  all went well                 6  stopped by a limit
  1  unexpected                    7  invalid records found
  2  the call makes no sense       8  no such thing
  3  config or job file invalid    9  provider unreachable
  4  key missing or rejected      10  locked by another instance
  5  finished, some tasks failed  11  another instance took over
  130 interrupted, 143 terminated, 129 hung up: each after a checkpoint

With --json a command that fails prints one object on stdout, besides the message on stderr:
  {\"error\":{\"kind\":\"invalid\",\"message\":\"…\",\"causes\":[\"…\"],\"help\":\"…\",\"problems\":[…]}}
  kind: unexpected, usage, invalid, auth, limit, records, not_found, unreachable, locked, fenced
  a problem: {\"severity\":\"error\",\"line\":3,\"column\":1,\"key\":\"steps\",\"message\":\"…\",\"help\":\"…\"}";

/// Distils large teacher models into training data for small student models
#[derive(Debug, Clone, Parser)]
#[command(
    name = "destiler",
    version,
    max_term_width = 100,
    after_long_help = EXIT_CODES
)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; `None` opens the full-screen application.
    #[command(subcommand)]
    pub command: Option<CommandLine>,
}

impl Arguments {
    /// Reads the process's arguments. `--help` and `--version` print and end the process with 0, a call that makes no sense with 2.
    pub fn parse() -> Self {
        <Self as Parser>::parse()
    }

    /// The same for given words, the first of which is the program's name.
    pub fn from_words<I, T>(words: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        <Self as Parser>::try_parse_from(words)
    }
}

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are what a command line has")]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Use this file instead of the nearest destiler.toml and the user's config.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print data as JSON; each command's help documents its shape
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Which colours to use; auto looks at the terminal and at the variable for no colour.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        help = "Which colours to use; auto looks at the terminal and at NO_COLOR"
    )]
    pub color: Option<ColorChoice>,
    /// No borders and no redrawn lines: for screen readers and slow lines
    #[arg(long, global = true)]
    pub plain_ui: bool,
    /// Put prompts and answers into the log; keys are still blotted out
    #[arg(long, global = true)]
    pub log_bodies: bool,
    /// Note every frame of the full-screen application in this file, a line of JSON each
    #[arg(long, global = true, value_name = "FILE")]
    pub ui_trace: Option<PathBuf>,
    /// Do not show progress
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// Which colours to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// As the terminal can, none elsewhere.
    Auto,
    /// Even where stdout is no terminal.
    Always,
    /// 16 million colours.
    Truecolor,
    /// 256 colours.
    #[value(name = "256")]
    Ansi256,
    /// The terminal's own 16.
    #[value(name = "16")]
    Ansi16,
    /// No colours.
    #[value(alias = "never")]
    None,
}

impl ColorChoice {
    /// The word of the `ui.color` setting; `always` leaves the depth to the terminal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto | Self::Always => "auto",
            Self::Truecolor => "truecolor",
            Self::Ansi256 => "256",
            Self::Ansi16 => "16",
            Self::None => "none",
        }
    }
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum CommandLine {
    /// Create or resume a job and run it to the end, without a screen
    Run(RunArguments),
    /// Manage jobs
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// List, judge and edit samples
    #[command(subcommand)]
    Samples(SamplesCommand),
    /// Look at what persons said in review queues
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Bring a dataset that is there already into the database, as a job of its own
    Import(ImportArguments),
    /// Write a job's dataset to stdout or into a file
    Export(ExportArguments),
    /// Check a dataset against its manifest and the ledger
    Verify(VerifyArguments),
    /// Say everything that is wrong with a job, before a cent is spent
    Check(CheckArguments),
    /// Say what a job would take: requests, tokens, money, time
    Estimate(EstimateArguments),
    /// Run validators over any JSONL file
    Validate(ValidateArguments),
    /// Check rows for a trainer: what it would stumble over, and how to mend it
    Lint(LintArguments),
    /// Look at providers and what they offer
    #[command(subcommand)]
    Providers(ProvidersCommand),
    /// Check environment, terminal, database and providers
    #[command(after_long_help = super::doctor::JSON)]
    Doctor,
    /// Run the demo job: offline, with the built-in mock teacher
    #[command(after_long_help = super::run::JSON)]
    Demo,
    /// Write a commented destiler.toml and a sample job
    Init(InitArguments),
    /// Look after the database
    #[command(subcommand)]
    Db(DatabaseCommand),
    /// Show the configuration in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the keys of the full-screen application
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show the themes of the full-screen application
    #[command(subcommand)]
    Themes(ThemesCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Print the manual page, or that of one command
    Man(ManArguments),
}

impl CommandLine {
    /// The word for the job this command reads: a file, a name or `-`. It stands in front of the job's problems.
    pub(super) fn job_word(&self) -> Option<&str> {
        match self {
            Self::Run(arguments) => Some(&arguments.job),
            Self::Check(arguments) => Some(&arguments.job),
            Self::Estimate(arguments) => Some(&arguments.job),
            Self::Validate(arguments) => arguments.job.as_deref(),
            Self::Jobs(JobsCommand::Create { job } | JobsCommand::Edit { job, .. }) => Some(job),
            _ => None,
        }
    }
}
