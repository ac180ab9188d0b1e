//! Routing by yield: Thompson sampling for bandits with costs. Every teacher's share of accepted samples is drawn from what is known
//! of it, Beta(1 + accepted, 1 + rejected), and the one with the most accepted per cost in that draw is asked (the rule of Xia, Li,
//! Qin, Yu and Liu, "Thompson Sampling for Budgeted Multi-armed Bandits", IJCAI 2015, with the mean cost as it is known). What is
//! little known is drawn widely, so it is tried now and then; what is known to be poor hardly ever is.

use super::{Share, Standing};
use crate::core::chance::beta;
use crate::core::plan::stream;

/// Questions every teacher gets before any is preferred: a share is not known from less.
const FAIR_START: u64 = 8;
/// What a sample costs at least, USD: one that is free beats every paid one that is not hopeless.
const LEAST: f64 = 1e-6;

/// The teacher to ask, of open ones. Those with weight 0 are fallbacks only.
pub(super) fn choose(open: &[(Share, Standing)], draw: f64) -> Option<usize> {
    let wanted: Vec<&(Share, Standing)> = open.iter().filter(|(share, _)| share.weight > 0.0).collect();
    let least = wanted.iter().map(|(_, standing)| standing.asked).min()?;
    if least < FAIR_START {
        let behind = wanted.iter().filter(|(_, standing)| standing.asked == least);
        let behind: Vec<usize> = behind.map(|(share, _)| share.teacher).collect();
        let at = (draw * behind.len() as f64) as usize;
        return behind.get(at.min(behind.len() - 1)).copied();
    }
    // Where nobody costs money, time is what a sample costs.
    let free = wanted.iter().all(|(_, standing)| standing.spent <= 0.0);
    let mut best: Option<(f64, usize)> = None;
    for (share, standing) in wanted {
        let rejected = standing.judged.saturating_sub(standing.accepted);
        let mut bits = stream(draw.to_bits(), "route/yield", share.teacher as u64);
        let drawn = beta(1.0 + standing.accepted as f64, 1.0 + rejected as f64, &mut bits);
        let (taken, by) = if free {
            (standing.seconds, standing.timed)
        } else {
            (standing.spent, standing.judged)
        };
        let each = (taken / by.max(1) as f64).max(LEAST);
        let score = drawn / each;
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, share.teacher));
        }
    }
    best.map(|(_, teacher)| teacher)
}

#[cfg(test)]
mod tests {
    use super::super::{Share, Standing, choose as route};
    use super::*;
    use crate::core::chance::normal;
    use crate::core::job::RouteBy;
    use crate::core::plan::draw;

    /// A short job: exploring costs most in those. (With 1,500 tasks the first world comes to 4 % above the best.)
    const TASKS: u64 = 400;

    fn shares(count: usize) -> Vec<Share> {
        (0..count).map(|teacher| Share { teacher, weight: 1.0 }).collect()
    }

    fn known(accepted: u64, spent: f64) -> Standing {
        Standing {
            open: true,
            asked: 100,
            accepted,
            judged: 100,
            spent,
            seconds: 100.0,
            timed: 100,
        }
    }

    fn asked_first(standings: &[Standing]) -> usize {
        let shares = shares(standings.len());
        let first = |n: u64| {
            let drawn = draw(3, "first", n);
            route(RouteBy::Yield, &shares, &|at| standings[at], &[], drawn) == Some(0)
        };
        (0..1_000).filter(|n| first(*n)).count()
    }

    #[test]
    fn most_goes_where_most_is_accepted_for_a_dollar() {
        // Twice as good at the same price; then half as good at a tenth of it.
        assert!(asked_first(&[known(90, 1.0), known(45, 1.0)]) > 990);
        assert!(asked_first(&[known(90, 1.0), known(45, 0.1)]) < 10);
        // Nearly equal: both are asked.
        let about = asked_first(&[known(50, 1.0), known(48, 1.0)]);
        assert!((400..800).contains(&about), "{about}");
    }

