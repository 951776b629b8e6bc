//! The order of names for people: numbers in them count as numbers.

use std::cmp::Ordering;

/// Compares texts so that `8080` comes before `15006`, and `web-2` before `web-10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (of_left, of_right) = (next(&mut left), next(&mut right));
        let order = match (of_left, of_right) {
            ("", "") => return a.cmp(b),
            (one, other) if is_number(one) && is_number(other) => by_value(one, other),
            (one, other) => one.cmp(other),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits, or the other characters, that a text begins with.
fn next<'a>(text: &mut &'a str) -> &'a str {
    let number = is_number(text);
    let end = text.find(|c: char| c.is_ascii_digit() != number).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    *text = rest;
    first
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn by_value(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests;
