//! The whole engine on a clock that stands still while anybody works, from one seed: teachers without a network that go wrong, a disk that
//! fills up, a person who changes their mind, a process that dies. What goes wrong here goes wrong again from its seed.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "tests read the clock and may panic"
)]

#[path = "sim/audit.rs"]
mod audit;
#[path = "sim/clocks.rs"]
mod clocks;
#[path = "sim/files.rs"]
mod files;
#[path = "sim/idle.rs"]
mod idle;
#[path = "sim/ledger.rs"]
mod ledger;
#[path = "sim/money.rs"]
mod money;
#[path = "sim/patience.rs"]
mod patience;
#[path = "sim/plan.rs"]
mod plan;
#[path = "sim/seeds.rs"]
mod seeds;
#[path = "sim/stage.rs"]
mod stage;
#[path = "sim/storm.rs"]
mod storm;
#[path = "sim/teacher.rs"]
mod teacher;
#[path = "sim/watch.rs"]
mod watch;
#[path = "sim/world.rs"]
mod world;
