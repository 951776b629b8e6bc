//! What is done to headers. An operation that Envoy would refuse the whole route table for is left out.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Code, Diagnostics, FieldPath, api, format_string::header_value};

use super::http;
use crate::routes::{HeaderOperations, Headers};

/// Most bytes of a header's value (`HeaderValue.value` of Envoy's API).
const MOST_VALUE_BYTES: usize = 16_384;

/// Most headers that a route or one of its destinations sets or adds (`Route.request_headers_to_add`).
const MOST_HEADERS: usize = 1000;

/// The operations that are possible. `path` is that of the block.
pub(super) fn headers(
    spec: Option<&api::Headers>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Headers {
    let Some(spec) = spec else { return Headers::default() };
    let mut of = |field: &'static str, spec: Option<&api::HeaderOperations>| {
        spec.map(|spec| operations(spec, &path.clone().field(field), diagnostics)).unwrap_or_default()
    };
    Headers {
        request: of("request", spec.request.as_ref()),
        response: of("response", spec.response.as_ref()),
    }
}

fn operations(
    spec: &api::HeaderOperations,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> HeaderOperations {
    let mut room = MOST_HEADERS;
    let mut pairs = |field: &'static str, map: &BTreeMap<String, String>| {
        let path = path.clone().field(field);
        let mut kept: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
        for (name, value) in map {
            match check(name, value, kept.len() < room) {
                Ok(()) => drop(kept.insert(name.as_str().into(), value.as_str().into())),
                Err(why) => {
                    let message = format!("the header `{name}` is left out: {why}");
                    let found =
                        diagnostics.error(Code::BadHeaderValue, path.clone().key(name.clone()), message);
                    if value.contains('%') {
                        found.help(
                            "write %% for a percent sign; operators are %REQ(name)%, %PROTOCOL% and others",
                        );
                    }
                }
            }
        }
        room -= kept.len();
        kept
    };
    HeaderOperations {
        set: pairs("set", &spec.set),
        add: pairs("add", &spec.add),
        remove: http::texts(&spec.remove),
    }
}

fn check(name: &str, value: &str, has_room: bool) -> Result<(), String> {
    if !has_room {
        return Err(format!("it comes after {MOST_HEADERS} others"));
    }
    if value.len() > MOST_VALUE_BYTES {
        return Err(format!("its value has more than {MOST_VALUE_BYTES} bytes"));
    }
    // The authority is no format: it is written as it is.
    if name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority") {
        return if value.contains(['\r', '\n', '\0']) {
            Err("it contains a line break".to_owned())
        } else {
            Ok(())
        };
    }
    header_value(value).map_err(|why| format!("Envoy cannot read its value: {why}"))
}
