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
        let pico = |usd_per_million: f64| (usd_per_million * 1e6).round() as i128;
        let total = i128::from(input) * pico(self.input) + i128::from(output) * pico(self.output);
        Money(i64::try_from((total + 999_999) / 1_000_000).unwrap_or(i64::MAX))
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
            let near = self.mode == CapMode::Cautious && with_others > cap / 10 * 9;
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
