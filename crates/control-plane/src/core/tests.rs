//! The core over a source that a test plays.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fairlead_config::{Change, ChangeBatch, SourceId, SourceUpdate, Timestamp, decode_file};
use fairlead_model::proxy::{Interception, ProxyKey};
use fairlead_resource::TypeUrl;
use fairlead_translate::publication::PublicationKey;
use fairlead_xds::{NackReport, Nonce, Rejected, server::View};
use tokio::{sync::watch, time::timeout};

use super::{ConnectError, CoreHandle, Readiness, start};
use crate::{clock::Clock, metrics::Metrics, node::tests_support::sidecar, settings::Settings};

mod findings;
mod sources;

const PATIENCE: Duration = Duration::from_secs(20);

const CART: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.1.1}]
";

fn update(file: &str, synced: bool) -> SourceUpdate {
    let decoded = decode_file("mesh.yaml", file.as_bytes());
    assert!(decoded.rejected.is_empty(), "{:?}", decoded.diagnostics);
    SourceUpdate {
        changes: decoded.objects.into_iter().map(Change::Set).collect(),
        diagnostics: decoded.diagnostics,
        synced,
        ..SourceUpdate::default()
    }
}

fn file() -> SourceId {
    "file".into()
}

fn key() -> PublicationKey {
    PublicationKey { proxy: sidecar("web-1", "shop"), secrets: true }
}

fn core() -> CoreHandle {
    start(&Settings::default(), vec![file()], Arc::new(Metrics::new()), Clock::system()).expect("a thread").0
}

async fn connect(core: &CoreHandle) -> Arc<View> {
    connect_as(core, key()).await.borrow().clone()
}

async fn connect_as(core: &CoreHandle, key: PublicationKey) -> watch::Receiver<Arc<View>> {
    timeout(PATIENCE, core.connect(key, None)).await.expect("in time").expect("the core lives")
}

async fn until(
    core: &CoreHandle,
    what: &str,
    reached: impl Fn(&super::Core) -> bool + Copy + Send + 'static,
) {
    let waiting = async {
        while !core.inspect(reached).await.expect("the core lives") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} does not come"));
}

const CLUSTER: &str = "outbound|80||cart.example";

fn endpoints_of(view: &View) -> String {
    let assignment =
        view.latest().set(TypeUrl::CLUSTER_LOAD_ASSIGNMENT).get(CLUSTER).expect("endpoints").to_vec();
    fairlead_envoy::json::dump(TypeUrl::CLUSTER_LOAD_ASSIGNMENT.as_str(), &assignment)
        .expect("a message")
        .to_string()
}

#[tokio::test]
async fn nothing_is_served_before_the_source_has_told_everything() {
    let core = core();
    core.source_update(&file(), update(CART, false)).expect("the core lives");
    let early = tokio::spawn({
        let core = core.clone();
        async move { core.connect(key(), None).await }
    });
    // The connection is behind the update in the queue, and an inspection is behind both.
    until(&core, "the waiting proxy", |core| core.waiting.len() == 1).await;
    assert_eq!(*core.readiness().borrow(), Readiness::Waiting);
    assert_eq!(core.inspect(|core| core.objects().len()).await, Ok(0), "nothing is applied");

    core.source_update(&file(), SourceUpdate { synced: true, ..SourceUpdate::default() })
        .expect("the core lives");
    let served = timeout(PATIENCE, early).await.expect("in time").expect("no panic").expect("the core lives");
    assert!(served.borrow().latest().set(TypeUrl::CLUSTER).contains_key(CLUSTER));
    assert_eq!(*core.readiness().borrow(), Readiness::Ready);
}

#[tokio::test]
async fn a_change_reaches_the_views_that_it_concerns_and_no_other() {
    let core = core();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let view = connect(&core).await;
    assert!(endpoints_of(&view).contains("10.1.1.1"));
    let before = view.latest();

    core.source_update(&file(), update(&CART.replace("10.1.1.1", "10.1.1.2"), true)).expect("the core lives");
    until(&core, "the second revision", |core| core.latest(&key()).is_some_and(|now| now.revision() > 2))
        .await;
    let after = view.latest();
    assert!(endpoints_of(&view).contains("10.1.1.2"));
    assert!(before.set(TypeUrl::CLUSTER).ptr_eq(after.set(TypeUrl::CLUSTER)), "clusters are untouched");

    let unrelated = CART.replace("name: cart,", "name: other,").replace("cart.example", "other.example");
    let hidden =
        unrelated.replace("spec:", "spec:\n  exportTo: ['.']").replace("namespace: shop", "namespace: bank");
    core.source_update(&file(), update(&hidden, true)).expect("the core lives");
    until(&core, "the third change", |core| core.objects().len() == 2).await;
    assert!(Arc::ptr_eq(&view.latest(), &after), "a service that the proxy does not see publishes nothing");
}

