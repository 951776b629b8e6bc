//! Scalars against the type of their field.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fairlead_api::{DurationError, ProtoDuration};

use crate::{
    Code,
    printable::shown,
    yaml::{Meaning, Node, Scalar, Value},
};

use super::{Format, Range, suggest};

/// Why a value does not fit its field.
pub(crate) struct Misfit {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Misfit {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

type Fit = Result<(), Misfit>;

pub(crate) fn wrong_type(name: &str, expected: &str, node: &Node) -> Misfit {
    Misfit::new(Code::WrongType, format!("`{name}` takes {expected}, not {}", node.type_name()))
}

fn scalar<'a>(name: &str, expected: &str, node: &'a Node) -> Result<&'a Scalar, Misfit> {
    match &node.value {
        Value::Scalar(scalar) => Ok(scalar),
        Value::List(items) => {
            let misfit = wrong_type(name, expected, node);
            Err(if items.len() == 1 {
                misfit.help("write the value without the dash or brackets")
            } else {
                misfit
            })
        }
        Value::Map(_) => Err(wrong_type(name, expected, node)),
    }
}

/// The misfit of an unquoted boolean or number where a string is expected.
fn needs_quotes(name: &str, scalar: &Scalar) -> Misfit {
    let (text, meaning) = (shown(&scalar.text), scalar.meaning);
    let message = match meaning {
        Meaning::Bool(value) if &*scalar.text != value.to_string().as_str() => {
            format!("`{name}` takes a string, but kubectl reads a bare `{text}` as the boolean {value}")
        }
        _ => format!("`{name}` takes a string, but `{text}` is {}", meaning.type_name()),
    };
    Misfit::new(Code::NeedsQuotes, message).help(format!("write \"{text}\" in quotes"))
}

/// The misfit of a value that should be a string.
pub(crate) fn no_text(name: &str, node: &Node) -> Misfit {
    match &node.value {
        Value::Scalar(scalar) => needs_quotes(name, scalar),
        Value::List(_) | Value::Map(_) => wrong_type(name, "a string", node),
    }
}

pub(crate) fn text(name: &str, format: Format, node: &Node) -> Fit {
    let expected = if format == Format::Duration { "a duration" } else { "a string" };
    let scalar = scalar(name, expected, node)?;
    match (format, scalar.meaning) {
        (Format::Duration, _) => duration(name, scalar),
        (Format::Plain | Format::Secret, Meaning::Text) => Ok(()),
        (Format::SecretBase64, Meaning::Text) => base64(name, scalar),
        (_, Meaning::Null) => Err(wrong_type(name, expected, node).help("write \"\" for an empty string")),
        (Format::Plain, _) => Err(needs_quotes(name, scalar)),
        (Format::Secret | Format::SecretBase64, _) => {
            let message = format!("`{name}` takes a string, but the value is {}", node.type_name());
            Err(Misfit::new(Code::NeedsQuotes, message).help("put the value in quotes"))
        }
    }
}

fn duration(name: &str, scalar: &Scalar) -> Fit {
    let text = shown(&scalar.text);
    match scalar.text.parse::<ProtoDuration>() {
        Ok(_) if scalar.meaning == Meaning::Text => Ok(()),
        Ok(_) => Err(needs_quotes(name, scalar).help("write 0s")),
        Err(error) => {
            let message = format!("`{text}` is not a duration for `{name}`: {error}");
            let misfit = Misfit::new(Code::BadDuration, message);
            Err(match error {
                DurationError::MissingUnit => {
                    misfit.help(format!("write {text}s for seconds or {text}ms for milliseconds"))
                }
                _ => misfit.help("write it as in 1h, 1m30s, 1.5s or 100ms"),
            })
        }
    }
}

fn base64(name: &str, scalar: &Scalar) -> Fit {
    match STANDARD.decode(unwrapped(scalar)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Misfit::new(Code::BadBase64, format!("the value of `{name}` is not base64"))
            .help("encode it, or put the plain text under `stringData`")),
    }
}

/// Base64 without the line breaks that tools wrap it with.
pub(crate) fn unwrapped(scalar: &Scalar) -> String {
    scalar.text.replace(['\n', '\r'], "")
}

pub(crate) fn boolean(name: &str, node: &Node) -> Fit {
    let scalar = scalar(name, "true or false", node)?;
    match scalar.meaning {
        Meaning::Bool(_) => Ok(()),
        Meaning::Text if matches!(&*scalar.text, "true" | "false") => {
            let message = format!("`{name}` takes a boolean, but \"{}\" is a string", scalar.text);
            Err(Misfit::new(Code::NeedsNoQuotes, message)
                .help(format!("write {} without quotes", scalar.text)))
        }
        _ => Err(wrong_type(name, "true or false", node)),
    }
}

