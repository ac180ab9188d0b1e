//! Which of the accepted samples come into the dataset: quotas of classes, the best of each task, the best of all, a stratified draw.
//! A pure function of the ledger: no verdict changes, what is left out stays accepted, and the same samples give the same choice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::job::JobSpec;
use super::plan::stream;
use super::ports::{MakeGroups, NearGroups};
use super::sample::{Sample, StepAnswer, as_text};

/// The class of a sample whose field is not there.
pub const NO_CLASS: &str = "(none)";

/// How many accepted samples of each class are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Path of the value that is the class.
    pub field: String,
    /// How many.
    pub of: Classes,
}

/// How many of which class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classes {
    /// So many of every class there is, at most.
    Each(u64),
    /// So many of these, and none of others.
    Named(BTreeMap<String, u64>),
}

impl Quota {
    /// How many samples of that class come into the dataset at most.
    pub fn most(&self, class: &str) -> u64 {
        match &self.of {
            Classes::Each(most) => *most,
            Classes::Named(classes) => classes.get(class).copied().unwrap_or(0),
        }
    }
}

/// Where `score` says this, the length of a sample's answers is its score: the longest are the best.
pub const LENGTH: &str = "length";

/// What else chooses among accepted samples, in this order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Select {
    /// Of each task only so many, the best by score.
    pub best_of: Option<u64>,
    /// Of nearly equal ones only the best by score.
    #[serde(default)]
    pub near: Option<Near>,
    /// Of all only so many, the best by score.
    pub top: Option<u64>,
    /// Of all only so many, evenly over classes and long ones first within them.
    pub stratified: Option<Stratified>,
    /// Kind of the validator whose score counts, or [`LENGTH`]; `None`: the last that gave one.
    pub score: Option<String>,
}

/// What makes samples nearly equal: their texts, directly or by way of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// Path of the texts.
    pub field: String,
    /// Similarity from which on two are nearly equal.
    pub threshold: f64,
}

/// The draw of s1: a class evenly, then in it the one of rank r by length with weight 2^-r.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stratified {
    /// Path of the value that is the class.
    pub field: String,
    /// How many rows.
    pub rows: u64,
}

/// Why accepted samples are not in the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Its class is full.
    Quota,
    /// The target is reached without it.
    Target,
    /// Others of its task have better scores.
    BestOf,
    /// A nearly equal one has a better score.
    Near,
    /// Others have better scores.
    Top,
    /// It was not drawn.
    Stratified,
}

impl LeftOut {
    /// The word in the manifest and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Target => "target",
            Self::BestOf => "best_of",
            Self::Near => "near",
            Self::Top => "top",
            Self::Stratified => "stratified",
        }
    }
}

/// A sample's place: task index and candidate.
type Place = (u64, u32);

/// What is known of an accepted sample, as far as choosing needs it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    place: Place,
    class: u32,
    score: Option<f64>,
    length: u64,
    /// The first of the nearly equal ones, by the order of seeing.
    group: u64,
}

/// Looks at accepted samples, then chooses.
pub struct Selector<'a> {
    spec: &'a JobSpec,
    classes: BTreeMap<String, u32>,
    near: Option<Box<dyn NearGroups>>,
    seen: Vec<Seen>,
}

/// The choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Places of what comes into the dataset.
    chosen: BTreeSet<Place>,
    /// How many accepted samples there were.
    pub accepted: u64,
    /// What was left out, and why.
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl Selection {
    /// Whether the sample at a place is in the dataset.
    pub fn holds(&self, place: Place) -> bool {
        self.chosen.contains(&place)
    }

    /// How many are.
    pub fn len(&self) -> u64 {
        self.chosen.len() as u64
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }
}

/// The class of a sample by that field.
pub fn class_of(value: Option<serde_json::Value>) -> String {
    value.map_or_else(|| NO_CLASS.to_owned(), as_text)
}

impl<'a> Selector<'a> {
    /// For a job whose dataset is not simply everything accepted. `near` makes groups of texts that are at least so similar.
    pub fn of(spec: &'a JobSpec, near: MakeGroups) -> Option<Self> {
        let select = spec.dataset.select.as_ref();
        let chooses = spec.quota.is_some() || select.is_some();
        chooses.then(|| Self {
            spec,
            classes: BTreeMap::new(),
            near: select
                .and_then(|select| select.near.as_ref())
                .map(|wanted| near(wanted.threshold)),
            seen: Vec::new(),
        })
    }