#[tokio::test]
async fn a_view_is_shared_and_goes_with_its_last_proxy() {
    let core = core();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let (first, second) = (connect(&core).await, connect(&core).await);
    assert!(Arc::ptr_eq(&first, &second));
    core.disconnect(key());
    until(&core, "the first end", |core| core.view_count() == 1).await;
    core.disconnect(key());
    until(&core, "the second end", |core| core.view_count() == 0).await;
    // One that nobody knows changes nothing.
    core.disconnect(key());
    until(&core, "the third end", |core| core.view_count() == 0).await;
}

#[tokio::test]
async fn proxies_that_look_alike_share_a_view_until_they_no_longer_do() {
    const SIDECAR: &str = "
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: shop}
spec:
  workloadSelector: {labels: {app: web}}
  egress: [{hosts: ['none/*']}]
";
    let labelled = |address: &str, app: &str| {
        let mut key = key();
        key.proxy.addresses = Arc::new([address.parse().expect("an address")]);
        key.proxy.labels = [("app", app)].into_iter().collect();
        key
    };
    let (web, api) = (labelled("10.9.0.1", "web"), labelled("10.9.0.2", "api"));
    let core = core();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let mut of_web = connect_as(&core, web.clone()).await;
    let of_api = connect_as(&core, api.clone()).await;
    assert!(Arc::ptr_eq(&of_web.borrow_and_update(), &of_api.borrow()));
    assert_eq!(core.inspect(super::Core::view_count).await, Ok(1));

    core.source_update(&file(), update(SIDECAR, true)).expect("the core lives");
    timeout(PATIENCE, of_web.changed()).await.expect("in time").expect("the core lives");
    assert!(!of_web.borrow_and_update().latest().set(TypeUrl::CLUSTER).contains_key(CLUSTER));
    assert!(!of_api.has_changed().expect("the core lives"));
    assert!(of_api.borrow().latest().set(TypeUrl::CLUSTER).contains_key(CLUSTER));
    assert_eq!(core.inspect(super::Core::view_count).await, Ok(2));

    core.disconnect(web);
    core.disconnect(api);
    until(&core, "the end of both", |core| core.view_count() == 0).await;
}

#[tokio::test]
async fn a_rejection_is_a_finding_about_the_object_until_it_is_corrected() {
    let core = core();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let view = connect(&core).await;
    let cluster = view.latest().set(TypeUrl::CLUSTER).get(CLUSTER).expect("a cluster").clone();
    let report = NackReport {
        type_url: TypeUrl::CLUSTER,
        resources: vec![Rejected { name: cluster.name.clone(), digest: cluster.digest }],
        message: "a reason".to_owned(),
        nonce: Nonce(1),
    };
    core.nack(key(), "web-1".to_owned(), report);
    let found = core.inspect(|core| core.diagnostics().clone()).await.expect("the core lives");
    let text = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(
        text.contains(
            "error[FL0326 rejected-by-proxy] ServiceEntry shop/cart spec.ports[0] (mesh.yaml:9:11)"
        ),
        "{text}"
    );
    assert!(text.contains("a reason"), "{text}");

    let corrected = CART.replace("number: 80", "number: 81");
    core.source_update(&file(), update(&corrected, true)).expect("the core lives");
    until(&core, "the end of the finding", |core| core.nacked().is_empty()).await;
    let found = core.inspect(|core| core.diagnostics().clone()).await.expect("the core lives");
    assert!(found.iter().all(|finding| finding.code != fairlead_config::Code::RejectedByProxy), "{found:?}");
}

#[tokio::test]
async fn a_rejected_listener_that_names_no_object_is_the_sidecars() {
    const SIDECAR: &str = "
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: shop}
spec:
  egress: [{port: {number: 80, name: http, protocol: HTTP}, bind: 192.0.2.1, hosts: ['*/*']}]
