//! Two clocks that never mix: business time (what rules, deadlines and quiet hours see) and lease time (the
//! store's own clock, which only leases see). Neither is read here; both are arguments.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A moment of business time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    /// The same moment as a calendar date and time in UTC; clamped to what chrono can hold.
    pub fn to_utc(self) -> DateTime<Utc> {
        let clamped = self
            .0
            .clamp(DateTime::<Utc>::MIN_UTC.timestamp_millis(), DateTime::<Utc>::MAX_UTC.timestamp_millis());
        DateTime::from_timestamp_millis(clamped).unwrap_or_default()
    }

    /// This moment, in milliseconds precision, from chrono.
    pub fn from_utc(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }

    /// Eight bytes that sort as the moments do.
    pub const fn sortable(self) -> [u8; 8] {
        (self.0 as u64 ^ 1 << 63).to_be_bytes()
    }

    /// Reads what [`Self::sortable`] wrote.
    pub const fn from_sortable(bytes: [u8; 8]) -> Self {
        Self((u64::from_be_bytes(bytes) ^ 1 << 63) as i64)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at [`Timestamp::MAX`].
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at [`Timestamp::MIN`].
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A moment of the store's lease clock: milliseconds from an origin that only the store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LeaseTime(pub u64);

impl Add<Duration> for LeaseTime {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sortable_bytes_sort_as_moments_do() {
        let moments = [Timestamp::MIN, Timestamp(-5), Timestamp(0), Timestamp(7), Timestamp::MAX];
        for pair in moments.windows(2) {
            assert!(pair[0].sortable() < pair[1].sortable());
        }
        for moment in moments {
            assert_eq!(Timestamp::from_sortable(moment.sortable()), moment);
        }
    }
}
