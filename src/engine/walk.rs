//! All samples that a filter finds in a job, in plan order, page by page: whoever looks at many samples walks, and holds one page.

use super::Shared;
use crate::core::ports::{SampleFilter, SampleOrder, Stored};
use crate::core::sample::Sample;

/// Samples read at once.
const PAGE: usize = 250;

/// Under way through the samples of one job.
pub(super) struct Walk {
    filter: SampleFilter,
    after: Option<(u64, u32)>,
    /// Tasks from this number on are not looked at.
    end: u64,
    ended: bool,
}

impl Walk {
    /// Through all of them.
    pub(super) fn all(filter: SampleFilter) -> Self {
        Self::within(filter, 0, u64::MAX)
    }

    /// Through the samples of tasks from one number up to another.
    pub(super) fn within(filter: SampleFilter, begin: u64, end: u64) -> Self {
        Self {
            filter,
            after: begin.checked_sub(1).map(|before| (before, u32::MAX)),
            end,
            ended: false,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn page(&mut self, shared: &Shared) -> Stored<Option<Vec<Sample>>> {
        if self.ended {
            return Ok(None);
        }
        let order = SampleOrder::Plan { after: self.after };
        let mut page = shared.store.samples(&self.filter, order, PAGE).await?;
        let Some(last) = page.last() else {
            self.ended = true;
            return Ok(None);
        };
        self.after = Some((last.task.index, last.candidate));
        let within = page.partition_point(|sample| sample.task.index < self.end);
        self.ended = within < page.len();
        page.truncate(within);
        Ok(Some(page))
    }
}
