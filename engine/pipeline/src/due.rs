//! Tasks that are due, leased and worked on in chunks.

use tidings_domain::message::Queue;
use tidings_domain::store::{Lease, LeaseAsk, Shard, StoreError};
use tidings_domain::time::{LeaseTime, Timestamp};

use crate::engine::{Engine, Limits, PipelineError};

impl Engine {
    /// Leases everything of a queue that is due, shard by shard, and hands it to `work` chunk by chunk: one commit
    /// each, when all goes well.
    pub(crate) fn each_due(
        &self,
        queue: Queue,
        due: Timestamp,
        now: LeaseTime,
        mut work: impl FnMut(Shard, &[Lease]) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        let Limits { lease: limit, holds, .. } = self.limits;
        for shard in self.shards() {
            loop {
                let leases = self.store.lease(shard, LeaseAsk { queue, due, now, holds, limit })?;
                if leases.is_empty() {
                    break;
                }
                in_parts(&leases, &mut |part| work(shard, part))?;
            }
        }
        Ok(())
    }
}

/// A chunk that was overtaken, or judged under a pack no longer in force, is worked on in halves, so that one task
/// holds up itself alone.
fn in_parts(
    leases: &[Lease],
    work: &mut dyn FnMut(&[Lease]) -> Result<(), PipelineError>,
) -> Result<(), PipelineError> {
    match work(leases) {
        Err(error) if !overtaken(&error) => Err(error),
        Err(_) if leases.len() > 1 => {
            let (left, right) = leases.split_at(leases.len() / 2);
            in_parts(left, work)?;
            in_parts(right, work)
        }
        // Whoever changed the record has moved the task too, or it is found again when the lease ends.
        _ => Ok(()),
    }
}

const fn overtaken(error: &PipelineError) -> bool {
    matches!(
        error,
        PipelineError::Store(StoreError::Conflict | StoreError::LeaseLost | StoreError::StalePack { .. })
    )
}
