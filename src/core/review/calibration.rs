//! A judge held against what persons said of the same samples: how far they agree, what each mark would let through, and which mark
//! gives a wanted precision. Pure arithmetic; the formulas of kappa and of the interval are [`super::agreement`]'s.

use serde::Serialize;

use super::agreement::{kappa, wilson};

/// Most marks that are looked at: more scores than that are thinned evenly.
const MARKS_AT_MOST: usize = 50;

/// A sample with both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// The judge's score.
    pub score: f64,
    /// A person found it good.
    pub good: bool,
}

/// What a mark lets through: accepted is a score of at least the mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Accepted by both.
    pub good_accepted: u64,
    /// Accepted by the judge, rejected by the person.
    pub bad_accepted: u64,
    /// Rejected by the judge, accepted by the person.
    pub good_rejected: u64,
    /// Rejected by both.
    pub bad_rejected: u64,
}

/// A mark with its figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mark {
    /// Accepted from here on.
    pub at: f64,
    /// The four counts.
    pub confusion: Confusion,
    /// Share of good ones among the accepted; `None` where nothing is accepted.
    pub precision: Option<f64>,
    /// Its 95 % interval (Wilson).
    pub precision_between: (f64, f64),
    /// Share of the good ones that is accepted; `None` where nothing is good.
    pub recall: Option<f64>,
    /// Its 95 % interval (Wilson).
    pub recall_between: (f64, f64),
    /// Agreement corrected for chance (Cohen's kappa).
    pub kappa: Option<f64>,
}

/// Marks for a wanted precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wanted {
    /// The precision that is wanted.
    pub precision: f64,
    /// The lowest mark from which on every mark reached it on these samples.
    pub reached: Option<Mark>,
    /// The lowest mark whose whole interval lies above it: what can be expected of samples nobody looked at.
    pub certain: Option<Mark>,
}

/// A judge's calibration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Samples with a score and a label.
    pub labelled: u64,
    /// Those of them a person found good.
    pub good: u64,
    /// The job's own mark with its figures.
    pub now: Option<Mark>,
    /// Every mark that makes a difference, from the lowest.
    pub marks: Vec<Mark>,
    /// Marks for the wanted precision.
    pub wanted: Wanted,
}

impl Mark {
    fn at(mark: f64, labels: &[Labelled]) -> Self {
        let mut confusion = Confusion::default();
        for Labelled { score, good } in labels {
            let count = match (*score >= mark, *good) {
                (true, true) => &mut confusion.good_accepted,
                (true, false) => &mut confusion.bad_accepted,
                (false, true) => &mut confusion.good_rejected,
                (false, false) => &mut confusion.bad_rejected,
            };
            *count += 1;
        }
        let hits = confusion.good_accepted;
        let (accepted, good) = (hits + confusion.bad_accepted, hits + confusion.good_rejected);
        let share = |all: u64| (all > 0).then(|| hits as f64 / all as f64);
        let pairs: Vec<(bool, bool)> = labels
            .iter()
            .map(|label| (label.good, label.score >= mark))
            .collect();
        Self {
            at: mark,
            confusion,
            precision: share(accepted),
            precision_between: wilson(hits, accepted),
            recall: share(good),
            recall_between: wilson(hits, good),
            kappa: kappa(&pairs),
        }
    }
}

