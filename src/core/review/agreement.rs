//! Figures about what persons said: agreement with the validators and with themselves, and who won a comparison. Pure arithmetic.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Outcome, QueueItem};

/// The 97.5 % quantile of the normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Cohen's kappa of two raters who each said yes or no about the same things: (observed − chance) / (1 − chance), where chance is
/// how often they would agree if each kept their own share of yes and threw dice (J. Cohen, "A coefficient of agreement for nominal
/// scales", 1960). `None` without anything rated, and where one word alone was ever used by both.
pub fn kappa(pairs: &[(bool, bool)]) -> Option<f64> {
    let all = pairs.len() as f64;
    let share =
        |is: &dyn Fn(&(bool, bool)) -> bool| pairs.iter().filter(|pair| is(pair)).count() as f64 / all;
    let observed = share(&|pair| pair.0 == pair.1);
    let (first, second) = (share(&|pair| pair.0), share(&|pair| pair.1));
    let chance = first * second + (1.0 - first) * (1.0 - second);
    let kappa = (observed - chance) / (1.0 - chance);
    kappa.is_finite().then_some(kappa)
}

/// The 95 % score interval of a share: `wins` of `all` (E. B. Wilson, "Probable inference, the law of succession, and statistical
/// inference", 1927). Everything is possible where nothing was tried.
pub fn wilson(wins: u64, all: u64) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (all as f64, wins as f64 / all as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// What persons said in a queue, counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Accepted as they were.
    pub accepted: u64,
    /// Accepted after a change.
    pub edited: u64,
    /// Rejected.
    pub rejected: u64,
    /// Without an opinion.
    pub skipped: u64,
    /// Milliseconds all of it took.
    pub took_ms: u64,
    /// Agreement with the validators' own decision, corrected for chance.
    pub kappa: Option<f64>,
    /// Samples both a person and the validators decided.
    pub judged: u64,
    /// Second looks that said the same, of how many.
    pub same: (u64, u64),
    /// Words said after teacher and scores were seen.
    pub unblinded: u64,
    /// Why samples were rejected, the most frequent first. A rejection without a reason is in none.
    pub reasons: Vec<(String, u64)>,
}

/// Who won a comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Match {
    /// The first was better.
    pub first: u64,
    /// The second was better.
    pub second: u64,
    /// As good.
    pub ties: u64,
    /// Neither was good.
    pub both_bad: u64,
    /// Without an opinion.
    pub skipped: u64,
    /// Side A was better, whoever stood there.
    pub side_a: u64,
    /// Milliseconds all of it took.
    pub took_ms: u64,
    /// Words said after it was shown whose the two are.
    pub unblinded: u64,
}

impl Match {
    /// Pairs with a winner.
    pub fn decided(&self) -> u64 {
        self.first + self.second
    }

    /// Share of the first among the pairs with a winner, and its 95 % interval.
    pub fn first_share(&self) -> (f64, (f64, f64)) {
        share(self.first, self.decided())
    }

    /// Share of side A among the pairs with a winner, and its 95 % interval: one half where the side does not matter.
    pub fn side_share(&self) -> (f64, (f64, f64)) {
        share(self.side_a, self.decided())
    }
}

fn share(wins: u64, all: u64) -> (f64, (f64, f64)) {
    let share = if all == 0 { 0.5 } else { wins as f64 / all as f64 };
    (share, wilson(wins, all))
}

/// Counts the places of a queue that have a word.
pub fn tally(items: &[QueueItem]) -> Tally {
    let mut tally = Tally::default();
    let mut pairs = Vec::new();
    let mut before = HashMap::new();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for (item, word) in items
        .iter()
        .filter_map(|item| Some((&item.item, item.word.as_ref()?)))
    {
        match word.outcome {
            Outcome::Accepted => tally.accepted += 1,
            Outcome::Edited => tally.edited += 1,
            Outcome::Rejected => tally.rejected += 1,
            _ => tally.skipped += 1,
        }
        tally.took_ms += word.took_ms;
        tally.unblinded += u64::from(!word.blind);
        if let Some(reason) = &word.reason {
            *reasons.entry(reason.clone()).or_insert(0) += 1;
        }
        let Some(accepts) = word.outcome.accepts() else {
            continue;
        };
        if item.repeat {
            if let Some(first) = before.get(&item.sample) {
                tally.same.0 += u64::from(*first == accepts);
                tally.same.1 += 1;
            }
            continue;
        }
        before.insert(item.sample.clone(), accepts);
        pairs.extend(word.machine.map(|machine| (accepts, machine)));
    }
    tally.judged = pairs.len() as u64;
    tally.kappa = kappa(&pairs);
    tally.reasons = reasons.into_iter().collect();
    tally.reasons.sort_by_key(|(_, count)| Reverse(*count));
    tally
}

