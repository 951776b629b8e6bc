//! Plays scripts over real streams.

use std::collections::BTreeMap;

use fairlead_xds::Protocol;

use crate::{
    script::{Ask, Client, Driver, Line, lines, run},
    stream::Stream,
    world::{Limits, World},
};

struct Player {
    protocol: Protocol,
    world: World,
    streams: BTreeMap<String, Stream>,
    /// Clients whose streams were cut.
    cut: BTreeMap<String, Client>,
}

/// Plays a script in one variant.
pub(crate) async fn play(protocol: Protocol, text: &str) -> Result<(), String> {
    let mut limits = Limits::default();
    for setting in lines(text).filter_map(|line| line.strip_prefix("with ")) {
        set(&mut limits, setting);
    }
    let world = World::start(limits).await;
    run(protocol, text, &mut Player { protocol, world, streams: BTreeMap::new(), cut: BTreeMap::new() }).await
}

fn set(limits: &mut Limits, setting: &str) {
    let (name, value) = setting.split_once('=').expect("a setting is name=value");
    let value = value.parse().expect("a setting is a number");
    match name {
        "max_names" => limits.session.max_names = value,
        "max_request_bytes" => limits.server.max_request_bytes = value,
        "greeting_ms" => {
            limits.server.greeting_timeout = std::time::Duration::from_millis(value as u64);
        }
        _ => panic!("there is no setting {name}"),
    }
}

impl Driver for Player {
    async fn play(&mut self, line: &Line<'_>) -> Result<(), String> {
        match line.verb {
            "with" => {}
            "publish" => self.world.publish(line.rest),
            "replica" => {
                self.world = World::start(Limits::default()).await;
                self.world.publish(line.rest);
            }
            "drain" => self.world.stop(),
            "open" => drop(self.stream(line.client).await),
            ">" => self.stream(line.client).await.ask(Ask::read(line.rest)),
            "<" => {
                let expected = line.expected();
                let received = self.stream(line.client).await.next().await;
                let received = received.map_err(|status| format!("{expected}, not {status:?}"))?.line();
                if received != expected {
                    return Err(format!("{expected}, not {received}"));
                }
            }
            "quiet" => {
                let revision = self.world.revision;
                return self.stream(line.client).await.quiet(revision).await;
            }
            "cut" => {
                let cut = self.streams.remove(line.client).expect("a stream is cut that was opened");
                self.cut.insert(line.client.to_owned(), cut.into_client());
            }
            "half-close" => {
                let open = self.streams.remove(line.client).expect("a stream is closed that was opened");
                self.streams.insert(line.client.to_owned(), open.half_close());
            }
            "x" => {
                let code = self.stream(line.client).await.end().await?;
                if format!("{code:?}") != line.rest {
                    return Err(format!("{}, not {code:?}", line.rest));
                }
            }
            verb => panic!("there is no verb {verb}"),
        }
        Ok(())
    }
}

impl Player {
    /// The stream of a client; opened if it is not.
    async fn stream(&mut self, name: &str) -> &mut Stream {
        if !self.streams.contains_key(name) {
            let node = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let node = (node != "nobody").then(|| node.to_owned());
            let client = match self.cut.remove(name) {
                Some(mut client) => {
                    client.cut(node);
                    client
                }
                None => Client::new(self.protocol, node),
            };
            let stream = Stream::open(&self.world, self.protocol, client).await;
            self.streams.insert(name.to_owned(), stream);
        }
        self.streams.get_mut(name).expect("it has just been inserted")
    }
}
