//! How the accepted samples of a job lie in its dataset: which of them are in it, and which file each is in. Made from the ledger in one
//! pass before the files are written in another; jobs that take everything and split by chance need none.

use std::collections::BTreeMap;

use super::job::{DatasetSpec, JobSpec, SplitBy};
use super::plan::{WHOLE, draw, split_of, weighted};
use super::ports::{MakeGroups, NearGroups};
use super::sample::{Sample, as_text};
use super::selection::{Selection, Selector};

/// A job's dataset, arranged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrangement {
    /// What is in it; `None`: everything accepted.
    pub selection: Option<Selection>,
    /// First sample of the group of near duplicates each sample is in, where it is in one with others.
    groups: BTreeMap<(u64, u32), (u64, u32)>,
}

impl Arrangement {
    /// Whether a sample is in the dataset.
    pub fn holds(&self, sample: &Sample) -> bool {
        let place = (sample.task.index, sample.candidate);
        self.selection
            .as_ref()
            .is_none_or(|selection| selection.holds(place))
    }

    /// The file a sample belongs to: the name of a split, or [`WHOLE`].
    pub fn part<'d>(&self, dataset: &'d DatasetSpec, random_seed: u64, sample: &Sample) -> &'d str {
        let place = (sample.task.index, sample.candidate);
        match &dataset.split_by {
            None => split_of(dataset, random_seed, sample.task.index),
            Some(SplitBy::Field(field)) => {
                let value = sample.field(field).map(as_text).unwrap_or_default();
                part(dataset, draw(random_seed, &format!("split/{value}"), 0))
            }
            // A task that is like no other is where it would be without groups.
            Some(SplitBy::Near { .. }) => {
                let first = self.groups.get(&place).unwrap_or(&place);
                split_of(dataset, random_seed, first.0)
            }
        }
    }
}

fn part(dataset: &DatasetSpec, drawn: f64) -> &str {
    if dataset.split.is_empty() {
        return WHOLE;
    }
    let shares = dataset.split.iter().map(|(_, share)| *share);
    let at = weighted(shares, drawn);
    dataset.split.get(at).map_or(WHOLE, |(name, _)| name)
}

/// Looks at all accepted samples of a job, then arranges them.
pub struct Arranger<'a> {
    selector: Option<Selector<'a>>,
    near: Option<(&'a str, Box<dyn NearGroups>)>,
    places: Vec<(u64, u32)>,
}

impl<'a> Arranger<'a> {
    /// `None`: the job's dataset needs no arranging. `near` makes groups of texts that are at least so similar.
    pub fn of(spec: &'a JobSpec, near: MakeGroups) -> Option<Self> {
        let selector = Selector::of(spec, near);
        let near = match &spec.dataset.split_by {
            Some(SplitBy::Near { field, threshold }) => Some((field.as_str(), near(*threshold))),
            Some(SplitBy::Field(_)) | None => None,
        };
        (selector.is_some() || near.is_some()).then_some(Self {
            selector,
            near,
            places: Vec::new(),
        })
    }

    /// Takes note of an accepted sample.
    pub fn see(&mut self, sample: &Sample) {
        if let Some(selector) = &mut self.selector {
            selector.see(sample);
        }
        if let Some((field, groups)) = &mut self.near {
            let place = (sample.task.index, sample.candidate);
            let text = sample.field(field).map(as_text).unwrap_or_default();
            groups.add(place, &text);
            self.places.push(place);
        }
    }

    /// Arranges what was seen.
    pub fn arrange(self) -> Arrangement {
        let mut groups = BTreeMap::new();
        if let Some((_, mut near)) = self.near {
            for place in self.places {
                let first = near.first_of(place);
                if first != place {
                    groups.insert(place, first);
                }
            }
        }
        Arrangement {
            selection: self.selector.map(Selector::choose),
            groups,
        }
    }
}