/// Counts the pairs of a queue that have a word.
pub fn matched(items: &[QueueItem]) -> Match {
    let mut counts = Match::default();
    for (item, word) in items
        .iter()
        .filter_map(|item| Some((&item.item, item.word.as_ref()?)))
    {
        counts.took_ms += word.took_ms;
        counts.unblinded += u64::from(!word.blind);
        match word.outcome {
            Outcome::First => counts.first += 1,
            Outcome::Second => counts.second += 1,
            Outcome::Tie => counts.ties += 1,
            Outcome::BothBad => counts.both_bad += 1,
            _ => counts.skipped += 1,
        }
        let a_won = match word.outcome {
            Outcome::First => !item.swapped,
            Outcome::Second => item.swapped,
            _ => false,
        };
        counts.side_a += u64::from(a_won);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::{NewItem, Word};
    use super::*;
    use crate::core::sample::SampleId;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 5e-4
    }

    #[test]
    fn kappa_of_known_tables() {
        // 20 both yes, 5 only the first, 10 only the second, 15 both no: observed 0.7, chance 0.5.
        let table = [
            (20, (true, true)),
            (5, (true, false)),
            (10, (false, true)),
            (15, (false, false)),
        ];
        let pairs: Vec<_> = table
            .iter()
            .flat_map(|(times, pair)| std::iter::repeat_n(*pair, *times))
            .collect();
        assert!(close(kappa(&pairs).unwrap(), 0.4));
        assert!(close(kappa(&[(true, true), (false, false)]).unwrap(), 1.0));
        assert!(close(kappa(&[(true, false), (false, true)]).unwrap(), -1.0));
    }

    #[test]
    fn without_two_words_there_is_no_kappa() {
        assert_eq!(kappa(&[]), None);
        assert_eq!(kappa(&[(true, true); 9]), None);
        assert_eq!(kappa(&[(true, true), (true, false)]), Some(0.0));
    }

    #[test]
    fn wilson_of_known_shares() {
        let (low, high) = wilson(8, 10);
        assert!(close(low, 0.4902) && close(high, 0.9433), "{low} {high}");
        let (low, high) = wilson(0, 10);
        assert!(close(low, 0.0) && close(high, 0.2775), "{low} {high}");
        let (low, high) = wilson(50, 100);
        assert!(close(low, 0.4038) && close(high, 0.5962), "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    fn item(sample: &str, repeat: bool, swapped: bool, outcome: Outcome, machine: Option<bool>) -> QueueItem {
        QueueItem {
            place: 0,
            item: NewItem {
                sample: SampleId(sample.to_owned()),
                other: None,
                repeat,
                swapped,
            },
            word: Some(Word {
                outcome,
                reason: (outcome == Outcome::Rejected).then(|| {
                    if repeat || sample == "a" {
                        "style"
                    } else {
                        "language"
                    }
                    .to_owned()
                }),
                took_ms: 1000,
                blind: sample != "c",
                machine,
                at_ms: 0,
            }),
        }
    }

    #[test]
    fn a_queue_is_counted_once_and_repeats_apart() {
        let items = [
            item("a", false, false, Outcome::Accepted, Some(true)),
            item("b", false, false, Outcome::Rejected, Some(false)),
            item("c", false, false, Outcome::Edited, None),
            item("d", false, false, Outcome::Skipped, Some(true)),
            item("a", true, false, Outcome::Rejected, Some(true)),
            item("b", true, false, Outcome::Rejected, Some(false)),
        ];
        let tally = tally(&items);
        assert_eq!(
            (tally.accepted, tally.edited, tally.rejected, tally.skipped),
            (1, 1, 3, 1)
        );
        assert_eq!((tally.judged, tally.kappa), (2, Some(1.0)));
        assert_eq!((tally.same, tally.unblinded, tally.took_ms), ((1, 2), 1, 6000));
        assert_eq!(
            tally.reasons,
            [("style".to_owned(), 2), ("language".to_owned(), 1)]
        );
    }

    #[test]
    fn a_match_knows_winners_and_sides() {
        let items = [
            item("a", false, true, Outcome::First, None),
            item("b", false, true, Outcome::Second, None),
            item("c", false, false, Outcome::First, None),
            item("d", false, false, Outcome::Tie, None),
            item("e", false, false, Outcome::BothBad, None),
        ];
        let counts = matched(&items);
        assert_eq!(
            (counts.first, counts.second, counts.ties, counts.both_bad),
            (2, 1, 1, 1)
        );
        assert_eq!((counts.decided(), counts.side_a, counts.unblinded), (3, 2, 1));
        assert!(close(counts.first_share().0, 2.0 / 3.0));
    }
}
