//! `completions` and `man`: made from the command tree, so that they cannot differ from it.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::exit;
use super::keys::KeyRow;
use super::output::{Ending, Outcome, Output};

const COMPLETIONS_HELP: &str = "\
Examples:
  destiler completions bash > ~/.local/share/bash-completion/completions/destiler
  destiler completions zsh  > \"${fpath[1]}/_destiler\"
  destiler completions fish > ~/.config/fish/completions/destiler.fish

The output is a script, with --json too.";
const MAN_HELP: &str = "\
Examples:
  destiler man | man -l -
  destiler man jobs edit | man -l -

The output is roff, with --json too.";

/// For which shell.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = COMPLETIONS_HELP)]
pub struct CompletionsArguments {
    /// The shell
    pub shell: Shell,
}

/// Which page.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = MAN_HELP)]
pub struct ManArguments {
    /// The command whose page is wanted, such as jobs edit
    pub command: Vec<String>,
}

/// Prints the completion script.
pub(super) fn completions(arguments: &CompletionsArguments, out: &mut Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "destiler",
        &mut script,
    );
    out.stdout.writer.write_all(&script)?;
    Ok(exit::OK)
}

/// Prints a manual page.
pub(super) fn man(arguments: &ManArguments, keys: &[KeyRow], out: &mut Output) -> Outcome {
    let mut command = Arguments::command();
    command.build();
    let mut name = "destiler".to_owned();
    for word in &arguments.command {
        let Some(found) = command.find_subcommand(word) else {
            return Err(Ending::usage(
                format!("{name} has no command `{word}`"),
                format!("`{name} --help` lists what it has"),
            ));
        };
        command = found.clone();
        name = format!("{name}-{word}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).title(name).render(&mut page)?;
    if arguments.command.is_empty() {
        page.extend(super::keys::manual(keys).bytes());
    }
    out.stdout.writer.write_all(&page)?;
    Ok(exit::OK)
}
