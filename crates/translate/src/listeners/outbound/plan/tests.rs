//! Listeners that are edited out of those of the base are those that are planned by themselves.

use fairlead_model::{
    proxy::{ClientAttributes, Interception, IpFamilies},
    scope::{ScopeKey, ScopeKind},
};
use proptest::prelude::*;

use super::*;
use crate::tests::histories::{NAMESPACES, check_against_plain, histories};

fn view(namespace: &str, interception: Interception) -> ListenerView {
    ListenerView {
        scope: ScopeKey {
            namespace: namespace.into(),
            kind: ScopeKind::Default,
            selected_rules: Arc::default(),
        },
        source: ClientAttributes {
            namespace: namespace.into(),
            labels: fairlead_config::LabelSet::default(),
        },
        interception,
        families: IpFamilies::of(&["10.0.0.1".parse().expect("an address")]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn listeners_out_of_the_base_are_those_planned_by_themselves(history in histories()) {
        let captured = NAMESPACES.map(|namespace| view(namespace, Interception::Redirect));
        let views: Vec<ListenerView> = captured.into_iter().chain([view("web", Interception::None)]).collect();
        check_against_plain::<OutboundListenerPlan>(&views, history)?;
    }
}
