//! Vectors in a graph that leads to the near ones (HNSW: Y. Malkov and D. Yashunin, arXiv 1603.09320). The graph is the library's; it
//! proposes, and the exact cosine decides. What is forgotten stays in the graph as a signpost that nobody is compared with.

use std::collections::HashMap;

use fast_hnsw::distance::Distance;
use fast_hnsw::{Builder, Hnsw, PruneStrategy};

use super::flat::Owned;
use super::{Hit, Key, dot};

/// Links of a vector in the upper layers; in the lowest it has twice as many.
const LINKS: usize = 16;
/// How many candidates for its links a new vector looks at.
const BEAM_IN: usize = 100;
/// How many vectors a search brings back.
const BEAM: usize = 64;
/// Which layers a vector is in is drawn: the same vectors in the same order make the same graph.
const SEED: u64 = 160_309_320;

/// The chord between two vectors of length 1: smaller where the cosine is larger, and a metric, as the graph's choice of links wants.
struct Chord;

impl Distance for Chord {
    fn distance(&self, left: &[f32], right: &[f32]) -> f32 {
        (2.0 - 2.0 * dot(left, right)).max(0.0).sqrt()
    }
}

/// The graph and whom its vectors belong to.
pub(super) struct Index {
    graph: Hnsw<Chord>,
    /// By number in the graph; `None` for those that are forgotten.
    owners: Vec<Option<(Key, Box<str>)>>,
    places: HashMap<Key, usize>,
}

impl Index {
    pub(super) fn new() -> Self {
        let graph = Builder::new()
            .m(LINKS)
            .ef_construction(BEAM_IN)
            // The other strategy keeps the nearest alone, and groups of vectors lose the way to each other.
            .prune_strategy(PruneStrategy::Heuristic)
            .seed(SEED)
            .build(Chord);
        Self {
            graph,
            owners: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// How many are not forgotten.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// More are forgotten than are there.
    pub(super) fn is_worn(&self) -> bool {
        self.owners.len() > 2 * self.places.len()
    }

    /// Lets in a vector whose key is not there yet, of the width of those before.
    pub(super) fn insert(&mut self, (key, start, vector): Owned) {
        self.places.insert(key, self.graph.insert(vector));
        self.owners.push(Some((key, start)));
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(at) = self.places.remove(&key) {
            self.owners[at] = None;
        }
    }

    /// The nearest vector that the graph leads to and whose key is not passed over. If all it leads to are passed over or forgotten,
    /// every vector is looked at.
    pub(super) fn nearest<'a>(&'a self, vector: &[f32], pass_over: impl Fn(Key) -> bool) -> Option<Hit<'a>> {
        let hit = |at: usize| {
            let (key, start) = self.owners[at].as_ref()?;
            (!pass_over(*key)).then(|| Hit::new(dot(vector, self.graph.get_vector(at)), *key, start))
        };
        let led_to = self.graph.search(vector, BEAM, BEAM);
        let near = led_to.iter().filter_map(|found| hit(found.id));
        near.reduce(Hit::nearer)
            .or_else(|| (0..self.owners.len()).filter_map(hit).reduce(Hit::nearer))
    }

    /// All that are not forgotten.
    pub(super) fn into_owned(self) -> impl Iterator<Item = Owned> {
        let Self { graph, owners, .. } = self;
        let owners = owners.into_iter().enumerate();
        owners.filter_map(move |(at, owner)| {
            let (key, start) = owner?;
            Some((key, start, graph.get_vector(at).to_vec()))
        })
    }
}
