//! The doctor: looks at environment, database and providers, and says what to do about what it finds.

use super::Shared;
use crate::core::api::{Finding, Health, Level};
use crate::core::text::grouped;

/// Everything worth knowing, in the order a person would check it.
pub(super) async fn examine(shared: &Shared) -> Vec<Finding> {
    let mut findings = shared.environment.clone();
    // The composition root has a finding of its own where the ledger cannot even be opened.
    if !findings.iter().any(|finding| finding.topic == "database") {
        findings.push(database(shared).await);
        findings.extend(damage(shared).await);
    }
    for station in &shared.roster().stations {
        findings.push(provider(station).await);
    }
    findings
}

async fn database(shared: &Shared) -> Finding {
    let (level, message, help) = match shared.store.info().await {
        Ok(info) => match &shared.held_by {
            Some(holder) => (
                Level::Warning,
                format!("{} is held by {holder}", info.path),
                Some("reading works; wait for it to end to write".to_owned()),
            ),
            None if info.schema_version == 0 => (
                Level::Ok,
                format!(
                    "{}: not there yet; the first command that stores something makes it",
                    info.path
                ),
                None,
            ),
            None => (
                Level::Ok,
                format!(
                    "{} · SQLite {} · {}, {}",
                    info.path,
                    info.engine_version,
                    counted(info.rows[0], "job"),
                    counted(info.rows[3], "sample")
                ),
                None,
            ),
        },
        Err(error) => (
            Level::Error,
            error.to_string(),
            Some("check `database_url` in the configuration".to_owned()),
        ),
    };
    Finding {
        level,
        topic: "database".to_owned(),
        message,
        help,
    }
}

async fn damage(shared: &Shared) -> Vec<Finding> {
    let found = shared.store.check(false).await;
    let found = found.unwrap_or_else(|error| vec![error.to_string()]);
    found
        .into_iter()
        .map(|message| Finding {
            level: Level::Error,
            topic: "database".to_owned(),
            message,
            help: Some("`destiler db backup --salvage FILE` saves what can be read".to_owned()),
        })
        .collect()
}

async fn provider(station: &super::governor::Station) -> Finding {
    let topic = format!("provider {}", station.settings.name);
    let Some(provider) = &station.provider else {
        let message = station
            .health()
            .message
            .unwrap_or_else(|| "cannot be used".to_owned());
        return Finding {
            level: Level::Error,
            topic,
            message,
            help: Some("`destiler config show --origin` tells where it is set".to_owned()),
        };
    };
    match provider.probe().await {
        Ok(()) => {
            let health = station.health();
            let level = if health.health == Health::Up {
                Level::Ok
            } else {
                Level::Warning
            };
            Finding {
                level,
                topic,
                message: format!(
                    "answers · {} configured",
                    counted(health.models.len() as u64, "model")
                ),
                help: None,
            }
        }
        Err(error) => Finding {
            level: Level::Error,
            topic,
            message: error.message,
            help: Some(format!(
                "`destiler providers test {}` tries again",
                station.settings.name
            )),
        },
    }
}

/// `1 job`, `2,000 jobs`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}
