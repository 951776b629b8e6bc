//! Labels inside specs: of subsets, endpoints and selectors.

use std::collections::BTreeMap;

use crate::{Code, Diagnostics, FieldPath, printable::shown, syntax};

/// Checks keys and values.
pub(super) fn check(
    labels: &BTreeMap<String, String>,
    code: Code,
    path: &FieldPath,
    found: &mut Diagnostics,
) {
    for (key, value) in labels {
        let path = path.clone().key(key.clone());
        if let Err(why) = syntax::qualified_name(key) {
            let text = format!("`{}` cannot be the key of a label: {why}", shown(key));
            found.error(code, path, text);
        } else if value.contains('*') {
            let text = format!("`{}` is not a wildcard here: labels are compared literally", shown(value));
            found.error(code, path, text).help("write the whole value");
        } else if let Err(why) = syntax::label_value(value) {
            let text = format!("`{}` cannot be the value of a label: {why}", shown(value));
            found.error(code, path, text);
        }
    }
}
