//! The time of day, which the validity of certificates depends on. Everything else uses monotonic time.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use fairlead_config::Timestamp;

const HOUR: u64 = 3600;

/// Tells the time.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Clock {
    /// The clock of the system.
    pub(crate) fn system() -> Self {
        Self::of(|| {
            #[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
            let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let seconds = since_epoch.unwrap_or_default().as_secs();
            Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
        })
    }

    /// A clock that returns the result of this function.
    pub(crate) fn of(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The time left until the next hour.
    pub(crate) fn until_next_hour(&self) -> Duration {
        let gone = u64::try_from(self.now().0).unwrap_or_default() % HOUR;
        Duration::from_secs(HOUR - gone)
    }
}