    /// Takes note of an accepted sample.
    pub fn see(&mut self, sample: &Sample) {
        let select = self.spec.dataset.select.as_ref();
        let stratified = select.and_then(|select| select.stratified.as_ref());
        let field = stratified.map(|stratified| &stratified.field);
        let field = field.or(self.spec.quota.as_ref().map(|quota| &quota.field));
        let class = field.map_or_else(String::new, |field| class_of(sample.field(field)));
        let next = self.classes.len() as u32;
        let class = *self.classes.entry(class).or_insert(next);
        let by = select.and_then(|select| select.score.as_deref());
        let scores = sample.verdicts.iter().rev();
        let mut scores = scores.filter(|verdict| by.is_none_or(|by| verdict.validator == by));
        let length = |step: &StepAnswer| step.text.len() + step.reasoning.as_ref().map_or(0, String::len);
        let length = sample.steps.iter().map(length).sum::<usize>() as u64;
        let number = self.seen.len() as u64;
        let near = select.and_then(|select| select.near.as_ref());
        if let (Some(groups), Some(near)) = (&mut self.near, near) {
            let text = sample.field(&near.field).map(as_text).unwrap_or_default();
            // Each as a task of its own: candidates of one task are not nearly equal for that.
            groups.add((number, 0), &text);
        }
        self.seen.push(Seen {
            place: (sample.task.index, sample.candidate),
            class,
            score: match by {
                Some(LENGTH) => Some(length as f64),
                _ => scores.find_map(|verdict| verdict.score),
            },
            length,
            group: number,
        });
    }

    /// Chooses among all that was seen, in whatever order that was.
    pub fn choose(self) -> Selection {
        let Self {
            spec,
            classes,
            near,
            seen: mut left,
        } = self;
        if let Some(mut groups) = near {
            for seen in &mut left {
                seen.group = groups.first_of((seen.group, 0)).0;
            }
        }
        left.sort_unstable_by_key(|seen| seen.place);
        let mut selection = Selection {
            accepted: left.len() as u64,
            ..Selection::default()
        };
        let mut drop = |why: LeftOut, before: usize, left: &Vec<Seen>| {
            if before > left.len() {
                selection.left_out.insert(why, (before - left.len()) as u64);
            }
        };
        if let Some(quota) = &spec.quota {
            let most: BTreeMap<u32, u64> = classes.iter().map(|(name, at)| (*at, quota.most(name))).collect();
            let mut taken: BTreeMap<u32, u64> = BTreeMap::new();
            let before = left.len();
            left.retain(|seen| {
                let taken = taken.entry(seen.class).or_default();
                *taken += 1;
                *taken <= most.get(&seen.class).copied().unwrap_or(0)
            });
            drop(LeftOut::Quota, before, &left);
            let before = left.len();
            left.truncate(spec.target.map_or(usize::MAX, |target| target.accepted as usize));
            drop(LeftOut::Target, before, &left);
        }
        let select = spec.dataset.select.clone().unwrap_or_default();
        if let Some(most) = select.best_of {
            let before = left.len();
            left = best_of(left, most);
            drop(LeftOut::BestOf, before, &left);
        }
        if select.near.is_some() {
            let before = left.len();
            left = one_of_each_group(left);
            drop(LeftOut::Near, before, &left);
        }
        if let Some(most) = select.top {
            let before = left.len();
            left.sort_by(better);
            left.truncate(most as usize);
            drop(LeftOut::Top, before, &left);
        }
        if let Some(stratified) = &select.stratified {
            let before = left.len();
            left = stratify(left, stratified.rows, classes, spec.random_seed);
            drop(LeftOut::Stratified, before, &left);
        }
        selection.chosen = left.into_iter().map(|seen| seen.place).collect();
        selection
    }
}

/// Higher scores first, no score last; equal ones in plan order.
fn better(one: &Seen, other: &Seen) -> std::cmp::Ordering {
    let score = |seen: &Seen| seen.score.unwrap_or(f64::NEG_INFINITY);
    score(other)
        .total_cmp(&score(one))
        .then(one.place.cmp(&other.place))
}

