//! What the whole job will take, forecast from the rows that are done: cost, time and accepted samples, each as an interval that is to
//! hold the truth in nine of ten jobs. Pure; it knows nothing of how the rows were made.
//!
//! Cost and time: the studentised bootstrap (bootstrap-t) of the mean of a finite rest. Answers are long-tailed, and the usual
//! t-interval of a few rows misses on the side where it hurts; the bootstrap-t leans to that side by itself. Acceptance: the posterior
//! of a share, Beta(½ + accepted, ½ + not accepted), so that 20 of 20 does not promise 500 of 500. With a target both come together:
//! how many rows it takes is drawn with the share, and what they cost with the mean.

use std::fmt;

use serde::Serialize;

use super::budget::Money;
use super::chance::{beta, normal};
use super::plan::{Stream, stream};
use super::text::grouped;

/// Fewest rows a forecast is made from.
pub const ROWS_AT_LEAST: usize = 5;
/// Resamples.
const DRAWS: usize = 400;
/// Share of the draws outside the interval on each side: a little less than asked for, since few rows know their own spread badly.
const OUTSIDE: f64 = 0.02;
/// Up to so many rows, what is left is drawn row by row; beyond, their sum is normal.
const ONE_BY_ONE: u64 = 64;

/// What one row took and gave, all its tasks together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Row {
    /// USD.
    pub usd: f64,
    /// Seconds its teachers took.
    pub seconds: f64,
    /// Requests.
    pub requests: u64,
    /// Accepted samples.
    pub accepted: u64,
}

/// What is still to be done, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// Rows left.
    pub rows: u64,
    /// Samples that a row can give at most.
    pub samples_per_row: u64,
    /// Accepted samples still wanted, where the job stops at a target.
    pub wanted: Option<u64>,
    /// Requests in flight: as few as there may be, as many as there may be.
    pub in_flight: (f64, f64),
    /// Requests a minute at most.
    pub requests_per_minute: Option<f64>,
    /// The job's: the same rows give the same forecast.
    pub random_seed: u64,
}

/// The forecast of a whole job: what is done, and the interval of what will be (low, high).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Rows it is made from.
    pub rows: u64,
    /// Rows of the job.
    pub of: u64,
    /// Spent so far.
    pub spent: Money,
    /// Money in all.
    pub usd: (Money, Money),
    /// Running time in all, in seconds.
    pub seconds: (f64, f64),
    /// Accepted samples in all.
    pub accepted: (u64, u64),
    /// Whether the rows are a random sample of all (the job shuffles them) or simply the first.
    pub shuffled: bool,
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let either = |low: String, high: String| {
            if low == high {
                low
            } else {
                format!("{low} to {high}")
            }
        };
        let usd = either(self.usd.0.to_string(), self.usd.1.to_string());
        let time = either(clock(self.seconds.0), clock(self.seconds.1));
        let accepted = either(grouped(self.accepted.0), grouped(self.accepted.1));
        write!(
            f,
            "{} of {} rows for {}; all: {usd}, {time}, {accepted} accepted",
            grouped(self.rows),
            grouped(self.of),
            self.spent
        )
    }
}

/// Hours, minutes and seconds.
fn clock(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e9).round() as u64;
    format!("{}:{:02}:{:02}", whole / 3_600, whole / 60 % 60, whole % 60)
}

