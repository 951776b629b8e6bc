//! Scripts: what a client says to a server, what is published, and what comes of it.
//!
//! A line is `[D|S] [client:] what`; `D` and `S` are for one variant alone, and the client is `a` unless said
//! otherwise (a client's name is its node id up to a digit, `a2` is a second client of node `a`). A `#` at the
//! beginning of a word begins a comment. What goes in:
//!
//! - `publish CDS a=1 EDS a=1`: this is published from now on, and nothing else, see [`sets`];
//! - `> CDS +a -b ack nack:why nonce:previous have:a=1 ...`: a request, see [`Ask::read`];
//! - `cut`: the client ends the stream, and goes on with another. What it held it holds still.
//!
//! What comes out:
//!
//! - `< CDS a=1 -b`: the next response, with these resources and removed names in this order;
//! - `x why`: the stream ends, with a gRPC code or a reason.
//!
//! There are two drivers. Over a real stream (`tests/conformance`) the first request opens the stream, and a script
//! may also say:
//!
//! - `with max_names=5`: a limit, before anything else;
//! - `open`: opens the stream without a request;
//! - `quiet`: nothing comes, as a round trip of another resource shows;
//! - `half-close`: the client ends its half of the stream;
//! - `replica CDS a=1`: another server takes the place of this one, with this publication;
//! - `drain`: the server begins to shut down.
//!
//! Without a wire (the tests of `Session`) all that comes out is expected where it comes, so that nothing more is said
//! to be `quiet`. There a script may also say:
//!
//! - `own SDS a=1`: all that belongs to the connection alone;
//! - `again`: what the client's machine lacked may be tried again;
//! - `! CDS a`: a rejection is reported; `+ CDS a`: it was accepted after all; `? StaleNonce`: a note.
//!
//! `name#3` stands for `name0 name1 name2`, and `name#1..3` for `name1 name2`.

mod ask;
mod client;
mod sets;

pub(crate) use ask::Ask;
pub(crate) use client::{Client, Received, Request};
pub(crate) use sets::{sets, version};

use fairlead_resource::TypeUrl;

use super::Protocol;

/// What names of endpoints begin with; scripts leave it out.
const COLLECTIONS: &str = "xdstp:///envoy.config.endpoint.v3.LbEndpoint/";

/// A line that is for the variant that is played.
pub(crate) struct Line<'a> {
    pub(crate) client: &'a str,
    pub(crate) verb: &'a str,
    pub(crate) rest: &'a str,
}

/// What plays lines.
pub(crate) trait Driver {
    /// Plays a line; the error says what was expected.
    async fn play(&mut self, line: &Line<'_>) -> Result<(), String>;
}

/// Plays a script in one variant.
pub(crate) async fn run(protocol: Protocol, text: &str, driver: &mut impl Driver) -> Result<(), String> {
    let lines: Vec<&str> = lines(text).collect();
    for (at, text) in lines.iter().enumerate() {
        let Some(line) = Line::read(protocol, text) else { continue };
        driver.play(&line).await.map_err(|failure| {
            format!("expected {failure}\n  at `{text}` after\n    {}", lines[..at].join("\n    "))
        })?;
    }
    Ok(())
}

/// The lines that say something.
pub(crate) fn lines<'a>(text: &'a str) -> impl Iterator<Item = &'a str> {
    let without_comment = |line: &'a str| match line.find(" #") {
        _ if line.starts_with('#') => "",
        Some(end) => line[..end].trim_end(),
        None => line,
    };
    text.lines().map(str::trim).map(without_comment).filter(|line| !line.is_empty())
}

impl<'a> Line<'a> {
    /// Reads a line; `None` if it is for the other variant.
    pub(crate) fn read(protocol: Protocol, line: &'a str) -> Option<Self> {
        let line = match line.split_once(' ') {
            Some(("D", rest)) => (protocol == Protocol::Delta).then_some(rest.trim())?,
            Some(("S", rest)) => (protocol == Protocol::StateOfTheWorld).then_some(rest.trim())?,
            _ => line,
        };
        let (client, what) = match line.split_once(": ") {
            Some((client, what)) if client.chars().all(char::is_alphanumeric) => (client, what.trim()),
            _ => ("a", line),
        };
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        Some(Self { client, verb, rest: rest.trim() })
    }

    /// What comes out. Names that a range stands for are in the order in which they come: by name, and removed ones
    /// last.
    pub(crate) fn expected(&self) -> String {
        let mut words: Vec<_> = self.rest.split_whitespace().flat_map(expand).collect();
        if self.rest.contains('#') {
            words[1..].sort_by_cached_key(|word| (word.starts_with('-'), word.clone()));
        }
        format!("{} {}", self.verb, words.join(" "))
    }
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

/// A name without that which those of endpoints begin with.
pub(crate) fn short_name(name: &str) -> &str {
    name.strip_prefix(COLLECTIONS).unwrap_or(name)
}

/// A type by its short name.
fn short(name: &str) -> Option<TypeUrl> {
    TypeUrl::ENVOY.into_iter().find(|t| t.short() == name)
}

/// The URL of a type by its short name, or by that of a type that nobody knows.
fn url(name: &str) -> String {
    short(name).map_or_else(|| format!("type.example.com/{name}"), |t| t.as_str().to_owned())
}