    #[test]
    fn the_unknown_is_asked_as_often_as_the_others_at_first() {
        let mut asked = [0_u64; 3];
        for n in 0..24 {
            let standing = |at: usize| Standing {
                open: true,
                asked: asked[at],
                ..Standing::default()
            };
            let at = route(RouteBy::Yield, &shares(3), &standing, &[], draw(1, "fair", n)).unwrap();
            asked[at] += 1;
        }
        assert_eq!(asked, [8, 8, 8]);
    }

    #[test]
    fn where_all_are_free_the_faster_one_is_asked_and_a_free_one_before_a_paid_one() {
        let slow = Standing {
            seconds: 1_000.0,
            ..known(90, 0.0)
        };
        assert!(asked_first(&[slow, known(80, 0.0)]) < 10);
        assert!(asked_first(&[known(30, 0.0), known(95, 0.5)]) > 990);
    }

    #[test]
    fn a_fallback_is_asked_only_if_nobody_else_is_open() {
        let mut two = shares(2);
        two[1].weight = 0.0;
        let standing = |closed: usize| {
            move |at: usize| Standing {
                open: at != closed,
                ..known(50, 1.0)
            }
        };
        for n in 0..50 {
            let drawn = draw(9, "fallback", n);
            assert_eq!(route(RouteBy::Yield, &two, &standing(9), &[], drawn), Some(0));
            assert_eq!(route(RouteBy::Yield, &two, &standing(0), &[], drawn), Some(1));
        }
    }

    /// Money for accepted samples of so many tasks with 32 always under way. A teacher: share accepted, mean cost.
    fn simulate(by: RouteBy, teachers: &[(f64, f64)], seed: u64) -> (f64, u64) {
        let shares = shares(teachers.len());
        let mut standings = vec![
            Standing {
                open: true,
                ..Standing::default()
            };
            teachers.len()
        ];
        let mut under_way = std::collections::VecDeque::new();
        let (mut spent, mut accepted) = (0.0, 0);
        for task in 0..TASKS {
            let drawn = draw(seed, "route/answer/0/0", task);
            let at = route(by, &shares, &|at| standings[at], &[], drawn).unwrap();
            standings[at].asked += 1;
            under_way.push_back((at, task));
            if under_way.len() < 32 && task + 1 < TASKS {
                continue;
            }
            let ending = if task + 1 == TASKS { under_way.len() } else { 1 };
            for (at, task) in under_way.drain(..ending) {
                let mut bits = stream(seed, "answer", task);
                let (share, mean) = teachers[at];
                // Log-normal around the mean: some answers are ten times as long as others.
                let cost = mean * (0.7 * normal(&mut bits) - 0.245).exp();
                let good = bits.unit() < share;
                standings[at].judged += 1;
                standings[at].spent += cost;
                standings[at].accepted += u64::from(good);
                spent += cost;
                accepted += u64::from(good);
            }
        }
        (spent, accepted)
    }

    #[test]
    fn routing_by_yield_costs_less_for_each_accepted_sample_than_even_weights_over_two_hundred_seeds() {
        let each = |by, teachers: &[(f64, f64)]| {
            let runs = (0..200).map(|seed| simulate(by, teachers, seed));
            let (spent, accepted) = runs.fold((0.0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
            spent / accepted as f64
        };
        let worlds: [(&str, &[(f64, f64)]); 2] = [
            (
                "cheap and fair against dear and good",
                &[(0.9, 10e-3), (0.6, 2e-3), (0.3, 1.5e-3)],
            ),
            ("same price", &[(0.9, 2e-3), (0.5, 2e-3)]),
        ];
        for (world, teachers) in worlds {
            let (even, by_yield) = (each(RouteBy::Weights, teachers), each(RouteBy::Yield, teachers));
            let best = teachers.iter().map(|(share, mean)| mean / share);
            let best = best.fold(f64::INFINITY, f64::min);
            println!(
                "{world}: ${:.2} per 1,000 accepted by even weights, ${:.2} by yield ({:+.1} %), ${:.2} at best",
                even * 1e3,
                by_yield * 1e3,
                (by_yield / even - 1.0) * 100.0,
                best * 1e3
            );
            assert!(by_yield < even * 0.9, "{world}");
            assert!(by_yield < best * 1.15, "{world}");
        }
    }
}
