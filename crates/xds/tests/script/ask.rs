//! Requests as scripts put them.

use super::{COLLECTIONS, expand, url};

/// One request.
#[derive(Default)]
pub(crate) struct Ask {
    pub(super) type_url: String,
    pub(super) add: Vec<String>,
    pub(super) drop: Vec<String>,
    pub(super) add_locators: Vec<String>,
    pub(super) drop_locators: Vec<String>,
    pub(super) answer: Option<Answer>,
    pub(super) nonce: Option<Which>,
    pub(super) have: Have,
    pub(super) node: Option<String>,
    pub(super) features: Vec<String>,
}

/// What the client says that it holds of an earlier stream.
#[derive(Default)]
pub(super) enum Have {
    #[default]
    Nothing,
    /// What it does hold.
    Held,
    /// `name=content`.
    These(Vec<String>),
}

/// ACK or NACK.
pub(super) enum Answer {
    Accept,
    Reject(String),
    /// Accepts the last response and says what was wrong with one before.
    RejectEarlier(String),
}

/// A nonce other than the usual one.
pub(super) enum Which {
    None,
    /// The last of this type.
    Last,
    /// The last but one of this type.
    Previous,
    /// The last of another type.
    LastOf(String),
    Literal(String),
}

impl Ask {
    /// Reads a request: the type, and then
    ///
    /// - `+a`, `-a`: names; `+` alone is the empty name; `loc:+a`, `loc:-a`: locators with dynamic parameters;
    /// - `ack`, `nack:why`: answers the oldest response that is not answered; `late-nack:why`: an error with nonce
    ///   and version of the last response;
    /// - `nonce:none`, `nonce:last`, `nonce:previous`, `nonce:of:LDS`, `nonce:<text>` instead of the usual nonce;
    /// - `have:a=1`, `have:held`: what is held of an earlier stream, or of before a subscription begins anew;
    /// - `node:b`: a node; `feature:x`: a feature that the client says it has, beside the usual node.
    ///
    /// A type without a short name is one that nobody knows. In messages, `_` is a space.
    pub(crate) fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let short = words.next().expect("a request has a type");
        let names = |name: &str| {
            let names = expand(name).into_iter();
            let of_collection = |name: &str| short == "LEDS" && name.contains('/');
            names.map(move |name| if of_collection(&name) { format!("{COLLECTIONS}{name}") } else { name })
        };
        let mut ask = Self { type_url: url(short), ..Self::default() };
        for word in words {
            match word.split_once(':') {
                Some(("nack", message)) => ask.answer = Some(Answer::Reject(message.replace('_', " "))),
                Some(("late-nack", message)) => {
                    ask.answer = Some(Answer::RejectEarlier(message.replace('_', " ")));
                }
                Some(("nonce", which)) => ask.nonce = Some(Which::read(which)),
                Some(("have", "held")) => ask.have = Have::Held,
                Some(("have", content)) => match &mut ask.have {
                    Have::These(contents) => contents.push(content.to_owned()),
                    have => *have = Have::These(vec![content.to_owned()]),
                },
                Some(("node", id)) => ask.node = Some(id.to_owned()),
                Some(("feature", feature)) => ask.features.push(feature.to_owned()),
                Some(("loc", locator)) => match locator.split_at(1) {
                    ("+", name) => ask.add_locators.push(name.to_owned()),
                    (_, name) => ask.drop_locators.push(name.to_owned()),
                },
                _ if word == "ack" => ask.answer = Some(Answer::Accept),
                _ => match word.split_at(1) {
                    ("+", name) => ask.add.extend(names(name)),
                    ("-", name) => ask.drop.extend(names(name)),
                    _ => panic!("there is no word {word}"),
                },
            }
        }
        ask
    }
}

impl Which {
    fn read(text: &str) -> Self {
        match text {
            "none" => Self::None,
            "last" => Self::Last,
            "previous" => Self::Previous,
            _ => match text.strip_prefix("of:") {
                Some(other) => Self::LastOf(url(other)),
                None => Self::Literal(text.to_owned()),
            },
        }
    }
}