";
    let core = core();
    core.source_update(&file(), update(&format!("{CART}---{SIDECAR}"), true)).expect("the core lives");
    let view = connect(&core).await;
    let listener = view.latest().set(TypeUrl::LISTENER).get("192.0.2.1_80").expect("a listener").clone();
    let report = NackReport {
        type_url: TypeUrl::LISTENER,
        resources: vec![Rejected { name: listener.name.clone(), digest: listener.digest }],
        message: "cannot bind".to_owned(),
        nonce: Nonce(1),
    };
    core.nack(key(), "web-1".to_owned(), report);
    let found = core.inspect(|core| core.diagnostics().clone()).await.expect("the core lives");
    let text = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(
        text.contains("error[FL0326 rejected-by-proxy] Sidecar shop/web spec.egress[0] (mesh.yaml:16:12)"),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_of_access_logs_that_cannot_be_opened_is_the_mesh_configs() {
    const MESH: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'accessLogFile: /no/such/log'}
";
    let core = core();
    core.source_update(&file(), update(&format!("{CART}---{MESH}"), true)).expect("the core lives");
    let view = connect(&core).await;
    let listeners = view.latest().set(TypeUrl::LISTENER).clone();
    let rejected = |listener: &fairlead_resource::EncodedResource| Rejected {
        name: listener.name.clone(),
        digest: listener.digest,
    };
    let report = NackReport {
        type_url: TypeUrl::LISTENER,
        resources: listeners.values().map(rejected).collect(),
        message: "unable to open file '/no/such/log': No such file or directory".to_owned(),
        nonce: Nonce(1),
    };
    assert!(report.resources.len() > 1);
    core.nack(key(), "web-1".to_owned(), report);
    let found = core.inspect(|core| core.diagnostics().clone()).await.expect("the core lives");
    let blamed =
        |finding: &&fairlead_config::Diagnostic| finding.code == fairlead_config::Code::RejectedByProxy;
    let blamed: Vec<_> = found.iter().filter(blamed).map(ToString::to_string).collect();
    let [only] = &blamed[..] else { panic!("{blamed:#?}") };
    assert!(only.contains("ConfigMap istio-system/istio") && only.contains("more for the same"), "{only}");
}

#[tokio::test]
async fn a_panic_in_the_core_is_seen_by_its_owner() {
    let core = core();
    let mut readiness = core.readiness();
    let looked = core.inspect(|_| -> () { panic!("a bug") }).await;
    assert!(looked.is_err());
    let failed = timeout(PATIENCE, readiness.wait_for(|now| matches!(now, Readiness::Failed(_)))).await;
    let failed = failed.expect("in time").expect("the sender is kept until it has told").clone();
    assert_eq!(failed, Readiness::Failed("a bug".into()));
    assert!(core.source_update(&file(), SourceUpdate::default()).is_err());
}

#[tokio::test]
async fn deletions_and_sets_of_one_batch_take_effect_together() {
    let core = core();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let view = connect(&core).await;
    let renamed = update(&CART.replace("name: cart,", "name: cart2,"), true);
    let mut changes = renamed.changes.clone();
    let old = decode_file("mesh.yaml", CART.as_bytes()).objects;
    changes.extend(old.iter().map(|object| Change::Delete(object.key().clone())).collect::<ChangeBatch>());
    core.source_update(&file(), SourceUpdate { changes, ..renamed }).expect("the core lives");
    until(&core, "the renamed object", |core| {
        core.objects().iter().all(|object| object.key().name == *"cart2")
    })
    .await;
    assert!(view.latest().set(TypeUrl::CLUSTER).contains_key(CLUSTER));
}

fn elsewhere(i: usize) -> PublicationKey {
    PublicationKey { proxy: sidecar("web-1", &format!("shop-{i}")), secrets: true }
}

