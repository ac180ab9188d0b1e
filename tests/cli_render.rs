//! The command line against a fake application: what it orders, what it prints, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::struct_excessive_bools,
    reason = "a test fails by panicking, sets its own stage with files, and has many switches"
)]

#[path = "cli_render/engine.rs"]
mod engine;
#[path = "cli_render/reports.rs"]
mod reports;
#[path = "cli_render/running.rs"]
mod running;
#[path = "cli_render/stage.rs"]
mod stage;
