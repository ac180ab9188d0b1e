//! The seven promises, proven on the real binary: a teacher that goes wrong, a process that dies anywhere, and an auditor that counts
//! afterwards. The long forms are `#[ignore]`d; `just prove` runs them.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests touch files and may panic"
)]

#[path = "proof/audit.rs"]
mod audit;
#[path = "support/auditor.rs"]
mod auditor;
#[path = "proof/disk.rs"]
mod disk;
#[path = "proof/failpoints.rs"]
mod failpoints;
#[path = "support/faulty.rs"]
mod faulty;
#[path = "proof/figures.rs"]
mod figures;
#[path = "proof/kills.rs"]
mod kills;
#[path = "proof/large.rs"]
mod large;
#[path = "proof/leaks.rs"]
mod leaks;
#[path = "proof/narrow.rs"]
mod narrow;
#[cfg(target_os = "linux")]
#[path = "support/outage.rs"]
mod outage;
#[path = "proof/patience.rs"]
mod patience;
#[path = "proof/places.rs"]
mod places;
#[path = "proof/poison.rs"]
mod poison;
#[cfg(target_os = "linux")]
#[path = "proof/power.rs"]
mod power;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "proof/shards.rs"]
mod shards;
#[cfg(target_os = "linux")]
#[path = "support/shim.rs"]
mod shim;
#[path = "proof/stage.rs"]
mod stage;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "support/teacher.rs"]
mod teacher;
#[path = "proof/upgrade.rs"]
mod upgrade;
#[path = "proof/zombies.rs"]
mod zombies;
