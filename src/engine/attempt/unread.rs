//! Answers that an earlier lease left unread (its process died, its disk was full): what they took is settled before anything else is
//! asked, whoever needs them now.

use super::super::purse::settled;
use super::failing::in_vain;
use super::{Attempts, in_the_ledger};
use crate::core::request::Action;
use crate::core::task::RequestState;

impl Attempts<'_> {
    /// Reads them all. Whose teacher is gone stays as it is: it counts by its estimate.
    pub(in super::super) fn settle_unread(&self) {
        let history = self.leased.history.iter();
        for past in history.filter(|past| past.state == RequestState::Answered) {
            let roster = self.shared.roster();
            let known = past.response.as_ref().zip(roster.teacher(&past.teacher));
            let Some((response, (_, teacher))) = known else {
                continue;
            };
            let Some(station) = roster.station(&teacher.provider) else {
                continue;
            };
            let Some(provider) = &station.provider else {
                continue;
            };
            let closed = match provider.read(response) {
                Ok(completion) if past.estimate.requests == 0 => {
                    in_the_ledger(settled(past.id, teacher, 0, &completion))
                }
                Ok(completion) => {
                    // Nobody counted, and what was asked is no longer here: the price of what was set aside.
                    let mut closed = settled(past.id, teacher, 0, &completion);
                    if closed.estimated {
                        closed.cost = past.estimate.usd.max(closed.cost);
                    }
                    closed
                }
                Err(error) => {
                    let counted = matches!(error.action, Action::Retry { .. } | Action::Fail);
                    in_vain(past.id, teacher, provider.usage(response), &error, counted)
                }
            };
            self.read_late(station, past.estimate, closed.counted(past.estimate));
            self.close(closed);
        }
    }
}
