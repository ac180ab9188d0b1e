//! Vectors that are looked at one after the other: exact, and while they are few the cheapest.

use std::collections::HashMap;

use super::{Hit, Key, dot};

/// One vector with its owner and how its text begins.
pub(super) type Owned = (Key, Box<str>, Vec<f32>);

/// All numbers one after the other; every vector has the width of the first.
#[derive(Debug, Default)]
pub(super) struct Flat {
    numbers: Vec<f32>,
    keys: Vec<(Key, Box<str>)>,
    places: HashMap<Key, usize>,
}

impl Flat {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The nearest vector whose key is not passed over.
    pub(super) fn nearest<'a>(&'a self, vector: &[f32], pass_over: impl Fn(Key) -> bool) -> Option<Hit<'a>> {
        let mut best: Option<Hit<'a>> = None;
        for (other, (key, start)) in self.numbers.chunks_exact(vector.len()).zip(&self.keys) {
            let hit = Hit::new(dot(vector, other), *key, start);
            if best.is_none_or(|best| hit.is_nearer(&best)) && !pass_over(*key) {
                best = Some(hit);
            }
        }
        best
    }

    /// Lets in a vector whose key is not there yet.
    pub(super) fn insert(&mut self, key: Key, start: Box<str>, vector: &[f32]) {
        self.places.insert(key, self.keys.len());
        self.keys.push((key, start));
        self.numbers.extend_from_slice(vector);
    }

    /// Forgets the vector of that key; the last one takes its place.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(at) = self.places.remove(&key) else {
            return;
        };
        let last = self.keys.len() - 1;
        let width = self.numbers.len() / self.keys.len();
        self.keys.swap_remove(at);
        if at != last {
            self.numbers.copy_within(last * width.., at * width);
            self.places.insert(self.keys[at].0, at);
        }
        self.numbers.truncate(last * width);
    }

    /// Takes the last one out. With the last of all goes the room they had.
    pub(super) fn pop(&mut self) -> Option<Owned> {
        let (key, start) = self.keys.pop()?;
        self.places.remove(&key);
        let width = self.numbers.len() / (self.keys.len() + 1);
        let vector = self.numbers.split_off(self.keys.len() * width);
        if self.keys.is_empty() {
            *self = Self::default();
        }
        Some((key, start, vector))
    }
}
