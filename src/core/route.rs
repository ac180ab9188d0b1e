//! Which teacher gets a question: capability, weight, open circuits, and (on request) yield. Pure: the draw is an argument.

use super::budget::Price;
use super::job::{RouteBy, Step};

mod thompson;

/// A model at a provider: what is routed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Teacher {
    /// `provider/model`.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// The provider's id of the model.
    pub model: String,
    /// What it is good for.
    pub capabilities: Vec<String>,
    /// Configured share.
    pub weight: f64,
    /// Known price.
    pub price: Option<Price>,
    /// Context length in tokens.
    pub context: Option<u64>,
}

/// How one teacher stands at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Standing {
    /// Its provider takes requests (no open circuit, no pause, no cap met).
    pub open: bool,
    /// Questions it was given so far, answered or not.
    pub asked: u64,
    /// Accepted samples so far.
    pub accepted: u64,
    /// Samples judged so far; a task that failed at it counts as one.
    pub judged: u64,
    /// Money spent so far on what was judged, USD.
    pub spent: f64,
    /// Seconds of answering so far for what was judged and timed.
    pub seconds: f64,
    /// Samples judged so far whose time is among [`Self::seconds`].
    pub timed: u64,
}

/// One teacher of a step with its share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Place in the list of teachers.
    pub teacher: usize,
    /// Weight; 0 is a fallback only.
    pub weight: f64,
}

/// Name of the built-in teacher's provider. It knows nothing: beside real teachers only a job that names it gets it.
const BUILT_IN: &str = "mock";

/// What a teacher declares that takes a prompt as it is, without a chat template around it.
pub const COMPLETION: &str = "completion";

/// The teachers that can serve a step: those it names, or all that declare its capability. A step without both takes every teacher, one
/// with a raw prompt those that take one, and one whose answer is computed nobody.
pub fn eligible(step: &Step, teachers: &[Teacher]) -> Vec<Share> {
    if step.computed {
        return Vec::new();
    }
    let raw = step.completion.then_some(COMPLETION);
    eligible_for(step.capability.as_deref().or(raw), &step.teachers, teachers)
}

/// [`eligible`] for anything that asks: a judge too.
pub fn eligible_for(
    capability: Option<&str>,
    named: &[super::job::TeacherUse],
    teachers: &[Teacher],
) -> Vec<Share> {
    if named.is_empty() {
        let alone = teachers.iter().all(|teacher| teacher.provider == BUILT_IN);
        return teachers
            .iter()
            .enumerate()
            .filter(|(_, teacher)| alone || teacher.provider != BUILT_IN)
            // One that only makes vectors answers nothing.
            .filter(|(_, teacher)| capability.is_some() || teacher.capabilities != ["embedding"])
            .filter(|(_, teacher)| {
                capability.is_none_or(|wanted| teacher.capabilities.iter().any(|c| c == wanted))
            })
            .map(|(at, teacher)| Share {
                teacher: at,
                weight: teacher.weight,
            })
            .collect();
    }
    named
        .iter()
        .filter_map(|used| {
            let at = teachers.iter().position(|teacher| teacher.name == used.name)?;
            Some(Share {
                teacher: at,
                weight: used.weight,
            })
        })
        .collect()
}

