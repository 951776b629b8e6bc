//! The task of a client: its stream, its clocks, and the commands of its handle.

use std::{collections::VecDeque, sync::Arc};

use tokio::{sync::mpsc, time::Instant};
use tonic::Status;

use super::{
    Command, INITIAL_FETCH_TIMEOUT, Options, ResponseRecord, Shared,
    held::{Outgoing, Response},
    link::Link,
};

/// How a stream ends that the handle has ended.
const BY_TEST: &str = "ended by the test";

/// Runs until the handle is dropped.
pub(super) async fn run(options: Options, shared: Arc<Shared>, commands: mpsc::UnboundedReceiver<Command>) {
    let server = options.server.clone();
    let options = Arc::new(options);
    let mut driver = Driver {
        options,
        server,
        shared,
        commands,
        delayed: VecDeque::new(),
        waits_since: None,
        reading: true,
    };
    let mut connect = true;
    loop {
        let end = if connect { driver.stream().await } else { End::Closed };
        connect = match end {
            End::HandleGone => return,
            End::Reconnect => true,
            End::Closed => match driver.idle().await {
                Some(again) => again,
                None => return,
            },
        };
    }
}

struct Driver {
    options: Arc<Options>,
    server: String,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Answers that wait for their time, in its order.
    delayed: VecDeque<(Instant, Outgoing)>,
    /// Since when a cluster waits for its endpoints.
    waits_since: Option<Instant>,
    reading: bool,
}

/// Why a stream is over.
enum End {
    HandleGone,
    /// The handle wants another stream.
    Reconnect,
    Closed,
}

enum Event {
    Command(Option<Command>),
    Received(Result<Option<Response>, Status>),
    AnswerDue,
    EndpointsLate,
}

impl Driver {
    /// Opens a stream and serves it to its end.
    async fn stream(&mut self) -> End {
        let first = self.shared.change(|state| {
            let out = state.held.on_stream();
            out.iter().map(|outgoing| state.held.request(outgoing)).collect()
        });
        self.delayed.clear();
        self.reading = true;
        let (options, server) = (self.options.clone(), self.server.clone());
        let open = async move { Link::open(&options, &server, first).await };
        tokio::pin!(open);
        let opened = loop {
            tokio::select! {
                opened = &mut open => break opened,
                command = self.commands.recv() => match command {
                    None => return End::HandleGone,
                    // Not connected yet, so there is nothing to freeze.
                    Some(Command::Disconnect | Command::Vanish) => return self.ended(BY_TEST),
                    Some(Command::Connect(server)) => {
                        self.retarget(server);
                        return End::Reconnect;
                    }
                    Some(Command::Reading(reading)) => self.reading = reading,
                }
            }
        };
        match opened {
            Err(status) => self.ended(&status.to_string()),
            Ok(link) => {
                self.shared.change(|state| {
                    state.streams += 1;
                    state.connected = true;
                    state.last_end = None;
                });
                self.serve(link).await
            }
        }
    }

    async fn serve(&mut self, mut link: Link) -> End {
        self.note_waits();
        loop {
            let event = self.next(&mut link).await;
            let done = match event {
                Event::Command(None) => return End::HandleGone,
                Event::Command(Some(Command::Disconnect)) => return self.ended(BY_TEST),
                Event::Command(Some(Command::Connect(server))) => {
                    self.retarget(server);
                    self.ended(BY_TEST);
                    return End::Reconnect;
                }
                Event::Command(Some(Command::Reading(reading))) => {
                    self.reading = reading;
                    Ok(())
                }
                Event::Command(Some(Command::Vanish)) => {
                    link.freeze();
                    self.reading = false;
                    Ok(())
                }
                Event::Received(Err(status)) => return self.ended(&status.to_string()),
                Event::Received(Ok(None)) => return self.ended("ended by the server"),
                Event::Received(Ok(Some(response))) => self.on_response(&mut link, response),
                Event::AnswerDue => {
                    let (_, answer) = self.delayed.pop_front().expect("an answer is due");
                    self.send(&mut link, &answer)
                }
                Event::EndpointsLate => {
                    self.waits_since = None;
                    let out = self.shared.change(|state| state.held.expire());
                    self.send_all(&mut link, out)
                }
            };
            if let Err(status) = done {
                return self.ended(&status.to_string());
            }
        }
    }

