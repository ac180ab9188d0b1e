//! The loop itself, on a test backend with the canned engine: what comes in, what it draws, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use destilation::core::api::Progress;
use destilation::tui::{Exit, Input, Signal, drive};
use futures::stream;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::{mpsc, watch};

use crate::canned::{Says, progress};
use crate::world::{Canned, key, options};

/// Runs it with that input.
async fn driven(says: Says, input: Vec<Input>, progress: Progress) -> (Exit, Terminal<TestBackend>) {
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).unwrap();
    let (_facts, heard) = mpsc::channel(8);
    let (_gauge, seen) = watch::channel(progress);
    let input = stream::unfold(input.into_iter(), |mut left| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        match left.next() {
            Some(input) => Some((input, left)),
            None => std::future::pending().await,
        }
    });
    let exit = drive(
        &mut terminal,
        input,
        Arc::new(Canned(says)),
        heard,
        seen,
        options(),
    )
    .await;
    (exit.unwrap(), terminal)
}

#[tokio::test]
async fn the_loop_asks_draws_and_ends() {
    let script = ["2", "j", "q"].map(|name| Input::Key(key(name))).to_vec();
    let (exit, terminal) = driven(Says::Everything, script, Progress::default()).await;
    assert_eq!(exit, Exit::Quit);
    let screen = terminal.backend().to_string();
    assert!(screen.contains("medqa-probe"), "{screen}");
}

#[tokio::test]
async fn signals_and_a_lost_terminal_end_the_loop() {
    let (exit, _) = driven(
        Says::Everything,
        vec![Input::Signal(Signal::Terminate)],
        progress(1),
    )
    .await;
    assert_eq!(exit, Exit::Signal(Signal::Terminate));
    let (exit, _) = driven(Says::Silence, vec![Input::Gone], progress(1)).await;
    assert_eq!(exit, Exit::Gone);
}

#[tokio::test]
async fn nothing_is_drawn_while_nothing_changes() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let (_facts, heard) = mpsc::channel(8);
    let (_gauge, seen) = watch::channel(progress(1));
    let app = Arc::new(Canned(Says::Everything));
    {
        let input = stream::pending();
        let run = drive(&mut terminal, input, app, heard, seen, options());
        let idle = tokio::time::timeout(Duration::from_secs(1), run).await;
        assert!(idle.is_err());
    }
    // The gauge came once: two frames for it and the answers, none in the second after.
    let frames = terminal.get_frame().count();
    assert!(frames <= 4, "{frames} frames");
}
