//! Plays a row's script.
//!
//! A line is `[D|S] [client:] what`; `D` and `S` are for one variant alone, and the client is `a` unless said
//! otherwise (a client's name is its node id up to a digit, `a2` is a second client of node `a`). What:
//!
//! - `with max_names=5`: a limit, before anything else;
//! - `publish CDS a=1 EDS a=1`: this is published from now on, and nothing else;
//! - `> CDS +a -b ack nack:why nonce:previous have:a=1 ...`: a request, see [`ask`]; the first opens the stream;
//! - `< CDS a=1 -b`: the next response, with these resources and removed names;
//! - `quiet`: nothing comes, as a round trip of another resource shows;
//! - `cut`, `half-close`: the client ends the stream, or its half;
//! - `replica CDS a=1`: another server takes the place of this one, with this publication;
//! - `drain`: the server begins to shut down;
//! - `x InvalidArgument`: the stream ends with this code, and without a word before.
//!
//! `name#3` stands for `name0 name1 name2`, and `name#1..3` for `name1 name2`.

use std::collections::BTreeMap;

use fairlead_xds::Protocol;

use crate::{
    client::{Answer, Ask, Client, Have, Which},
    world::{Limits, World, short},
};

type Held = BTreeMap<String, BTreeMap<String, String>>;

struct Player {
    protocol: Protocol,
    world: World,
    clients: BTreeMap<String, Client>,
    /// What clients held when their streams were cut.
    held: BTreeMap<String, Held>,
}

