//! What the core finds of itself: by what its source refuses, and as time goes by.

use super::*;

#[tokio::test]
async fn an_object_that_is_refused_is_told_as_such_until_it_is_corrected() {
    const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {selector: {a: b}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*']}]}
";
    const ROUTES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec: {hosts: [cart.example], gateways: [gw], http: [{route: [{destination: {host: cart.example}}]}]}
";
    let core = core();
    let broken = decode_file("gateway.yaml", GATEWAY.replace("servers:", "servrs:").as_bytes());
    assert!(broken.objects.is_empty(), "it is refused");
    let mut first = update(&format!("{CART}---{ROUTES}"), true);
    first.diagnostics = broken.diagnostics;
    core.source_update(&file(), first).expect("the core lives");
    let says = |core: &crate::core::Core, words: &str| {
        core.findings().iter().any(|finding| finding.message.contains(words))
    };
    until(&core, "the refused Gateway", move |core| says(core, "`shop/gw` is refused for its errors")).await;
    core.source_update(&file(), update(GATEWAY, true)).expect("the core lives");
    until(&core, "the corrected one", move |core| core.objects().len() == 3 && !says(core, "shop/gw")).await;
}

/// Nothing happens but that time passes.
#[tokio::test]
async fn a_certificate_expires_while_nothing_changes() {
    // The certificate is valid until 2001-01-01T00:00:00Z.
    let pieces = include_str!("../../../../../tests/certificates/pieces.pem");
    let piece = |name: &str| {
        let from = pieces.find(&format!("# {name}\n")).expect("it is there") + name.len() + 3;
        pieces[from..].split("# ").next().unwrap_or_default().to_owned()
    };
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "c", "namespace": "edge"},
        "stringData": {"tls.crt": piece("expired"), "tls.key": piece("p256 key")},
    });
    let gateway = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: edge}, spec: {selector: {a: b}, servers: [{port: {number: 443, name: s, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: c}}]}}";
    let end = "2001-01-01T00:00:00Z".parse::<Timestamp>().expect("a time").0;
    let now = Arc::new(AtomicI64::new(end - 1));
    let clock = Clock::of({
        let now = now.clone();
        move || Timestamp(now.load(Ordering::Relaxed))
    });
    let core =
        start(&Settings::default(), vec![file()], Arc::new(Metrics::new()), clock).expect("a thread").0;
    core.source_update(&file(), update(&format!("{secret}\n---\n{gateway}\n"), true))
        .expect("the core lives");
    let says = |core: &crate::core::Core, what: &str| {
        core.ledger.current().iter().any(|finding| finding.message.contains(what))
    };
    until(&core, "the last hour", move |core| says(core, "is valid until 2001-01-01T00:00:00Z only")).await;
    now.store(end + 3600, Ordering::Relaxed);
    until(&core, "the end", move |core| {
        says(core, "expired at 2001-01-01T00:00:00Z") && !says(core, "is valid until")
    })
    .await;
}
