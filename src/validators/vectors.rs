//! The nearest of many vectors, found by looking at all of them: exact, and at 384 numbers a vector still some milliseconds for
//! fifty thousand. It knows numbers and keys, not candidates.

use std::collections::HashMap;

/// Who a vector belongs to: task index and candidate.
pub(super) type Key = (u64, u32);

/// The nearest vector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near {
    pub(super) key: Key,
    /// Cosine of the angle between the two, in [-1, 1].
    pub(super) cosine: f64,
    /// How its text begins.
    pub(super) start: Box<str>,
}

/// Vectors of length 1.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// All of them one after the other; those of another width than the first have nothing to do here and are left out.
    numbers: Vec<f32>,
    width: usize,
    keys: Vec<(Key, Box<str>)>,
    places: HashMap<Key, usize>,
}

/// The vector scaled to length 1; `None` if it has none or holds what is no number.
pub(super) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector
        .iter()
        .map(|number| f64::from(*number).powi(2))
        .sum::<f64>()
        .sqrt();
    if !length.is_normal() {
        return None;
    }
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    Some(vector)
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (a, b) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

impl Vectors {
    /// The nearest vector whose key is not passed over; of equals the first by key.
    pub(super) fn nearest(&self, vector: &[f32], pass_over: impl Fn(Key) -> bool) -> Option<Near> {
        if vector.len() != self.width {
            return None;
        }
        let mut best: Option<(f32, usize)> = None;
        for (at, other) in self.numbers.chunks_exact(self.width).enumerate() {
            let cosine = dot(vector, other);
            let is_nearer = best.is_none_or(|(known, place)| {
                cosine > known || (cosine.total_cmp(&known).is_eq() && self.keys[at].0 < self.keys[place].0)
            });
            if is_nearer && !pass_over(self.keys[at].0) {
                best = Some((cosine, at));
            }
        }
        best.map(|(cosine, at)| Near {
            key: self.keys[at].0,
            cosine: f64::from(cosine).clamp(-1.0, 1.0),
            start: self.keys[at].1.clone(),
        })
    }

    /// Lets a vector of length 1 in, in place of what had its key before.
    pub(super) fn insert(&mut self, key: Key, start: Box<str>, vector: Vec<f32>) {
        self.remove(key);
        if self.keys.is_empty() {
            self.width = vector.len();
        }
        if vector.len() == self.width {
            self.places.insert(key, self.keys.len());
            self.keys.push((key, start));
            self.numbers.extend(vector);
        }
    }

    /// Forgets the vector of that key; the last one takes its place.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(at) = self.places.remove(&key) else {
            return;
        };
        let last = self.keys.len() - 1;
        self.keys.swap_remove(at);
        if at != last {
            self.numbers.copy_within(last * self.width.., at * self.width);
            self.places.insert(self.keys[at].0, at);
        }
        self.numbers.truncate(last * self.width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn drawn(rng: &mut ChaCha8Rng, width: usize) -> Vec<f32> {
        unit((0..width).map(|_| rng.random_range(-1.0..1.0)).collect()).unwrap()
    }

    #[test]
    fn the_nearest_is_found_whatever_came_and_went() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut pool = Vectors::default();
        let mut known: HashMap<Key, Vec<f32>> = HashMap::new();
        for at in 0..400_u64 {
            let vector = drawn(&mut rng, 21);
            let expected = known
                .iter()
                .map(|(key, other)| (other.iter().zip(&vector).map(|(a, b)| a * b).sum::<f32>(), *key))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let near = pool.nearest(&vector, |_| false);
            assert_eq!(near.as_ref().map(|near| near.key), expected.map(|(_, key)| key));
            if let (Some(near), Some((cosine, _))) = (near, expected) {
                assert!((near.cosine - f64::from(cosine)).abs() < 1e-5);
                assert_ne!(
                    pool.nearest(&vector, |key| key == near.key)
                        .map(|other| other.key),
                    Some(near.key)
                );
            }
            pool.insert((at, 0), "".into(), vector.clone());
            known.insert((at, 0), vector);
            if at % 3 == 0 {
                let gone = (rng.random_range(0..=at), 0);
                pool.remove(gone);
                known.remove(&gone);
            }
        }
        assert_eq!(pool.numbers.len(), known.len() * 21);
    }

    #[test]
    fn a_vector_of_another_width_or_none_is_nobodys_neighbour() {
        let mut pool = Vectors::default();
        pool.insert((1, 0), "one".into(), vec![1.0, 0.0]);
        pool.insert((2, 0), "two".into(), vec![1.0, 0.0, 0.0]);
        assert_eq!(pool.nearest(&[1.0, 0.0, 0.0], |_| false), None);
        assert_eq!(&*pool.nearest(&[1.0, 0.0], |_| false).unwrap().start, "one");
        assert_eq!(unit(vec![0.0, 0.0]), None);
        assert_eq!(unit(vec![f32::NAN]), None);
        assert_eq!(unit(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
    }
}
