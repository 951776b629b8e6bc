//! What the system says of this process, under the names that every Prometheus client has for it.
//!
//! Linux tells it by `/proc`; elsewhere these metrics are absent.

/// What is exposed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    /// Seconds on processors, the kernel's on its behalf included.
    pub(super) cpu_seconds: f64,
    /// Bytes in memory.
    pub(super) resident: u64,
    /// Bytes of address space.
    pub(super) virtual_memory: u64,
    /// When it started, in seconds since 1970.
    pub(super) started: f64,
    /// Files and sockets that it has open.
    pub(super) open_files: usize,
    /// How many it may have open; none: no limit.
    pub(super) most_files: Option<u64>,
    /// Its threads.
    pub(super) threads: i64,
}

impl Process {
    /// This process, now; none where the system does not say.
    #[cfg(target_os = "linux")]
    #[expect(clippy::cast_precision_loss, reason = "ticks and seconds are far below 2^53")]
    pub(super) fn now() -> Option<Self> {
        use procfs::process::LimitValue;

        let process = procfs::process::Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let limits = process.limits().ok()?;
        let ticks = procfs::ticks_per_second() as f64;
        let boot = procfs::boot_time_secs().ok()? as f64;
        Some(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            resident: stat.rss * procfs::page_size(),
            virtual_memory: stat.vsize,
            started: boot + stat.starttime as f64 / ticks,
            open_files: process.fd_count().ok()?,
            most_files: match limits.max_open_files.soft_limit {
                LimitValue::Value(limit) => Some(limit),
                LimitValue::Unlimited => None,
            },
            threads: stat.num_threads,
        })
    }

    /// Nothing is known of this process here.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn now() -> Option<Self> {
        None
    }
}
