//! Which samples a queue holds: drawn from outlines that pass by one at a time, never more of them held than are wanted. Chance
//! comes from a seed, so that the same database and seed give the same queue.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{NewItem, Outline};
use crate::core::plan::draw;
use crate::core::sample::SampleId;
use crate::core::task::TaskId;

/// Which outlines are let in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Pool {
    /// All.
    #[default]
    All,
    /// Those no person has decided about.
    Fresh,
    /// Those among them whose judge's score is at most `within` away from the mark.
    Near {
        /// The pass mark.
        mark: f64,
        /// How far away.
        within: f64,
    },
    /// Those a person flagged.
    Flagged,
}

impl Pool {
    fn holds(self, outline: &Outline) -> bool {
        let fresh = outline.reviewed.is_none();
        match self {
            Self::All => true,
            Self::Fresh => fresh,
            Self::Near { mark, within } => {
                fresh && outline.score.is_some_and(|score| (score - mark).abs() <= within)
            }
            Self::Flagged => outline.flagged,
        }
    }
}

/// In which order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By lot.
    #[default]
    Random,
    /// As the plan has them.
    Plan,
    /// The last one made first.
    Newest,
}

/// A lot: outlines go in, the chosen ones come out.
#[derive(Debug)]
pub struct Lot {
    pool: Pool,
    order: Order,
    size: usize,
    seed: u64,
    kept: BTreeMap<(u64, TaskId, u32), SampleId>,
    seen: u64,
}

impl Lot {
    /// A lot that keeps at most `size`.
    pub fn new(pool: Pool, order: Order, size: usize, seed: u64) -> Self {
        Self {
            pool,
            order,
            size,
            seed,
            kept: BTreeMap::new(),
            seen: 0,
        }
    }

    /// Looks at one more.
    pub fn offer(&mut self, outline: &Outline) {
        if !self.pool.holds(outline) {
            return;
        }
        self.seen += 1;
        let rank = match self.order {
            Order::Random => {
                let purpose = format!("review/{}/{}", outline.task.job.0, outline.candidate);
                // A float between 0 and 1 sorts as its bits do.
                draw(self.seed, &purpose, outline.task.index).to_bits()
            }
            Order::Plan => 0,
            Order::Newest => u64::MAX - outline.made.unsigned_abs(),
        };
        self.kept
            .insert((rank, outline.task, outline.candidate), outline.sample.clone());
        if self.kept.len() > self.size {
            self.kept.pop_last();
        }
    }

    /// Whether nothing that comes later in the plan can be chosen.
    pub fn is_full(&self) -> bool {
        self.order == Order::Plan && self.kept.len() >= self.size
    }

    /// How many were let in.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The chosen ones in their order, some of them a second time: `percent` of them, each at least ten places after the first
    /// time where the queue is that long.
    pub fn items(self, percent: u8) -> Vec<NewItem> {
        let item = |sample: SampleId, repeat| NewItem {
            sample,
            other: None,
            repeat,
            swapped: false,
        };
        let chosen: Vec<SampleId> = self.kept.into_values().collect();
        let wanted = (chosen.len() * usize::from(percent)).div_ceil(100);
        let distance = 10.min(chosen.len() / 2).max(1);
        let mut again: Vec<(u64, usize)> = (0..chosen.len())
            .map(|at| (draw(self.seed, "review/again", at as u64).to_bits(), at))
            .collect();
        again.sort_unstable();
        again.truncate(if chosen.len() > 1 { wanted } else { 0 });
        let mut due: Vec<(usize, usize)> = again.iter().map(|(_, at)| (at + distance, *at)).collect();
        due.sort_unstable();
        let mut due = due.into_iter().peekable();
        let mut items = Vec::with_capacity(chosen.len() + wanted);
        for at in 0..chosen.len() + distance {
            items.extend(chosen.get(at).map(|sample| item(sample.clone(), false)));
            while due.next_if(|(when, _)| *when <= at).is_some_and(|(_, first)| {
                items.push(item(chosen[first].clone(), true));
                true
            }) {}
        }
        items
    }
}

/// What two samples are paired by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PairBy {
    /// Candidates of one task that different teachers answered.
    #[default]
    Candidates,
    /// The answers before a person edited them, and after.
    Edits,
    /// The same seed in another job.
    Job(String),
}

