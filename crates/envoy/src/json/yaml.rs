//! JSON as YAML: block style, deterministic, and read back equal by YAML 1.1 and 1.2 parsers alike.

use std::net::Ipv4Addr;

use serde_json::Value;

/// `json` as a YAML document that ends with a line break. Keys stand in the order of the JSON object (sorted).
pub fn to_yaml(json: &Value) -> String {
    let mut out = String::new();
    value(&mut out, json, 0);
    out
}

/// A value with the end of its line, in a place that is indented already.
fn value(out: &mut String, json: &Value, indent: usize) {
    match json {
        Value::Object(o) if !o.is_empty() => block(out, json, indent),
        Value::Array(a) if !a.is_empty() => block(out, json, indent),
        scalar => {
            inline(out, scalar, indent);
            out.push('\n');
        }
    }
}

/// A non-empty collection, each entry on a line of its own at `indent`; the first line is already indented.
fn block(out: &mut String, json: &Value, indent: usize) {
    match json {
        Value::Object(object) => {
            for (n, (key, item)) in object.iter().enumerate() {
                begin_line(out, n, indent);
                text(out, key);
                out.push(':');
                match item {
                    Value::Array(items) if !items.is_empty() => {
                        // A list stands at the column of its key, as kubectl prints it.
                        new_line(out, indent);
                        block(out, item, indent);
                    }
                    Value::Object(inner) if !inner.is_empty() => {
                        new_line(out, indent + 2);
                        block(out, item, indent + 2);
                    }
                    scalar => {
                        out.push(' ');
                        value(out, scalar, indent + 2);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                begin_line(out, n, indent);
                out.push_str("- ");
                value(out, item, indent + 2);
            }
        }
        _ => unreachable!("a block is a collection"),
    }
}

fn begin_line(out: &mut String, entry: usize, indent: usize) {
    if entry > 0 {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A scalar or an empty collection.
fn inline(out: &mut String, json: &Value, indent: usize) {
    match json {
        Value::String(s) if is_literal_block(s) => literal_block(out, s, indent),
        Value::String(s) => text(out, s),
        // JSON's spelling of null, booleans, numbers and empty collections is YAML's too.
        other => out.push_str(&other.to_string()),
    }
}

/// A string on one line: plain where no parser can mistake it for anything else, otherwise in double quotes.
fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => escape(out, c),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    let code = u32::from(c);
    let escaped = if code <= 0xffff { format!("\\u{code:04x}") } else { format!("\\U{code:08x}") };
    out.push_str(&escaped);
}

/// Whether YAML can print a character and no parser takes it for a line break or a byte order mark.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A duration or an IPv4 address, or a string that begins with a letter, `/` or `_`, continues with characters without
/// meaning in YAML, and is not a word that YAML 1.1 reads as a boolean or null.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if first.is_ascii_digit() {
        return is_duration(text) || text.parse::<Ipv4Addr>().is_ok();
    }
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    (first.is_ascii_alphabetic() || matches!(first, '/' | '_'))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./|@+=()$".contains(c))
        && !reserved.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Protobuf's form: `0.250s`.
fn is_duration(text: &str) -> bool {
    text.strip_suffix('s').is_some_and(|number| number.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// Several lines (a certificate, a script) that a literal block keeps as they are.
fn is_literal_block(text: &str) -> bool {
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && text.trim_end().contains('\n')
        && !text.starts_with([' ', '\n'])
        && text.chars().all(|c| c == '\n' || is_printable(c))
        && text.lines().all(|line| !line.ends_with(' '))
}

fn literal_block(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    for line in text.lines() {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
}
