//! Signals from outside, as messages to whichever front end runs.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::{cli, tui};

/// Longest wait for what is in flight when the system wants us gone.
pub(super) const HURRY: Duration = Duration::from_secs(5);

/// One of ours: for the command line, for the screen.
type Pair = (SignalKind, cli::Signal, tui::Signal);

fn caught() -> [Pair; 3] {
    [
        (
            SignalKind::interrupt(),
            cli::Signal::Interrupt,
            tui::Signal::Interrupt,
        ),
        (
            SignalKind::terminate(),
            cli::Signal::Terminate,
            tui::Signal::Terminate,
        ),
        (SignalKind::hangup(), cli::Signal::Hangup, tui::Signal::Hangup),
    ]
}

/// Signals for a command.
pub(super) fn for_the_command_line() -> mpsc::Receiver<cli::Signal> {
    listen(|(_, signal, _)| signal)
}

/// Signals for the screen.
pub(super) fn for_the_screen() -> mpsc::Receiver<tui::Signal> {
    listen(|(_, _, signal)| signal)
}

/// Exit code of a program that a signal ended after a checkpoint.
pub(super) fn screen_exit_code(signal: tui::Signal) -> u8 {
    match signal {
        tui::Signal::Interrupt => 130,
        tui::Signal::Terminate => 143,
        tui::Signal::Hangup => 129,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "listens for signals until the process ends; there is nothing to join"
)]
fn listen<S: Copy + Send + 'static>(pick: fn(Pair) -> S) -> mpsc::Receiver<S> {
    let (send, receive) = mpsc::channel(8);
    for pair in caught() {
        let send = send.clone();
        // A signal that cannot be caught keeps its usual effect.
        let Ok(mut stream) = signal(pair.0) else { continue };
        tokio::spawn(
            async move { while stream.recv().await.is_some() && send.send(pick(pair)).await.is_ok() {} },
        );
    }
    receive
}