/// Forecasts what is left after these rows: money, seconds and accepted samples of the rest. `None`: too few rows.
pub fn forecast(done: &[Row], rest: &Rest) -> Option<Left> {
    if done.len() < ROWS_AT_LEAST || rest.rows == 0 {
        return None;
    }
    let mut bits = stream(rest.random_seed, "forecast", done.len() as u64);
    let shares = shares(done, rest, &mut bits);
    let rows: Vec<f64> = shares
        .iter()
        .map(|share| rows_needed(*share, rest, &mut bits))
        .collect();
    let mut sum = |of: fn(&Row) -> f64| {
        let values: Vec<f64> = done.iter().map(of).collect();
        let means = means(&values, rest.rows, &mut bits);
        let sums: Vec<f64> = means.iter().zip(&rows).map(|(mean, rows)| mean * rows).collect();
        interval(sums)
    };
    let usd = sum(|row| row.usd);
    let seconds = sum(|row| row.seconds);
    let requests = sum(|row| row.requests as f64);
    let accepted = shares.iter().zip(&rows).map(|(share, rows)| {
        let tries = rows * rest.samples_per_row as f64;
        let noise = (tries * share * (1.0 - share)).max(0.0).sqrt() * normal(&mut bits);
        let accepted = (tries * share + noise).clamp(0.0, tries).round();
        match rest.wanted {
            // It is reached, and then reached exactly.
            Some(wanted) if *rows < rest.rows as f64 => wanted as f64,
            Some(wanted) => accepted.min(wanted as f64),
            None => accepted,
        }
    });
    let accepted = interval(accepted.collect());
    let paced = |requests: f64| {
        rest.requests_per_minute
            .map_or(0.0, |most| requests * 60.0 / most.max(1e-9))
    };
    let (few, many) = (rest.in_flight.0.max(1.0), rest.in_flight.1.max(1.0));
    Some(Left {
        usd,
        seconds: (
            (seconds.0 / many).max(paced(requests.0)),
            (seconds.1 / few).max(paced(requests.1)),
        ),
        accepted: (accepted.0.floor() as u64, accepted.1.ceil() as u64),
    })
}

/// What is left: intervals (low, high).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// USD.
    pub usd: (f64, f64),
    /// Seconds.
    pub seconds: (f64, f64),
    /// Accepted samples.
    pub accepted: (u64, u64),
}

/// The share of accepted samples among those that could be, once for every draw. Samples of one row stand and fall together to some
/// degree, so a row counts as one try at least, and as many as its spread says.
fn shares(done: &[Row], rest: &Rest, bits: &mut Stream) -> Vec<f64> {
    let each = rest.samples_per_row.max(1) as f64;
    let parts: Vec<f64> = done
        .iter()
        .map(|row| (row.accepted as f64 / each).min(1.0))
        .collect();
    let count = parts.len() as f64;
    let (mean, deviation) = moments(&parts);
    let binomial = mean * (1.0 - mean);
    let tries = if deviation > 0.0 && binomial > 0.0 {
        (count * binomial / (deviation * deviation)).clamp(count, count * each)
    } else {
        count
    };
    (0..DRAWS)
        .map(|_| beta(0.5 + mean * tries, 0.5 + (1.0 - mean) * tries, bits))
        .collect()
}

/// Rows that have to be done at such a share: all, or until the target is reached.
fn rows_needed(share: f64, rest: &Rest, bits: &mut Stream) -> f64 {
    let all = rest.rows as f64;
    let Some(wanted) = rest.wanted else { return all };
    let wanted = wanted as f64;
    // Tries until so many have succeeded: negative binomial, near enough to normal.
    let tries = wanted / share.max(1e-9);
    let noise = (wanted * (1.0 - share)).max(0.0).sqrt() / share.max(1e-9) * normal(bits);
    ((tries + noise).max(wanted) / rest.samples_per_row.max(1) as f64).clamp(0.0, all)
}