    async fn next(&mut self, link: &mut Link) -> Event {
        let due = self.delayed.front().map(|(due, _)| *due);
        let late = self.waits_since.map(|since| since + INITIAL_FETCH_TIMEOUT);
        tokio::select! {
            biased;
            command = self.commands.recv() => Event::Command(command),
            () = at(due) => Event::AnswerDue,
            received = link.receive(), if self.reading => Event::Received(received),
            () = at(late) => Event::EndpointsLate,
        }
    }

    fn on_response(&mut self, link: &mut Link, response: Response) -> Result<(), Status> {
        let mut record = record(&response, self.shared.state().streams);
        record.refused = self.options.judge.as_ref().and_then(|judge| judge(&record));
        let out = self.shared.change(|state| {
            let out = match &record.refused {
                Some(reason) => vec![state.held.refuse(&response, reason.clone())],
                None => state.held.take(response),
            };
            for outgoing in &out {
                if let Outgoing::Nack { message, .. } = outgoing {
                    record.refused = Some(message.clone());
                }
            }
            state.responses.push(record);
            out
        });
        self.note_waits();
        self.send_all(link, out)
    }

    fn note_waits(&mut self) {
        let waits = self.shared.state().held.waits();
        self.waits_since = match (waits, self.waits_since) {
            (false, _) => None,
            (true, None) => Some(Instant::now()),
            (true, since) => since,
        };
    }

    /// Sends subscriptions at once, and answers after the delay of the options.
    fn send_all(&mut self, link: &mut Link, out: Vec<Outgoing>) -> Result<(), Status> {
        for outgoing in out {
            let is_answer = matches!(outgoing, Outgoing::Ack { .. } | Outgoing::Nack { .. });
            if is_answer && !self.options.ack_delay.is_zero() {
                self.delayed.push_back((Instant::now() + self.options.ack_delay, outgoing));
            } else {
                self.send(link, &outgoing)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, link: &mut Link, outgoing: &Outgoing) -> Result<(), Status> {
        let request = self.shared.state().held.request(outgoing);
        link.send(request)?;
        if matches!(outgoing, Outgoing::Ack { .. } | Outgoing::Nack { .. }) {
            self.shared.change(|state| state.answers += 1);
        }
        Ok(())
    }

    fn retarget(&mut self, server: Option<String>) {
        if let Some(server) = server {
            self.server = server;
        }
    }

    fn ended(&mut self, how: &str) -> End {
        self.waits_since = None;
        self.shared.change(|state| {
            state.connected = false;
            state.last_end = Some(how.to_owned());
        });
        End::Closed
    }

    /// Waits for a reason to connect again; `None` if the handle is gone.
    async fn idle(&mut self) -> Option<bool> {
        let by_test = self.shared.state().last_end.as_deref() == Some(BY_TEST);
        let again = self.options.reconnect_after.filter(|_| !by_test).map(|after| Instant::now() + after);
        tokio::select! {
            () = at(again) => Some(true),
            command = self.commands.recv() => match command? {
                Command::Connect(server) => {
                    self.retarget(server);
                    Some(true)
                }
                Command::Disconnect => {
                    self.ended(BY_TEST);
                    Some(false)
                }
                Command::Reading(_) | Command::Vanish => Some(false),
            },
        }
    }
}

/// Waits for a time; for ever if there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn record(response: &Response, stream: u32) -> ResponseRecord {
    let kind = fairlead_resource::TypeUrl::parse(&response.type_url);
    let name = |resource: &super::held::Resource| match (&resource.message, kind) {
        (Some(message), Some(kind)) if resource.name.is_empty() => {
            // A message that cannot be read has no name; it is refused with the reason right after this.
            super::references::name_of(kind, message).unwrap_or_default()
        }
        _ => resource.name.clone(),
    };
    ResponseRecord {
        at: Instant::now(),
        stream,
        type_url: response.type_url.clone(),
        resources: response.resources.iter().map(|r| (name(r), r.version.clone())).collect(),
        removed: response.removed.clone(),
        bytes: response.bytes,
        nonce: response.nonce.clone(),
        refused: None,
    }
}
