//! Reviewing: makes queues, shows their places, carries out what persons say about them, and keeps datasets up to date with it in
//! the background, so that no decision waits for a file.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Shared, answers, outbox, streams};
use crate::core::api::{
    Failure, FailureKind, Level, QueueRequest, QueueSource, Receipt, ReviewItem, ReviewReport, SampleQuery,
    Saying,
};
use crate::core::conversation::Message;
use crate::core::job::{Job, JobId};
use crate::core::ports::{Decided, SampleFilter, SampleOrder};
use crate::core::review::agreement::{matched, tally};
use crate::core::review::lot::{Lot, Order, PairBy, Pairing, Pool};
use crate::core::review::slices::{Slice, Slices};
use crate::core::review::{
    NewItem, NewQueue, Outcome, Outline, QueueId, QueueItem, QueueKind, QueueSpec, Said, Word, machine,
};
use crate::core::sample::{Sample, SampleId, StepAnswer};
use crate::core::template::{Templates, variables};

/// Outlines of a page.
const PAGE: usize = 4096;
/// Most places of a queue.
const SIZE_AT_MOST: usize = 100_000;
/// Most places shown at once.
const ITEMS_AT_MOST: usize = 100;
/// A dataset follows the decisions about it after so long.
const LAG: Duration = Duration::from_secs(3);
/// Places of the list of last decisions.
const LAST: usize = 10;

/// Jobs whose dataset lags behind what persons decided.
#[derive(Debug, Default)]
pub(super) struct Lagging(Mutex<BTreeSet<i64>>);

impl Lagging {
    /// Adds a job; true if it is the first, and somebody is to take care of it.
    fn add(&self, job: JobId) -> bool {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = jobs.is_empty();
        jobs.insert(job.0);
        first
    }

    fn take(&self) -> BTreeSet<i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes a queue; `None` where nothing is let in.
pub(super) async fn open(shared: &Shared, request: QueueRequest) -> Result<Option<QueueId>, Failure> {
    let size = request.size.clamp(1, SIZE_AT_MOST);
    let job = match &request.job {
        Some(name) => Some(shared.store.job(name).await?),
        None => None,
    };
    let kind = match request.source {
        QueueSource::Pairs(_) => QueueKind::Compare,
        _ => QueueKind::Decide,
    };
    let (items, sources) = match &request.source {
        QueueSource::Pairs(by) => {
            let pairing = pair(shared, job.as_ref(), by).await?;
            let sources = pairing.sources();
            (pairing.items(size, request.seed), sources)
        }
        _ => (draw(shared, job.as_ref(), &request, size).await?, None),
    };
    if items.is_empty() {
        return Ok(None);
    }
    let order = match (kind, request.order) {
        (QueueKind::Compare, _) | (_, Order::Random) => "random",
        (_, Order::Plan) => "as planned",
        (_, Order::Newest) => "newest first",
    };
    let spec = QueueSpec {
        kind,
        job: request.job.unwrap_or_default(),
        title: format!("{}, {order}", request.source.words()),
        blind: request.blind || kind == QueueKind::Compare,
        guideline: request.guideline,
        sources,
    };
    Ok(Some(shared.store.open_queue(&NewQueue { spec, items }).await?))
}

/// Draws samples.
async fn draw(
    shared: &Shared,
    job: Option<&Job>,
    request: &QueueRequest,
    size: usize,
) -> Result<Vec<NewItem>, Failure> {
    let words = match &request.source {
        QueueSource::NeedsReview => "state:needs_review",
        QueueSource::NearDuplicates => "reason:near_duplicate",
        _ => "",
    };
    let query = match &request.source {
        QueueSource::Filter(query) => query.clone(),
        _ => SampleQuery::parse(words)
            .map_err(|_| Failure::new(FailureKind::Unexpected, format!("`{words}` is no filter")))?,
    };
    let mut filter = answers::filter(shared, &query).await?;
    filter.job = job.map(|job| job.id).or(filter.job);
    let pool = match &request.source {
        QueueSource::Filter(_) | QueueSource::NeedsReview => Pool::All,
        QueueSource::Flagged => Pool::Flagged,
        QueueSource::NearMark => near_mark(job)?,
        _ => Pool::Fresh,
    };
    let mut lot = Lot::new(pool, request.order, size, request.seed);
    visit(shared, &filter, |outline| {
        lot.offer(outline);
        !lot.is_full()
    })
    .await?;
    Ok(lot.items(request.double_check.min(100)))
}

/// Shows all outlines a filter lets through, for as long as they are wanted.
async fn visit(
    shared: &Shared,
    filter: &SampleFilter,
    mut look: impl FnMut(&Outline) -> bool,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = shared.store.outlines(filter, after, PAGE).await?;
        if !page.iter().all(&mut look) {
            return Ok(());
        }
        match page.last() {
            Some(last) => after = Some((last.task, last.candidate)),
            None => return Ok(()),
        }
    }
}

