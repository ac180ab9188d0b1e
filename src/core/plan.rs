//! Seeds × vary × repeat → tasks, streaming and bit-reproducible: the same spec and rows give the same plan on every machine and
//! in every version. It holds no rows: even a shuffle needs only their number.

use std::sync::Arc;

use super::Row;
use super::feed::{ROWS_AT_MOST, fans_out};
use super::imported::IMPORTED_FIELD;
use super::job::{DatasetSpec, JobSpec, Rounds, SeedSource, Seeds, Vary};
use super::task::NewTask;

pub mod chunk;
mod draw;
mod pick;
mod shuffle;

pub use draw::draw;
pub(crate) use draw::{Stream, stream};

use chunk::chunks;
use shuffle::Shuffle;

/// The file of a dataset that is not split.
pub const WHOLE: &str = "data";

/// Where the tasks of a round begin: at its place times this. So a task's number tells its round, and no round moves when the one
/// before it grows.
pub const ROUND: u64 = 1_000_000_000;

/// Varied field that holds the round, from 0, in a job that has rounds.
pub const ROUND_FIELD: &str = "round";

/// How the rows of a job become tasks.
#[derive(Debug, Clone)]
pub struct Plan {
    seeds: Seeds,
    vary: Vec<(String, Vary)>,
    rounds: Option<Rounds>,
    /// The round that is planned, from 0.
    round: u64,
    /// Rows made of what earlier rounds accepted.
    accepted: Arc<Vec<Row>>,
    /// Most candidates of a task.
    candidates: u64,
    random_seed: u64,
    rows: Option<u64>,
    shuffle: Option<Shuffle>,
    /// Rows at places below this become tasks.
    places: u64,
    /// Tasks below this index are planned.
    cap: u64,
    repeat: u64,
}

impl Plan {
    /// The plan of a job. `row_count` is what [`count_rows`] says of the job's rows; it is needed where [`needs_count`] says so, and
    /// without it the rows keep their order. Rows in the job file itself are counted here.
    pub fn new(spec: &JobSpec, row_count: Option<u64>) -> Self {
        let seeds = &spec.seeds;
        let rows = match &seeds.source {
            SeedSource::Path(_) | SeedSource::Job { .. } => row_count,
            SeedSource::Count(count) => Some(*count),
            SeedSource::Rows(list) => Some(match &seeds.chunk {
                None => list.len() as u64,
                cut => {
                    let rows = list.iter().map(|row| seeds.columns.shape(row.clone()));
                    rows.map(|row| chunk::count(&row, cut.as_ref())).sum()
                }
            }),
        };
        let repeat = u64::from(seeds.repeat.max(1));
        let cap = spec
            .target
            .and_then(|target| target.tasks_at_most)
            .unwrap_or(u64::MAX)
            .min(if spec.rounds.is_some() { ROUND } else { u64::MAX });
        let candidates = spec.steps.iter().map(|step| u64::from(step.candidates));
        Self {
            seeds: seeds.clone(),
            vary: spec.vary.clone(),
            rounds: spec.rounds.clone(),
            round: 0,
            accepted: Arc::default(),
            candidates: candidates.max().unwrap_or(1).max(1),
            random_seed: spec.random_seed,
            rows,
            shuffle: rows
                .filter(|_| seeds.shuffle)
                .map(|rows| Shuffle::new(spec.random_seed, rows)),
            places: seeds.limit.unwrap_or(u64::MAX).min(cap.div_ceil(repeat)),
            cap,
            repeat,
        }
    }

    /// The plan of a later round. `accepted` are the rows made of what earlier rounds accepted, in the order of their tasks.
    #[must_use]
    pub fn in_round(mut self, round: u64, accepted: Arc<Vec<Row>>) -> Self {
        self.round = round;
        self.accepted = accepted;
        self
    }

    /// The task of a row made of a sample of the round before: its number follows from its parent's alone, so that planning again after
    /// a crash, or after somebody decided about samples, gives the same tasks. `element` is the row's place among those of its parent.
    /// `None` where the numbers of a round are used up.
    pub fn child(&self, parent: u64, candidate: u32, element: u64, row: Row) -> Option<NewTask> {
        let feed = self.rounds.as_ref().map_or(&[][..], |rounds| &rounds.feed);
        let many = if feed.iter().any(|(_, path)| fans_out(path)) {
            ROWS_AT_MOST
        } else {
            1
        };
        let local = (parent % ROUND)
            .checked_mul(self.candidates)?
            .checked_add(u64::from(candidate))?
            .checked_mul(many)?
            .checked_add(element)?;
        let index = self.round * ROUND + local;
        (local < ROUND).then(|| NewTask {
            index,
            vary: self.vary_of(index, &row),
            seed: row,
        })
    }

    /// How many tasks there will be (in the first round), where the number of rows is known.
    pub fn total(&self) -> Option<u64> {
        self.rows
            .map(|rows| rows.min(self.places).saturating_mul(self.repeat).min(self.cap))
    }

