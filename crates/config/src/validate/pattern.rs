//! Regular expressions (RE2, as Envoy compiles them) and `StringMatch`.

use fairlead_api::StringMatch;
use regex::RegexBuilder;
use regex_syntax::ast::{self, Ast, ClassSet, Flag, FlagsItemKind, RepetitionKind, RepetitionRange};

use crate::{Code, Diagnostics, FieldPath, decode::shown};

/// Most bytes of an expression.
const MOST_BYTES: usize = 1024;

/// Most bytes of a compiled expression; keeps bounded repetitions of repetitions out.
const MOST_COMPILED_BYTES: usize = 1 << 20;

/// Most repetitions that RE2 takes.
const MOST_REPETITIONS: u32 = 1000;

/// Checks an RE2 expression.
pub(super) fn regex(pattern: &str, path: FieldPath, found: &mut Diagnostics) {
    if pattern.len() > MOST_BYTES {
        let text = format!("the expression has {} bytes; the limit is {MOST_BYTES}", pattern.len());
        found.error(Code::RegexTooLong, path, text).help("match a prefix, or split the rule");
        return;
    }
    if let Err(why) = re2(pattern) {
        let text = format!("`{}` is not an RE2 expression: {why}", shown(pattern));
        let diagnostic = found.error(Code::BadRegex, path, text);
        if pattern.starts_with('*') {
            diagnostic.help(format!("write .{} to match any text", shown(pattern)));
        }
        return;
    }
    match RegexBuilder::new(pattern).size_limit(MOST_COMPILED_BYTES).build() {
        Ok(_) => {}
        Err(regex::Error::CompiledTooBig(_)) => {
            let text = format!("`{}` needs too much memory to match", shown(pattern));
            found.error(Code::RegexTooLong, path, text).help("use smaller numbers of repetitions");
        }
        Err(_) => {
            let text = format!("`{}` is not an RE2 expression", shown(pattern));
            found.error(Code::BadRegex, path, text);
        }
    }
}

/// Checks the syntax, and that nothing is used which RE2 lacks.
fn re2(pattern: &str) -> Result<(), String> {
    let tree = ast::parse::ParserBuilder::new().nest_limit(100).build().parse(pattern).map_err(|error| {
        use ast::ErrorKind::{UnsupportedBackreference, UnsupportedLookAround};
        match error.kind() {
            UnsupportedLookAround => "look-around is not supported".to_owned(),
            UnsupportedBackreference => "back-references are not supported".to_owned(),
            kind => kind.to_string(),
        }
    })?;
    ast::visit(&tree, Re2Subset)
}

/// Finds what the `regex` crate takes and RE2 does not.
struct Re2Subset;

impl ast::Visitor for Re2Subset {
    type Output = ();
    type Err = String;

    fn finish(self) -> Result<(), String> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), String> {
        let flags = match ast {
            Ast::Repetition(repetition) => {
                let most = match &repetition.op.kind {
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(n)
                        | RepetitionRange::AtLeast(n)
                        | RepetitionRange::Bounded(_, n),
                    ) => *n,
                    _ => 0,
                };
                if most > MOST_REPETITIONS {
                    return Err(format!("{most} repetitions are more than {MOST_REPETITIONS}"));
                }
                None
            }
            Ast::ClassBracketed(class) if matches!(class.kind, ClassSet::BinaryOp(_)) => {
                return Err("operations on character classes are not supported".to_owned());
            }
            Ast::Flags(flags) => Some(&flags.flags),
            Ast::Group(group) => group.flags(),
            _ => None,
        };
        for item in flags.into_iter().flat_map(|flags| &flags.items) {
            if let FlagsItemKind::Flag(Flag::IgnoreWhitespace | Flag::Unicode | Flag::CRLF) = item.kind {
                return Err("only the flags i, m, s and U are supported".to_owned());
            }
        }
        Ok(())
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

/// Checks a match of texts.
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