/// What a job's judge nearly accepted or nearly rejected: a tenth of its scale either way, a whole point at least.
fn near_mark(job: Option<&Job>) -> Result<Pool, Failure> {
    let usage = |message: String| {
        Failure::new(FailureKind::Usage, message).help("choose another queue, or a job with a judge")
    };
    let job = job.ok_or_else(|| usage("choose one job: every judge has its own pass mark".to_owned()))?;
    let judge = job.spec.validators.iter().find(|plug| plug.kind == "judge");
    let mark = judge.and_then(|plug| plug.params.get("accept_at")?.as_f64());
    let mark = mark.ok_or_else(|| usage(format!("{} has no judge", job.spec.name)))?;
    let scale = judge.and_then(|plug| {
        let scale = plug.params.get("scale")?.as_array()?;
        Some(scale.last()?.as_f64()? - scale.first()?.as_f64()?)
    });
    let within = (scale.unwrap_or(4.0) / 10.0).max(1.0);
    Ok(Pool::Near { mark, within })
}

async fn pair(shared: &Shared, job: Option<&Job>, by: &PairBy) -> Result<Pairing, Failure> {
    let job = job.ok_or_else(|| {
        Failure::new(FailureKind::Usage, "choose one job to compare in")
            .help("pairs are made within a job, or between it and another")
    })?;
    let of = |job: &Job| SampleFilter {
        job: Some(job.id),
        ..SampleFilter::default()
    };
    let mut pairing = Pairing::default();
    match by {
        PairBy::Candidates => {
            visit(shared, &of(job), |outline| {
                pairing.candidate(outline);
                true
            })
            .await?;
        }
        PairBy::Edits => {
            visit(shared, &of(job), |outline| {
                pairing.edit(outline);
                true
            })
            .await?;
        }
        PairBy::Job(other) => {
            let other = shared.store.job(other).await?;
            visit(shared, &of(job), |outline| {
                pairing.of_first_job(&job.spec.name, outline);
                true
            })
            .await?;
            visit(shared, &of(&other), |outline| {
                pairing.of_second_job(&other.spec.name, outline);
                true
            })
            .await?;
        }
    }
    Ok(pairing)
}

/// Places of a queue with their samples and prompts.
pub(super) async fn items(
    shared: &Shared,
    queue: QueueId,
    from: u32,
    limit: usize,
) -> Result<Vec<ReviewItem>, Failure> {
    let limit = limit.clamp(1, ITEMS_AT_MOST);
    let places = shared.store.queue_items(queue, from, limit).await?;
    let samples = whole(shared, &places).await?;
    let jobs: HashMap<JobId, Job> = shared
        .store
        .jobs()
        .await?
        .into_iter()
        .map(|job| (job.id, job))
        .collect();
    let ids: Vec<SampleId> = samples.keys().cloned().collect();
    let flagged = shared.store.flagged(&ids).await?;
    let mut compiled: HashMap<JobId, Option<Templates>> = HashMap::new();
    let mut items = Vec::with_capacity(places.len());
    for place in places {
        let Some(mut sample) = samples.get(&place.item.sample).cloned() else {
            continue;
        };
        let other = place
            .item
            .other
            .as_ref()
            .and_then(|other| samples.get(other))
            .cloned();
        if place.item.other.as_ref() == Some(&sample.id)
            && let Some(steps) = shared.store.before_edit(&sample.id).await?
        {
            sample.steps = steps;
        }
        let job = jobs.get(&sample.task.job);
        let templates = compiled
            .entry(sample.task.job)
            .or_insert_with(|| job.and_then(|job| Templates::compile(&job.spec).ok()));
        let prompt = job
            .zip(templates.as_ref())
            .and_then(|(job, templates)| prompt(job, templates, &sample));
        items.push(ReviewItem {
            job: job.map_or_else(String::new, |job| job.spec.name.clone()),
            flagged: flagged.contains(&sample.id),
            prompt: prompt.unwrap_or_default(),
            place,
            sample,
            other,
        });
    }
    Ok(items)
}