/// A lot of pairs.
#[derive(Debug, Default)]
pub struct Pairing {
    /// The first sample of each task, or of each seed of the first job.
    first: HashMap<Key, (String, SampleId)>,
    pairs: Vec<Pair>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Task(TaskId),
    Seed([u8; 16]),
}

/// Two samples of different sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The one of the first source.
    pub first: SampleId,
    /// The one of the second.
    pub second: SampleId,
    /// Where it stands in the plan.
    pub task: TaskId,
    /// Whose they are.
    pub sources: [String; 2],
}

impl Pairing {
    /// Looks at a sample whose partner is another candidate of its task by another teacher. The teacher whose name comes first in
    /// the alphabet is the first of the pair.
    pub fn candidate(&mut self, outline: &Outline) {
        let key = Key::Task(outline.task);
        let Some((teacher, sample)) = self.first.get(&key) else {
            self.first
                .insert(key, (outline.teacher.clone(), outline.sample.clone()));
            return;
        };
        if *teacher == outline.teacher {
            return;
        }
        let mut two = [
            (teacher.clone(), sample.clone()),
            (outline.teacher.clone(), outline.sample.clone()),
        ];
        two.sort();
        self.first.remove(&key);
        let [(one, first), (other, second)] = two;
        self.push(first, second, outline.task, [one, other]);
    }

    /// Looks at a sample that is paired with itself as it was before it was edited.
    pub fn edit(&mut self, outline: &Outline) {
        if outline.reviewed.as_deref() == Some("edited") {
            let sources = ["before the edit", "after the edit"].map(str::to_owned);
            self.push(
                outline.sample.clone(),
                outline.sample.clone(),
                outline.task,
                sources,
            );
        }
    }

    /// Looks at a sample of the first job; of several with the same seed the first counts.
    pub fn of_first_job(&mut self, job: &str, outline: &Outline) {
        self.first
            .entry(Key::Seed(outline.seed))
            .or_insert_with(|| (job.to_owned(), outline.sample.clone()));
    }

    /// Looks at a sample of the second job.
    pub fn of_second_job(&mut self, job: &str, outline: &Outline) {
        if let Some((first_job, first)) = self.first.remove(&Key::Seed(outline.seed)) {
            let sources = [first_job, job.to_owned()];
            self.push(first, outline.sample.clone(), outline.task, sources);
        }
    }

    fn push(&mut self, first: SampleId, second: SampleId, task: TaskId, sources: [String; 2]) {
        self.pairs.push(Pair {
            first,
            second,
            task,
            sources,
        });
    }

    /// The two sources that meet most often: a comparison is between two.
    pub fn sources(&self) -> Option<[String; 2]> {
        let mut meetings: BTreeMap<&[String; 2], usize> = BTreeMap::new();
        for pair in &self.pairs {
            *meetings.entry(&pair.sources).or_default() += 1;
        }
        let most = meetings.into_iter().max_by_key(|(_, times)| *times);
        most.map(|(sources, _)| sources.clone())
    }

