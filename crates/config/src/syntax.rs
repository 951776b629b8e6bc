//! The grammars of Kubernetes: names, labels, label values. Each check says what is wrong.

/// A DNS label: at most 63 lower-case letters, digits and dashes.
pub(crate) fn label(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 63 {
        return Err("it is longer than 63 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("only lower-case letters, digits and - are allowed");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it begins or ends with -");
    }
    Ok(())
}

/// A DNS subdomain: labels separated by dots, at most 253 characters.
pub(crate) fn subdomain(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') {
        return Err("only lower-case letters, digits, - and . are allowed");
    }
    let edge = |part: &str| part.is_empty() || part.starts_with('-') || part.ends_with('-');
    if text.split('.').any(edge) {
        return Err("a part of it is empty, or begins or ends with -");
    }
    Ok(())
}

/// A key of a label or annotation: `name` or `prefix/name`.
pub(crate) fn qualified_name(text: &str) -> Result<(), &'static str> {
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            subdomain(prefix).map_err(|_| "its prefix is not a DNS name in lower case")?;
            name
        }
        None => text,
    };
    if name.is_empty() {
        return Err("it is empty");
    }
    label_value(name)
}

/// The value of a label: empty, or at most 63 letters, digits, dashes, underscores and dots.
pub(crate) fn label_value(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > 63 {
        return Err("it is longer than 63 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err("only letters, digits, -, _ and . are allowed");
    }
    let edge = |byte: Option<&u8>| byte.is_none_or(|b| !b.is_ascii_alphanumeric());
    if edge(text.as_bytes().first()) || edge(text.as_bytes().last()) {
        return Err("it must begin and end with a letter or digit");
    }
    Ok(())
}
