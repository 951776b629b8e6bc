//! The replacement of a match: text with references to groups, such as `/\\2/\\1` (RE2, `CheckRewriteString`).

use crate::re2;

/// Checks the text that replaces a match of `pattern`.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn check(pattern: &str, text: &str) -> Result<(), String> {
    if text.contains(['\r', '\n', '\0']) {
        return Err("the text contains a line break".to_owned());
    }
    let groups = re2::parse(pattern).map_or(0, |expression| expression.groups);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            continue;
        }
        match chars.next() {
            Some('\\') => {}
            Some(digit @ '0'..='9') => {
                let number = digit.to_digit(10).unwrap_or_default();
                if number > groups {
                    return Err(format!("`\\{number}` names a group, of which the expression has {groups}"));
                }
            }
            Some(other) => {
                return Err(format!("`\\` is followed by `{}`, not by a digit", other.escape_debug()));
            }
            None => return Err("the text ends with a single `\\`".to_owned()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_group_that_the_expression_does_not_have_is_named() {
        assert!(check("^/a(.*)$", r"/b\2").is_err());
        assert!(check("^/a(?:x)(?i:y)$", r"\1").is_err());
        assert_eq!(check("(?P<x>a)(b)(c)", r"\0\1\2\3\\"), Ok(()));
    }

    #[test]
    fn a_backslash_stands_before_a_digit_or_another() {
        for text in ["\\", r"\n", r"a\b", "a\nb"] {
            assert!(check("a", text).is_err(), "{text}");
        }
        assert_eq!(check("a", "$1"), Ok(()));
    }
}
