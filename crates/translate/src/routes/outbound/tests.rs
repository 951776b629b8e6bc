//! Tables that are edited out of those of the base are those that are made by themselves.

use fairlead_incremental::{Lease, Query};
use fairlead_model::{
    proxy::{Interception, Source},
    scope::{ScopeKey, ScopeKind},
};
use proptest::prelude::*;

use super::*;
use crate::testing::{NAMESPACES, histories, mesh, step};

/// The tables of a view, made by themselves.
struct Plain;

impl Query for Plain {
    type Key = RouteView;
    type Value = Arc<Tables>;
    const NAME: &'static str = "plain_tables";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &RouteView) -> Self::Value {
        OutboundTablesOf::edit(cx, view, None, None)
    }
}

fn view(namespace: &str, interception: Interception) -> RouteView {
    RouteView {
        scope: ScopeKey {
            namespace: namespace.into(),
            kind: ScopeKind::Default,
            selected_rules: Arc::default(),
        },
        source: Source { namespace: namespace.into(), labels: fairlead_config::LabelSet::default() },
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        interception,
        takes_large_expressions: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tables_out_of_the_base_are_those_made_by_themselves((mut there, steps) in histories()) {
        let mut kept = mesh(&there);
        let captured = NAMESPACES.map(|namespace| view(namespace, Interception::Redirect));
        let views: Vec<RouteView> = captured.into_iter().chain([view("web", Interception::None)]).collect();
        let leases: Vec<Lease<OutboundTablesOf>> = views.iter().map(|view| kept.lease(view)).collect();
        for objects in steps {
            step(&mut kept, &mut there, &objects);
            let mut fresh = mesh(&there);
            for (view, lease) in views.iter().zip(&leases) {
                let plain = fresh.lease::<Plain>(view).value(&fresh);
                prop_assert_eq!(&*lease.value(&kept), &*plain, "edited: {:?}", view);
                let out_of_base = fresh.lease::<OutboundTablesOf>(view).value(&fresh);
                prop_assert_eq!(&*out_of_base, &*plain, "out of the base: {:?}", view);
            }
        }
    }
}