pub(crate) fn integer(name: &str, range: Range, node: &Node) -> Fit {
    let scalar = scalar(name, "a whole number", node)?;
    let value = match (scalar.meaning, whole(scalar.meaning)) {
        (_, Some(value)) => value,
        (Meaning::Float(_), None) => {
            let message = format!("`{name}` takes a whole number, not {}", shown(&scalar.text));
            return Err(Misfit::new(Code::WrongType, message));
        }
        (Meaning::Text, None) => return Err(quoted_number(name, "a whole number", scalar)),
        _ => return Err(wrong_type(name, "a whole number", node)),
    };
    if value < range.least || value > range.most {
        let message = format!("{value} is out of range for `{name}`");
        return Err(Misfit::new(Code::NumberOutOfRange, message)
            .help(format!("write a number from {} to {}", range.least, range.most)));
    }
    Ok(())
}

/// The value of a number without a fraction, as kubectl writes it into JSON.
#[allow(clippy::cast_possible_truncation)] // bounded by the comparison
pub(crate) fn whole(meaning: Meaning) -> Option<i128> {
    match meaning {
        Meaning::Integer(value) => Some(value),
        Meaning::Float(value) => (value.fract() == 0.0 && value.abs() < 1e18).then_some(value as i128),
        _ => None,
    }
}

pub(crate) fn number(name: &str, node: &Node) -> Fit {
    let scalar = scalar(name, "a number", node)?;
    match scalar.meaning {
        Meaning::Float(value) if value.is_finite() => Ok(()),
        Meaning::Integer(_) => Ok(()),
        Meaning::Text => Err(quoted_number(name, "a number", scalar)),
        _ => Err(wrong_type(name, "a number", node)),
    }
}

/// The misfit of a string where a number is expected.
fn quoted_number(name: &str, expected: &str, scalar: &Scalar) -> Misfit {
    match Scalar::bare(&scalar.text).meaning {
        Meaning::Integer(_) | Meaning::Float(_) => {
            let text = shown(&scalar.text);
            let message = format!("`{name}` takes {expected}, but \"{text}\" is a string");
            Misfit::new(Code::NeedsNoQuotes, message).help(format!("write {text} without quotes"))
        }
        _ => {
            let message = format!("`{name}` takes {expected}, not the string `{}`", shown(&scalar.text));
            let misfit = Misfit::new(Code::WrongType, message);
            match scalar.text.strip_suffix('%') {
                Some(number) => misfit.help(format!("write {} without the percent sign", shown(number))),
                None => misfit,
            }
        }
    }
}

pub(crate) fn int_or_string(name: &str, node: &Node) -> Fit {
    let scalar = scalar(name, "a number or a name", node)?;
    match scalar.meaning {
        Meaning::Text => Ok(()),
        Meaning::Integer(_) | Meaning::Float(_) => {
            integer(name, Range { least: 0, most: u32::MAX.into() }, node)
        }
        Meaning::Bool(_) => Err(needs_quotes(name, scalar)),
        Meaning::Null => Err(wrong_type(name, "a number or a name", node)),
    }
}

/// A value of an enum; `siblings` are the enums of the other fields of the mapping.
pub(crate) fn enumeration<'a>(
    name: &str,
    values: &[String],
    node: &Node,
    siblings: impl Iterator<Item = (&'a str, &'a [String])>,
) -> Fit {
    let scalar = scalar(name, "one of its values", node)?;
    let text = match scalar.meaning {
        Meaning::Text => &*scalar.text,
        Meaning::Null => return Err(wrong_type(name, "one of its values", node)),
        _ if values.iter().any(|value| **value == *scalar.text) => return Err(needs_quotes(name, scalar)),
        _ => &*scalar.text,
    };
    if values.iter().any(|value| value == text) {
        return Ok(());
    }
    let misfit = Misfit::new(Code::UnknownEnumValue, format!("`{}` is not a value of `{name}`", shown(text)));
    let names = || values.iter().map(String::as_str);
    let same = names().find(|value| suggest::same_but_for_case(value, text));
    if let Some(value) = same.or_else(|| suggest::nearest(text, names(), suggest::tolerance(text))) {
        return Err(misfit.help(format!("write {value}; the values are {}", values.join(", "))));
    }
    let mut owners = siblings.filter(|(_, values)| values.iter().any(|value| value == text));
    Err(match owners.next() {
        Some((owner, _)) => {
            misfit.help(format!("{text} is a value of `{owner}`; the values here are {}", values.join(", ")))
        }
        None => misfit.help(format!("the values are {}", values.join(", "))),
    })
}
