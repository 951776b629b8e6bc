//! Headers that are set or added.

use fairlead_api::{HeaderOperations, Headers};

use crate::{Code, Diagnostics, FieldPath, format_string::header_value};

/// Maximum size of a header's value in bytes (`HeaderValue.value` of Envoy's API).
const MOST_VALUE_BYTES: usize = 16_384;

/// Maximum number of headers that a route or destination sets or adds (`Route.request_headers_to_add`).
const MOST_HEADERS: usize = 1000;

/// A header that is set or added.
#[derive(Clone, Debug)]
pub struct ChangedHeader<'a> {
    /// The field that names it: `set` or `add`.
    pub operation: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its value or format string.
    pub value: &'a str,
    /// Why it is left out, if it is.
    pub fault: Option<String>,
}

/// The headers that are set, then those that are added, by name.
pub fn changed_headers(operations: &HeaderOperations) -> impl Iterator<Item = ChangedHeader<'_>> {
    let maps = [("set", &operations.set), ("add", &operations.add)];
    let mut room = MOST_HEADERS;
    let changes = maps.into_iter().flat_map(|(operation, map)| map.iter().map(move |pair| (operation, pair)));
    changes.map(move |(operation, (name, value))| {
        let fault = fault(name, value, room > 0);
        room -= usize::from(fault.is_none());
        ChangedHeader { operation, name, value, fault }
    })
}

fn fault(name: &str, value: &str, has_room: bool) -> Option<String> {
    if !has_room {
        return Some(format!("it comes after {MOST_HEADERS} others"));
    }
    if value.len() > MOST_VALUE_BYTES {
        return Some(format!("its value has more than {MOST_VALUE_BYTES} bytes"));
    }
    // The authority is not a format string, but literal.
    if name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority") {
        return value.contains(['\r', '\n', '\0']).then(|| "it contains a line break".to_owned());
    }
    header_value(value).err().map(|why| format!("Envoy cannot read its value: {why}"))
}

/// Reports the headers of a block that are left out.
pub(super) fn check(headers: &Headers, path: &FieldPath, found: &mut Diagnostics) {
    for (field, operations) in [("request", &headers.request), ("response", &headers.response)] {
        for ChangedHeader { operation, name, value, fault } in operations.iter().flat_map(changed_headers) {
            let Some(why) = fault else { continue };
            let path = path.clone().field(field).field(operation).key(name.to_owned());
            let text = format!("the header `{name}` is left out: {why}");
            let finding = found.error(Code::BadHeaderValue, path, text);
            if value.contains('%') {
                finding.help("write %% for a percent sign; operators are %REQ(name)%, %PROTOCOL% and others");
            }
        }
    }
}
