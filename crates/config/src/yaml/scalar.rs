//! What a scalar means: YAML 1.1 as kubectl's parser (`sigs.k8s.io/yaml`) implements it.

/// A scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text as it is written, after escapes.
    pub text: Box<str>,
    /// Its meaning to kubectl.
    pub meaning: Meaning,
    /// Whether it is written without quotes.
    pub bare: bool,
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 64 bits, signed or not.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// Its own text.
    Text,
}

impl Meaning {
    /// The meaning's type, for a message.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text => "a string",
        }
    }
}

impl Scalar {
    /// A bare scalar.
    pub fn bare(text: &str) -> Self {
        Self { text: text.into(), meaning: meaning(text), bare: true }
    }

    /// A quoted or block scalar.
    pub fn quoted(text: &str) -> Self {
        Self { text: text.into(), meaning: Meaning::Text, bare: false }
    }

    /// Whether a YAML 1.2 parser reads something else.
    pub fn differs_in_yaml_1_2(&self) -> bool {
        if !self.bare {
            return false;
        }
        match self.meaning {
            Meaning::Bool(_) => {
                !matches!(&*self.text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
            }
            Meaning::Integer(value) => core_integer(&self.text) != Some(value),
            Meaning::Float(_) => self.text.contains('_'),
            Meaning::Null | Meaning::Text => false,
        }
    }

    /// The meaning as kubectl writes it into JSON.
    pub fn as_json_text(&self) -> String {
        match self.meaning {
            Meaning::Null => "null".into(),
            Meaning::Bool(value) => value.to_string(),
            Meaning::Integer(value) => value.to_string(),
            Meaning::Float(value) => value.to_string(),
            Meaning::Text => self.text.to_string(),
        }
    }
}

/// The meaning of a bare scalar.
pub(crate) fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Meaning::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Meaning::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or(Meaning::Text),
    }
}

fn number(text: &str) -> Option<Meaning> {
    match text.as_bytes().first()? {
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain).map(Meaning::Integer).or_else(|| float(&plain).map(Meaning::Float))
        }
        b'.' => float(text).map(Meaning::Float),
        _ => None,
    }
}

/// An integer with Go's prefixes: `0x`, `0b`, `0o` and `0` for octal.
fn integer(plain: &str) -> Option<i128> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    if !negative {
        return Some(magnitude);
    }
    (-magnitude >= i128::from(i64::MIN)).then_some(-magnitude)
}

/// A number of the form `[-+]? ( .digits | digits [. digits] ) ( [eE] [-+]? digits )?`.
fn float(plain: &str) -> Option<f64> {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_ok = exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if !has_digits || !digits(whole) || !digits(fraction) || !exponent_ok {
        return None;
    }
    plain.parse().ok()
}

/// An integer of YAML 1.2's core schema.
fn core_integer(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i128::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i128::from_str_radix(digits, 8).ok();
    }
    text.parse().ok()
}