/// Draws of the mean of the rest, by inverting the studentised bootstrap.
fn means(values: &[f64], rest: u64, bits: &mut Stream) -> Vec<f64> {
    let count = values.len() as f64;
    let (mean, deviation) = moments(values);
    let far = (1.0 / count + 1.0 / rest as f64).sqrt();
    let mut resample = vec![0.0; values.len()];
    let one = |bits: &mut Stream| values[bits.below(values.len() as u128) as usize];
    let draws = (0..DRAWS).map(|_| {
        for place in &mut resample {
            *place = one(bits);
        }
        let (again, spread) = moments(&resample);
        let ahead = if rest <= ONE_BY_ONE {
            (0..rest).map(|_| one(bits)).sum::<f64>() / rest as f64
        } else {
            mean + deviation / (rest as f64).sqrt() * normal(bits)
        };
        // A resample of equal values knows nothing of its spread: it counts as exact.
        let pivot = if spread > 0.0 {
            (again - ahead) / (spread * far)
        } else {
            0.0
        };
        (mean - pivot * deviation * far).max(0.0)
    });
    draws.collect()
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// What lies within, of all draws.
fn interval(mut draws: Vec<f64>) -> (f64, f64) {
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
    (at(OUTSIDE), at(1.0 - OUTSIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job of so many rows: log-normal costs, and acceptance that falls with the cost.
    fn world(seed: u64, rows: u64, spread: f64, share: f64, candidates: u64) -> Vec<Row> {
        (0..rows)
            .map(|row| {
                let mut bits = stream(seed, "world", row);
                let long = (spread * normal(&mut bits)).exp();
                let good = (share - 0.05 * (long - 1.0).min(2.0)).clamp(0.0, 1.0);
                let accepted = (0..candidates).filter(|_| bits.unit() < good).count();
                Row {
                    usd: 2e-3 * long,
                    seconds: 4.0 * long,
                    requests: candidates,
                    accepted: accepted as u64,
                }
            })
            .collect()
    }

    fn rest(rows: u64, candidates: u64, seed: u64) -> Rest {
        Rest {
            rows,
            samples_per_row: candidates,
            wanted: None,
            in_flight: (8.0, 8.0),
            requests_per_minute: None,
            random_seed: seed,
        }
    }

    /// How many of 200 jobs stay within the intervals of money, time and accepted samples.
    fn held(rows: u64, canary: usize, spread: f64, share: f64, candidates: u64) -> [u64; 3] {
        let mut held = [0; 3];
        for seed in 0..200 {
            let all = world(seed, rows, spread, share, candidates);
            let left = forecast(&all[..canary], &rest(rows - canary as u64, candidates, seed)).unwrap();
            let truth = &all[canary..];
            let usd: f64 = truth.iter().map(|row| row.usd).sum();
            let seconds: f64 = truth.iter().map(|row| row.seconds).sum::<f64>() / 8.0;
            let accepted: u64 = truth.iter().map(|row| row.accepted).sum();
            held[0] += u64::from(left.usd.0 <= usd && usd <= left.usd.1);
            held[1] += u64::from(left.seconds.0 <= seconds && seconds <= left.seconds.1);
            held[2] += u64::from(left.accepted.0 <= accepted && accepted <= left.accepted.1);
        }
        held
    }

    #[test]
    fn the_truth_is_inside_the_interval_in_nine_of_ten_of_two_hundred_jobs() {
        for (rows, canary, spread, share, candidates) in [
            (500, 20, 1.0, 0.6, 1),
            (60, 10, 0.7, 0.95, 1),
            (300, 20, 0.8, 0.5, 4),
        ] {
            let held = held(rows, canary, spread, share, candidates);
            println!(
                "{canary} of {rows} rows, spread {spread}: {held:?} of 200 within (money, time, accepted)"
            );
            assert!(held.iter().all(|count| *count >= 180), "{held:?}");
        }
    }

    #[test]
    fn with_a_target_the_rows_it_takes_are_forecast_too() {
        let mut inside = 0;
        for seed in 0..200 {
            let all = world(seed, 1_000, 0.7, 0.7, 1);
            let wanted = 200;
            let given = Rest {
                wanted: Some(wanted),
                ..rest(980, 1, seed)
            };
            let left = forecast(&all[..20], &given).unwrap();
            assert_eq!(left.accepted, (wanted, wanted));
            let (mut usd, mut accepted) = (0.0, 0);
            for row in &all[20..] {
                if accepted == wanted {
                    break;
                }
                usd += row.usd;
                accepted += row.accepted;
            }
            inside += u64::from(left.usd.0 <= usd && usd <= left.usd.1);
        }
        println!("with a target: {inside} of 200 within");
        assert!(inside >= 180, "{inside}");
    }

    #[test]
    fn equal_rows_leave_no_doubt_about_money_but_about_acceptance() {
        let row = Row {
            usd: 0.5,
            seconds: 2.0,
            requests: 3,
            accepted: 1,
        };
        let given = Rest {
            requests_per_minute: Some(60.0),
            in_flight: (2.0, 4.0),
            ..rest(100, 1, 1)
        };
        let left = forecast(&[row; 20], &given).unwrap();
        assert!((left.usd.0 - 50.0).abs() < 1e-9 && (left.usd.1 - 50.0).abs() < 1e-9);
        // 300 requests at one a second take longer than 200 seconds of answers by two at once.
        assert_eq!(left.seconds, (300.0, 300.0));
        assert!(
            left.accepted.0 < 99 && left.accepted.0 > 70 && left.accepted.1 == 100,
            "{left:?}"
        );
        assert_eq!(forecast(&[row; 4], &given), None);
        assert_eq!(
            forecast(&[row; 20], &given),
            Some(left),
            "the same rows, the same forecast"
        );
    }
}
