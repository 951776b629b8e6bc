//! Metrics of this process from the system, under the standard names of Prometheus clients.
//!
//! They are read from `/proc` on Linux; elsewhere these metrics are absent.

/// The values that are exposed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    /// CPU time in seconds, user and system.
    pub(super) cpu_seconds: f64,
    /// Resident memory in bytes.
    pub(super) resident: u64,
    /// Virtual memory in bytes.
    pub(super) virtual_memory: u64,
    /// When it started, in seconds since 1970.
    pub(super) started: f64,
    /// Number of open files and sockets.
    pub(super) open_files: usize,
    /// Limit of open files; `None` if there is none.
    pub(super) most_files: Option<u64>,
    /// Number of threads.
    pub(super) threads: i64,
}

impl Process {
    /// The values of this process now; `None` if they cannot be read.
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

    /// `None`: the values cannot be read on this system.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn now() -> Option<Self> {
        None
    }
}