/// The calibration of a judge on these samples. `now` is the job's mark.
pub fn calibrate(labels: &[Labelled], now: Option<f64>, precision: f64) -> Calibration {
    let mut scores: Vec<f64> = labels.iter().map(|label| label.score).collect();
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    let step = scores.len().div_ceil(MARKS_AT_MOST).max(1);
    let last = scores.last().copied();
    let mut thinned: Vec<f64> = scores.into_iter().step_by(step).collect();
    if let Some(last) = last.filter(|last| thinned.last() != Some(last)) {
        thinned.push(last);
    }
    let marks: Vec<Mark> = thinned.into_iter().map(|at| Mark::at(at, labels)).collect();
    // From the top down, as long as it holds: a lucky mark below one that fails is none.
    let lowest =
        |holds: &dyn Fn(&Mark) -> bool| marks.iter().rev().take_while(|mark| holds(mark)).last().copied();
    Calibration {
        labelled: labels.len() as u64,
        good: labels.iter().filter(|label| label.good).count() as u64,
        now: now.filter(|_| !labels.is_empty()).map(|at| Mark::at(at, labels)),
        wanted: Wanted {
            precision,
            reached: lowest(&|mark| mark.precision.is_some_and(|share| share >= precision)),
            certain: marks
                .iter()
                .find(|mark| mark.precision_between.0 >= precision)
                .copied(),
        },
        marks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn labels(counts: &[(f64, u64, u64)]) -> Vec<Labelled> {
        let of = |score, good, many| (0..many).map(move |_| Labelled { score, good });
        counts
            .iter()
            .flat_map(|(score, good, bad)| of(*score, true, *good).chain(of(*score, false, *bad)))
            .collect()
    }

    fn is_at(mark: Option<Mark>, at: f64) -> bool {
        mark.is_some_and(|mark| (mark.at - at).abs() < 1e-12)
    }

    #[test]
    fn a_mark_is_counted_by_hand() {
        // Good and bad ones at each score from 1 to 5.
        let all = labels(&[
            (1.0, 0, 20),
            (2.0, 2, 18),
            (3.0, 8, 12),
            (4.0, 30, 10),
            (5.0, 48, 2),
        ]);
        let found = calibrate(&all, Some(4.0), 0.9);
        assert_eq!((found.labelled, found.good), (150, 88));
        let now = found.now.unwrap();
        let expected = Confusion {
            good_accepted: 78,
            bad_accepted: 12,
            good_rejected: 10,
            bad_rejected: 50,
        };
        assert_eq!(now.confusion, expected);
        assert!((now.precision.unwrap() - 78.0 / 90.0).abs() < 1e-12);
        assert!((now.recall.unwrap() - 78.0 / 88.0).abs() < 1e-12);
        // Observed 128/150; by chance 88/150 · 90/150 + 62/150 · 60/150.
        let (observed, chance) = (128.0 / 150.0, (88.0 * 90.0 + 62.0 * 60.0) / 22_500.0);
        assert!((now.kappa.unwrap() - (observed - chance) / (1.0 - chance)).abs() < 1e-12);
        assert_eq!(
            found.marks.iter().map(|mark| mark.at).collect::<Vec<_>>(),
            [1.0, 2.0, 3.0, 4.0, 5.0]
        );
        assert!(is_at(found.wanted.reached, 5.0));
        let five = found.marks[4];
        assert!((five.precision_between.0 - 0.8654).abs() < 1e-3, "{five:?}");
        assert_eq!(
            found.wanted.certain, None,
            "48 of 50 are not enough to be sure of 0.9"
        );
        assert!(is_at(calibrate(&all, None, 0.85).wanted.certain, 5.0));
    }

    #[test]
    fn the_kappa_of_a_judge_whose_errors_are_known_is_found() {
        // Half are good; the judge says yes to 90 % of the good and to 20 % of the bad ones.
        let labelled = |seed: u64| -> Vec<Labelled> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let one = |_| {
                let good = rng.random_bool(0.5);
                let yes = rng.random_bool(if good { 0.9 } else { 0.2 });
                let score = if yes { 5.0 } else { 1.0 };
                Labelled { score, good }
            };
            (0..1000).map(one).collect()
        };
        let marks: Vec<Mark> = (0..200)
            .map(|seed| calibrate(&labelled(seed), Some(4.0), 0.8).now.unwrap())
            .collect();
        // Agreement 0.85; by chance 0.5 · 0.55 + 0.5 · 0.45.
        let kappa: f64 = marks.iter().map(|mark| mark.kappa.unwrap()).sum::<f64>() / 200.0;
        assert!((kappa - (0.85 - 0.5) / 0.5).abs() < 0.01, "{kappa}");
        // An interval of 95 % holds the truth in about 190 of 200.
        let held = |between: fn(&Mark) -> (f64, f64), truth: f64| {
            let holds = |mark: &&Mark| between(mark).0 < truth && truth < between(mark).1;
            marks.iter().filter(holds).count()
        };
        let precision = held(|mark| mark.precision_between, 0.45 / 0.55);
        let recall = held(|mark| mark.recall_between, 0.9);
        assert!(
            precision >= 180 && recall >= 180,
            "{precision} and {recall} of 200"
        );
    }

    #[test]
    fn many_scores_are_thinned_and_none_is_an_answer_too() {
        let all: Vec<Labelled> = (0..1000)
            .map(|at| Labelled {
                score: f64::from(at) / 100.0,
                good: at >= 500,
            })
            .collect();
        let found = calibrate(&all, None, 0.99);
        assert!(found.marks.len() <= MARKS_AT_MOST + 1);
        assert!(is_at(found.marks.last().copied(), 9.99));
        assert!(is_at(found.wanted.reached, 5.0));
        let nothing = calibrate(&[], Some(4.0), 0.9);
        assert_eq!(
            (nothing.now, nothing.marks.len(), nothing.wanted.reached),
            (None, 0, None)
        );
    }
}
