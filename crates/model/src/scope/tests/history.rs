//! A scope that services come to and go from is the one that is made from scratch.

use fairlead_config::{AnyConfig, Change};
use fairlead_incremental::{Query, Reader, Stratum};
use proptest::prelude::*;

use super::*;
use crate::testing;

/// Objects that meet: aliases in a chain, wildcards, destinations elsewhere, hosts that several namespaces define.
const UNIVERSE: &[&str] = &[
    "svc web/a",
    "svc shop/a",
    "svc shop/b :8080",
    "svc shop/c",
    "svc other/d",
    "ext web/e a.shop.svc.cluster.local",
    "ext shop/f e.web.svc.cluster.local",
    "ext other/d c.shop.svc.cluster.local",
    "se shop/x x.com",
    "se web/x x.com",
    "se ext/x x.com >web",
    "se ext/yy a.shop.svc.cluster.local",
    "se ext/k k.com >ext",
    "se ext/wild *.x.com",
    "se shop/deep deep.x.com :8080",
    "vs shop/v1 a.shop.svc.cluster.local b",
    "vs web/v2 x.com,a.web.svc.cluster.local c.shop.svc.cluster.local",
    "vs other/v3 *.x.com x.com",
    "vs shop/v4 *.shop.svc.cluster.local d.other.svc.cluster.local >web",
    "vs web/v5 bare.com e.web.svc.cluster.local",
    "l4 shop/v6 a.shop.svc.cluster.local,x.com d.other.svc.cluster.local",
    "l4 web/v7 *.shop.svc.cluster.local k.com",
    "vs other/v8 alt.com,a.web.svc.cluster.local,b.shop.svc.cluster.local x.com",
    "vs shop/v9 e.web.svc.cluster.local,alt.com,c b",
    "vs web/v10 s2.crowd.svc.cluster.local s3.crowd.svc.cluster.local >web",
    "vs crowd/v11 s3.crowd.svc.cluster.local,bare.com s4.crowd.svc.cluster.local",
    "vs web/v12 s3.crowd.svc.cluster.local mine.web.svc.cluster.local >web",
    "l4 other/v13 s2.crowd.svc.cluster.local,s5.crowd.svc.cluster.local mine.web.svc.cluster.local >web",
    "svc web/mine >web",
    "se other/s5 s5.crowd.svc.cluster.local >other",
    "se crowd/bare bare.com >web",
    "dr web/r3 s1.crowd.svc.cluster.local",
    "dr crowd/r4 s1.crowd.svc.cluster.local",
    "dr crowd/r5 s6.crowd.svc.cluster.local >web",
    "dr crowd/r6 *.crowd.svc.cluster.local",
    "dr web/r7 s6.crowd.svc.cluster.local >other",
    "dr istio-system/r8 s7.crowd.svc.cluster.local >web",
    "dr shop/r1 a",
    "dr web/r2 *.com",
    "sidecar web/s1 [{hosts: ['./*', 'shop/a.shop.svc.cluster.local']}]",
    "sidecar istio-system/s3 [{hosts: ['./*', '*/*.com', '~/x.com', '~shop/*']}]",
    "sidecar web/s2 [{port: {number: 8080, protocol: HTTP, name: h}, hosts: ['*/*']}, {hosts: ['*/*.com', 'other/*']}]",
];

/// A scope made by itself, from scratch.
struct PlainScope;

impl Query for PlainScope {
    type Key = ScopeKey;
    type Value = queries::Scope;
    const NAME: &'static str = "plain scope";
    const STRATUM: Stratum = crate::strata::BINDING;

    fn compute(cx: &Reader<'_>, key: &ScopeKey) -> queries::Scope {
        queries::scope(cx, key, None, None)
    }
}

fn keys() -> Vec<ScopeKey> {
    let sidecar = |name: &str| ScopeKind::Sidecar(ConfigKey::new(Kind::Sidecar, "web", name));
    let of_root = ScopeKind::Sidecar(ConfigKey::new(Kind::Sidecar, "istio-system", "s3"));
    let kinds = [
        ("web", ScopeKind::Default),
        ("other", ScopeKind::Default),
        ("shop", ScopeKind::Default),
        ("istio-system", ScopeKind::Default),
        ("nowhere", ScopeKind::Default),
        ("", ScopeKind::Default),
        ("other", ScopeKind::Gateway),
        ("web", ScopeKind::Gateway),
        ("web", sidecar("s1")),
        ("web", sidecar("s2")),
        ("web", of_root.clone()),
        ("other", of_root),
    ];
    let key = |(namespace, kind): (&str, ScopeKind)| ScopeKey {
        namespace: namespace.into(),
        kind,
        selected_rules: Arc::default(),
    };
    kinds.map(key).into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_scope_does_not_depend_on_its_history(
        there in prop::collection::vec(any::<bool>(), UNIVERSE.len()),
        steps in prop::collection::vec(prop::collection::vec(0..UNIVERSE.len(), 1..3), 1..12),
    ) {
        let objects: Vec<AnyConfig> = UNIVERSE.iter().flat_map(|line| testing::objects(&super::objects(&[line]))).collect();
        // Services that are always there, so that what changes is few among many.
        assert_eq!(objects.len(), UNIVERSE.len());
        let crowd: Vec<String> = (0..40).map(|at| format!("svc crowd/s{at}")).collect();
        let crowd = super::objects(&crowd.iter().map(String::as_str).collect::<Vec<_>>());
        let set = |there: &[bool]| -> Vec<Change> {
            let pairs = objects.iter().zip(there);
            pairs.filter(|(_, there)| **there).map(|(object, _)| Change::Set(object.clone())).collect()
        };
        let world = |there: &[bool]| {
            let mut world = World::of(&crowd);
            world.change(set(there).into_iter().collect());
            world
        };
        // Two objects of the universe have one key: only one of them is there.
        let mut there = there;
        there[7] = false;
        let mut kept = world(&there);
        let leases: Vec<_> = keys().iter().map(|key| kept.lease::<ScopeOf>(key)).collect();
        for step in steps {
            let mut batch = Vec::new();
            for at in step {
                there[at] = !there[at];
                let key = objects[at].key().clone();
                if let Some(twin) = (0..objects.len()).find(|other| *other != at && *objects[*other].key() == key) {
                    there[twin] = false;
                }
                batch.push(if there[at] { Change::Set(objects[at].clone()) } else { Change::Delete(key) });
            }
            kept.change(batch.into_iter().collect());
            let mut fresh = world(&there);
            for (key, lease) in keys().iter().zip(&leases) {
                let plain = fresh.get::<PlainScope>(key);
                prop_assert_eq!(&**lease.value(&kept.db), &**plain, "edited: {:?}", key);
                prop_assert_eq!(&**fresh.get::<ScopeOf>(key), &**plain, "of the base: {:?}", key);
            }
        }
    }
}
