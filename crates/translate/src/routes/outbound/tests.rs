//! Tables that are edited out of those of the base are those that are made by themselves.

use fairlead_model::{
    proxy::{ClientAttributes, Interception},
    scope::{ScopeKey, ScopeKind},
};
use proptest::prelude::*;

use super::*;
use crate::tests::histories::{NAMESPACES, check_against_plain, histories};

fn view(namespace: &str, interception: Interception) -> RouteView {
    RouteView {
        scope: ScopeKey {
            namespace: namespace.into(),
            kind: ScopeKind::Default,
            selected_rules: Arc::default(),
        },
        source: ClientAttributes {
            namespace: namespace.into(),
            labels: fairlead_config::LabelSet::default(),
        },
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        interception,
        takes_large_expressions: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tables_out_of_the_base_are_those_made_by_themselves(history in histories()) {
        let captured = NAMESPACES.map(|namespace| view(namespace, Interception::Redirect));
        let views: Vec<RouteView> = captured.into_iter().chain([view("web", Interception::None)]).collect();
        check_against_plain::<OutboundTablesOf>(&views, history)?;
    }
}
