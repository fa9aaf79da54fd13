//! The clocks of this machine: the only place that reads them. Everything else is told what time it is.

use std::time::Instant;

use chrono::Utc;
use tidings_domain::time::{LeaseTime, Timestamp};

/// What the clock on the wall says. It may be set back: for business time, never to measure how long something took.
pub(crate) fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    let now = Utc::now();
    Timestamp::from_utc(now)
}

/// The clock of leases. It only goes forward and starts with the process, as the leases themselves do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseClock(Instant);

impl LeaseClock {
    /// Starts at 0.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start.
    pub(crate) fn now(&self) -> LeaseTime {
        LeaseTime(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_past_the_day_this_was_written() {
        assert!(wall() > Timestamp(1_760_000_000_000));
    }

    #[test]
    fn leases_start_at_nothing_and_never_go_back() {
        let clock = LeaseClock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(first <= second && second < LeaseTime(60_000));
    }
}
