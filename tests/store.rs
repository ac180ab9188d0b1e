//! One suite that every ledger passes (in memory and in SQLite), the model test that drives both side by side, and what only a file
//! can do: locks, identity, permissions, recovery.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

#[path = "store/audit.rs"]
mod audit;
#[path = "store/bulk.rs"]
mod bulk;
#[path = "store/crashes.rs"]
mod crashes;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/file.rs"]
mod file;
#[path = "store/journal.rs"]
mod journal;
#[path = "store/leases.rs"]
mod leases;
#[path = "store/model.rs"]
mod model;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/review.rs"]
mod review;
#[path = "store/salvage.rs"]
mod salvage;
#[path = "store/samples.rs"]
mod samples;
#[path = "store/size.rs"]
mod size;
#[path = "store/suite.rs"]
mod suite;
#[path = "store/support.rs"]
mod support;
#[path = "store/uncertain.rs"]
mod uncertain;
#[path = "store/windows.rs"]
mod windows;
