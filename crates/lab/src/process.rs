//! A child process that ends with its owner value, and with this process however that ends.

use std::{
    ffi::OsStr,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(2);

/// A child process in a process group of its own. Dropping it ends the whole group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watchdog: Watchdog,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`. Its standard input, output and error are as the caller has set them.
    ///
    /// # Errors
    /// If the command or the shell of its watchdog cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.process_group(0).spawn()?;
        match Watchdog::over(child.id()) {
            Ok(watchdog) => Ok(Self { child, watchdog, status: None }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the process has ended.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Sends `signal` to the process and its group; a process that has ended gets none.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    ///
    /// # Panics
    /// If the system gave the process an invalid id.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        let id =
            i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("the system gave this process id");
        Ok(kill_process_group(id, signal)?)
    }

    /// Ends the process: SIGTERM, and SIGKILL if it has not ended after two seconds.
    ///
    /// # Errors
    /// If the process cannot be signalled or waited for.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            std::thread::sleep(INTERVAL);
        }
        self.kill()
    }

    /// Ends the process at once with SIGKILL.
    ///
    /// # Errors
    /// If the process cannot be signalled or waited for.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        if let Some(status) = self.status {
            return Ok(status);
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("process {} was not ended: {error}", self.id());
            return;
        }
        self.watchdog.dismiss();
    }
}

/// A shell that kills a process group, or removes a directory, when this process is gone.
///
/// It waits on a pipe whose other end only this process holds, so it notices every kind of end, SIGKILL
/// included. (`PR_SET_PDEATHSIG` follows the thread that started the child, and test threads come and go.)
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    fn over(group: u32) -> io::Result<Self> {
        Self::that_does("kill -9 -\"$0\"", OsStr::new(&group.to_string()))
    }

    /// Removes a directory, given by its absolute path.
    pub(crate) fn over_directory(path: &Path) -> io::Result<Self> {
        Self::that_does("rm -rf -- \"$0\"", path.as_os_str())
    }

    /// Runs the command `what` at the end, with `to` as its `$0`.
    fn that_does(what: &str, to: &OsStr) -> io::Result<Self> {
        let script = format!("read -r word; [ \"$word\" = dismissed ] || {what}");
        Command::new("/bin/sh")
            .args(["-c", &script])
            .arg(to)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
    }

    /// Ends the shell without its action, since the process id may soon be reused.
    pub(crate) fn dismiss(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take()
            && let Err(error) = pipe.write_all(b"dismissed\n")
        {
            eprintln!("watchdog {} is gone: {error}", self.0.id());
        }
        if let Err(error) = self.0.wait() {
            eprintln!("watchdog {} cannot be waited for: {error}", self.0.id());
        }
    }
}

#[cfg(test)]
mod tests;
