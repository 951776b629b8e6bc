//! Durations as Istio's CRDs write them: `1h2m`, `1.5s`, `100ms`.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A duration in Go's notation: decimal numbers with units `h`, `m`, `s`, `ms`, `us`, `ns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtoDuration(pub Duration);

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// The text is empty.
    Empty,
    /// A number has no unit behind it (`30`).
    MissingUnit,
    /// A unit that is not one of `h`, `m`, `s`, `ms`, `us`, `ns`.
    UnknownUnit,
    /// The text is not a sequence of numbers and units.
    Malformed,
    /// The duration is below zero.
    Negative,
    /// The duration has more whole seconds than Envoy accepts.
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a duration is empty",
            Self::MissingUnit => "a duration needs a unit: h, m, s, ms, us or ns",
            Self::UnknownUnit => "the units of a duration are h, m, s, ms, us and ns",
            Self::Malformed => "a duration is a sequence of numbers with units, as in 1m30s",
            Self::Negative => "a duration cannot be negative",
            Self::TooLong => "a duration cannot be longer than 292 years",
        })
    }
}

impl std::error::Error for DurationError {}

impl FromStr for ProtoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            None => return Err(DurationError::Empty),
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            Some(_) => (false, text),
        };
        if unsigned == "0" {
            return Ok(Self::default());
        }
        let nanos = unsigned_nanos(unsigned)?;
        if negative && nanos > 0 {
            return Err(DurationError::Negative);
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// Envoy rejects durations from here on: 64 bits of nanoseconds, without the last, incomplete second.
const END: u128 = 9_223_372_036_000_000_000;

/// Sums the number-and-unit pairs of `text`.
fn unsigned_nanos(text: &str) -> Result<u64, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut total: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (whole, after) = split_while(rest, |c| c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_while(after, |c| c.is_ascii_digit()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let (unit, after) = split_while(after, |c| c != '.' && !c.is_ascii_digit());
        total += nanos_of(whole, fraction, unit_nanos(unit)?)?;
        if total >= END {
            return Err(DurationError::TooLong);
        }
        rest = after;
    }
    u64::try_from(total).map_err(|_| DurationError::TooLong)
}

fn unit_nanos(unit: &str) -> Result<u64, DurationError> {
    Ok(match unit {
        "" => return Err(DurationError::MissingUnit),
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(DurationError::UnknownUnit),
    })
}

fn nanos_of(whole: &str, fraction: &str, unit: u64) -> Result<u128, DurationError> {
    let unit = u128::from(unit);
    let mut nanos = match whole {
        "" => 0,
        digits => u128::from(digits.parse::<u64>().map_err(|_| DurationError::TooLong)?) * unit,
    };
    let mut scale = unit;
    for digit in fraction.bytes() {
        scale /= 10;
        nanos += u128::from(digit - b'0') * scale;
    }
    Ok(nanos)
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

impl fmt::Display for ProtoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if nanos == 0 {
            write!(f, "{seconds}s")
        } else if seconds == 0 && nanos % 1_000_000 == 0 {
            write!(f, "{}ms", nanos / 1_000_000)
        } else {
            let fraction = format!("{nanos:09}");
            write!(f, "{seconds}.{}s", fraction.trim_end_matches('0'))
        }
    }
}

impl From<Duration> for ProtoDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<ProtoDuration> for Duration {
    fn from(duration: ProtoDuration) -> Self {
        duration.0
    }
}

impl Serialize for ProtoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProtoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for ProtoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration" })
    }
}
