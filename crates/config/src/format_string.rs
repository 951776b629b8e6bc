//! Envoy's format strings: text with command operators, as `%REQ(:path)%`.
//!
//! Header values and formats of access logs are such strings. Envoy refuses the whole listener or route table for
//! one that it cannot read, so each is read here first. The grammar and the operators are those of Envoy 1.40,
//! measured; a test compares what is taken here with what Envoy takes.
//!
//! Differs from Envoy: `COALESCE` is refused (Envoy 1.40 ends with a segmentation fault for `%COALESCE(8)%`), as
//! are `XFCC_VALUE`, `PER_REQUEST_STATE` and expressions of CEL that are more than a path. In header values, whose
//! authors need not be those of the proxy, `ENVIRONMENT` is refused too: it reads the proxy's environment.

mod operators;

use operators::{METADATA_KINDS, PLAIN, Takes, takes};
use serde_json::{Map, Value as Json};

use crate::printable::shown;

/// Maximum nesting of a JSON format: Envoy reads messages of a hundred levels, and each nested object takes three.
const MOST_LEVELS: usize = 30;

/// Checks the value of a header.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn header_value(value: &str) -> Result<(), String> {
    if value.contains(['\r', '\n', '\0']) {
        return Err("it contains a line break or NUL".to_owned());
    }
    read(value, false)
}

/// Checks the format of an access log in the form of text.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn access_log(format: &str) -> Result<(), String> {
    read(format, true)
}

/// Checks the format of an access log in the form of JSON: an object whose texts are format strings. Numbers, truth
/// values and null are written as they are, and keys are no format strings.
///
/// # Errors
///
/// Says what is wrong with it, and where.
pub fn access_log_json(format: &str) -> Result<Map<String, Json>, String> {
    let json: Json = serde_json::from_str(format).map_err(|error| format!("it is not JSON: {error}"))?;
    let Json::Object(fields) = json else { return Err("it is not a JSON object".to_owned()) };
    for (key, value) in &fields {
        check_json(value, &shown(key), 1)?;
    }
    Ok(fields)
}

fn check_json(value: &Json, path: &str, levels: usize) -> Result<(), String> {
    if levels > MOST_LEVELS {
        return Err(format!("`{path}` is nested too deep; at most {MOST_LEVELS} levels are allowed"));
    }
    match value {
        Json::String(text) => read(text, true).map_err(|why| format!("`{path}`: {why}")),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_json(item, &format!("{path}[{index}]"), levels + 1)),
        Json::Object(fields) => fields
            .iter()
            .try_for_each(|(key, value)| check_json(value, &format!("{path}.{}", shown(key)), levels + 1)),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn read(format: &str, trusted: bool) -> Result<(), String> {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        let Some((command, after)) = command(rest) else {
            let begin: String = rest.chars().take(20).collect();
            return Err(format!("no command operator begins at `%{}`", shown(&begin)));
        };
        check(&command, trusted)?;
        rest = after;
    }
    Ok(())
}

/// `NAME`, `NAME(parameters)`, `NAME:length` or `NAME(parameters):length`.
struct Command<'a> {
    name: &'a str,
    /// Empty where there are no brackets.
    parameters: &'a str,
    has_length: bool,
}

/// The command that `text` begins with, and what comes after its `%`.
fn command(text: &str) -> Option<(Command<'_>, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_')
        .filter(|end| *end > 0)?;
    let (name, rest) = text.split_at(end);
    let Some(inner) = rest.strip_prefix('(') else {
        let (has_length, after) = length(rest)?;
        return Some((Command { name, parameters: "", has_length }, after));
    };
    // The brackets are closed by the first one after which a length or a `%` follows.
    let line = &inner[..inner.find('\n').unwrap_or(inner.len())];
    let mut ends = line.match_indices(')').map(|(at, _)| at);
    let at = ends.find(|at| is_end(&inner[at + 1..]))?;
    let (has_length, after) = length(&inner[at + 1..])?;
    Some((Command { name, parameters: &inner[..at], has_length }, after))
}

/// Whether `text` begins with `%` or `:digits%`.
fn is_end(text: &str) -> bool {
    let length = text.strip_prefix(':').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    text.starts_with('%') || length.is_some_and(|rest| rest.starts_with('%') && !text.starts_with(":%"))
}

/// `%` or `:length%`: whether there is a length, and what comes after it.
fn length(text: &str) -> Option<(bool, &str)> {
    let (length, after) = text.split_once('%').filter(|_| is_end(text))?;
    match length.strip_prefix(':') {
        None => Some((false, after)),
        Some(digits) => digits.parse::<u64>().is_ok().then_some((true, after)),
    }
}