/// The samples of these places.
async fn whole(shared: &Shared, places: &[QueueItem]) -> Result<HashMap<SampleId, Sample>, Failure> {
    let ids: BTreeSet<SampleId> = places
        .iter()
        .flat_map(|place| std::iter::once(&place.item.sample).chain(&place.item.other))
        .cloned()
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let most = ids.len();
    let filter = SampleFilter {
        ids: ids.into_iter().collect(),
        ..SampleFilter::default()
    };
    let order = SampleOrder::Plan { after: None };
    let found = shared.store.samples(&filter, order, most).await?;
    Ok(found
        .into_iter()
        .map(|sample| (sample.id.clone(), sample))
        .collect())
}

/// What the last answered step was asked.
fn prompt(job: &Job, templates: &Templates, sample: &Sample) -> Option<Vec<Message>> {
    let (last, earlier) = sample.steps.split_last()?;
    let at = job.spec.steps.iter().position(|step| step.name == last.step)?;
    let row = variables(&sample.seed, &sample.vary, earlier);
    Some(templates.prompt(at, &row).ok()?.messages())
}

/// Figures about a queue.
pub(super) async fn report(shared: &Shared, id: QueueId) -> Result<ReviewReport, Failure> {
    let queues = shared.store.queues().await?;
    let queue = queues.into_iter().find(|queue| queue.id == id).ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("no queue {}", id.0)).help("make a new one")
    })?;
    let items = shared.store.queue_items(id, 0, SIZE_AT_MOST * 2).await?;
    let mut last: Vec<QueueItem> = items.iter().filter(|item| item.word.is_some()).cloned().collect();
    let said = |item: &QueueItem| item.word.as_ref().map(|word| word.at_ms);
    last.sort_by_key(|item| Reverse((said(item), item.place)));
    last.truncate(LAST);
    let slices = if queue.done == queue.size {
        sliced(shared, &items).await?
    } else {
        Vec::new()
    };
    Ok(ReviewReport {
        queue,
        tally: tally(&items),
        matched: matched(&items),
        last,
        slices,
        today: shared.store.said_today().await?,
    })
}

/// The words by what their samples have in common.
async fn sliced(shared: &Shared, items: &[QueueItem]) -> Result<Vec<Slice>, Failure> {
    let jobs = shared.store.jobs().await?;
    let mut slices = Slices::default();
    for page in items.chunks(PAGE) {
        let samples = whole(shared, page).await?;
        for item in page {
            let Some(sample) = samples.get(&item.item.sample) else {
                continue;
            };
            let job = jobs.iter().find(|job| job.id == sample.task.job);
            slices.add(item, job.map_or("", |job| &job.spec.name), sample);
        }
    }
    Ok(slices.all())
}

async fn place(shared: &Shared, queue: QueueId, place: u32) -> Result<(QueueItem, Sample), Failure> {
    let gone = || Failure::new(FailureKind::NotFound, "this sample is gone: its job was deleted");
    let items = shared.store.queue_items(queue, place, 1).await?;
    let item = items
        .into_iter()
        .find(|item| item.place == place)
        .ok_or_else(gone)?;
    let sample = answers::sample(shared, &item.item.sample).await?;
    Ok((item, sample))
}

/// Carries out a person's word.
pub(super) async fn say(
    shared: &Arc<Shared>,
    queue: QueueId,
    at: u32,
    saying: Saying,
) -> Result<Receipt, Failure> {
    let (_, sample) = place(shared, queue, at).await?;
    if saying.outcome == Outcome::Accepted {
        streams::fit(shared, std::slice::from_ref(&sample)).await?;
    }
    let decided = match saying.outcome {
        Outcome::Accepted => Some(Decided::Accept),
        Outcome::Rejected => Some(Decided::Reject {
            note: saying.reason.clone(),
        }),
        Outcome::Edited => Some(Decided::Edit {
            steps: edited(shared, &sample, saying.text.as_deref().unwrap_or_default()).await?,
        }),
        Outcome::Skipped | Outcome::First | Outcome::Second | Outcome::Tie | Outcome::BothBad => None,
    };
    let touches = decided.is_some();
    let word = Word {
        outcome: saying.outcome,
        reason: saying.reason,
        took_ms: saying.took_ms,
        blind: saying.blind,
        machine: machine(&sample.verdicts),
        at_ms: 0,
    };
    shared.store.say(queue, at, Said { word, decided }).await?;
    if touches {
        follow(shared, sample.task.job);
    }
    Ok(Receipt::Done)
}

/// Takes it back.
pub(super) async fn unsay(shared: &Arc<Shared>, queue: QueueId, at: u32) -> Result<Receipt, Failure> {
    let (_, sample) = place(shared, queue, at).await?;
    shared.store.unsay(queue, at).await?;
    follow(shared, sample.task.job);
    Ok(Receipt::Done)
}