#[tokio::test]
async fn a_change_does_not_wait_behind_those_who_connect() {
    let mut settings = Settings::default();
    // It is due as soon as it is there.
    (settings.debounce.min.0, settings.debounce.max.0) = (Duration::ZERO, Duration::ZERO);
    let core = start(&settings, vec![file()], Arc::new(Metrics::new()), Clock::system()).expect("a thread").0;
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    connect(&core).await;
    // The core is busy while many connect and something changes.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let busy = tokio::spawn({
        let core = core.clone();
        async move { core.inspect(move |_| held.recv().unwrap_or_default()).await }
    });
    tokio::task::yield_now().await;
    let crowd: Vec<_> = (0..100)
        .map(|i| {
            let core = core.clone();
            tokio::spawn(async move { core.connect(elsewhere(i), None).await.map(drop) })
        })
        .collect();
    tokio::task::yield_now().await;
    core.source_update(&file(), update(&CART.replace("10.1.1.1", "10.1.1.2"), true)).expect("the core lives");
    drop(release);
    busy.await.expect("no panic").expect("the core lives");
    until(&core, "the change", |core| core.latest(&key()).is_some_and(|now| now.revision() > 2)).await;
    let waiting = core.inspect(|core| core.waiting_at_last_round).await.expect("the core lives");
    assert!(waiting > 50, "the change came after {} of 100", 100 - waiting);
    for one in crowd {
        one.await.expect("no panic").expect("the core lives");
    }
}

#[tokio::test]
async fn who_has_gone_before_its_turn_costs_no_view() {
    let core = core();
    core.source_update(&file(), update(CART, false)).expect("the core lives");
    for i in 0..10 {
        let (reply, _gone) = tokio::sync::oneshot::channel();
        core.tell(super::Event::Connect(super::views::Arrival { key: elsewhere(i), client: None, reply }))
            .expect("the core lives");
    }
    core.source_update(&file(), SourceUpdate { synced: true, ..SourceUpdate::default() })
        .expect("the core lives");
    until(&core, "the end of the queue", |core| core.ready && core.waiting.is_empty()).await;
    let recomputed = |core: &super::Core| {
        let lines = core.db().stats().lines;
        lines.iter().filter(|line| line.name == "proxy_view").map(|line| line.recomputed).sum::<u64>()
    };
    assert_eq!(core.inspect(recomputed).await, Ok(0));
    connect(&core).await;
    assert_eq!(core.inspect(recomputed).await, Ok(1), "it is counted under that name");
}

#[tokio::test]
async fn what_the_last_proxy_needed_is_given_back_though_nothing_changes() {
    let mut settings = Settings::default();
    settings.xds.view_grace = fairlead_api::ProtoDuration(Duration::from_millis(100));
    let core = start(&settings, vec![file()], Arc::new(Metrics::new()), Clock::system()).expect("a thread").0;
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let nodes = |core: &super::Core| core.db().stats().nodes();
    until(&core, "the first configuration", |core| core.ready).await;
    let alone = core.inspect(nodes).await.expect("the core lives");
    for i in 0..20 {
        connect_as(&core, elsewhere(i)).await;
    }
    assert!(core.inspect(nodes).await.expect("the core lives") > alone + 20);
    for i in 0..20 {
        core.disconnect(elsewhere(i));
    }
    let back = async {
        while core.inspect(nodes).await.expect("the core lives") > alone {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, back).await.expect("the values of those who have gone are given back");
}

#[tokio::test]
async fn a_client_has_so_many_views_and_others_have_theirs() {
    let mut settings = Settings::default();
    settings.xds.max_views_per_client = 2;
    let core = start(&settings, vec![file()], Arc::new(Metrics::new()), Clock::system()).expect("a thread").0;
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let client = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
    // Interception makes a view of its own.
    let unlike = |interception, last: u8| {
        let addresses = Arc::new([IpAddr::from([10, 1, 1, last])]);
        let proxy = ProxyKey { interception, addresses, ..sidecar("web-1", "shop") };
        PublicationKey { proxy, secrets: true }
    };
    let [redirect, tproxy, none] =
        [Interception::Redirect, Interception::Tproxy, Interception::None].map(|mode| unlike(mode, 8));
    core.connect(redirect.clone(), client(1)).await.expect("the first view");
    core.connect(tproxy.clone(), client(1)).await.expect("the second view");
    let third = core.connect(none.clone(), client(1)).await;
    assert_eq!(third.err(), Some(ConnectError::TooManyViews(2)));
    core.connect(unlike(Interception::Tproxy, 9), client(1)).await.expect("it shares the second view");
    core.connect(none.clone(), client(2)).await.expect("another client");
    core.connect(none.clone(), client(1)).await.expect("now it shares that of another");
    core.disconnect(redirect.clone());
    core.disconnect(none.clone());
    core.disconnect(none.clone());
    core.connect(none, client(1)).await.expect("one of its own has gone");
    assert_eq!(core.connect(redirect, client(1)).await.err(), Some(ConnectError::TooManyViews(2)));
}