    /// At most `size` of their pairs by lot, each with a side by lot.
    pub fn items(self, size: usize, seed: u64) -> Vec<NewItem> {
        let sources = self.sources();
        let mut ranked: Vec<(u64, Pair)> = self
            .pairs
            .into_iter()
            .filter(|pair| Some(&pair.sources) == sources.as_ref())
            .map(|pair| (draw(seed, "review/pair", pair.task.index).to_bits(), pair))
            .collect();
        ranked.sort_by(|(one, pair), (other, second)| (one, pair.task).cmp(&(other, second.task)));
        ranked.truncate(size);
        let item = |(_, pair): (u64, Pair)| NewItem {
            sample: pair.first,
            other: Some(pair.second),
            repeat: false,
            swapped: draw(seed, "review/side", pair.task.index) < 0.5,
        };
        ranked.into_iter().map(item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::job::JobId;

    fn outline(index: u64, candidate: u32, teacher: &str) -> Outline {
        Outline {
            sample: SampleId::of("job", index, candidate),
            task: TaskId { job: JobId(1), index },
            candidate,
            made: index.cast_signed(),
            teacher: teacher.to_owned(),
            seed: [index as u8; 16],
            score: Some(index as f64 / 10.0),
            reviewed: index.is_multiple_of(10).then(|| "edited".to_owned()),
            flagged: index.is_multiple_of(7),
        }
    }

    fn drawn(pool: Pool, order: Order, size: usize, seed: u64) -> Vec<SampleId> {
        let mut lot = Lot::new(pool, order, size, seed);
        (0..50).for_each(|index| lot.offer(&outline(index, 0, "a/b")));
        lot.items(0).into_iter().map(|item| item.sample).collect()
    }

    fn ids(places: &[u64]) -> Vec<SampleId> {
        places
            .iter()
            .map(|index| SampleId::of("job", *index, 0))
            .collect()
    }

    #[test]
    fn pools_let_in_what_they_say() {
        assert_eq!(drawn(Pool::All, Order::Plan, 3, 0), ids(&[0, 1, 2]));
        assert_eq!(drawn(Pool::Fresh, Order::Plan, 3, 0), ids(&[1, 2, 3]));
        assert_eq!(drawn(Pool::All, Order::Newest, 2, 0), ids(&[49, 48]));
        assert_eq!(drawn(Pool::Flagged, Order::Plan, 3, 0), ids(&[0, 7, 14]));
        let near = Pool::Near {
            mark: 3.05,
            within: 0.16,
        };
        assert_eq!(drawn(near, Order::Plan, 9, 0), ids(&[29, 31, 32]));
    }

    #[test]
    fn chance_is_repeatable_and_does_not_depend_on_the_size() {
        let ten = drawn(Pool::All, Order::Random, 10, 4);
        assert_eq!(ten, drawn(Pool::All, Order::Random, 10, 4));
        assert_eq!(ten[..5], drawn(Pool::All, Order::Random, 5, 4)[..]);
        assert_ne!(ten, drawn(Pool::All, Order::Random, 10, 5));
        assert_ne!(ten, ids(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    }

    #[test]
    fn second_looks_come_well_after_the_first() {
        let mut lot = Lot::new(Pool::All, Order::Plan, 40, 3);
        (0..50).for_each(|index| lot.offer(&outline(index, 0, "a/b")));
        assert!(lot.is_full());
        let items = lot.items(5);
        assert_eq!(items.len(), 42);
        for (at, item) in items.iter().enumerate().filter(|(_, item)| item.repeat) {
            let first = items.iter().position(|one| one.sample == item.sample);
            assert!(at >= first.unwrap() + 10, "{at}");
        }
        let mut single = Lot::new(Pool::All, Order::Plan, 1, 3);
        single.offer(&outline(1, 0, "a/b"));
        assert_eq!(single.items(100).len(), 1);
    }

    #[test]
    fn pairs_are_of_different_teachers_and_sides_are_drawn() {
        let mut pairing = Pairing::default();
        for index in 0..40 {
            for (candidate, teacher) in [(0, "z/last"), (1, "z/last"), (2, "a/first")] {
                pairing.candidate(&outline(index, candidate, teacher));
            }
        }
        assert_eq!(pairing.sources(), Some(["a/first", "z/last"].map(str::to_owned)));
        let items = pairing.items(30, 1);
        assert_eq!(items.len(), 30);
        let firsts: Vec<SampleId> = (0..40).map(|index| SampleId::of("job", index, 2)).collect();
        assert!(items.iter().all(|item| firsts.contains(&item.sample)));
        let swapped = items.iter().filter(|item| item.swapped).count();
        assert!((5..25).contains(&swapped), "{swapped}");
    }

    #[test]
    fn the_same_seed_meets_itself_in_another_job() {
        let mut pairing = Pairing::default();
        (0..5).for_each(|index| pairing.of_first_job("one", &outline(index, 0, "a/b")));
        (3..9).for_each(|index| pairing.of_second_job("two", &outline(index, 1, "a/b")));
        let mut items = pairing.items(9, 0);
        items.sort_by_key(|item| item.other.clone());
        assert_eq!(items.len(), 2);
        assert!(items.iter().all(|item| item.other.as_ref() != Some(&item.sample)));
        let mut edits = Pairing::default();
        (0..20).for_each(|index| edits.edit(&outline(index, 0, "a/b")));
        assert_eq!(edits.items(9, 0).len(), 2);
    }
}
