//! What was said: in words for the lists, and counted into figures that were there before.

use crate::core::review::agreement::{Match, Tally};
use crate::core::review::{Outcome, REASONS};

/// The words of a digit.
pub(super) fn reason(digit: u8) -> String {
    let at = usize::from(digit).saturating_sub(1);
    REASONS.get(at).copied().unwrap_or("other").to_owned()
}

/// A word for the list of last ones.
pub(super) fn told(outcome: Outcome, reason: Option<&str>, swapped: bool) -> String {
    match (outcome, reason) {
        (Outcome::Accepted, _) => "✓".to_owned(),
        (Outcome::Edited, _) => "✓ edited".to_owned(),
        (Outcome::Rejected, None) => "✗".to_owned(),
        (Outcome::Rejected, Some(reason)) => match REASONS.iter().position(|known| *known == reason) {
            Some(at) => format!("✗ {} {reason}", at + 1),
            None => format!("✗ {reason}"),
        },
        (Outcome::Skipped, _) => "· skipped".to_owned(),
        (Outcome::First, _) if swapped => "B better".to_owned(),
        (Outcome::Second, _) if !swapped => "B better".to_owned(),
        (Outcome::First | Outcome::Second, _) => "A better".to_owned(),
        (Outcome::Tie, _) => "tie".to_owned(),
        (Outcome::BothBad, _) => "both bad".to_owned(),
    }
}

fn add(to: &mut u64, by: i64) {
    *to = to.saturating_add_signed(by);
}

/// Counts a word in, or out again.
pub(super) fn count(tally: &mut Tally, outcome: Outcome, by: i64) {
    add(
        match outcome {
            Outcome::Accepted => &mut tally.accepted,
            Outcome::Edited => &mut tally.edited,
            Outcome::Rejected => &mut tally.rejected,
            _ => &mut tally.skipped,
        },
        by,
    );
}

/// Counts a word about a pair in, or out again.
pub(super) fn counted(matched: &mut Match, outcome: Outcome, swapped: bool, by: i64) {
    let a_won = (outcome == Outcome::First && !swapped) || (outcome == Outcome::Second && swapped);
    if a_won {
        add(&mut matched.side_a, by);
    }
    add(
        match outcome {
            Outcome::First => &mut matched.first,
            Outcome::Second => &mut matched.second,
            Outcome::Tie => &mut matched.ties,
            Outcome::BothBad => &mut matched.both_bad,
            _ => &mut matched.skipped,
        },
        by,
    );
}
