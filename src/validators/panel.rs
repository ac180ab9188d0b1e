//! Several judges' opinions as one verdict: the mean, the median or the majority, with how far they agree as evidence. Pure; asking
//! is [`super::judge`]'s business.

use std::fmt::Write as _;

use serde::Deserialize;

use super::judge::KIND;
use crate::core::sample::{Decision, Reason, Verdict};

/// How several scores become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aggregate {
    /// Their mean is held against the marks.
    #[default]
    Mean,
    /// Their median is.
    Median,
    /// Each is; what more than half of the judges decide is decided, and without such a half a person looks.
    Majority,
}

impl Aggregate {
    fn word(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Majority => "majority, mean",
        }
    }
}

/// Where a score is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Marks {
    /// Accepted from here on.
    pub(super) accept_at: f64,
    /// For a person from here on.
    pub(super) review_at: Option<f64>,
}

impl Marks {
    fn decide(self, score: f64) -> Decision {
        if score >= self.accept_at {
            Decision::Accept
        } else if self.review_at.is_some_and(|review_at| score >= review_at) {
            Decision::Review
        } else {
            Decision::Reject
        }
    }
}

/// What one judge said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opinion {
    /// Who, in words.
    pub(super) who: String,
    /// Inside the scale.
    pub(super) score: f64,
    /// In its own words.
    pub(super) reasoning: String,
}

/// The verdict of all of them; `silent` are those whose answers held no score.
pub(super) fn verdict(opinions: &[Opinion], silent: &[String], by: Aggregate, marks: Marks) -> Verdict {
    let scores: Vec<f64> = opinions.iter().map(|opinion| opinion.score).collect();
    let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    let decisions: Vec<Decision> = scores.iter().map(|score| marks.decide(*score)).collect();
    let (decision, score) = match by {
        Aggregate::Mean => (marks.decide(mean), mean),
        Aggregate::Median => {
            let median = median(&scores);
            (marks.decide(median), median)
        }
        Aggregate::Majority => (majority(&decisions), mean),
    };
    let evidence = match opinions {
        [only] if silent.is_empty() => only.reasoning.clone(),
        _ => minutes(opinions, silent, &decisions, (by, score)),
    };
    let agreement = (opinions.len() > 1).then(|| alike(&decisions) as f64 / decisions.len() as f64);
    let verdict = match decision {
        Decision::Accept => Verdict::accept(KIND),
        Decision::Review => Verdict::review(KIND, ""),
        Decision::Reject => Verdict::reject(KIND, Reason::Judge, ""),
    };
    Verdict {
        agreement,
        evidence: Some(evidence),
        ..verdict.scored(score)
    }
}

/// The middle of the scores, or the mean of the two in the middle.
fn median(scores: &[f64]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(half)) {
        (1, Some(middle)) => *middle,
        (_, Some(upper)) => f64::midpoint(*upper, sorted[half - 1]),
        _ => 0.0,
    }
}

/// What more than half decide.
fn majority(decisions: &[Decision]) -> Decision {
    let most =
        |wanted: Decision| decisions.iter().filter(|one| **one == wanted).count() * 2 > decisions.len();
    [Decision::Accept, Decision::Reject]
        .into_iter()
        .find(|wanted| most(*wanted))
        .unwrap_or(Decision::Review)
}

/// How many decide as the most do.
fn alike(decisions: &[Decision]) -> usize {
    let same = |one: &Decision| decisions.iter().filter(|other| *other == one).count();
    decisions.iter().map(same).max().unwrap_or(0)
}

/// The scores in a line, and then each judge's words.
fn minutes(
    opinions: &[Opinion],
    silent: &[String],
    decisions: &[Decision],
    (by, score): (Aggregate, f64),
) -> String {
    let scores: Vec<String> = opinions.iter().map(|opinion| short(opinion.score)).collect();
    let alike = alike(decisions);
    let mut text = format!(
        "{} {} of {}; {alike} of {} decide alike",
        by.word(),
        short(score),
        scores.join(", "),
        decisions.len()
    );
    // Writing into a string cannot fail.
    for Opinion {
        who,
        score,
        reasoning,
    } in opinions
    {
        let _ = write!(text, "\n{who}, {}: {}", short(*score), reasoning.trim());
    }
    for problem in silent {
        let _ = write!(text, "\n{problem}");
    }
    text
}

/// At most two digits behind the point.
pub(super) fn short(score: f64) -> String {
    let text = format!("{score:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        accept_at: 4.0,
        review_at: Some(3.0),
    };

    fn of(scores: &[f64], by: Aggregate) -> Verdict {
        let opinions: Vec<Opinion> = scores
            .iter()
            .zip(1..)
            .map(|(score, number)| Opinion {
                who: format!("judge {number}"),
                score: *score,
                reasoning: format!("said {number}"),
            })
            .collect();
        verdict(&opinions, &[], by, MARKS)
    }

    fn decided(scores: &[f64], by: Aggregate) -> (Decision, f64) {
        let verdict = of(scores, by);
        assert_eq!(verdict.reason.is_some(), verdict.decision == Decision::Reject);
        (verdict.decision, verdict.score.unwrap())
    }

    #[test]
    fn scores_become_one_in_three_ways() {
        use Aggregate::{Majority, Mean, Median};
        use Decision::{Accept, Reject, Review};
        assert_eq!(decided(&[5.0, 4.0, 1.0], Mean), (Review, 10.0 / 3.0));
        assert_eq!(decided(&[5.0, 4.0, 1.0], Median), (Accept, 4.0));
        assert_eq!(decided(&[5.0, 4.0, 1.0], Majority), (Accept, 10.0 / 3.0));
        assert_eq!(decided(&[5.0, 2.0], Median), (Review, 3.5));
        assert_eq!(decided(&[5.0, 2.0], Majority), (Review, 3.5));
        assert_eq!(decided(&[1.0, 2.0, 5.0], Majority), (Reject, 8.0 / 3.0));
        assert_eq!(decided(&[5.0, 3.0, 1.0], Majority), (Review, 3.0));
    }

    #[test]
    fn the_evidence_says_who_said_what_and_how_far_they_agree() {
        let verdict = of(&[5.0, 4.0, 1.0], Aggregate::Mean);
        assert_eq!(
            verdict.evidence.unwrap(),
            "mean 3.33 of 5, 4, 1; 2 of 3 decide alike\njudge 1, 5: said 1\njudge 2, 4: said 2\njudge 3, 1: said 3"
        );
        assert_eq!(of(&[5.0, 5.0, 4.0, 1.0], Aggregate::Mean).agreement, Some(0.75));
        let alone = of(&[5.0], Aggregate::Mean);
        assert_eq!(
            (alone.evidence.unwrap().as_str(), alone.agreement),
            ("said 1", None)
        );
    }
}
