//! What the samples screen asks beside plain pages: windows in any order, what the teachers were asked, what was done by hand.

use super::{Shared, answers};
use crate::core::api::{Failure, HistoryRow, SampleQuery, SampleWindow, StepPrompt, WindowAt};
use crate::core::filter::Sort;
use crate::core::journal::Deed;
use crate::core::ports::{Place, StoreError};
use crate::core::sample::{Sample, SampleId, as_text};
use crate::core::template::{Template, Templates, root, variables};

/// Some rows of all that match.
pub(super) async fn window(
    shared: &Shared,
    query: &SampleQuery,
    sort: Sort,
    at: WindowAt,
    limit: usize,
) -> Result<SampleWindow, Failure> {
    let filter = answers::filter(shared, query).await?;
    let place = match at {
        WindowAt::Place(place) => place,
        // Where it stands among all would be known only after all were read: the first ones come at once.
        WindowAt::Around(_) if filter.condition.is_slow() => Place::Row(0),
        WindowAt::Around(sample) => {
            let rank = shared.store.rank(&filter, sort, sample).await?;
            Place::Row(rank.map_or(0, |rank| rank.saturating_sub(limit as u64 / 2)))
        }
    };
    let found = shared.store.window(&filter, sort, place, limit).await?;
    let first = match place {
        Place::Row(row) => Some(row),
        Place::Last if found.len() < limit => Some(0),
        Place::Last => {
            let total = shared.store.count_samples(&filter).await?;
            Some(total.saturating_sub(found.len() as u64))
        }
        Place::After(_) | Place::Before(_) => None,
    };
    let names = answers::names(shared).await?;
    let with_job = |sample: Sample| (names.get(&sample.task.job).cloned().unwrap_or_default(), sample);
    Ok(SampleWindow {
        samples: found.into_iter().map(with_job).collect(),
        first,
    })
}

/// The prompts of a sample's steps, rendered from its seed and its earlier answers.
pub(super) async fn prompts(shared: &Shared, id: &SampleId) -> Result<Vec<StepPrompt>, Failure> {
    let sample = answers::sample(shared, id).await?;
    let jobs = shared.store.jobs().await?;
    let job = jobs.into_iter().find(|job| job.id == sample.task.job);
    let spec = job
        .map(|job| job.spec)
        .ok_or_else(|| StoreError::NotFound("its job".to_owned()))?;
    let templates = Templates::compile(&spec);
    let mut prompts = Vec::new();
    for (at, step) in spec.steps.iter().enumerate() {
        let Some(place) = sample.steps.iter().position(|answer| answer.step == step.name) else {
            continue;
        };
        let known = variables(&sample.seed, &sample.vary, &sample.steps[..place]);
        let read = Template::compile(&step.name, &step.prompt).map(|template| template.variables());
        let mut roots: Vec<String> = read
            .unwrap_or_default()
            .iter()
            .map(|path| root(path).to_owned())
            .collect();
        roots.dedup();
        let value = |name: String| known.get(&name).cloned().map(|value| (name, as_text(value)));
        let variables = roots.into_iter().filter_map(value).collect();
        let rendered = match &templates {
            Ok(templates) => templates.prompt(at, &known).map_err(|error| error.to_string()),
            Err(problems) => Err(problems
                .iter()
                .map(|one| one.message.clone())
                .collect::<Vec<_>>()
                .join("; ")),
        };
        let (system, prompt) = match rendered {
            Ok(prompt) => (prompt.system, Ok(prompt.user)),
            Err(error) => (None, Err(error)),
        };
        prompts.push(StepPrompt {
            step: step.name.clone(),
            system,
            prompt,
            variables,
        });
    }
    Ok(prompts)
}

/// What was done by hand, newest first, each with what stands in the way of taking it back.
pub(super) async fn history(
    shared: &Shared,
    job: Option<&str>,
    limit: usize,
) -> Result<Vec<HistoryRow>, Failure> {
    let names = answers::names(shared).await?;
    let job = match job {
        Some(name) => Some(shared.store.job(name).await?.id),
        None => None,
    };
    let mut rows = Vec::new();
    for entry in shared.store.journal(job, limit).await? {
        let blocked = if entry.deed == Deed::Export {
            Some("a file cannot be taken back".to_owned())
        } else if entry.undone.is_some() {
            Some("it is taken back".to_owned())
        } else {
            match shared.store.conflicts(entry.id).await? {
                0 => None,
                conflicts => Some(format!("{conflicts} decided about again since")),
            }
        };
        let job = entry.job.and_then(|job| names.get(&job).cloned());
        rows.push(HistoryRow { entry, job, blocked });
    }
    Ok(rows)
}

/// Tags in use.
pub(super) async fn tags(shared: &Shared, job: Option<&str>) -> Result<Vec<(String, u64)>, Failure> {
    let job = match job {
        Some(name) => Some(shared.store.job(name).await?.id),
        None => None,
    };
    Ok(shared.store.tags(job).await?)
}
