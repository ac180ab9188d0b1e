//! What only a terminal shows: the real binary on a pseudo-terminal, its bytes read by a terminal of our own. Tests wait for what
//! they want to see, never for a time.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests touch files and may panic"
)]

#[path = "pty/again.rs"]
mod again;
#[path = "pty/asleep.rs"]
mod asleep;
#[path = "pty/becoming.rs"]
mod becoming;
#[path = "pty/bytes.rs"]
mod bytes;
#[path = "pty/first_run.rs"]
mod first_run;
#[path = "pty/inside_tmux.rs"]
mod inside_tmux;
#[path = "pty/leaving.rs"]
mod leaving;
#[path = "pty/opening.rs"]
mod opening;
#[path = "pty/reviewing.rs"]
mod reviewing;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "pty/scheme.rs"]
mod scheme;
#[path = "pty/session.rs"]
mod session;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "support/teacher.rs"]
mod teacher;
#[path = "pty/typing.rs"]
mod typing;
#[path = "pty/waiting.rs"]
mod waiting;
