//! The finding about an object that is defined more than once.

use crate::{AnyConfig, Code, Diagnostic, FieldPath, Severity, Subject};

/// The finding about a definition that is unused because another one of the object is used. A copy does no harm; of
/// different ones, the wrong one may be in use. `more` adds to the text about the used one.
pub fn duplicate(unused: &AnyConfig, used: &AnyConfig, more: &str) -> Diagnostic {
    let place =
        used.read_from().locate(&FieldPath::root()).map_or_else(String::new, |at| format!(" in {at}"));
    let (severity, text) = if unused == used {
        (Severity::Info, format!("the same definition is already{place}{more}"))
    } else {
        (Severity::Error, format!("another definition is used and this one is not: the one{place}{more}"))
    };
    let on = Subject::Object(unused.key().clone());
    let mut finding = Diagnostic::new(severity, on, Code::DuplicateObject, FieldPath::root(), text);
    finding.help("remove one of them").locate(unused.read_from());
    finding
}