/// Plays a script in one variant.
pub(crate) async fn play(protocol: Protocol, text: &str) -> Result<(), String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut limits = Limits::default();
    for setting in lines.iter().filter_map(|line| line.strip_prefix("with ")) {
        set(&mut limits, setting);
    }
    let mut player = Player {
        protocol,
        world: World::start(limits).await,
        clients: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    for (at, line) in lines.iter().enumerate() {
        let line = match line.split_once(' ') {
            Some(("D", rest)) if protocol == Protocol::Delta => rest.trim(),
            Some(("S", rest)) if protocol == Protocol::StateOfTheWorld => rest.trim(),
            Some(("D" | "S", _)) => continue,
            _ => line,
        };
        player.line(line).await.map_err(|failure| {
            format!("expected {failure}\n  at `{line}` after\n    {}", lines[..at].join("\n    "))
        })?;
    }
    Ok(())
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

impl Player {
    async fn line(&mut self, line: &str) -> Result<(), String> {
        let (client, what) = match line.split_once(": ") {
            Some((client, what)) if client.chars().all(char::is_alphanumeric) => (client, what.trim()),
            _ => ("a", line),
        };
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        match verb {
            "with" => {}
            "publish" => self.world.publish(rest),
            "replica" => {
                self.world = World::start(Limits::default()).await;
                self.world.publish(rest);
            }
            "drain" => self.world.stop(),
            "open" => drop(self.client(client).await),
            ">" => {
                let request = ask(rest);
                self.client(client).await.ask(request);
            }
            "<" => return self.expect(client, rest).await,
            "quiet" => {
                let revision = self.world.revision;
                return self.client(client).await.quiet(revision).await;
            }
            "cut" => {
                let cut = self.clients.remove(client).expect("a stream is cut that was opened");
                self.held.insert(client.to_owned(), cut.into_held());
            }
            "half-close" => {
                let open = self.clients.remove(client).expect("a stream is closed that was opened");
                self.clients.insert(client.to_owned(), open.half_close());
            }
            "x" => {
                let code = self.client(client).await.end().await?;
                if format!("{code:?}") != rest {
                    return Err(format!("{rest}, not {code:?}"));
                }
            }
            _ => panic!("there is no verb {verb}"),
        }
        Ok(())
    }

    async fn expect(&mut self, client: &str, text: &str) -> Result<(), String> {
        let mut words = text.split_whitespace();
        let type_url = url(words.next().expect("a response has a type"));
        let mut expected: Vec<String> = words.flat_map(expand).collect();
        let received =
            self.client(client).await.next().await.map_err(|status| format!("{text}, not {status:?}"))?;
        let mut actual = received.words.clone();
        actual.sort();
        expected.sort();
        if (&received.type_url, &actual) != (&type_url, &expected) {
            return Err(format!("{text}, not {} {}", received.type_url, received.words.join(" ")));
        }
        Ok(())
    }

    /// The stream of a client; opened if it is not.
    async fn client(&mut self, name: &str) -> &mut Client {
        if !self.clients.contains_key(name) {
            let node = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let node = (node != "nobody").then(|| node.to_owned());
            let mut client = Client::connect(&self.world, self.protocol, node).await;
            client.hold(self.held.remove(name).unwrap_or_default());
            self.clients.insert(name.to_owned(), client);
        }
        self.clients.get_mut(name).expect("it has just been inserted")
    }
}

/// Reads a request: the type, and then
///
/// - `+a`, `-a`: names; `+` alone is the empty name; `loc:+a`, `loc:-a`: locators with dynamic parameters;
/// - `ack`, `nack:why`: answers the oldest response that is not answered; `late-nack:why`: an error with nonce
///   and version of the last response;
/// - `nonce:none`, `nonce:previous`, `nonce:of:LDS`, `nonce:<text>` instead of the usual nonce;
/// - `have:a=1,b=2`, `have:held`: what is held of an earlier stream;
/// - `node:b`: a node; `feature:x`: a feature that the client says it has, beside the usual node.
fn ask(text: &str) -> Ask {
    let mut words = text.split_whitespace();
    let type_url = url(words.next().expect("a request has a type"));
    let mut ask = Ask { type_url, ..Ask::default() };
    for word in words {
        if word == "ack" {
            ask.answer = Some(Answer::Accept);
        } else if let Some(message) = word.strip_prefix("nack:") {
            ask.answer = Some(Answer::Reject(message.replace('_', " ")));
        } else if let Some(message) = word.strip_prefix("late-nack:") {
            ask.answer = Some(Answer::RejectEarlier(message.replace('_', " ")));
        } else if let Some(which) = word.strip_prefix("nonce:") {
            ask.nonce = Some(match which {
                "none" => Which::None,
                "previous" => Which::Previous,
                _ => match which.strip_prefix("of:") {
                    Some(other) => Which::LastOf(url(other)),
                    None => Which::Literal(which.to_owned()),
                },
            });
        } else if let Some(held) = word.strip_prefix("have:") {
            let these = || Have::These(held.split(',').map(str::to_owned).collect());
            ask.have = if held == "held" { Have::Held } else { these() };
        } else if let Some(id) = word.strip_prefix("node:") {
            ask.node = Some(id.to_owned());
        } else if let Some(feature) = word.strip_prefix("feature:") {
            ask.features.push(feature.to_owned());
        } else if let Some(name) = word.strip_prefix("loc:+") {
            ask.add_locators.push(name.to_owned());
        } else if let Some(name) = word.strip_prefix("loc:-") {
            ask.drop_locators.push(name.to_owned());
        } else if let Some(name) = word.strip_prefix('+') {
            ask.add.extend(expand(name));
        } else if let Some(name) = word.strip_prefix('-') {
            ask.drop.extend(expand(name));
        } else {
            panic!("there is no word {word}");
        }
    }
    ask
}

fn expand(word: &str) -> Vec<String> {
    match word.split_once('#') {
        Some((name, range)) => {
            let (from, to) = range.split_once("..").unwrap_or(("0", range));
            let range = from.parse::<u32>().unwrap()..to.parse().unwrap();
            range.map(|i| format!("{name}{i}")).collect()
        }
        None => vec![word.to_owned()],
    }
}

fn url(name: &str) -> String {
    short(name).map_or_else(|| format!("type.example.com/{name}"), |t| t.as_str().to_owned())
}
