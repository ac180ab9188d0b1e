//! Who is asked: a place on the wire, a teacher drawn by weight with a slot at its provider, and the wait until any can be asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::governor::{Permit, Standing};
use super::super::roster::Roster;
use super::super::running::Wish;
use super::{Asked, Attempts, Out, Who};
use crate::core::job::RouteBy;
use crate::core::plan;
use crate::core::route::{self, Share};
use crate::core::task::Transition;

/// Longest sleep before the standing of teachers is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A teacher was looked for.
pub(super) enum Drawn<'r> {
    /// This one, with its slot, and the job's place on the wire.
    One(usize, Permit<'r>, SemaphorePermit<'r>),
    /// Every one has refused this question for good.
    Nobody,
    /// The roster is out of date: look again in the new one.
    Stale,
}

impl<'a> Attempts<'a> {
    /// Waits for one of the job's places on the wire.
    pub(super) async fn slot(&self) -> Result<SemaphorePermit<'a>, Out> {
        loop {
            let slot = tokio::select! {
                biased;
                () = self.job.ended() => None,
                slot = self.job.slots.acquire() => slot.ok(),
            };
            let slot = slot.ok_or(Out::Transition(Transition::Release))?;
            if !self.job.gives_up_place() {
                return Ok(slot);
            }
            slot.forget();
        }
    }

    /// Draws a teacher and waits for its slot. Whoever waits has no place on the wire meanwhile: it is for those whose teacher is free.
    pub(super) async fn teacher<'r>(
        &self,
        asked: &Asked<'_>,
        roster: &'r Arc<Roster>,
        shares: &[Share],
        refused: &[usize],
        attempt: u32,
        slot: SemaphorePermit<'r>,
    ) -> Result<Drawn<'r>, Out>
    where
        'a: 'r,
    {
        let draw_for = format!(
            "route/{}/{}/{attempt}",
            asked.question.step, asked.question.candidate
        );
        let draw = plan::draw(self.job.spec.random_seed, &draw_for, self.leased.lease.task.index);
        let tokens = asked
            .messages
            .iter()
            .map(|message| message.plain().len() as u64 / 3)
            .sum::<u64>()
            + u64::from(asked.params.max_tokens.unwrap_or(512));
        let (mut slot, mut paced) = (Some(slot), false);
        loop {
            let held = match slot.take() {
                Some(held) => held,
                None => self.slot().await?,
            };
            if self.job.wish() != Wish::Run {
                return Err(Out::Transition(Transition::Release));
            }
            if !self.shared.is_current(roster) {
                return Ok(Drawn::Stale);
            }
            // Once: whoever waits for a teacher does not use up the job's minute.
            if !paced && let Some(wait) = self.job.pace() {
                drop(held);
                self.pause_for(wait).await;
                continue;
            }
            paced = true;
            if let Some(at) = self.choose(asked, roster, shares, refused, draw) {
                let station = roster.station_of(at);
                match station.try_acquire(Instant::now(), tokens) {
                    Ok(permit) => return Ok(Drawn::One(at, permit, held)),
                    Err(Some(when)) => {
                        drop(held);
                        tokio::select! {
                            biased;
                            () = sleep_until(when.max(Instant::now() + Duration::from_millis(1))) => {}
                            () = station.changed() => {}
                            () = self.job.ended() => {}
                        }
                    }
                    Err(None) => {
                        drop(held);
                        tokio::select! {
                            biased;
                            () = station.changed() => {}
                            () = sleep(LOOK_AGAIN) => {}
                            () = self.job.ended() => {}
                        }
                    }
                }
                continue;
            }
            drop(held);
            let left: Vec<&Share> = shares
                .iter()
                .filter(|share| !refused.contains(&share.teacher))
                .collect();
            if left.is_empty() {
                return Ok(Drawn::Nobody);
            }
            self.wait_for_any(roster, &left).await;
        }
    }

    /// The teacher to ask next, if any is open. Judges are asked by their weights: nothing of theirs is accepted or rejected.
    fn choose(
        &self,
        asked: &Asked<'_>,
        roster: &Arc<Roster>,
        shares: &[Share],
        refused: &[usize],
        draw: f64,
    ) -> Option<usize> {
        let yields = match asked.who {
            Who::Step(_) => self.job.yields.as_ref(),
            Who::Fit { .. } => None,
        };
        let Some(yields) = yields else {
            let standing = |at: usize| roster.standing(at);
            return route::choose(RouteBy::Weights, shares, &standing, refused, draw);
        };
        let standing = |at: usize| route::Standing {
            open: roster.standing(at).open,
            ..yields.of(&asked.question.step, &roster.teachers[at].name)
        };
        route::choose(RouteBy::Yield, shares, &standing, refused, draw)
    }

    /// Nobody is open: waits for the first that may be again, or pauses the job if only a person can help.
    pub(super) async fn wait_for_any(&self, roster: &Arc<Roster>, shares: &[&Share]) {
        let standings: Vec<Standing> = shares
            .iter()
            .map(|share| roster.station_of(share.teacher).standing(Instant::now()))
            .collect();
        let soonest = standings
            .iter()
            .filter_map(|standing| match standing {
                Standing::Open => Some(Instant::now()),
                Standing::Later(at) => Some(*at),
                Standing::Person(_) => None,
            })
            .min();
        if let Some(at) = soonest {
            self.pause_for(
                at.saturating_duration_since(Instant::now())
                    .clamp(Duration::from_millis(5), LOOK_AGAIN),
            )
            .await;
        } else if let Some(Standing::Person(reason)) = standings
            .into_iter()
            .next()
            .filter(|_| self.shared.is_current(roster))
        {
            self.job.ask(Wish::Pause(reason));
        }
    }

    pub(super) async fn pause_for(&self, time: Duration) {
        tokio::select! {
            biased;
            () = sleep(time) => {}
            () = self.job.ended() => {}
        }
    }
}
