//! The finding about an object that is defined more than once.

use crate::{AnyConfig, Code, Diagnostic, FieldPath, Severity, Subject};

/// A definition that is not used, because another one of the object is. A copy does no harm; of different ones nobody
/// may have meant this. `more` says what else there is to know of the one that is used.
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
