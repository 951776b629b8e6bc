//! Real interception: unmodified clients and servers in network namespaces, whose connections the kernel redirects
//! to sidecars that this control plane configures.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::Duration,
};

use fairlead_lab::{
    deadline::eventually,
    envoy_process::{AdminPlace, EnvoyOptions, EnvoyProcess},
    process::Process,
};
use fairlead_testkit::{
    certs::Ca,
    netns::{Fabric, NetnsError, PROXY_ID, Pod, Privilege, available},
};
use serde_json::{Value, json};

use crate::{
    harness::claims::claims,
    server::{FAIRLEAD, bootstrap},
};

mod sniffed;

const WITHIN: Duration = Duration::from_secs(30);
/// Ports of the applications: HTTP, HTTP that no Service has, bytes, and bytes of which the server's come first.
const HTTP: u16 = 8080;
const UNDECLARED: u16 = 9999;
const ECHO: u16 = 9000;
const GREETING: u16 = 9001;
/// The same behind ports of which nothing says what they speak.
const SILENT_HTTP: u16 = 7080;
const SILENT_ECHO: u16 = 7090;
const SILENT_GREETING: u16 = 7091;
const SILENT_TLS: u16 = 7443;

/// An Envoy that plays an application: it answers HTTP with its name and what it saw, in plain and in TLS, and speaks
/// two plain protocols.
fn application(name: &str) -> String {
    let socket =
        |port: u16| json!({ "socket_address": { "address": "::", "port_value": port, "ipv4_compat": true } });
    let listener = |port: u16, filter: Value| json!({ "name": port.to_string(), "address": socket(port), "filter_chains": [{ "filters": [filter] }] });
    let filter = |name: &str, typed: &str, mut config: Value| {
        config["@type"] = format!("type.googleapis.com/{typed}").into();
        json!({ "name": name, "typed_config": config })
    };
    let header = |key: &str, value: &str| json!({ "header": { "key": key, "value": value } });
    let http = filter(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "in",
            "http_filters": [filter("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({}))],
            "route_config": { "virtual_hosts": [{
                "name": "all", "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": name } } }],
                "response_headers_to_add": [
                    header("x-peer", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
                    header("x-authority", "%REQ(:AUTHORITY)%"),
                ],
            }] },
        }),
    );
    let echo =
        filter("envoy.filters.network.echo", "envoy.extensions.filters.network.echo.v3.Echo", json!({}));
    let greeting = filter(
        "envoy.filters.network.direct_response",
        "envoy.extensions.filters.network.direct_response.v3.Config",
        json!({ "response": { "inline_string": format!("{name} greets\n") } }),
    );
    let mut tls = listener(SILENT_TLS, http.clone());
    tls["filter_chains"][0]["transport_socket"] = server_tls(name);
    let listeners = [
        listener(HTTP, http.clone()),
        listener(UNDECLARED, http.clone()),
        listener(SILENT_HTTP, http),
        tls,
        listener(ECHO, echo.clone()),
        listener(SILENT_ECHO, echo),
        listener(GREETING, greeting.clone()),
        listener(SILENT_GREETING, greeting),
    ];
    json!({ "node": { "id": name, "cluster": "application" }, "static_resources": { "listeners": listeners } }).to_string()
}

/// TLS with a certificate that nobody verifies.
fn server_tls(name: &str) -> Value {
    let identity = Ca::new("applications").and_then(|ca| ca.server(&[name])).unwrap();
    let certificate = json!({ "certificate_chain": { "inline_string": identity.certificate }, "private_key": { "inline_string": identity.key } });
    json!({ "name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": { "tls_certificates": [certificate] },
    } })
}

/// What the pods serve, by addresses that exist nowhere else.
fn services(a: &Pod, b: &Pod) -> String {
    let declared = "{name: http, port: 80, targetPort: 8080}, {name: tcp-echo, port: 9000}, {name: tcp-greeting, port: 9001}";
    let targets = "{name: http, port: 8080}, {name: tcp-echo, port: 9000}, {name: tcp-greeting, port: 9001}";
    [
        service("a", 10, "{name: http, port: 80, targetPort: 8080}", a, "{name: http, port: 8080}"),
        service("b", 11, declared, b, targets),
        service("b-silent-http", 12, "{port: 7000, targetPort: 7080}", b, "{port: 7080}"),
        service("b-silent-echo", 13, "{port: 7000, targetPort: 7090}", b, "{port: 7090}"),
        service("b-silent-greeting", 14, "{port: 7000, targetPort: 7091}", b, "{port: 7091}"),
        service("b-silent-tls", 15, "{port: 7000, targetPort: 7443}", b, "{port: 7443}"),
    ]
    .concat()
}

