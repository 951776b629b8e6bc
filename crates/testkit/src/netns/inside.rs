//! Servers of this process that listen inside a pod.

use std::{fs::File, future::Future, io, sync::mpsc, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::oneshot;

use super::{Pod, Privilege};

/// A thread inside a pod. Its drop ends the thread and drops what the thread has made.
#[derive(Debug)]
pub struct Inside {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Pod {
    /// Makes something on a thread of its own that is inside the pod, such as servers, and keeps it until the value
    /// is dropped. The thread runs a tokio runtime; sockets that are made on it are the pod's.
    ///
    /// # Errors
    /// If the thread cannot enter the pod, or `make` fails. Only root can enter a pod with a thread.
    pub fn keep<T, F, M>(&self, make: M) -> io::Result<Inside>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = io::Result<T>>,
    {
        if self.privilege != Privilege::Root {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "only root enters a pod with a thread",
            ));
        }
        let namespace = File::open(format!("/run/netns/{}", self.namespace))?;
        let (stop, stopped) = oneshot::channel();
        let (tell, outcome) = mpsc::channel();
        let run = move || {
            let kept = move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(LinkNameSpaceType::Network),
            )
            .map_err(io::Error::from)
            .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build());
            let runtime = match kept {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async move {
                match make().await {
                    Err(error) => drop(tell.send(Err(error))),
                    Ok(_kept) => {
                        drop(tell.send(Ok(())));
                        // An error is a sender that was dropped: also the end.
                        drop(stopped.await);
                    }
                }
            });
        };
        let thread = thread::Builder::new().name(self.namespace.clone()).spawn(run)?;
        let inside = Inside { stop: Some(stop), thread: Some(thread) };
        outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the thread ended")))?;
        Ok(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("a thread inside a pod has panicked");
        }
    }
}
