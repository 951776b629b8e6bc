//! Names and values of HTTP headers, and operations on them.

use fairlead_api::{HeaderOperations, Headers};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

/// Checks the name of a header.
pub(super) fn name(name: &str, path: FieldPath, found: &mut Diagnostics) {
    if name.is_empty() {
        found.error(Code::BadHeaderName, path, "the name of a header is empty");
    } else if !name.bytes().all(is_token) {
        let text = format!("`{}` is not the name of a header", shown(name));
        let diagnostic = found.error(Code::BadHeaderName, path, text);
        diagnostic.help("letters, digits and - are allowed");
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Checks the changes of headers of a request and its response.
pub(super) fn headers(headers: &Headers, path: &FieldPath, found: &mut Diagnostics) {
    if let Some(operations) = &headers.request {
        self::operations(operations, true, &path.clone().field("request"), found);
    }
    if let Some(operations) = &headers.response {
        self::operations(operations, false, &path.clone().field("response"), found);
    }
}

fn operations(operations: &HeaderOperations, request: bool, path: &FieldPath, found: &mut Diagnostics) {
    for (field, map) in [("set", &operations.set), ("add", &operations.add)] {
        for header in map.keys() {
            changed(header, field, request, path.clone().field(field).key(header.clone()), found);
        }
    }
    for (index, header) in operations.remove.iter().enumerate() {
        changed(header, "remove", request, path.clone().field("remove").index(index), found);
    }
}

/// Checks the name of a header that is changed. The only pseudo-header that can be changed is the authority of a
/// request.
fn changed(header: &str, operation: &str, request: bool, path: FieldPath, found: &mut Diagnostics) {
    let lower = header.to_ascii_lowercase();
    if lower == ":authority" || lower == "host" {
        if !request || operation == "remove" {
            let text = format!("`{}` cannot be changed here", shown(header));
            found.warn(Code::NoEffect, path, text).help("the authority can be set on requests only");
        }
    } else if header.starts_with(':') {
        let text = format!("the pseudo-header `{}` cannot be changed", shown(header));
        found.error(Code::BadHeaderName, path, text).help("use `rewrite` for path and authority");
    } else {
        name(header, path, found);
    }
}
