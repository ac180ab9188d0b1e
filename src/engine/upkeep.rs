//! Looking after the database and the user's files: what a cleaning would take, and the cleaning itself, a copy first.

use std::path::PathBuf;

use super::Shared;
use crate::core::api::{CleanRow, CleanRules, Failure, FailureKind};

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
    if backup {
        copy(shared).await?;
    }
    let mut gone = shared.store.clean_up(rules).await?;
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