    /// The tasks, as their rows come. `rows` are those of the job's seed file; a job with rows of its own (or a count) ignores them.
    /// Ends as soon as no later row can become a task. Errors of the rows pass through and take no place.
    pub fn tasks<'a, E: 'a>(
        &'a self,
        rows: impl Iterator<Item = Result<Row, E>> + 'a,
    ) -> impl Iterator<Item = Result<NewTask, E>> + 'a {
        let mut rows = self.rows_or_own(rows).flat_map(|row| self.pieces(row));
        let mut ordinal = 0;
        let mut kept = 0;
        let placed = std::iter::from_fn(move || {
            while kept < self.places {
                let row = match rows.next()? {
                    Ok(row) => row,
                    Err(error) => return Some(Err(error)),
                };
                let place = self
                    .shuffle
                    .as_ref()
                    .map_or(ordinal, |shuffle| shuffle.place(ordinal));
                ordinal += 1;
                if place < self.places {
                    kept += 1;
                    return Some(Ok((place, row)));
                }
            }
            None
        });
        placed.flat_map(|placed| {
            let (tasks, error) = match placed {
                Ok((place, row)) => (Some(self.repeated(place, row)), None),
                Err(error) => (None, Some(Err(error))),
            };
            tasks.into_iter().flatten().map(Ok).chain(error)
        })
    }

    /// The varied fields of a task, drawn by its index; each field by its own name, so that adding one leaves the others alone. `seed`
    /// is the task's row, on which a draw may depend.
    pub fn vary_of(&self, index: u64, seed: &Row) -> Row {
        let mut drawn = Row::new();
        if self.rounds.is_some() {
            drawn.insert(ROUND_FIELD.to_owned(), (index / ROUND).into());
        }
        for (name, vary) in &self.vary {
            let mut stream = draw::stream(self.random_seed, &format!("vary/{name}"), index);
            let other = |field: &str| drawn.get(field).or_else(|| seed.get(field));
            let value = pick::pick(vary, &mut stream, &other, &self.accepted);
            drawn.insert(name.clone(), value);
        }
        drawn
    }

    fn rows_or_own<'a, E: 'a>(
        &'a self,
        rows: impl Iterator<Item = Result<Row, E>> + 'a,
    ) -> Box<dyn Iterator<Item = Result<Row, E>> + 'a> {
        match &self.seeds.source {
            SeedSource::Path(_) | SeedSource::Job { .. } => Box::new(rows),
            SeedSource::Rows(list) => Box::new(list.iter().cloned().map(Ok)),
            SeedSource::Count(count) => Box::new((0..*count).map(|_| Ok(Row::new()))),
        }
    }

    fn pieces<E>(&self, row: Result<Row, E>) -> impl Iterator<Item = Result<Row, E>> + use<E> {
        let row = row.map(|row| self.seeds.columns.shape(row));
        let (pieces, other) = match (row, &self.seeds.chunk) {
            (Ok(row), Some(chunk)) => (Some(chunks(row, chunk)), None),
            (other, _) => (None, Some(other)),
        };
        pieces.into_iter().flatten().map(Ok).chain(other)
    }

    fn repeated(&self, place: u64, row: Row) -> impl Iterator<Item = NewTask> {
        let first = place.saturating_mul(self.repeat);
        let end = first.saturating_add(self.repeat).min(self.cap);
        let mut row = Some(row);
        let before = self.round * ROUND;
        (first..end).map_while(move |local| {
            let mut seed = if local + 1 == end { row.take() } else { row.clone() }?;
            let taken = self.seeds.taken.as_ref();
            let imported = taken.and_then(|_| seed.shift_remove(IMPORTED_FIELD));
            let mut vary = self.vary_of(before + local, &seed);
            // Where a row is from does not make it another one: it stands beside the seed.
            vary.extend(imported.map(|from| (IMPORTED_FIELD.to_owned(), from)));
            Some(NewTask {
                index: before + local,
                vary,
                seed,
            })
        })
    }
}

/// Whether the rows of the seed file have to be counted before the plan can be made.
pub fn needs_count(spec: &JobSpec) -> bool {
    spec.seeds.shuffle && matches!(spec.seeds.source, SeedSource::Path(_) | SeedSource::Job { .. })
}

/// How many rows the plan sees: the rows of the file, or the pieces they are cut into. The first unreadable row is the error.
pub fn count_rows<E>(spec: &JobSpec, rows: impl Iterator<Item = Result<Row, E>>) -> Result<u64, E> {
    let mut count = 0;
    for row in rows {
        let row = spec.seeds.columns.shape(row?);
        count += chunk::count(&row, spec.seeds.chunk.as_ref());
    }
    Ok(count)
}

/// The dataset file a task's samples belong to, by its index: the name of a split, or [`WHOLE`].
pub fn split_of(dataset: &DatasetSpec, random_seed: u64, index: u64) -> &str {
    let shares = dataset.split.iter().map(|(_, share)| *share);
    if dataset.split.is_empty() {
        return WHOLE;
    }
    let at = weighted(shares, draw(random_seed, "split", index));
    dataset.split.get(at).map_or(WHOLE, |(name, _)| name)
}

/// Which of the weights a draw in [0, 1) falls on; the last positive one where rounding leads past the end.
pub(crate) fn weighted(weights: impl Iterator<Item = f64> + Clone, draw: f64) -> usize {
    let total: f64 = weights.clone().sum();
    let mut point = draw * total;
    let mut last = 0;
    for (at, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        if point < weight {
            return at;
        }
        point -= weight;
        last = at;
    }
    last
}

#[cfg(test)]
mod tests;