fn service(name: &str, vip: u8, ports: &str, pod: &Pod, slice_ports: &str) -> String {
    let (vip, vip6) = (format!("10.96.0.{vip}"), format!("fd00:96::{vip}"));
    let (ip, ip6) = (pod.ip(), pod.ipv6());
    let slice = |family: &str, address: &str| {
        format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-{}, namespace: default, labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: {family}\nports: [{slice_ports}]\nendpoints: [{{addresses: ['{address}'], conditions: {{ready: true}}}}]\n",
            family.to_lowercase()
        )
    };
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  clusterIP: {vip}\n  clusterIPs: [{vip}, '{vip6}']\n  ipFamilies: [IPv4, IPv6]\n  ports: [{ports}]\n{}{}",
        slice("IPv4", &ip.to_string()),
        slice("IPv6", &ip6.to_string())
    )
}

/// Two pods with sidecars, one without, and the control plane in one of its own.
struct Cluster {
    a: Pod,
    b: Pod,
    outside: Pod,
    sidecar_a: EnvoyProcess,
    sidecar_b: EnvoyProcess,
    _applications: Vec<EnvoyProcess>,
    _control_plane: Process,
    config: tempfile::TempDir,
    _fabric: Fabric,
}

impl Cluster {
    async fn start(privilege: Privilege) -> Result<Self, NetnsError> {
        let mut fabric = Fabric::with(privilege)?;
        let (home, a, b, outside) =
            (fabric.pod("home")?, fabric.pod("a")?, fabric.pod("b")?, fabric.pod("out")?);
        // Before anything is connected, as an init container does it.
        a.redirect()?;
        b.redirect()?;
        let config = tempfile::tempdir().unwrap();
        write(config.path(), "services.yaml", &services(&a, &b));
        write(config.path(), "mesh.yaml", &mesh("ALLOW_ANY"));
        let xds = SocketAddr::from((home.ip(), 15010));
        let mut command = home.command(FAIRLEAD);
        command.arg("serve").arg("--config-dir").arg(config.path());
        command.args([
            "--xds-bind",
            &xds.to_string(),
            "--admin-bind",
            "127.0.0.1:15014",
            "--allow-unauthenticated",
        ]);
        let log = config.path().join("log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let control_plane = Process::spawn(&mut command).unwrap();
        let ready = eventually("the control plane", WITHIN, || async {
            home.output("curl", &["--silent", "--fail", "--max-time", "2", "http://127.0.0.1:15014/ready"])
        });
        ready
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", fs::read_to_string(&log).unwrap_or_default()));
        let mut applications = Vec::new();
        for (pod, name) in [(&a, "a"), (&b, "b"), (&outside, "outside")] {
            applications.push(start(&application(name), as_application(pod)).await);
        }
        let sidecar_a = sidecar(&a, "a", xds, privilege).await;
        let sidecar_b = sidecar(&b, "b", xds, privilege).await;
        let cluster = Self {
            a,
            b,
            outside,
            sidecar_a,
            sidecar_b,
            _applications: applications,
            _control_plane: control_plane,
            config,
            _fabric: fabric,
        };
        Ok(cluster)
    }
}

/// The policy for what no service is known for.
fn mesh(policy: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    outboundTrafficPolicy: {{mode: {policy}}}\n"
    )
}

fn write(directory: &Path, file: &str, text: &str) {
    let mut temporary = tempfile::NamedTempFile::new_in(directory).unwrap();
    temporary.write_all(text.as_bytes()).unwrap();
    temporary.persist(directory.join(file)).unwrap();
}

/// What leads into a pod, for a process that is not its proxy.
fn as_application(pod: &Pod) -> Vec<OsString> {
    let command = pod.command("env");
    std::iter::once(command.get_program()).chain(command.get_args()).map(Into::into).collect()
}