/// The best of each task. Samples come in plan order, so those of a task stand together.
fn best_of(seen: Vec<Seen>, most: u64) -> Vec<Seen> {
    let mut tasks: BTreeMap<u64, Vec<Seen>> = BTreeMap::new();
    for one in seen {
        tasks.entry(one.place.0).or_default().push(one);
    }
    let best = tasks.into_values().flat_map(|mut samples| {
        samples.sort_by(better);
        samples.truncate(most as usize);
        samples
    });
    best.collect()
}

/// The best of each group of nearly equal ones, in plan order.
fn one_of_each_group(seen: Vec<Seen>) -> Vec<Seen> {
    let mut best: BTreeMap<u64, Seen> = BTreeMap::new();
    for one in seen {
        let held = best.entry(one.group).or_insert(one);
        if better(&one, held).is_lt() {
            *held = one;
        }
    }
    let mut left: Vec<Seen> = best.into_values().collect();
    left.sort_unstable_by_key(|one| one.place);
    left
}

/// Draws so many without putting back: a class evenly among those that have any left, then one of it by rank of length.
fn stratify(seen: Vec<Seen>, rows: u64, names: BTreeMap<String, u32>, random_seed: u64) -> Vec<Seen> {
    let mut members: Vec<Vec<Seen>> = vec![Vec::new(); names.len()];
    for one in seen {
        members[one.class as usize].push(one);
    }
    // By the names of the classes, so that the draw does not depend on which came first.
    let places = names.into_values();
    let mut classes: Vec<Vec<Seen>> = places
        .map(|class| {
            let mut members = std::mem::take(&mut members[class as usize]);
            members.sort_unstable_by_key(|one| (std::cmp::Reverse(one.length), one.place));
            members
        })
        .filter(|members| !members.is_empty())
        .collect();
    let mut drawn = Vec::new();
    let mut bits = stream(random_seed, "stratified", 0);
    while (drawn.len() as u64) < rows && !classes.is_empty() {
        let at = bits.below(classes.len() as u128) as usize;
        // Weights 1/2, 1/4, 1/8 …: the number of heads in a row, anew where that leads past the last.
        let rank = loop {
            let rank = (-(1.0 - bits.unit()).log2()).floor() as usize;
            if rank < classes[at].len() {
                break rank;
            }
        };
        drawn.push(classes[at].remove(rank));
        if classes[at].is_empty() {
            classes.remove(at);
        }
    }
    drawn
}

/// The places of a quota while a job runs: what of each class is accepted, and how many that count are still missing.
#[derive(Debug, Clone)]
pub struct Places {
    quota: Quota,
    wanted: u64,
    accepted: BTreeMap<String, u64>,
    counted: u64,
}

impl Places {
    /// None taken yet; `wanted`: how many in all.
    pub fn new(quota: Quota, wanted: u64) -> Self {
        Self {
            quota,
            wanted,
            accepted: BTreeMap::new(),
            counted: 0,
        }
    }

    /// Another number is wanted in all.
    pub fn want(&mut self, wanted: u64) {
        self.wanted = wanted;
    }

    /// The field that is the class.
    pub fn field(&self) -> &str {
        &self.quota.field
    }

    /// A sample of that class is accepted.
    pub fn take(&mut self, class: &str) {
        let most = self.quota.most(class);
        let accepted = self.accepted.entry(class.to_owned()).or_default();
        *accepted += 1;
        self.counted += u64::from(*accepted <= most);
    }

    /// It is not, in the end.
    pub fn give_back(&mut self, class: &str) {
        let most = self.quota.most(class);
        if let Some(accepted) = self.accepted.get_mut(class).filter(|accepted| **accepted > 0) {
            self.counted -= u64::from(*accepted <= most);
            *accepted -= 1;
        }
    }

    /// How many are still missing.
    pub fn left(&self) -> u64 {
        self.wanted.saturating_sub(self.counted)
    }

    /// Classes that are not full, with what they have and what they should: where the job ended without them.
    pub fn missing(&self) -> Vec<(&str, u64, u64)> {
        let Classes::Named(classes) = &self.quota.of else {
            return Vec::new();
        };
        let found = classes.iter().map(|(class, most)| {
            let accepted = self.accepted.get(class).copied().unwrap_or(0);
            (class.as_str(), accepted, *most)
        });
        found.filter(|(_, accepted, most)| accepted < most).collect()
    }
}

#[cfg(test)]
mod tests;