/// The answers with the last one as a person wrote it. Where its step has a schema it is checked against it.
async fn edited(shared: &Shared, sample: &Sample, text: &str) -> Result<Vec<StepAnswer>, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message).help("go on editing, or esc");
    let mut steps = sample.steps.clone();
    let last = steps
        .last_mut()
        .ok_or_else(|| invalid("there is no answer to edit".to_owned()))?;
    let job = shared.store.jobs().await?;
    let job = job.into_iter().find(|job| job.id == sample.task.job);
    let step = job.and_then(|job| job.spec.steps.into_iter().find(|step| step.name == last.step));
    let schema = step.and_then(|step| step.schema);
    if schema.is_some() || last.value.is_some() {
        let value: Value =
            serde_json::from_str(text).map_err(|error| invalid(format!("this is no JSON: {error}")))?;
        if let Some(schema) = schema {
            let check = (shared.compile_schema)(&schema).map_err(|error| invalid(error.to_string()))?;
            if let Some(problem) = check.problems(&value).first() {
                return Err(invalid(format!("the schema forbids it: {problem}")));
            }
        }
        last.text = value.to_string();
        last.value = Some(value);
    } else {
        text.trim_end().clone_into(&mut last.text);
    }
    Ok(steps)
}

/// Sees to it that the dataset follows soon; many decisions make one writing of the files.
fn follow(shared: &Arc<Shared>, job: JobId) {
    if shared.lagging.add(job) {
        let shared = Arc::clone(shared);
        let tracker = shared.tracker.clone();
        tracker.spawn(async move {
            sleep(LAG).await;
            catch_up(&shared).await;
        });
    }
}

/// Writes the datasets that lag. A running job writes its own at its end; one without files has none to mend.
pub(super) async fn catch_up(shared: &Shared) {
    let lagging = shared.lagging.take();
    if lagging.is_empty() {
        return;
    }
    let jobs = shared.store.jobs().await.unwrap_or_default();
    for job in jobs.into_iter().filter(|job| lagging.contains(&job.id.0)) {
        let has_files = shared
            .store
            .marks(job.id)
            .await
            .is_ok_and(|marks| !marks.is_empty());
        if has_files
            && shared.running(&job.spec.name).is_none()
            && let Err(error) = outbox::rebuild(shared, &job).await
        {
            let text = format!("the dataset's files wait: {error}");
            shared.note(Level::Warning, Some(&job.spec.name), text);
        }
    }
}

/// Writes the words of a queue as JSON lines.
pub(super) async fn export(shared: &Shared, queue: QueueId, path: &Path) -> Result<u64, Failure> {
    let report = report(shared, queue).await?;
    let spec = report.queue.spec;
    let mut file = shared
        .dataset
        .create(path)
        .map_err(|error| streams::unwritable(path, &error))?;
    let (mut from, mut rows) = (0, 0);
    loop {
        let page = items(shared, queue, from, ITEMS_AT_MOST).await?;
        let Some(last) = page.last() else { break };
        from = last.place.place + 1;
        for item in &page {
            if let Some(row) = row(item, spec.sources.as_ref()) {
                writeln!(file.writer(), "{row}").map_err(|error| streams::unwritable(path, &error))?;
                rows += 1;
            }
        }
    }
    file.finish().map_err(|error| streams::unwritable(path, &error))?;
    Ok(rows)
}

/// A place as a line of an export.
fn row(item: &ReviewItem, sources: Option<&[String; 2]>) -> Option<Value> {
    let word = item.place.word.as_ref()?;
    let answer = |sample: &Sample| sample.steps.last().map(|step| step.text.clone());
    let prompt: Vec<String> = item.prompt.iter().map(Message::plain).collect();
    let mut row = json!({
        "place": item.place.place + 1,
        "job": item.job,
        "task": item.sample.task.index,
        "id": item.sample.id.0,
        "prompt": prompt.join("\n\n"),
        "answer": answer(&item.sample),
        "outcome": word.outcome.word(),
        "seconds": word.took_ms as f64 / 1000.0,
        "at_ms": word.at_ms,
    });
    if let Some(other) = &item.other {
        row["other_id"] = json!(other.id.0);
        row["other_answer"] = json!(answer(other));
        row["sources"] = json!(sources);
        row["side_a"] = json!(if item.place.item.swapped {
            "second"
        } else {
            "first"
        });
    } else {
        row["reason"] = json!(word.reason);
        row["blind"] = json!(word.blind);
        row["repeat"] = json!(item.place.item.repeat);
        row["validators"] = json!(word.machine.map(|yes| if yes { "accepted" } else { "rejected" }));
    }
    Some(row)
}
