//! Regular expressions (RE2, as Envoy compiles them) and `StringMatch`.

use fairlead_api::StringMatch;

use crate::{
    Code, Diagnostics, FieldPath,
    printable::shown,
    re2::{self, Fault},
};

/// Maximum size of an expression in bytes, as in Istio.
const MOST_BYTES: usize = 1024;

/// Maximum number of instructions in the programs of all expressions of an object. They take Envoy 30 to 50 MB.
const MOST_OF_OBJECT: u32 = 1 << 21;

/// Checks an RE2 expression.
pub(super) fn regex(pattern: &str, path: FieldPath, found: &mut Diagnostics) {
    if pattern.len() > MOST_BYTES {
        let text = format!("the expression has {} bytes; the limit is {MOST_BYTES}", pattern.len());
        found.error(Code::RegexTooLong, path, text).help("match a prefix, or split the rule");
        return;
    }
    match re2::parse(pattern) {
        Ok(expression) => {
            let before = found.spend(0);
            if before <= MOST_OF_OBJECT && found.spend(expression.program) > MOST_OF_OBJECT {
                let text = format!(
                    "with this one, the expressions of the object have more than {MOST_OF_OBJECT} instructions"
                );
                found.error(Code::RegexTooLong, path, text).help("match prefixes, or split the object");
            }
        }
        Err(why) => refused(pattern, &why, path, found),
    }
}

fn refused(pattern: &str, why: &Fault, path: FieldPath, found: &mut Diagnostics) {
    if *why == Fault::TooLarge {
        let text = format!("`{}` is too costly to match: {why}", shown(pattern));
        found.error(Code::RegexTooLong, path, text).help("use fewer repetitions");
        return;
    }
    let text = format!("`{}` is not an RE2 expression: {why}", shown(pattern));
    let diagnostic = found.error(Code::BadRegex, path, text);
    if pattern.starts_with('*') {
        diagnostic.help(format!("write .{} to match any text", shown(pattern)));
    }
}

/// Whether an empty match means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmptyMatch {
    /// It means that the header or parameter is present.
    Presence,
    /// It means nothing.
    Doubtful,
}

/// Checks a string match.
pub(super) fn string_match(
    value: &StringMatch,
    empty: EmptyMatch,
    path: &FieldPath,
    found: &mut Diagnostics,
) {
    let set = [
        ("exact", value.exact.is_some()),
        ("prefix", value.prefix.is_some()),
        ("regex", value.regex.is_some()),
    ];
    let set: Vec<_> = set.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if set.len() > 1 {
        let text = format!("{} exclude each other", set.join(", "));
        found.error(Code::MutuallyExclusive, path.clone(), text).help("keep one of them");
    }
    if set.is_empty() && empty == EmptyMatch::Doubtful {
        found
            .warn(Code::BadMatch, path.clone(), "the match has no condition")
            .help("write exact, prefix or regex, or remove it");
    }
    if let Some(pattern) = &value.regex {
        // Istio reads a single star as "present".
        if pattern != "*" || empty == EmptyMatch::Doubtful {
            regex(pattern, path.clone().field("regex"), found);
        }
    }
}
