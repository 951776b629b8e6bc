//! Meshes for properties: objects of several namespaces that come and go among many services.

use std::{fmt::Debug, marker::PhantomData};

use fairlead_config::{AnyConfig, Change, ChangeBatch, decode_file};
use fairlead_incremental::{Based, Db, EditFrom, Query, Reader, Stratum};
use fairlead_model::input;
use proptest::prelude::*;

/// Objects that are for everybody and objects that are for some namespaces, which name the same hosts, addresses and
/// ports.
const UNIVERSE: &[&str] = &[
    "Service web/a {clusterIP: 10.0.1.1, ports: [{name: http, port: 80}, {name: what, port: 91}]}",
    "Service web/b {clusterIP: 10.0.1.2, ports: [{name: tcp, port: 90}, {name: http, port: 80}]}",
    "Service shop/a {clusterIP: 10.0.1.3, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}",
    "Service shop/h {clusterIP: None, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}",
    "Service shop/al {type: ExternalName, externalName: b.web.svc.cluster.local, ports: [{name: http, port: 80}]}",
    "ServiceEntry web/own {hosts: [own.com], addresses: [10.0.1.1], exportTo: [.], ports: [{number: 90, name: tcp, protocol: TCP}], resolution: STATIC}",
    "ServiceEntry shop/own {hosts: [own.com, a], exportTo: [web], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}",
    "ServiceEntry ext/short {hosts: [a.web, s2.crowd], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}",
    "ServiceEntry ext/wild {hosts: ['*.com'], exportTo: [shop], ports: [{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, protocol: HTTP}], resolution: NONE}",
    "VirtualService web/mine {hosts: [s1.crowd.svc.cluster.local, alt.com], exportTo: [.], http: [{route: [{destination: {host: a}}]}]}",
    "VirtualService web/asks {hosts: [s4.crowd.svc.cluster.local], http: [{match: [{sourceNamespace: web}], route: [{destination: {host: a}}]}]}",
    "VirtualService shop/asks {hosts: [s7.crowd.svc.cluster.local], http: [{match: [{sourceNamespace: shop}], route: [{destination: {host: a}}]}, {route: [{destination: {host: s1.crowd.svc.cluster.local}}]}]}",
    "VirtualService web/tcp {hosts: [s2.crowd.svc.cluster.local, b], tcp: [{match: [{sourceNamespace: web}], route: [{destination: {host: b}}]}, {route: [{destination: {host: s5.crowd.svc.cluster.local}}]}]}",
    "VirtualService shop/tcp {hosts: [s5.crowd.svc.cluster.local], exportTo: [web], tcp: [{route: [{destination: {host: s2.crowd.svc.cluster.local}}]}]}",
    "VirtualService ext/bare {hosts: [bare.com, s1.crowd.svc.cluster.local], http: [{route: [{destination: {host: own.com}}]}]}",
    "DestinationRule web/rule {host: s1.crowd.svc.cluster.local, subsets: [{name: v1}]}",
    "DestinationRule crowd/rule {host: s2.crowd.svc.cluster.local, exportTo: [shop], subsets: [{name: v1}]}",
    "DestinationRule web/all {host: '*.crowd.svc.cluster.local'}",
];

/// A value that is made by itself, without a base.
struct Plain<Q>(PhantomData<fn() -> Q>);

impl<Q: Based> Query for Plain<Q> {
    type Key = <Q as Based>::Key;
    type Value = <Q as Based>::Value;
    const NAME: &'static str = "plain";
    const STRATUM: Stratum = <Q as Based>::STRATUM;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        Q::edit(cx, key, EditFrom { previous: None, base: None })
    }
}

/// Holds what is kept along a history, and what is made out of the base, against what is made by itself.
pub(crate) fn check_against_plain<Q: Based>(
    keys: &[<Q as Based>::Key],
    (mut there, steps): (Vec<bool>, Vec<Vec<usize>>),
) -> Result<(), TestCaseError>
where
    <Q as Based>::Key: Debug,
    <Q as Based>::Value: Debug,
{
    let mut kept = mesh(&there);
    let leases: Vec<_> = keys.iter().map(|key| kept.lease::<Q>(key)).collect();
    for objects in steps {
        step(&mut kept, &mut there, &objects);
        let mut fresh = mesh(&there);
        for (key, lease) in keys.iter().zip(&leases) {
            let plain = fresh.lease::<Plain<Q>>(key).value(&fresh);
            prop_assert_eq!(&*lease.value(&kept), &*plain, "edited: {:?}", key);
            let out_of_base = fresh.lease::<Q>(key).value(&fresh);
            prop_assert_eq!(&*out_of_base, &*plain, "out of the base: {:?}", key);
        }
    }
    Ok(())
}

/// The namespaces of clients: of objects, of none, and the base itself.
pub(crate) const NAMESPACES: [&str; 5] = ["web", "shop", "crowd", "nowhere", ""];

/// Which objects are there first, and which come or go in each step.
pub(crate) fn histories() -> impl Strategy<Value = (Vec<bool>, Vec<Vec<usize>>)> {
    (
        prop::collection::vec(any::<bool>(), UNIVERSE.len()),
        prop::collection::vec(prop::collection::vec(0..UNIVERSE.len(), 1..3), 1..10),
    )
}

fn object(line: &str) -> AnyConfig {
    let (kind, rest) = line.split_once(' ').expect("a kind");
    let (name, spec) = rest.split_once(' ').expect("a name");
    let (namespace, name) = name.split_once('/').expect("a namespace");
    let api = if kind == "Service" { "v1" } else { "networking.istio.io/v1" };
    let yaml = format!(
        "{{apiVersion: {api}, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}}}, spec: {spec}}}"
    );
    let decoded = decode_file("test.yaml", yaml.as_bytes());
    decoded.objects.into_iter().next().unwrap_or_else(|| panic!("{line}: {:?}", decoded.diagnostics))
}

fn change(db: &mut Db, batch: ChangeBatch) {
    let mut changes = db.change();
    input::apply(batch, &mut changes);
    db.apply(changes);
    db.settle();
}

/// A mesh of many services and those of the universe that are there.
fn mesh(there: &[bool]) -> Db {
    let mut db = Db::new();
    fairlead_model::indexes::register(&mut db);
    let port =
        |at: usize| ["{name: http, port: 80}", "{name: tcp, port: 90}", "{name: what, port: 91}"][at % 3];
    let crowd = (0..120).map(|at| {
        format!("Service crowd/s{at} {{clusterIP: 10.0.9.{at}, ports: [{}, {}]}}", port(at), port(at + 1))
    });
    change(&mut db, crowd.map(|line| Change::Set(object(&line))).collect());
    let set = |(line, there): (&&str, &bool)| there.then(|| Change::Set(object(line)));
    change(&mut db, UNIVERSE.iter().zip(there).filter_map(set).collect());
    db
}

/// Has objects come that were not there, and those go that were.
fn step(db: &mut Db, there: &mut [bool], objects: &[usize]) {
    let mut batch = Vec::new();
    for at in objects {
        there[*at] = !there[*at];
        let object = object(UNIVERSE[*at]);
        batch.push(if there[*at] { Change::Set(object) } else { Change::Delete(object.key().clone()) });
    }
    change(db, batch.into_iter().collect());
}
