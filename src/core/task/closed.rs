//! How an attempt ended and what that takes from every cap: one rule for the purses of a running job and for the ledger they are filled
//! from, so that a cap holds over all lives.

use super::{RequestId, RequestState};
use crate::core::budget::{Amount, Money};
use crate::core::request::Usage;

/// What an attempt cost, written together with the next thing that happens to its task.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The attempt.
    pub request: RequestId,
    /// `Settled`, `Failed` or `Refused`.
    pub state: RequestState,
    /// Counts as the wire gave them.
    pub usage: Usage,
    /// What it cost, by the provider's word or by the price table.
    pub cost: Money,
    /// The cost is an estimate: the wire gave no counts.
    pub estimated: bool,
    /// It may have been charged although no answer came.
    pub maybe_billed: bool,
    /// What went wrong, for the error groups.
    pub error: Option<String>,
}

impl Closed {
    /// What it took, as far as it is known. A refused one and one answered by `reuse` (an estimate of no request) took nothing; tokens
    /// of an answer that the wire did not count are settled at what was set aside for them.
    pub fn settled(&self, estimate: Amount) -> Amount {
        if self.state == RequestState::Refused || estimate.requests == 0 {
            return Amount::default();
        }
        let counted = self
            .usage
            .input
            .unwrap_or(0)
            .saturating_add(self.usage.output.unwrap_or(0));
        let complete = self.usage.input.is_some() && self.usage.output.is_some();
        Amount {
            usd: self.cost,
            tokens: if self.state == RequestState::Settled && !complete {
                counted.max(estimate.tokens)
            } else {
                counted
            },
            requests: 1,
        }
    }

    /// What it may have taken beyond that: the rest of its estimate, where nobody can tell whether it was charged.
    pub fn uncertain(&self, estimate: Amount) -> Amount {
        if self.maybe_billed {
            estimate.minus(self.settled(estimate))
        } else {
            Amount::default()
        }
    }

    /// What counts against caps: both.
    pub fn counted(&self, estimate: Amount) -> Amount {
        self.settled(estimate).plus(self.uncertain(estimate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: Amount = Amount {
        usd: Money(100),
        tokens: 1000,
        requests: 1,
    };

    fn closed(state: RequestState, usage: Usage, maybe_billed: bool) -> Closed {
        Closed {
            request: RequestId(1),
            state,
            usage,
            cost: Money(if state == RequestState::Refused { 0 } else { 30 }),
            estimated: false,
            maybe_billed,
            error: None,
        }
    }

    #[test]
    fn a_closed_attempt_takes_what_the_wire_counted() {
        let usage = Usage {
            input: Some(10),
            output: Some(5),
            usd: None,
        };
        let taken = closed(RequestState::Settled, usage, false).counted(ESTIMATE);
        assert_eq!((taken.usd, taken.tokens, taken.requests), (Money(30), 15, 1));
    }

    #[test]
    fn unknown_counts_settle_at_the_estimate_and_refusals_at_nothing() {
        let told = Usage {
            usd: Some(Money(30)),
            ..Usage::default()
        };
        for usage in [Usage::default(), told] {
            let unknown = closed(RequestState::Settled, usage, false).counted(ESTIMATE);
            assert_eq!(unknown.tokens, 1000);
        }
        let refused = closed(RequestState::Refused, Usage::default(), false);
        assert_eq!(refused.counted(ESTIMATE), Amount::default());
        let from_ledger = closed(RequestState::Settled, Usage::default(), false);
        assert_eq!(from_ledger.counted(Amount::default()), Amount::default());
    }

    #[test]
    fn what_may_have_been_charged_counts_by_its_estimate_and_what_is_told_beyond_it() {
        for state in [RequestState::Failed, RequestState::Refused] {
            let unsure = closed(state, Usage::default(), true);
            assert_eq!(unsure.counted(ESTIMATE), ESTIMATE);
        }
        let mut dear = closed(RequestState::Failed, Usage::default(), true);
        dear.cost = Money(130);
        assert_eq!(dear.counted(ESTIMATE).usd, Money(130));
        assert_eq!(dear.counted(ESTIMATE).tokens, 1000);
        let sure = closed(RequestState::Failed, Usage::default(), false);
        assert_eq!(sure.uncertain(ESTIMATE), Amount::default());
    }
}
