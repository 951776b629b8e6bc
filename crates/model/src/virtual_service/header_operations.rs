//! Operations on headers. Operations for which Envoy would refuse the whole route table are left out.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{api, parts::changed_headers};

use super::values::texts;
use crate::routes::{HeaderOperations, Headers};

/// The valid operations.
pub(super) fn headers(spec: Option<&api::Headers>) -> Headers {
    let Some(spec) = spec else { return Headers::default() };
    Headers {
        request: spec.request.as_ref().map(operations).unwrap_or_default(),
        response: spec.response.as_ref().map(operations).unwrap_or_default(),
    }
}

fn operations(spec: &api::HeaderOperations) -> HeaderOperations {
    let mut set: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    let mut add = BTreeMap::new();
    for header in changed_headers(spec).filter(|header| header.fault.is_none()) {
        let map = if header.operation == "set" { &mut set } else { &mut add };
        map.insert(header.name.into(), header.value.into());
    }
    HeaderOperations { set, add, remove: texts(&spec.remove) }
}
