//! Looking after the database and the user's files: what a cleaning would take, and the cleaning itself, a copy first.

use std::path::PathBuf;
use std::sync::PoisonError;

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::core::api::{CleanRow, CleanRules, Cleaning, Failure, FailureKind};
use crate::core::budget::{CapMode, Caps, Money};

/// Copies that may lie beside a database.
const COPIES: u32 = 99;

/// What would go, logs included.
pub(super) async fn plan(shared: &Shared, rules: &CleanRules) -> Result<Vec<CleanRow>, Failure> {
    let mut rows = shared.store.clean_plan(rules).await?;
    if let Some(days) = rules.logs_days {
        let (files, bytes) = shared.customs.old_logs(days, false).map_err(refused)?;
        rows.push(CleanRow {
            what: "logs",
            rows: files,
            bytes,
        });
    }
    Ok(rows)
}

/// Puts a cleaning on the gauge for as long as it lasts.
struct Sweep<'a> {
    shared: &'a Shared,
    stop: CancellationToken,
}

impl<'a> Sweep<'a> {
    fn begin(shared: &'a Shared) -> Result<Self, Failure> {
        let mut cleaning = shared.cleaning.lock().unwrap_or_else(PoisonError::into_inner);
        if cleaning.is_some() {
            return Err(Failure::new(
                FailureKind::Usage,
                "the database is being cleaned already",
            ));
        }
        let stop = CancellationToken::new();
        *cleaning = Some(stop.clone());
        Ok(Self { shared, stop })
    }

    /// Says how far it is. False if it is to end.
    fn at(&self, doing: &'static str, gone: u64) -> bool {
        self.shared
            .progress
            .send_modify(|progress| progress.cleaning = Some(Cleaning { doing, gone }));
        !self.stop.is_cancelled()
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        self.shared
            .progress
            .send_modify(|progress| progress.cleaning = None);
        *self
            .shared
            .cleaning
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Ends a cleaning after the transaction it is at.
pub(super) fn stop(shared: &Shared) {
    let cleaning = shared.cleaning.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stop) = cleaning.as_ref() {
        stop.cancel();
    }
}

/// Takes over what of the configuration can change while running. What cannot waits for the next start.
pub(super) fn adopt(shared: &Shared) -> Result<(), Failure> {
    let files = shared.customs.files();
    if let Some(problem) = files.problem {
        return Err(
            Failure::new(FailureKind::Invalid, problem).help("nothing is taken over until that is right")
        );
    }
    let caps = Caps {
        usd: files.engine.usd_per_day.map(Money::from_usd),
        ..Caps::default()
    };
    shared.day().set_caps(caps, CapMode::Hard);
    shared
        .progress
        .send_modify(|progress| progress.day_cap = caps.usd);
    *shared.engine.write().unwrap_or_else(PoisonError::into_inner) = files.engine;
    Ok(())
}

/// Takes it away and frees its space. Nothing goes if the copy cannot be made.
pub(super) async fn clean_up(shared: &Shared, rules: &CleanRules, backup: bool) -> Result<u64, Failure> {
    if let Some(holder) = &shared.held_by {
        return Err(
            Failure::new(FailureKind::Locked, format!("the database is held by {holder}"))
                .help("wait until it has ended, or stop it"),
        );
    }
    if rules.is_empty() {
        return Err(Failure::new(
            FailureKind::Usage,
            "nothing was named that should go",
        ));
    }
    let sweep = Sweep::begin(shared)?;
    if backup {
        sweep.at("copying the database", 0);
        copy(shared).await?;
    }
    if !sweep.at("cleaning", 0) {
        return Ok(0);
    }
    let mut gone = shared
        .store
        .clean_up(rules, &|gone| sweep.at("cleaning", gone))
        .await?;
    if !sweep.at("freeing space", gone) {
        return Ok(gone);
    }
    shared.store.clean().await?;
    if let Some(days) = rules.logs_days {
        gone += shared.customs.old_logs(days, true).map_err(refused)?.0;
    }
    Ok(gone)
}

/// A copy beside the database, under the first name that is free.
async fn copy(shared: &Shared) -> Result<PathBuf, Failure> {
    let info = shared.store.info().await?;
    let names = (1..=COPIES).map(|number| PathBuf::from(format!("{}.before-cleaning-{number}", info.path)));
    let path = names.into_iter().find(|path| !path.exists()).ok_or_else(|| {
        Failure::new(
            FailureKind::Unexpected,
            format!("{COPIES} copies lie beside {} already", info.path),
        )
        .help("remove old ones, or clean without a copy")
    })?;
    shared.store.backup(&path).await?;
    Ok(path)
}

/// A refusal of the user's files as a failure.
pub(super) fn refused(message: String) -> Failure {
    Failure::new(FailureKind::Invalid, message)
}
