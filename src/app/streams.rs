//! The standard streams as the command line gets them.

use std::io::{self, BufWriter, IsTerminal};

use crate::cli::args::{ColorChoice, Globals};
use crate::cli::{Input, Output, Stream};
use crate::config::Variables;

/// Whether a screen can be opened: keys come from a terminal and go to one.
pub(super) fn on_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Standard input, output and error. `color` is the word of `ui.color`.
pub(super) fn output(globals: &Globals, variables: &Variables, color: &str) -> Output {
    let set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let allowed =
        color != "none" && !set("NO_COLOR") && variables.get("TERM").is_none_or(|term| term != "dumb");
    let colored = |is_terminal: bool| match globals.color {
        Some(ColorChoice::None) => false,
        Some(ColorChoice::Auto) | None => allowed && (is_terminal || set("CLICOLOR_FORCE")),
        Some(_) => true,
    };
    let stdin = Input {
        reader: Box::new(tokio::io::stdin()),
        is_terminal: io::stdin().is_terminal(),
    };
    let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
    let stdout = Stream {
        writer: Box::new(BufWriter::new(io::stdout())),
        is_terminal: out,
        color: colored(out),
    };
    let stderr = Stream {
        writer: Box::new(io::stderr()),
        is_terminal: err,
        color: colored(err),
    };
    let width = (out || err).then(width).flatten();
    Output::new(stdin, stdout, stderr, width, globals)
}

/// Columns of the terminal that shows us something.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdout()))
        .ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