/// Draws a teacher among the shares. `draw` is uniform in [0, 1), taken from the task's index so that a plan is reproducible;
/// closed or `refused` teachers are passed over. `None`: nobody is open at the moment.
pub fn choose(
    by: RouteBy,
    shares: &[Share],
    standing: &dyn Fn(usize) -> Standing,
    refused: &[usize],
    draw: f64,
) -> Option<usize> {
    let open: Vec<(Share, Standing)> = shares
        .iter()
        .filter(|share| !refused.contains(&share.teacher))
        .map(|share| (*share, standing(share.teacher)))
        .filter(|(_, standing)| standing.open)
        .collect();
    if by == RouteBy::Yield && open.iter().any(|(share, _)| share.weight > 0.0) {
        return thompson::choose(&open, draw);
    }
    let weights: Vec<f64> = open.iter().map(|(share, _)| share.weight.max(0.0)).collect();
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        // Only fallbacks are left: evenly.
        let at = (draw * open.len() as f64) as usize;
        return open
            .get(at.min(open.len().saturating_sub(1)))
            .map(|(share, _)| share.teacher);
    }
    let mut point = draw * total;
    for ((share, _), weight) in open.iter().zip(&weights) {
        if point < *weight {
            return Some(share.teacher);
        }
        point -= weight;
    }
    // Rounding took the point past the end: the last that has a share at all.
    open.iter()
        .zip(&weights)
        .rev()
        .find(|(_, weight)| **weight > 0.0)
        .map(|((share, _), _)| share.teacher)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(weights: &[f64]) -> Vec<Share> {
        weights
            .iter()
            .enumerate()
            .map(|(teacher, weight)| Share {
                teacher,
                weight: *weight,
            })
            .collect()
    }

    fn open(_: usize) -> Standing {
        Standing {
            open: true,
            ..Standing::default()
        }
    }

    fn teacher(name: &str, capabilities: &[&str]) -> Teacher {
        Teacher {
            name: name.to_owned(),
            provider: name.split('/').next().unwrap().to_owned(),
            model: name.to_owned(),
            capabilities: capabilities.iter().map(|c| (*c).to_owned()).collect(),
            weight: 2.0,
            price: None,
            context: None,
        }
    }

    #[test]
    fn weights_hold_within_two_percent_over_ten_thousand_draws() {
        let shares = shares(&[3.0, 1.0, 0.0, 6.0]);
        let mut counts = [0_u32; 4];
        for index in 0..10_000 {
            let draw = crate::core::plan::draw(7, "route", index);
            let at = choose(RouteBy::Weights, &shares, &open, &[], draw).unwrap();
            counts[at] += 1;
        }
        for (count, wanted) in counts.iter().zip([0.3, 0.1, 0.0, 0.6]) {
            assert!((f64::from(*count) / 10_000.0 - wanted).abs() < 0.02, "{counts:?}");
        }
        assert_eq!(counts[2], 0, "a weight of 0 is a fallback only");
    }

    #[test]
    fn closed_and_refused_teachers_are_passed_over_and_a_fallback_steps_in() {
        let shares = shares(&[5.0, 5.0, 0.0]);
        let first_closed = |at: usize| Standing {
            open: at != 0,
            ..Standing::default()
        };
        for index in 0..100 {
            let draw = f64::from(index) / 100.0;
            let by = RouteBy::Weights;
            assert_eq!(choose(by, &shares, &first_closed, &[], draw), Some(1));
            assert_eq!(choose(by, &shares, &first_closed, &[1], draw), Some(2));
            assert_eq!(choose(by, &shares, &first_closed, &[1, 2], draw), None);
        }
    }

    #[test]
    fn a_step_takes_those_it_names_else_those_with_the_capability_else_all() {
        let teachers = [teacher("p/a", &["json"]), teacher("p/b", &["judge"])];
        let places = |shares: Vec<Share>| -> Vec<usize> { shares.iter().map(|s| s.teacher).collect() };
        assert_eq!(places(eligible_for(Some("judge"), &[], &teachers)), [1]);
        assert_eq!(places(eligible_for(None, &[], &teachers)), [0, 1]);
        let named = [crate::core::job::TeacherUse {
            name: "p/a".to_owned(),
            weight: 0.5,
        }];
        assert_eq!(
            eligible_for(Some("judge"), &named, &teachers),
            [Share {
                teacher: 0,
                weight: 0.5
            }]
        );
    }

    #[test]
    fn the_built_in_teacher_is_asked_beside_real_ones_only_if_it_is_named() {
        let with_real = [teacher("mock/teacher", &["json"]), teacher("p/a", &["json"])];
        let places = |shares: Vec<Share>| -> Vec<usize> { shares.iter().map(|s| s.teacher).collect() };
        assert_eq!(places(eligible_for(None, &[], &with_real)), [1]);
        assert_eq!(places(eligible_for(Some("json"), &[], &with_real)), [1]);
        assert_eq!(places(eligible_for(Some("json"), &[], &with_real[..1])), [0]);
        let named = [crate::core::job::TeacherUse {
            name: "mock/teacher".to_owned(),
            weight: 1.0,
        }];
        assert_eq!(places(eligible_for(None, &named, &with_real)), [0]);
    }

    proptest! {
        #[test]
        fn only_an_open_teacher_is_ever_chosen(
            weights in prop::collection::vec(0.0_f64..10.0, 0..6),
            closed in any::<u8>(),
            by_yield in any::<bool>(),
            draw in 0.0_f64..1.0,
        ) {
            let by = if by_yield { RouteBy::Yield } else { RouteBy::Weights };
            let standing = |at: usize| Standing { open: closed >> at & 1 == 0, ..Standing::default() };
            let any_open = (0..weights.len()).any(|at| standing(at).open);
            let chosen = choose(by, &shares(&weights), &standing, &[], draw);
            prop_assert_eq!(chosen.is_some(), any_open);
            prop_assert!(chosen.is_none_or(|at| standing(at).open));
        }
    }
}
