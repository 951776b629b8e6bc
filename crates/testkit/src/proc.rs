//! The kernel's figures for a process: processor time, memory and open files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Ticks of `/proc/<pid>/stat` in a second: fixed in the interface of Linux to user space.
const TICKS_PER_SECOND: u64 = 100;

/// A running process, seen through `/proc`.
#[derive(Clone, Debug)]
pub struct ProcessStats {
    root: PathBuf,
}

impl ProcessStats {
    /// The process `id`.
    pub fn of(id: u32) -> Self {
        Self { root: Path::new("/proc").join(id.to_string()) }
    }

    /// Processor time of all its threads, user and system, in steps of 10 ms.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        // The name in parentheses may hold anything; what follows the last one is fields.
        let stat = self.read("stat")?;
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).ok_or_else(|| broken("stat", &stat))?;
        // utime and stime are the fields 14 and 15, the first one after the name being 3.
        let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: Vec<_> = ticks.collect::<Result<_, _>>().map_err(|_| broken("stat", &stat))?;
        match ticks[..] {
            [user, system] => Ok(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND)),
            _ => Err(broken("stat", &stat)),
        }
    }

    /// Processor time of the threads that it has now, to the nanosecond as the scheduler counts it. Right for
    /// the difference over a time in which no thread ends.
    ///
    /// # Errors
    /// If the process is gone, or the kernel does not say.
    pub fn cpu_of_threads(&self) -> io::Result<Duration> {
        let mut sum = Duration::ZERO;
        for task in fs::read_dir(self.root.join("task"))? {
            // A thread that ends while it is looked at counts as one that has ended before.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let first = text.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
            sum += Duration::from_nanos(first.ok_or_else(|| broken("schedstat", &text))?);
        }
        Ok(sum)
    }

    /// Resident memory now, in bytes.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn rss(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since the start or [`ProcessStats::reset_peak`], in bytes.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn peak_rss(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    /// Begins the peak anew, at what is resident now.
    ///
    /// # Errors
    /// If the process is gone or belongs to somebody else.
    pub fn reset_peak(&self) -> io::Result<()> {
        fs::write(self.root.join("clear_refs"), "5")
    }

    /// How many files it has open, sockets included.
    ///
    /// # Errors
    /// If the process is gone or belongs to somebody else.
    pub fn open_files(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.root.join("fd"))?.count())
    }

    fn status(&self, field: &str) -> io::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| broken("status", &status))
    }

    fn read(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.root.join(file))
    }
}

fn broken(file: &str, text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{file} of a process: `{text}`"))
}

#[cfg(test)]
mod tests;