async fn start(bootstrap: &str, wrapper: Vec<OsString>) -> EnvoyProcess {
    let options = EnvoyOptions {
        wrapper,
        other_user: true,
        admin: AdminPlace::UnixSocket,
        log_level: "warning".to_owned(),
        ..EnvoyOptions::default()
    };
    EnvoyProcess::start(bootstrap, &options).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn sidecar(pod: &Pod, name: &str, xds: SocketAddr, privilege: Privilege) -> EnvoyProcess {
    let (ip, ip6, label) = (pod.ip().to_string(), pod.ipv6().to_string(), format!("app={name}"));
    let arguments = ["--name", name, "--ip", &ip, "--ip", &ip6, "--label", &label, "--output", "json"];
    let mut bootstrap: Value = serde_json::from_str(&bootstrap(&xds.to_string(), &arguments)).unwrap();
    if privilege == Privilege::UserNamespace {
        // SO_MARK of SOL_SOCKET, before the connection: what stands for the proxy's user where there is no other.
        let mark = json!({ "level": 1, "name": 36, "int_value": PROXY_ID, "state": "STATE_PREBIND" });
        bootstrap["cluster_manager"]["upstream_bind_config"]["socket_options"] = json!([mark]);
    }
    start(&bootstrap.to_string(), pod.proxy_wrapper()).await
}

impl Cluster {
    /// Replaces a file of the directory.
    fn apply(&self, file: &str, text: &str) {
        write(self.config.path(), file, text);
    }
}

/// What an unmodified curl prints: the head and the body of the answer.
fn curl(pod: &Pod, arguments: &[&str]) -> Result<String, NetnsError> {
    let usual = ["--silent", "--show-error", "--include", "--max-time", "5", "--globoff"];
    pod.output("curl", &[&usual[..], arguments].concat())
}

/// Sends a line over plain TCP and gives the first line that comes back.
fn line(pod: &Pod, address: &str, port: u16) -> Result<String, NetnsError> {
    let script = format!("exec 3<>/dev/tcp/{address}/{port}; echo hello >&3; head -n 1 <&3");
    pod.output("timeout", &["5", "bash", "-c", &script]).map(|text| text.trim().to_owned())
}

/// Fails unless `name` has answered, called by `peer`.
fn is_answered(answer: &str, name: &str, peer: &str) {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{name}")), "{answer}");
    assert!(answer.contains(&format!("x-peer: {peer}\r\n")), "{answer}");
}

/// As [`is_answered`] through the sidecar of `name`, which has endpoints of both families.
fn is_answered_in_either_family(answer: &str, name: &str) {
    let peer = if answer.contains("x-peer: ::6") { "::6" } else { "127.0.0.6" };
    is_answered(answer, name, peer);
}

/// How much a statistic grows during `act`.
async fn growth<T>(envoy: &EnvoyProcess, stat: &str, act: impl FnOnce() -> T) -> (T, u64) {
    let before = envoy.admin().stat(stat).await.unwrap();
    let result = act();
    (result, envoy.admin().stat(stat).await.unwrap() - before)
}

async fn intercepted(privilege: Privilege) {
    let cluster = Cluster::start(privilege).await.unwrap();
    claims!(&cluster;
        a_call_by_service_address_passes_both_sidecars,
        a_call_by_pod_address_passes_the_inbound_chain_of_its_port,
        a_port_that_no_service_has_is_passed_through_on_both_sides,
        a_pod_without_sidecar_is_taken_in_by_port,
        a_call_of_the_own_service_address_comes_back_in,
        a_call_of_the_own_pod_address_stays_inside,
        both_families_are_intercepted,
        bytes_are_proxied_whoever_speaks_first,
        a_protocol_is_told_by_the_first_bytes,
        sniffed::all_that_is_not_http_reaches_an_inbound_port_without_protocol,
        sniffed::bytes_of_which_the_servers_come_first_reach_it_once_detection_times_out,
        a_host_outside_is_passed_through,
        registry_only_closes_what_is_not_known,
        an_original_destination_is_reached_once_it_is_declared,
        envoy_has_nothing_to_complain_about,
    );
}

/// Not captured by the test's runner: that nothing was proven must be seen.
fn skip(test: &str, reason: &str) {
    std::io::stderr().write_all(format!("{test}: {reason}\n").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unmodified_applications_are_intercepted_as_root() {
    match available() {
        Ok(Privilege::Root) => intercepted(Privilege::Root).await,
        Ok(Privilege::UserNamespace) => skip("interception as root", "skipped: not root"),
        Err(reason) => skip("interception as root", &reason),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unmodified_applications_are_intercepted_in_a_user_namespace() {
    let name = "interception in a user namespace";
    match available()
        .and_then(|_| Fabric::with(Privilege::UserNamespace).map_err(|e| format!("skipped: {e}")))
    {
        Ok(fabric) => {
            drop(fabric);
            intercepted(Privilege::UserNamespace).await;
        }
        Err(reason) => skip(name, &reason),
    }
}

async fn a_call_by_service_address_passes_both_sidecars(cluster: &Cluster) {
    let outbound = "cluster.outbound|80||b.default.svc.cluster.local.upstream_rq_completed";
    let inbound = "cluster.inbound|8080||.upstream_rq_completed";
    let before = cluster.sidecar_b.admin().stat(inbound).await.unwrap();
    let call = || curl(&cluster.a, &["http://10.96.0.11/"]).unwrap();
    let (answer, calls) = growth(&cluster.sidecar_a, outbound, call).await;
    is_answered_in_either_family(&answer, "b");
    assert_eq!(calls, 1);
    assert_eq!(cluster.sidecar_b.admin().stat(inbound).await.unwrap(), before + 1);
    let named = curl(&cluster.a, &["-H", "Host: b.default", "http://10.96.0.11/"]).unwrap();
    is_answered_in_either_family(&named, "b");
}

async fn a_call_by_pod_address_passes_the_inbound_chain_of_its_port(cluster: &Cluster) {
    let url = format!("http://{}:{HTTP}/", cluster.b.ip());
    let inbound = "cluster.inbound|8080||.upstream_rq_completed";
    let (answer, calls) = growth(&cluster.sidecar_b, inbound, || curl(&cluster.a, &[&url]).unwrap()).await;
    is_answered(&answer, "b", "127.0.0.6");
    assert_eq!(calls, 1);
}

async fn a_port_that_no_service_has_is_passed_through_on_both_sides(cluster: &Cluster) {
    let url = format!("http://{}:{UNDECLARED}/", cluster.b.ip());
    let inbound = "cluster.InboundPassthroughCluster.upstream_cx_total";
    let before = cluster.sidecar_b.admin().stat(inbound).await.unwrap();
    let call = || curl(&cluster.a, &[&url]).unwrap();
    let (answer, calls) =
        growth(&cluster.sidecar_a, "cluster.PassthroughCluster.upstream_cx_total", call).await;
    is_answered(&answer, "b", "127.0.0.6");
    assert_eq!((calls, cluster.sidecar_b.admin().stat(inbound).await.unwrap() - before), (1, 1));
}

async fn a_pod_without_sidecar_is_taken_in_by_port(cluster: &Cluster) {
    let declared = format!("http://{}:{HTTP}/", cluster.b.ip());
    let inbound = "cluster.inbound|8080||.upstream_rq_completed";
    let (answer, calls) =
        growth(&cluster.sidecar_b, inbound, || curl(&cluster.outside, &[&declared]).unwrap()).await;
    is_answered(&answer, "b", "127.0.0.6");
    assert_eq!(calls, 1);
    let other = format!("http://{}:{UNDECLARED}/", cluster.b.ip());
    is_answered(&curl(&cluster.outside, &[&other]).unwrap(), "b", "127.0.0.6");
    assert_eq!(line(&cluster.outside, &cluster.b.ip().to_string(), ECHO).unwrap(), "hello");
}

async fn a_call_of_the_own_service_address_comes_back_in(cluster: &Cluster) {
    let inbound = "cluster.inbound|8080||.upstream_rq_completed";
    let call = || curl(&cluster.a, &["http://10.96.0.10/"]).unwrap();
    let (answer, calls) = growth(&cluster.sidecar_a, inbound, call).await;
    is_answered_in_either_family(&answer, "a");
    assert_eq!(calls, 1);
}

async fn a_call_of_the_own_pod_address_stays_inside(cluster: &Cluster) {
    let ip = cluster.a.ip().to_string();
    is_answered(&curl(&cluster.a, &[&format!("http://{ip}:{HTTP}/")]).unwrap(), "a", &ip);
}

async fn both_families_are_intercepted(cluster: &Cluster) {
    let outbound = "cluster.outbound|80||b.default.svc.cluster.local.upstream_rq_completed";
    let by_service = || curl(&cluster.a, &["http://[fd00:96::11]/"]).unwrap();
    let (answer, calls) = growth(&cluster.sidecar_a, outbound, by_service).await;
    is_answered_in_either_family(&answer, "b");
    assert_eq!(calls, 1);
    let by_pod = curl(&cluster.a, &[&format!("http://[{}]:{HTTP}/", cluster.b.ipv6())]).unwrap();
    is_answered(&by_pod, "b", "::6");
}

async fn bytes_are_proxied_whoever_speaks_first(cluster: &Cluster) {
    let outbound = "cluster.outbound|9000||b.default.svc.cluster.local.upstream_cx_total";
    let call = || line(&cluster.a, "10.96.0.11", ECHO).unwrap();
    let (answer, connections) = growth(&cluster.sidecar_a, outbound, call).await;
    assert_eq!((answer.as_str(), connections), ("hello", 1));
    assert_eq!(line(&cluster.a, "10.96.0.11", GREETING).unwrap(), "b greets");
}

async fn a_protocol_is_told_by_the_first_bytes(cluster: &Cluster) {
    let http = "cluster.outbound|7000||b-silent-http.default.svc.cluster.local.upstream_rq_completed";
    let call = || curl(&cluster.a, &["http://10.96.0.12:7000/"]).unwrap();
    let (answer, requests) = growth(&cluster.sidecar_a, http, call).await;
    is_answered_in_either_family(&answer, "b");
    assert_eq!(requests, 1, "not taken for HTTP");
    let bytes = "cluster.outbound|7000||b-silent-echo.default.svc.cluster.local.upstream_cx_total";
    let call = || line(&cluster.a, "10.96.0.13", 7000).unwrap();
    let (answer, connections) = growth(&cluster.sidecar_a, bytes, call).await;
    assert_eq!((answer.as_str(), connections), ("hello", 1));
}

async fn a_host_outside_is_passed_through(cluster: &Cluster) {
    let url = format!("http://{}:{UNDECLARED}/", cluster.outside.ip());
    is_answered(&curl(&cluster.a, &[&url]).unwrap(), "outside", &cluster.a.ip().to_string());
}

async fn registry_only_closes_what_is_not_known(cluster: &Cluster) {
    cluster.apply("mesh.yaml", &mesh("REGISTRY_ONLY"));
    let url = format!("http://{}:{UNDECLARED}/", cluster.outside.ip());
    let closed = eventually("the connection is closed", WITHIN, || async {
        match curl(&cluster.a, &[&url]) {
            // 52: an empty reply; 56: a reset.
            Err(NetnsError::Failed { said, .. }) if said.contains("(52)") || said.contains("(56)") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    closed.await.unwrap();
    let black_hole =
        cluster.sidecar_a.admin().stat("cluster.BlackHoleCluster.upstream_cx_none_healthy").await.unwrap();
    assert!(black_hole > 0, "not by the cluster for it");
    is_answered_in_either_family(&curl(&cluster.a, &["http://10.96.0.11/"]).unwrap(), "b");
    let unknown = curl(&cluster.a, &["-H", "Host: nobody.example.com", "http://10.96.0.11/"]).unwrap();
    assert!(unknown.starts_with("HTTP/1.1 502"), "{unknown}");
}

async fn an_original_destination_is_reached_once_it_is_declared(cluster: &Cluster) {
    let url = format!("http://{}:{HTTP}/", cluster.outside.ip());
    let call = || curl(&cluster.a, &["-H", "Host: outside.example.com", &url]);
    let before = call();
    assert!(!before.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")), "{before:?}");
    assert_ne!(line(&cluster.a, &cluster.outside.ip().to_string(), ECHO).unwrap_or_default(), "hello");
    let entry = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: outside, namespace: default}}\nspec:\n  hosts: [outside.example.com]\n  addresses: [{}]\n  location: MESH_EXTERNAL\n  resolution: NONE\n  ports: [{{number: {HTTP}, name: http, protocol: HTTP}}, {{number: {ECHO}, name: tcp, protocol: TCP}}]\n",
        cluster.outside.ip()
    );
    cluster.apply("outside.yaml", &entry);
    let reached = eventually("outside.example.com", WITHIN, || async {
        match call() {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => Ok(answer),
            other => Err(format!("{other:?}")),
        }
    });
    is_answered(&reached.await.unwrap(), "outside", &cluster.a.ip().to_string());
    assert_eq!(line(&cluster.a, &cluster.outside.ip().to_string(), ECHO).unwrap(), "hello");
}

async fn envoy_has_nothing_to_complain_about(cluster: &Cluster) {
    for sidecar in [&cluster.sidecar_a, &cluster.sidecar_b] {
        assert_eq!(sidecar.deprecation_warnings(), Vec::<String>::new());
        assert_eq!(sidecar.unknown_fields().await.unwrap(), 0);
        assert_eq!(sidecar.admin().stat("listener_manager.lds.update_rejected").await.unwrap(), 0);
    }
}
