//! Which teacher gets a question: capability, weight, open circuits, and (on request) yield. Pure: the draw is an argument.

use super::budget::Price;
use super::job::{RouteBy, Step};

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
    /// Accepted samples so far.
    pub accepted: u64,
    /// Tasks judged so far.
    pub judged: u64,
    /// Money spent so far, USD.
    pub spent: f64,
}

/// One teacher of a step with its share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Place in the list of teachers.
    pub teacher: usize,
    /// Weight; 0 is a fallback only.
    pub weight: f64,
}

/// The teachers that can serve a step: those it names, or all that declare its capability. A step without both takes every teacher.
pub fn eligible(step: &Step, teachers: &[Teacher]) -> Vec<Share> {
    eligible_for(step.capability.as_deref(), &step.teachers, teachers)
}

/// [`eligible`] for anything that asks: a judge too.
pub fn eligible_for(
    capability: Option<&str>,
    named: &[super::job::TeacherUse],
    teachers: &[Teacher],
) -> Vec<Share> {
    if named.is_empty() {
        return teachers
            .iter()
            .enumerate()
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
            let at = teachers
                .iter()
                .position(|teacher| teacher.name == used.name)?;
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
    let weights: Vec<f64> = open
        .iter()
        .map(|(share, standing)| match by {
            RouteBy::Weights => share.weight.max(0.0),
            RouteBy::Yield if share.weight <= 0.0 => 0.0,
            RouteBy::Yield => accepted_per_dollar(standing),
        })
        .collect();
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
    open.last().map(|(share, _)| share.teacher)
}

/// Optimistic estimate of accepted samples per dollar: Laplace-smoothed acceptance over mean cost, so that an unknown teacher is tried.
fn accepted_per_dollar(standing: &Standing) -> f64 {
    let rate = (standing.accepted as f64 + 1.0) / (standing.judged as f64 + 2.0);
    let cost = (standing.spent + 1e-6) / (standing.judged as f64 + 1.0);
    (rate / cost.max(1e-9)).min(1e9)
}