fn check(command: &Command<'_>, trusted: bool) -> Result<(), String> {
    let Command { name, parameters, has_length } = *command;
    let refuse = |why: &str| Err(format!("`{}` {why}", shown(name)));
    let takes = match (name, takes(name)) {
        ("COALESCE" | "XFCC_VALUE", _) => return refuse("is not supported here"),
        ("PER_REQUEST_STATE", _) => {
            return refuse("is not supported here; `FILTER_STATE(key:PLAIN)` says the same");
        }
        ("ENVIRONMENT", _) if !trusted => return refuse("reads the environment of the proxy"),
        (_, Some(takes)) => takes,
        (_, None) => {
            let near = PLAIN.iter().find(|known| known.starts_with(name) || name.starts_with(**known));
            let hint = near.map(|known| format!("; there is `{known}`")).unwrap_or_default();
            return refuse(&format!("is no command operator of Envoy{hint}"));
        }
    };
    let takes_length = match takes {
        Takes::Nothing | Takes::Time | Takes::AnyText | Takes::Duration => false,
        Takes::Text(length) | Takes::Pair(_, _, length) | Takes::OneOf(_, length) => length,
        _ => true,
    };
    if has_length && !takes_length {
        return refuse("takes no length");
    }
    check_parameters(takes, parameters).or_else(|why| refuse(&why))
}

fn check_parameters(takes: Takes, parameters: &str) -> Result<(), String> {
    let needed = || if parameters.is_empty() { Err("needs parameters".to_owned()) } else { Ok(()) };
    let invalid = || format!("does not take `{}`", shown(parameters));
    match takes {
        Takes::Nothing if !parameters.is_empty() => Err("takes no parameters".to_owned()),
        Takes::Time if has_line_break(parameters) => Err("cannot contain a line break".to_owned()),
        Takes::Nothing | Takes::AnyText | Takes::Time => Ok(()),
        Takes::Text(_) => needed(),
        Takes::Headers => {
            needed()?;
            let (name, alternative) = parameters.split_once('?').unwrap_or((parameters, ""));
            let is_name = |name: &str| {
                name.strip_prefix(':').filter(|rest| !rest.is_empty()).unwrap_or(name).bytes().all(is_token)
            };
            if is_name(name) && is_name(alternative) { Ok(()) } else { Err(invalid()) }
        }
        Takes::OneOf(words, _) => {
            if parameters.is_empty() || words.contains(&parameters) {
                Ok(())
            } else {
                Err(invalid())
            }
        }
        Takes::Pair(first, second, _) => {
            // What comes after a second `:` is ignored.
            let mut parts = parameters.split(':');
            let (one, two) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let is_known = |word: &str, words: &[&str]| word.is_empty() || words.contains(&word);
            if is_known(one, first) && is_known(two, second) { Ok(()) } else { Err(invalid()) }
        }
        Takes::Metadata => {
            let kind = parameters.split(':').next().unwrap_or_default();
            if METADATA_KINDS.contains(&kind) { Ok(()) } else { Err(invalid()) }
        }
        Takes::FilterState => {
            let parts: Vec<_> = parameters.split(':').collect();
            match parts.as_slice() {
                ["", ..] => Err("needs a key".to_owned()),
                [_] | [_, "" | "PLAIN" | "TYPED"] | [_, "" | "PLAIN" | "TYPED", "", ..] => Ok(()),
                [_, "FIELD", field, ..] if !field.is_empty() => Ok(()),
                _ => Err(invalid()),
            }
        }
        // Envoy 1.40 rewrites old operators in header values before it reads any, also where they lie within these
        // parameters, and may then refuse them for a `:` too many.
        Takes::Duration if parameters.contains('%') => Err(invalid()),
        Takes::Duration => {
            let parts: Vec<_> = parameters.split(':').collect();
            match parts.as_slice() {
                [_, _] | [_, _, "ms" | "us" | "ns"] => Ok(()),
                _ => Err(invalid()),
            }
        }
        Takes::Cel if is_path(parameters) => Ok(()),
        Takes::Cel => Err("takes a path here, as `request.headers['name']`".to_owned()),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a format of a time has `%n`, also with flags, a width and a modifier between, in this order.
fn has_line_break(format: &str) -> bool {
    let mut parts = format.split('%').skip(1);
    parts.any(|part| {
        let flags = |c: char| matches!(c, '-' | '_' | '0' | '^' | '#');
        let width = |c: char| matches!(c, '1'..='9');
        let rest = part.trim_start_matches(flags).trim_start_matches(width);
        rest.strip_prefix(['E', 'O']).unwrap_or(rest).starts_with('n')
    })
}

/// Names with dots between them, each perhaps followed by a text in brackets.
fn is_path(expression: &str) -> bool {
    const RESERVED: &[&str] = &[
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ];
    !expression.is_empty()
        && expression.split('.').all(|part| {
            let (name, index) = match part.split_once('[') {
                Some((name, index)) => (name, Some(index)),
                None => (part, None),
            };
            let mut bytes = name.bytes();
            let is_name = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !RESERVED.contains(&name);
            let is_index = |index: &str| {
                let text = index.strip_suffix(']').unwrap_or_default();
                let inner = ['\'', '"'].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q));
                inner.is_some_and(|text| {
                    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_:/".contains(&b))
                })
            };
            is_name && index.is_none_or(is_index)
        })
}

#[cfg(test)]
mod tests;
