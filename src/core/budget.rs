//! Money and caps: micro-USD integers, and reserve-then-settle so that settled plus reserved never exceeds a hard cap.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Micro-USD: one millionth of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money(pub i64);

impl Money {
    /// From dollars, rounded to the nearest micro-dollar; values past the range are clamped.
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e6).round() as i64)
    }

    /// In dollars.
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usd = self.usd();
        if usd != 0.0 && usd.abs() < 0.01 {
            write!(f, "${usd:.4}")
        } else {
            write!(f, "${usd:.2}")
        }
    }
}

/// Price of a model, USD per million tokens (which is micro-USD per token).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Per million prompt tokens.
    pub input: f64,
    /// Per million answer tokens.
    pub output: f64,
}

impl Price {
    /// Cost of so many tokens, rounded up to a micro-dollar.
    pub fn cost(&self, input: u64, output: u64) -> Money {
        // Prices are kept as whole picodollars per token so that the sum is exact whatever the order of additions.
        let part = |tokens: u64, usd_per_million: f64| {
            i128::from(tokens).saturating_mul((usd_per_million * 1e6).round() as i128)
        };
        let total = part(input, self.input).saturating_add(part(output, self.output));
        Money(i64::try_from(total.saturating_add(999_999) / 1_000_000).unwrap_or(i64::MAX))
    }
}

/// What a request takes, or may take at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Money.
    pub usd: Money,
    /// Tokens in and out.
    pub tokens: u64,
    /// Requests: 1 for a reservation, 0 or 1 when settled.
    pub requests: u64,
}

impl Amount {
    /// Field-wise sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd.plus(other.usd),
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    /// Field-wise difference, never below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            usd: Money(self.usd.0.saturating_sub(other.usd.0).max(0)),
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }
}

/// How a cap binds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapMode {
    /// Reserve the most a request can cost; never passed.
    #[default]
    Hard,
    /// As hard, and one request at a time above 90 %.
    Cautious,
    /// Reserve what a request likely costs; may pass by what is in flight.
    Soft,
}

/// Caps; `None` is no cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Money.
    pub usd: Option<Money>,
    /// Tokens in and out.
    pub tokens: Option<u64>,
    /// Requests sent.
    pub requests: Option<u64>,
    /// Wall time of running.
    pub time: Option<Duration>,
}

/// Which cap was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Money.
    Usd,
    /// Tokens.
    Tokens,
    /// Requests.
    Requests,
    /// Wall time.
    Minutes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usd => "usd",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Minutes => "minutes",
        })
    }
}

/// What a reservation is answered with when it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It could fit once what is in flight has settled: wait.
    Wait(Limit),
    /// It cannot fit: the cap is met.
    Met(Limit),
}

/// The account of one job, provider or day.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    caps: Caps,
    mode: CapMode,
    settled: Amount,
    reserved: Amount,
}

impl Budget {
    /// An account with what was spent before.
    pub fn new(caps: Caps, mode: CapMode, settled: Amount) -> Self {
        Self {
            caps,
            mode,
            settled,
            reserved: Amount::default(),
        }
    }

    /// Changes the caps; what is reserved stays reserved.
    pub fn set_caps(&mut self, caps: Caps, mode: CapMode) {
        self.caps = caps;
        self.mode = mode;
    }

    /// Sets `amount` aside, or says why not. In any interleaving settled plus reserved stays within a hard cap.
    pub fn reserve(&mut self, amount: Amount) -> Result<(), Refusal> {
        let taken = self.settled.plus(self.reserved).plus(amount);
        let alone = self.settled.plus(amount);
        let caps = [
            (
                Limit::Usd,
                self.caps.usd.map(|cap| cap.0),
                taken.usd.0,
                alone.usd.0,
            ),
            (
                Limit::Tokens,
                self.caps.tokens.map(as_i64),
                as_i64(taken.tokens),
                as_i64(alone.tokens),
            ),
            (
                Limit::Requests,
                self.caps.requests.map(as_i64),
                as_i64(taken.requests),
                as_i64(alone.requests),
            ),
        ];
        let busy = self.reserved.requests > 0;
        for (limit, cap, with_others, by_itself) in caps {
            let Some(cap) = cap else { continue };
            if by_itself > cap {
                return Err(if busy {
                    Refusal::Wait(limit)
                } else {
                    Refusal::Met(limit)
                });
            }
            let near = self.mode == CapMode::Cautious && i128::from(with_others) * 10 > i128::from(cap) * 9;
            if with_others > cap || (near && busy) {
                return Err(Refusal::Wait(limit));
            }
        }
        self.reserved = self.reserved.plus(amount);
        Ok(())
    }

    /// Replaces a reservation by what it really took (zero where the request was refused).
    pub fn settle(&mut self, reserved: Amount, actual: Amount) {
        self.reserved = self.reserved.minus(reserved);
        self.settled = self.settled.plus(actual);
    }

    /// What was spent is known anew; what is set aside stays.
    pub fn refill(&mut self, settled: Amount) {
        self.settled = settled;
    }

    /// What was taken to have cost so much is known to have cost so much.
    pub fn correct(&mut self, before: Amount, now: Amount) {
        self.settled = self.settled.minus(before).plus(now);
    }

