//! The task of a client: its stream, its clocks, and the commands of its handle.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use super::{
    options::Options,
    record::ResponseRecord,
    shared::{Command, Shared, State},
};
use crate::{
    ads::{INITIAL_FETCH_TIMEOUT, Outgoing, Response},
    stream::{Quality, Stream, at},
};

/// How a stream ends that the handle has ended.
const BY_TEST: &str = "ended by the test";

/// Runs until the handle is dropped.
pub(super) async fn run(options: Options, shared: Arc<Shared>, commands: mpsc::UnboundedReceiver<Command>) {
    let mut driver = Driver {
        server: options.server,
        options: Arc::new(options),
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
    server: SocketAddr,
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
    Received(Result<Bytes, String>),
    AnswerDue,
    EndpointsLate,
}

impl Driver {
    /// Opens a stream and serves it to its end.
    async fn stream(&mut self) -> End {
        let first = self.shared.change(|state| {
            let out = state.held.client.on_stream();
            out.into_iter().map(|outgoing| frame(state, outgoing)).collect()
        });
        self.delayed.clear();
        self.reading = true;
        let (options, quality) = (self.options.clone(), Arc::new(Quality::default()));
        let open = Stream::open(self.server, options.protocol, &options.metadata, quality.clone(), first);
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
            Err(reason) => self.ended(&reason),
            Ok(stream) => {
                self.shared.change(|state| {
                    state.streams += 1;
                    state.connected = true;
                    state.last_end = None;
                });
                self.serve(stream, &quality).await
            }
        }
    }

    async fn serve(&mut self, mut stream: Stream, quality: &Quality) -> End {
        self.note_waits();
        loop {
            match self.next(&mut stream).await {
                Event::Command(None) => return End::HandleGone,
                Event::Command(Some(Command::Disconnect)) => return self.ended(BY_TEST),
                Event::Command(Some(Command::Connect(server))) => {
                    self.retarget(server);
                    self.ended(BY_TEST);
                    return End::Reconnect;
                }
                Event::Command(Some(Command::Reading(reading))) => {
                    self.reading = reading;
                }
                Event::Command(Some(Command::Vanish)) => {
                    quality.dead.store(true, Relaxed);
                    self.reading = false;
                }
                Event::Received(Err(reason)) => return self.ended(&reason),
                Event::Received(Ok(piece)) => {
                    let read = {
                        let held = &mut self.shared.state().held;
                        held.client.read(&piece, &mut held.library)
                    };
                    match read {
                        Ok(responses) => {
                            for response in responses {
                                self.on_response(&stream, response);
                            }
                        }
                        Err(error) => return self.ended(&error.to_string()),
                    }
                }
                Event::AnswerDue => {
                    let (_, answer) = self.delayed.pop_front().expect("an answer is due");
                    self.send(&stream, answer);
                }
                Event::EndpointsLate => {
                    self.waits_since = None;
                    let out = self.shared.change(|state| state.held.client.expire());
                    self.send_all(&stream, out);
                }
            }
        }
    }

    async fn next(&mut self, stream: &mut Stream) -> Event {
        let due = self.delayed.front().map(|(due, _)| *due);
        let late = self.waits_since.map(|since| since + INITIAL_FETCH_TIMEOUT);
        tokio::select! {
            biased;
            command = self.commands.recv() => Event::Command(command),
            () = at(due) => Event::AnswerDue,
            received = stream.next(), if self.reading => Event::Received(received),
            () = at(late) => Event::EndpointsLate,
        }
    }

    fn on_response(&mut self, stream: &Stream, response: Response) {
        let mut record = {
            let state = self.shared.state();
            ResponseRecord::of(&response, state.streams, self.options.protocol, &state.held.library)
        };
        let refusal = self.options.judge.as_ref().and_then(|judge| judge(&record));
        let out = self.shared.change(|state| {
            let held = &mut state.held;
            let out = held.client.take(response, refusal, &mut held.library, &mut |_, _, _| {});
            for outgoing in &out {
                if let Outgoing::Nack { message, .. } = outgoing {
                    record.refused = Some(message.clone());
                }
            }
            state.responses.push(record);
            out
        });
        self.note_waits();
        self.send_all(stream, out);
    }

    fn note_waits(&mut self) {
        let waits = self.shared.state().held.client.is_warming();
        self.waits_since = match (waits, self.waits_since) {
            (false, _) => None,
            (true, None) => Some(Instant::now()),
            (true, since) => since,
        };
    }

    /// Sends subscriptions at once, and answers after the delay of the options.
    fn send_all(&mut self, stream: &Stream, out: Vec<Outgoing>) {
        for outgoing in out {
            if outgoing.is_answer() && !self.options.ack_delay.is_zero() {
                self.delayed.push_back((Instant::now() + self.options.ack_delay, outgoing));
            } else {
                self.send(stream, outgoing);
            }
        }
    }

    fn send(&mut self, stream: &Stream, outgoing: Outgoing) {
        let is_answer = outgoing.is_answer();
        stream.send(frame(&mut self.shared.state(), outgoing));
        if is_answer {
            self.shared.change(|state| state.answers += 1);
        }
    }

    fn retarget(&mut self, server: Option<SocketAddr>) {
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

/// The bytes of a request, as of now.
fn frame(state: &mut State, outgoing: Outgoing) -> Bytes {
    state.held.client.frame(outgoing, &state.held.library)
}
