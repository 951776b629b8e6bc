//! Listeners that are edited out of those of the base are those that are planned by themselves.

use fairlead_incremental::{Lease, Query, Stratum};
use fairlead_model::{
    proxy::{Interception, IpFamilies, Source},
    scope::{ScopeKey, ScopeKind},
};
use proptest::prelude::*;

use super::*;
use crate::testing::{NAMESPACES, histories, mesh, step};

/// The listeners of a view, planned by themselves.
struct Plain;

impl Query for Plain {
    type Key = ListenerView;
    type Value = Plan;
    const NAME: &'static str = "plain_listener_plan";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &ListenerView) -> Self::Value {
        OutboundListenerPlan::edit(cx, view, None, None)
    }
}

fn view(namespace: &str, interception: Interception) -> ListenerView {
    ListenerView {
        scope: ScopeKey {
            namespace: namespace.into(),
            kind: ScopeKind::Default,
            selected_rules: Arc::default(),
        },
        source: Source { namespace: namespace.into(), labels: fairlead_config::LabelSet::default() },
        interception,
        families: IpFamilies::of(&["10.0.0.1".parse().expect("an address")]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn listeners_out_of_the_base_are_those_planned_by_themselves((mut there, steps) in histories()) {
        let mut kept = mesh(&there);
        let captured = NAMESPACES.map(|namespace| view(namespace, Interception::Redirect));
        let views: Vec<ListenerView> = captured.into_iter().chain([view("web", Interception::None)]).collect();
        let leases: Vec<Lease<OutboundListenerPlan>> = views.iter().map(|view| kept.lease(view)).collect();
        for objects in steps {
            step(&mut kept, &mut there, &objects);
            let mut fresh = mesh(&there);
            for (view, lease) in views.iter().zip(&leases) {
                let plain = fresh.lease::<Plain>(view).value(&fresh);
                prop_assert_eq!(&*lease.value(&kept), &*plain, "edited: {:?}", view);
                let out_of_base = fresh.lease::<OutboundListenerPlan>(view).value(&fresh);
                prop_assert_eq!(&*out_of_base, &*plain, "out of the base: {:?}", view);
            }
        }
    }
}
