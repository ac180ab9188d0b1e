//! The doctor: looks at environment, database and providers, and says what to do about what it finds.

use super::Shared;
use crate::core::api::{Finding, Health, Level};

/// Everything worth knowing, in the order a person would check it.
pub(super) async fn examine(shared: &Shared) -> Vec<Finding> {
    let mut findings = shared.environment.clone();
    findings.push(database(shared).await);
    for finding in shared
        .store
        .check(false)
        .await
        .unwrap_or_else(|error| vec![error.to_string()])
    {
        findings.push(Finding {
            level: Level::Error,
            topic: "database".to_owned(),
            message: finding,
            help: Some("`destiler db backup FILE` saves what can be read".to_owned()),
        });
    }
    for station in &shared.stations {
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
            None if info.engine_version.is_empty() => {
                (Level::Ok, format!("{} · made by the first run", info.path), None)
            }
            None => (
                Level::Ok,
                format!(
                    "{} · SQLite {} · {} jobs, {} samples",
                    info.path, info.engine_version, info.rows[0], info.rows[3]
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
                message: match health.models.len() {
                    1 => "answers · 1 model configured".to_owned(),
                    models => format!("answers · {models} models configured"),
                },
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