    /// Whether so much wall time is past the cap.
    pub fn out_of_time(&self, elapsed: Duration) -> bool {
        self.caps.time.is_some_and(|cap| elapsed >= cap)
    }

    /// What was spent.
    pub fn settled(&self) -> Amount {
        self.settled
    }

    /// What is set aside for requests in flight.
    pub fn reserved(&self) -> Amount {
        self.reserved
    }

    /// The caps in force.
    pub fn caps(&self) -> Caps {
        self.caps
    }
}

fn as_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(usd: i64, tokens: u64) -> Amount {
        Amount {
            usd: Money(usd),
            tokens,
            requests: 1,
        }
    }

    fn caps() -> Caps {
        Caps {
            usd: Some(Money(1_000)),
            tokens: Some(5_000),
            requests: Some(40),
            time: None,
        }
    }

    #[test]
    fn a_reservation_waits_for_what_is_in_flight_and_is_refused_when_alone() {
        let mut budget = Budget::new(caps(), CapMode::Hard, Amount::default());
        assert_eq!(budget.reserve(amount(600, 1)), Ok(()));
        assert_eq!(budget.reserve(amount(600, 1)), Err(Refusal::Wait(Limit::Usd)));
        budget.settle(amount(600, 1), amount(500, 1));
        assert_eq!(budget.reserve(amount(600, 1)), Err(Refusal::Met(Limit::Usd)));
        assert_eq!(budget.reserve(amount(500, 1)), Ok(()));
    }

    #[test]
    fn cautious_is_one_at_a_time_above_nine_tenths() {
        let mut budget = Budget::new(caps(), CapMode::Cautious, amount(880, 0));
        assert_eq!(budget.reserve(amount(10, 1)), Ok(()));
        assert_eq!(budget.reserve(amount(10, 1)), Ok(()));
        assert_eq!(budget.reserve(amount(10, 1)), Err(Refusal::Wait(Limit::Usd)));
        let few = Caps {
            requests: Some(5),
            ..Caps::default()
        };
        let mut budget = Budget::new(few, CapMode::Cautious, Amount::default());
        for _ in 0..4 {
            assert_eq!(budget.reserve(amount(0, 0)), Ok(()));
        }
        assert_eq!(budget.reserve(amount(0, 0)), Err(Refusal::Wait(Limit::Requests)));
    }

    #[test]
    fn costs_are_exact_rounded_up_and_total() {
        let price = Price {
            input: 0.55,
            output: 2.19,
        };
        assert_eq!(price.cost(1_000_000, 1_000_000), Money(2_740_000));
        assert_eq!(price.cost(1, 0), Money(1));
        assert_eq!(price.cost(0, 0), Money(0));
        let absurd = Price {
            input: f64::INFINITY,
            output: f64::NAN,
        };
        assert_eq!(absurd.cost(u64::MAX, u64::MAX), Money(i64::MAX));
    }

    #[test]
    fn small_amounts_show_more_digits() {
        assert_eq!(Money(1_234_000).to_string(), "$1.23");
        assert_eq!(Money(1_200).to_string(), "$0.0012");
        assert_eq!(Money(0).to_string(), "$0.00");
    }

    proptest! {
        /// Promise 2: settled plus reserved never exceeds a hard cap, in any interleaving.
        #[test]
        fn a_hard_cap_is_never_passed(
            steps in prop::collection::vec((any::<bool>(), 0_i64..400, 0_u64..2_000, 0.0_f64..=1.0, any::<prop::sample::Index>()), 1..200),
            cautious in any::<bool>(),
        ) {
            let mode = if cautious { CapMode::Cautious } else { CapMode::Hard };
            let mut budget = Budget::new(caps(), mode, Amount::default());
            let mut flight: Vec<Amount> = Vec::new();
            for (settle, usd, tokens, share, pick) in steps {
                if settle && !flight.is_empty() {
                    let reserved = flight.swap_remove(pick.index(flight.len()));
                    let actual = if share < 0.2 {
                        Amount::default()
                    } else {
                        Amount {
                            usd: Money((reserved.usd.0 as f64 * share) as i64),
                            tokens: (reserved.tokens as f64 * share) as u64,
                            requests: 1,
                        }
                    };
                    budget.settle(reserved, actual);
                } else if budget.reserve(amount(usd, tokens)).is_ok() {
                    flight.push(amount(usd, tokens));
                }
                let taken = budget.settled().plus(budget.reserved());
                prop_assert!(taken.usd.0 <= 1_000 && taken.tokens <= 5_000 && taken.requests <= 40);
                prop_assert_eq!(budget.reserved().requests as usize, flight.len());
            }
        }

        /// Extreme amounts neither overflow nor slip through.
        #[test]
        fn extreme_amounts_are_refused(usd in any::<i64>().prop_map(i64::saturating_abs), tokens in any::<u64>()) {
            let mut budget = Budget::new(caps(), CapMode::Hard, Amount::default());
            let fits = usd <= 1_000 && tokens <= 5_000;
            prop_assert_eq!(budget.reserve(amount(usd, tokens)).is_ok(), fits);
        }
    }
}
