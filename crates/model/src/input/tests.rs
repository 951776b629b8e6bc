use fairlead_config::{ConfigKey, Kind};

use super::*;
use crate::testing::World;

const OBJECTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a, namespace: shop}
spec: {hosts: [A.example.com, b.example.com], ports: [{number: 80, name: http}], resolution: NONE}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Secret
metadata: {name: certificate, namespace: shop}
";

#[test]
fn objects_become_facts_of_their_kind() {
    let mut world = World::of(OBJECTS);
    let entry = ConfigKey::new(Kind::ServiceEntry, "shop", "a");
    assert!(world.db.input::<ServiceEntries>(&entry).is_some());
    assert!(world.db.input::<Namespaces>(&ConfigKey::new(Kind::Namespace, "", "shop")).is_some());
    assert!(world.db.input::<Secrets>(&ConfigKey::new(Kind::Secret, "shop", "certificate")).is_some());
    world.delete(entry.clone());
    assert!(world.db.input::<ServiceEntries>(&entry).is_none());
}

#[test]
fn a_selector_and_a_workload_that_it_selects_meet_in_a_bucket() {
    let namespace = "shop".into();
    let bucket = |selector: &[(&'static str, &'static str)]| {
        SelectorBucket::of_selector(&namespace, selector.iter().copied())
    };
    let workload = SelectorBucket::of_workload(&namespace, [("app", "cart"), ("version", "v1")]);
    assert!(workload.contains(&bucket(&[("app", "cart"), ("version", "v1")])));
    assert!(workload.contains(&bucket(&[("version", "v1")])));
    assert!(workload.contains(&bucket(&[])));
    assert!(!workload.contains(&bucket(&[("app", "mail")])));
    let elsewhere = SelectorBucket::of_selector(&"other".into(), [("app", "cart")]);
    assert!(!workload.contains(&elsewhere));
}
