use super::*;
use crate::{Kind, ReadFrom, path};

mod unread;

const VS: &str =
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: shop}\n";
const DR: &str =
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: shop}\n";
const SE: &str =
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: shop}\n";
const SVC: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n";

/// Findings as `code path line: message; help` would be hard to keep: code, path, line and the text of help.
fn findings(yaml: &str) -> Vec<String> {
    let show = |d: &Diagnostic| {
        let line = d.position.as_ref().map_or(0, |p| p.line);
        format!("{} {} @{line} {}", d.code.name(), d.path, d.help.as_deref().unwrap_or("-"))
    };
    decode_file("f.yaml", yaml.as_bytes()).diagnostics.iter().map(show).collect()
}

/// Checks that a document has exactly one finding: its code, path, and a part of its message or help.
#[track_caller]
fn check(yaml: &str, code: &str, path: &str, says: &str) {
    let decoded = decode_file("f.yaml", yaml.as_bytes());
    assert_eq!(decoded.diagnostics.len(), 1, "{:#?}", findings(yaml));
    let d = &decoded.diagnostics[0];
    assert_eq!((d.code.name(), d.path.to_string().as_str()), (code, path), "{d}");
    assert!(d.to_string().contains(says), "{d}\ndoes not say: {says}");
    // An error costs the object, or of a DestinationRule a part.
    let is_error = d.severity == Severity::Error;
    assert!(decoded.objects.is_empty() == is_error || yaml.starts_with(DR) && is_error, "{d}");
}

#[track_caller]
fn check_vs(spec: &str, code: &str, path: &str, says: &str) {
    check(&format!("{VS}spec:\n  hosts: [r]\n{spec}"), code, path, says);
}

#[track_caller]
fn check_dr(spec: &str, code: &str, path: &str, says: &str) {
    check(&format!("{DR}spec:\n  host: r\n{spec}"), code, path, says);
}

const ROUTE: &str = "  http:\n  - route:\n    - destination: {host: r}\n";

#[test]
fn misspelt_fields_get_the_nearest_name() {
    check_dr("  subsetss: []\n", "unknown-field", "spec.subsetss", "did you mean `subsets`?");
    check_dr("  trafficpolicy: {}\n", "unknown-field", "spec.trafficpolicy", "did you mean `trafficPolicy`?");
    check_dr("  export_to: []\n", "unknown-field", "spec.export_to", "did you mean `exportTo`?");
    check_vs(
        "  http:\n  - timeuot: 5s\n    route: [{destination: {host: r}}]\n",
        "unknown-field",
        "spec.http[0].timeuot",
        "`timeout`",
    );
    check_vs("  htpp: []\n", "unknown-field", "spec.htpp", "did you mean `http`?");
    check_vs("  gateway: [g]\n", "unknown-field", "spec.gateway", "did you mean `gateways`?");
    check_dr(
        "  trafficPolicy: {connectionPol: {}}\n",
        "unknown-field",
        "spec.trafficPolicy.connectionPol",
        "`connectionPool`",
    );
    check_vs("  frobnicate: 1\n", "unknown-field", "spec.frobnicate", "the fields are exportTo, gateways");
}

#[test]
fn a_misspelt_required_field_is_reported_once() {
    check(&format!("{DR}spec: {{hst: r}}\n"), "unknown-field", "spec.hst", "did you mean `host`?");
}

#[test]
fn misplaced_fields_are_told_where_they_belong() {
    check_vs(
        &format!("{ROUTE}      timeout: 5s\n"),
        "misplaced-field",
        "spec.http[0].route[0].timeout",
        "beside `route`, not under it",
    );
    check_vs(
        "  http:\n  - match:\n    - uri:\n      prefix: /a\n    route: [{destination: {host: r}}]\n",
        "misplaced-field",
        "spec.http[0].match[0].prefix",
        "put `prefix` under `uri`",
    );
    check_vs(
        "  http:\n  - route:\n    - host: r\n      destination: {host: r}\n",
        "misplaced-field",
        "spec.http[0].route[0].host",
        "under `destination`",
    );
    check_vs(
        "  http:\n  - route:\n    - destination: {host: r, weight: 5}\n",
        "misplaced-field",
        "spec.http[0].route[0].destination.weight",
        "beside `destination`",
    );
    check_vs(&format!("  timeout: 5s\n{ROUTE}"), "misplaced-field", "spec.timeout", "spec.http[].timeout");
    check_dr(
        "  trafficPolicy: {maxConnections: 1}\n",
        "misplaced-field",
        "spec.trafficPolicy.maxConnections",
        "spec.trafficPolicy.connectionPool.tcp.maxConnections",
    );
    check_dr(
        "  simple: RANDOM\n",
        "misplaced-field",
        "spec.simple",
        "spec.trafficPolicy.loadBalancer.simple",
    );
    check(&format!("{DR}host: r\nspec: {{host: r}}\n"), "misplaced-field", "host", "put `host` under `spec`");
}

#[test]
fn values_of_enums_are_checked() {
    check_dr(
        "  trafficPolicy: {loadBalancer: {simple: ROUNT_ROBIN}}\n",
        "unknown-enum-value",
        "spec.trafficPolicy.loadBalancer.simple",
        "write ROUND_ROBIN; the values are UNSPECIFIED, LEAST_CONN",
    );
    check_dr(
        "  trafficPolicy: {loadBalancer: {simple: round-robin}}\n",
        "unknown-enum-value",
        "spec.trafficPolicy.loadBalancer.simple",
        "write ROUND_ROBIN",
    );
    check(
        &format!(
            "{SE}spec: {{hosts: [a.b], ports: [{{number: 80, name: http}}], localhost: MESH_EXTERNAL}}\n"
        ),
        "unknown-field",
        "spec.localhost",
        "did you mean `location: MESH_EXTERNAL`?",
    );
    check(
        &format!("{SE}spec: {{hosts: [a.b], ports: [{{number: 80, name: http}}], location: STATIC}}\n"),
        "unknown-enum-value",
        "spec.location",
        "STATIC is a value of `resolution`",
    );
    check(
        &format!("{SE}spec: {{hosts: [a.b], ports: [{{number: 80, name: http}}], resolution: 5}}\n"),
        "unknown-enum-value",
        "spec.resolution",
        "the values are NONE",
    );
}

#[test]
fn values_of_the_wrong_type_are_refused_with_a_remedy() {
    let weight =
        |value: &str| format!("  http:\n  - route:\n    - destination: {{host: r}}\n      weight: {value}\n");
    let path = "spec.http[0].route[0].weight";
    check_vs(&weight("\"80\""), "needs-no-quotes", path, "write 80 without quotes");
    check_vs(&weight("80%"), "wrong-type", path, "write 80 without the percent sign");
    check_vs(&weight("80.5"), "wrong-type", path, "a whole number, not 80.5");
    check_vs(&weight("[80]"), "wrong-type", path, "without the dash or brackets");
    check_vs(&weight("3000000000"), "number-out-of-range", path, "from -2147483648 to 2147483647");
    check_vs(&weight("true"), "wrong-type", path, "not a boolean");
    check_vs("  http:\n    route: []\n", "wrong-type", "spec.http", "put a dash before the first field");
    check_vs("  gateways: mesh\n", "wrong-type", "spec.gateways", "write [mesh]");
    check_vs(
        "  http:\n  - match:\n    - uri: /a\n    route: [{destination: {host: r}}]\n",
        "wrong-type",
        "spec.http[0].match[0].uri",
        "its fields are `exact`, `prefix`, `regex`",
    );
    check_vs(
        "  http:\n  - retries: [{attempts: 1}]\n    route: [{destination: {host: r}}]\n",
        "wrong-type",
        "spec.http[0].retries",
        "without a dash",
    );
    check_vs("  http:\n  -\n", "wrong-type", "spec.http[0]", "the item of the list is empty");
    check_vs(
        "  http:\n  - match: [{headers: {x: }}]\n    route: [{destination: {host: r}}]\n",
        "wrong-type",
        "spec.http[0].match[0].headers[x]",
        "write {} for an empty value",
    );
    check_dr(
        "  subsets: [{name: v1, labels: {version: 1.0}}]\n",
        "needs-quotes",
        "spec.subsets[0].labels[version]",
        "write \"1.0\" in quotes",
    );
    check_dr(
        "  subsets: [{name: on}]\n",
        "needs-quotes",
        "spec.subsets[0].name",
        "kubectl reads a bare `on` as the boolean true",
    );
    check_dr(
        "  trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: \"true\"}}\n",
        "needs-no-quotes",
        "spec.trafficPolicy.tls.insecureSkipVerify",
        "write true without quotes",
    );
}

#[test]
fn durations_are_checked() {
    let timeout =
        |value: &str| format!("  http:\n  - timeout: {value}\n    route: [{{destination: {{host: r}}}}]\n");
    check_vs(&timeout("5"), "bad-duration", "spec.http[0].timeout", "write 5s for seconds or 5ms");
    check_vs(&timeout("5d"), "bad-duration", "spec.http[0].timeout", "1m30s");
    check_vs(&timeout("-5s"), "bad-duration", "spec.http[0].timeout", "cannot be negative");
}

#[test]
fn required_fields_must_be_there() {
    check(&format!("{DR}spec: {{}}\n"), "missing-field", "spec", "`host` is required");
    check_vs(
        "  http:\n  - route:\n    - weight: 5\n",
        "missing-field",
        "spec.http[0].route[0]",
        "`destination` is required",
    );
    check_vs(
        "  http:\n  - route:\n    - destination: {host: }\n",
        "missing-field",
        "spec.http[0].route[0].destination",
        "`host` is required",
    );
}

#[test]
fn what_yaml_1_2_reads_otherwise_is_pointed_out() {
    let text =
        "  http:\n  - match: [{queryParams: {n: {exact: x}}}]\n    route: [{destination: {host: r}}]\n";
    check_vs(text, "yaml-1-1-value", "spec.http[0].match[0].queryParams[false]", "write \"n\" in quotes");
    let text = "  http:\n  - match: [{ignoreUriCase: yes, uri: {exact: /}}]\n    route: [{destination: {host: r}}]\n";
    check_vs(text, "yaml-1-1-value", "spec.http[0].match[0].ignoreUriCase", "write true");
    let text = "  http:\n  - route: [{destination: {host: r}, weight: 010}]\n";
    check_vs(text, "yaml-1-1-value", "spec.http[0].route[0].weight", "kubectl reads `010` as 8");
}

#[test]
fn versions_and_kinds_are_checked() {
    let object = |version: &str, kind: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{host: r}}\n")
    };
    for version in ["v1", "v1beta1", "v1alpha3"] {
        let decoded =
            decode_file("f", object(&format!("networking.istio.io/{version}"), "DestinationRule").as_bytes());
        assert_eq!((decoded.objects.len(), decoded.diagnostics.len()), (1, 0), "{version}");
    }
    check(
        &object("networking.istio.io/v2", "DestinationRule"),
        "unsupported-version",
        "",
        "networking.istio.io/v1beta1",
    );
    check(
        &object("networking.istio.io/v1", "DestinatonRule"),
        "unknown-kind",
        "",
        "did you mean `kind: DestinationRule` of networking.istio.io/v1?",
    );
    check(
        &object("network.istio.io/v1", "DestinationRule"),
        "unsupported-version",
        "",
        "networking.istio.io/v1",
    );
    check(&object("v1", "DestinationRule"), "unsupported-version", "", "networking.istio.io/v1");
    check(&object("networkin.istio.io/v1", "DestinationRul"), "unknown-kind", "", "DestinationRule");
    check("kind: Service\nmetadata: {name: a}\n", "not-an-object", "", "apiVersion");
    check("apiVersion: v1\nmetadata: {name: a}\n", "not-an-object", "", "no `kind`");
    check("- kind: Service\n- kind: Pod\n", "not-an-object", "", "the document is a list");
    check("aText\n", "not-an-object", "", "the document is a string");
    check("spec: {hosts: [a]}\n", "not-an-object", "", "no `kind`");
    check("Kind: Service\nmetadata: {name: a}\n", "not-an-object", "", "no `kind`");
    check(
        "apiVersion: 1\nkind: Service\nmetadata: {name: a}\n",
        "needs-quotes",
        "",
        "`apiVersion` takes a string",
    );
    check(
        &object("security.istio.io/v1", "AuthorisationPolcy"),
        "unknown-kind",
        "",
        "did you mean `kind: AuthorizationPolicy` of security.istio.io/v1?",
    );
    check(
        &object("securty.istio.io/v1", "PeerAuthentication"),
        "unknown-kind",
        "",
        "of security.istio.io/v1?",
    );
}

#[test]
fn a_kind_that_is_not_read_is_noted_once_and_spoils_nothing() {
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("networking.istio.io/v1", "WorkloadGroup"),
        ("networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("telemetry.istio.io/v1", "Telemetry"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "PersistentVolume"),
        ("serving.knative.dev/v1", "Service"),
        ("gateway.solo.io/v1", "VirtualService"),
    ] {
        let one = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let text = format!("{one}---\n{one}---\n{SVC}spec: {{ports: [{{port: 80}}]}}\n");
        let decoded = decode_file("f", text.as_bytes());
        assert_eq!((decoded.objects.len(), decoded.diagnostics.len()), (1, 0), "{kind}");
        let found = decoded.unread.findings();
        let says: Vec<_> = found.iter().map(|d| (d.code, d.severity, d.message.clone())).collect();
        let message = format!("kind {kind} ({version}) is not read (2 objects)");
        assert_eq!(says, [(Code::KindNotRead, Severity::Info, message)]);
    }
}

#[test]
fn metadata_is_checked() {
    let with = |metadata: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {metadata}\n");
    check(&with("{}"), "missing-field", "metadata.name", "has no name");
    check(
        &with("{generateName: a-}"),
        "missing-field",
        "metadata.name",
        "`generateName` needs an API server",
    );
    check(&with("{name: A_b}"), "bad-metadata", "metadata.name", "only lower-case");
    check(&with("{name: [a]}"), "wrong-type", "metadata.name", "takes a string, not a list");
    check(
        &with("{name: a, labels: {version: 1.0}}"),
        "needs-quotes",
        "metadata.labels[version]",
        "write \"1.0\" in quotes",
    );
    check(
        &with("{name: a, labels: {app: \"a b\"}}"),
        "bad-metadata",
        "metadata.labels[app]",
        "cannot be the value of a label",
    );
    check(
        &with("{name: a, labels: {\"a b\": x}}"),
        "bad-metadata",
        "metadata.labels[a b]",
        "cannot be a key",
    );
    check(&with("{name: a, labels: [x]}"), "wrong-type", "metadata.labels", "a mapping, not a list");
    check(&with("{name: a, labls: {}}"), "unknown-field", "metadata.labls", "did you mean `labels`?");
    check(
        &with("{name: a, creationTimestamp: yesterday}"),
        "bad-metadata",
        "metadata.creationTimestamp",
        "2006-01-02T15:04:05Z",
    );
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: B}\n",
        "bad-metadata",
        "metadata.namespace",
        "only lower-case",
    );
}

#[test]
fn bare_booleans_and_numbers_in_metadata_are_explained_as_elsewhere() {
    let with = |metadata: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\n");
    for (metadata, path, says) in [
        (
            "{name: n}",
            "metadata.name",
            "kubectl reads a bare `n` as the boolean false; write \"n\" in quotes",
        ),
        ("{name: on}", "metadata.name", "kubectl reads a bare `on` as the boolean true"),
        ("{name: true}", "metadata.name", "but `true` is a boolean; write \"true\" in quotes"),
        ("{name: 123}", "metadata.name", "but `123` is a number; write \"123\" in quotes"),
        ("{name: 1.10}", "metadata.name", "but `1.10` is a number; write \"1.10\" in quotes"),
        ("{name: a, namespace: y}", "metadata.namespace", "kubectl reads a bare `y` as the boolean true"),
        ("{name: a, namespace: 7}", "metadata.namespace", "write \"7\" in quotes"),
        ("{name: a, labels: {v: n}}", "metadata.labels[v]", "kubectl reads a bare `n` as the boolean false"),
        ("{name: a, labels: {v: 010}}", "metadata.labels[v]", "write \"010\" in quotes"),
        ("{name: a, annotations: {v: off}}", "metadata.annotations[v]", "`off` as the boolean false"),
    ] {
        check(&with(metadata), "needs-quotes", path, says);
    }
}

#[test]
fn what_an_api_server_adds_is_ignored() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: x, a: b, Example.COM/C: d}\n  uid: x\n  resourceVersion: \"7\"\n  \
        generation: 2\n  creationTimestamp: \"2026-08-01T10:20:30Z\"\n  managedFields: [{manager: kubectl}]\n  \
        ownerReferences: []\nspec:\n  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1]\n  externalTrafficPolicy: Cluster\n  \
        internalTrafficPolicy: Cluster\n  ipFamilies: [IPv4]\n  ipFamilyPolicy: SingleStack\n  sessionAffinity: None\n  \
        type: NodePort\n  someNewField: 1\n  ports: [{name: http, port: 80, targetPort: http, nodePort: 30000, protocol: TCP}]\n\
        status: {loadBalancer: {}}\n";
    let decoded = decode_file("f", text.as_bytes());
    assert!(decoded.diagnostics.is_empty(), "{:?}", decoded.diagnostics);
    let AnyConfig::Service(service) = &decoded.objects[0] else { panic!() };
    assert_eq!(service.created.unwrap().0, 1_785_579_630);
    assert_eq!(service.key.namespace, "default");
    assert_eq!(service.annotations.iter().collect::<Vec<_>>(), [("Example.COM/C", "d"), ("a", "b")]);
}

#[test]
fn slips_in_fields_of_core_kinds_are_found() {
    check(&format!("{SVC}spec: {{portz: []}}\n"), "unknown-field", "spec.portz", "did you mean `ports`?");
    check(
        &format!("{SVC}spec: {{selectr: {{}}, ports: []}}\n"),
        "unknown-field",
        "spec.selectr",
        "`selector`",
    );
    check(
        &format!("{SVC}spec: {{ports: [{{port: \"80\"}}]}}\n"),
        "needs-no-quotes",
        "spec.ports[0].port",
        "without quotes",
    );
    check(
        &format!("{SVC}spec: {{selector: {{version: 1}}}}\n"),
        "needs-quotes",
        "spec.selector[version]",
        "\"1\"",
    );
    check(&format!("{SVC}spec: {{type: ClusterIp}}\n"), "unknown-enum-value", "spec.type", "write ClusterIP");
    check(
        &format!("{SVC}spec: {{ports: [{{name: http}}]}}\n"),
        "missing-field",
        "spec.ports[0]",
        "`port` is required",
    );
}

#[test]
fn a_real_pod_has_no_findings() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d, generateName: p-}\nspec:\n  containers:\n  \
        - name: c\n    image: i\n    args: [a]\n    env: [{name: A, value: b}]\n    ports: [{containerPort: 80, name: http, hostPort: 1}]\n    \
        resources: {}\n    volumeMounts: [{name: v, mountPath: /x}]\n    stdin: true\n    tty: true\n  nodeName: n1\n  nodeSelector: {a: b}\n  \
        serviceAccount: s\n  serviceAccountName: s\n  hostPID: true\n  hostIPC: true\n  hostUsers: true\n  restartPolicy: Always\n  \
        tolerations: [{key: k, operator: Exists}]\n  volumes: [{name: v}]\nstatus:\n  phase: Running\n  podIP: 10.1.0.1\n  \
        podIPs: [{ip: 10.1.0.1}]\n  hostIP: 1.1.1.1\n  hostIPs: [{ip: 1.1.1.1}]\n  qosClass: Burstable\n  startTime: x\n  conditions: [{type: Ready, status: \"True\", lastProbeTime: null}]\n  \
        containerStatuses: [{name: c}]\n";
    let decoded = decode_file("f", text.as_bytes());
    assert!(decoded.diagnostics.is_empty(), "{:?}", findings(text));
    let AnyConfig::Pod(pod) = &decoded.objects[0] else { panic!() };
    assert_eq!(pod.spec.status.pod_ips[0].ip, "10.1.0.1");
    assert_eq!(pod.spec.spec.containers[0].ports[0].container_port, 80);
}

#[test]
fn every_kind_is_decoded_into_its_type() {
    let text = format!(
        "{VS}spec: {{hosts: [a.b], http: [{{route: [{{destination: {{host: r}}}}]}}]}}\n---\n{DR}spec: {{host: r}}\n---\n\
         {SE}spec: {{hosts: [a.b], ports: [{{number: 80, name: http}}]}}\n---\n{SVC}spec: {{ports: [{{port: 80}}]}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: a}}\nspec: {{selector: {{a: b}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [\"*\"]}}]}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: a}}\nspec: {{egress: [{{hosts: [\"./*\"]}}]}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: a}}\nspec: {{address: 1.2.3.4}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: a}}\naddressType: IPv4\nendpoints: [{{addresses: [10.1.1.1], conditions: {{ready: true}}}}]\nports: [{{name: http, port: 80, protocol: TCP}}]\n---\n\
         apiVersion: v1\nkind: Endpoints\nmetadata: {{name: a}}\nsubsets: [{{addresses: [{{ip: 10.1.1.1}}], ports: [{{port: 80}}]}}]\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n---\napiVersion: v1\nkind: Node\nmetadata: {{name: a}}\n---\n\
         apiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: Opaque\ndata: {{k: aGk=}}\nstringData: {{p: q}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: v}}\nbinaryData: {{x: eA==}}\n"
    );
    let decoded = decode_file("f", text.as_bytes());
    assert!(decoded.diagnostics.is_empty(), "{:?}", findings(&text));
    let mut kinds: Vec<_> = decoded.objects.iter().map(AnyConfig::kind).collect();
    kinds.sort();
    assert_eq!(kinds, Kind::ALL);
    let node = decoded.objects.iter().find(|object| object.kind() == Kind::Node).unwrap();
    assert_eq!(node.key().to_string(), "Node a");
}

#[test]
fn lists_are_taken_apart() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n\
         - {apiVersion: v1, kind: Namespace, metadata: {name: B}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n\
         ---\napiVersion: networking.istio.io/v1\nkind: DestinationRuleList\nmetadata: {resourceVersion: \"1\"}\nitems: [{metadata: {name: d}, spec: {host: r}}]\n";
    let decoded = decode_file("f", text.as_bytes());
    let keys: Vec<_> = decoded.objects.iter().map(|object| object.key().to_string()).collect();
    assert_eq!(keys, ["Namespace a", "Namespace c", "DestinationRule default/d"]);
    assert_eq!(findings(text).len(), 1);
}

#[test]
fn an_object_with_an_error_is_rejected_and_its_neighbours_are_not() {
    let text = format!("{DR}spec: {{hst: r}}\n---\n{SVC}spec: {{ports: [{{port: 80}}]}}\n---\na: [\n");
    let decoded = decode_file("f", text.as_bytes());
    assert_eq!(decoded.objects.len(), 1);
    assert_eq!(decoded.broken_documents, 1);
    let rejected: Vec<_> = decoded.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(rejected, ["DestinationRule shop/a"]);
}

#[test]
fn json_gives_the_same_object_as_yaml() {
    let yaml = decode_file("f", format!("{DR}spec: {{host: r, subsets: [{{name: v1}}]}}\n").as_bytes());
    let json = serde_json::json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "a", "namespace": "shop", "resourceVersion": "42"},
        "spec": {"host": "r", "subsets": [{"name": "v1"}]}
    });
    let live = decode_json(json.to_string().as_bytes());
    let file = decode_file("f.json", serde_json::to_string_pretty(&json).unwrap().as_bytes());
    assert!(live.diagnostics.is_empty() && file.diagnostics.is_empty());
    assert_eq!(live.objects, yaml.objects);
    assert_eq!(file.objects, yaml.objects);
    assert!(matches!(live.objects[0].read_from(), ReadFrom::ResourceVersion(v) if &**v == "42"));
}

#[test]
fn json_of_an_api_server_is_checked_as_a_file_is() {
    let decode = |spec: &str| {
        decode_json(
            format!(
                r#"{{"kind": "DestinationRule", "apiVersion": "networking.istio.io/v1", "spec": {spec},
                    "metadata": {{"name": "a", "namespace": "shop", "managedFields": [{{"fieldsV1": {{"f:spec": {{}}}}}}]}}}}"#
            )
            .as_bytes(),
        )
    };
    let pool = |pool: &str| {
        decode(&format!(r#"{{"host": "r", "trafficPolicy": {{"connectionPool": {{"tcp": {pool}}}}}}}"#))
    };
    let connections = |decoded: &Decoded| {
        let [AnyConfig::DestinationRule(rule)] = decoded.objects.as_slice() else { panic!("{decoded:#?}") };
        let pool = rule.spec.traffic_policy.as_ref()?.connection_pool.as_ref()?;
        Some((pool.tcp.as_ref()?.max_connections, pool.tcp.as_ref()?.connect_timeout))
    };
    let whole = pool(r#"{"maxConnections": 7.0, "connectTimeout": "3s", "tcpKeepalive": null}"#);
    assert!(whole.diagnostics.is_empty(), "{:?}", whole.diagnostics);
    assert_eq!(connections(&whole), Some((Some(7), Some("3s".parse().unwrap()))));
    // Of a key that comes twice the last value counts, as the API server reads it.
    assert_eq!(connections(&pool(r#"{"maxConnections": 1, "maxConnections": 2}"#)), Some((Some(2), None)));
    for (bad, code) in [
        (r#"{"maxConnections": "7"}"#, Code::NeedsNoQuotes),
        (r#"{"maxConnections": 7.5}"#, Code::WrongType),
        (r#"{"maxConnections": 18446744073709551615}"#, Code::NumberOutOfRange),
        (r#"{"connectTimeout": "3"}"#, Code::BadDuration),
        (r#"{"maxConnection": 7}"#, Code::UnknownField),
    ] {
        let decoded = pool(bad);
        assert_eq!(decoded.diagnostics.iter().map(|found| found.code).collect::<Vec<_>>(), [code], "{bad}");
        assert!(decoded.diagnostics[0].position.is_none());
        assert_eq!(decoded.partial.len(), 1, "{bad}");
    }
    for broken in ["", "{", "{} {}", "\u{0}"] {
        let decoded = decode_json(broken.as_bytes());
        assert_eq!((decoded.broken_documents, decoded.objects.len()), (1, 0), "{broken}");
        assert_eq!(decoded.diagnostics[0].code, Code::YamlSyntax);
    }
    assert_eq!(decode_json("[".repeat(100_000).as_bytes()).broken_documents, 1);
}

#[test]
fn fields_are_located_in_the_file() {
    let text = format!(
        "# c\n---\n{VS}spec:\n  hosts: [r]\n  http:\n  - route:\n    - destination:\n        host: r\n"
    );
    let decoded = decode_file("dir/f.yaml", text.as_bytes());
    let at = |path| decoded.objects[0].read_from().locate(&path).unwrap().to_string();
    assert_eq!(at(path!("http"[0]."route"[0]."destination"."host")), "dir/f.yaml:11:15");
    assert_eq!(at(path!("http"[0]."route")), "dir/f.yaml:9:5");
    assert_eq!(at(path!("http"[0]."timeout")), "dir/f.yaml:9:5");
    assert_eq!(at(FieldPath::root()), "dir/f.yaml:3:1");
}

#[test]
fn objects_that_only_moved_are_equal() {
    let read = |text: String| decode_file("f", text.as_bytes()).objects;
    let object = format!("{DR}spec: {{host: r}}\n");
    assert_eq!(read(object.clone()), read(format!("# moved\n\n---\n{object}")));
    assert_ne!(read(object.clone()), read(object.replace("host: r", "host: s")));
}

#[test]
fn untranslated_fields_and_values_get_a_warning() {
    let rule = "  http:\n  - delegate: {name: d}\n";
    check_vs(rule, "not-translated", "spec.http[0].delegate", "has no effect yet");
    let policy =
        "  subsets: [{name: v1, trafficPolicy: {loadBalancer: {simple: RANDOM, warmup: {duration: 5s}}}}]\n";
    check_dr(policy, "not-translated", "spec.subsets[0].trafficPolicy.loadBalancer.warmup", "no effect");
    check_dr(
        "  trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}\n",
        "value-not-translated",
        "spec.trafficPolicy.tls.mode",
        "ISTIO_MUTUAL",
    );
}

/// What a mesh configuration is told about fields without effect.
fn of_mesh(text: &str) -> Vec<String> {
    let (config, found) = decode_mesh_config("mesh", text.as_bytes());
    assert!(config.is_some());
    found
        .iter()
        .map(|d| {
            format!(
                "{} {} {} @{}",
                d.severity,
                d.code.name(),
                d.path,
                d.position.as_ref().map_or(0, |p| p.line)
            )
        })
        .collect()
}

#[test]
fn no_field_of_a_mesh_configuration_is_ignored_in_silence() {
    let text = "enableTracing: true\ntrustDomainAliases: [a]\nenableAutoMtls: true\ndefaultConfig:\n  concurrency: 2\n  proxyHeaders:\n    \
                metadataExchangeHeaders: {mode: IN_MESH}\ndefaultProviders: {metrics: [prometheus], tracing: [otel]}\n\
                extensionProviders:\n- {name: a, envoyExtAuthzGrpc: {}}\n- {name: b, prometheus: {}}\nserviceSettings: [{}]\n\
                defaultTrafficPolicy: {connectionPool: {http: {http2KeepAlive: {interval: 5s}}}}\n";
    let mut found = of_mesh(text);
    found.sort();
    assert_eq!(
        found,
        [
            "info not-in-stock-envoy defaultConfig.proxyHeaders.metadataExchangeHeaders @7",
            "info not-in-stock-envoy defaultProviders.metrics @8",
            "info not-in-stock-envoy extensionProviders[1].prometheus @11",
            "info not-translated defaultConfig @4",
            "info not-translated defaultProviders.tracing @8",
            "info not-translated enableTracing @1",
            "info not-translated extensionProviders @9",
            "info not-translated trustDomainAliases @2",
            "warning not-translated defaultTrafficPolicy.connectionPool.http.http2KeepAlive @13",
            "warning not-translated enableAutoMtls @3",
            "warning not-translated serviceSettings @12",
        ]
    );
    assert_eq!(of_mesh("frobnicate: 1\n"), ["warning not-translated frobnicate @1"]);
    let anyway = "enableTracing: false\nenableAutoMtls: false\npathNormalization: {normalization: BASE}\n\
                  h2UpgradePolicy: DO_NOT_UPGRADE\nverifyCertificateAtClient: true\ntrustDomain: cluster.local\n\
                  defaultConfig: {}\ndefaultProviders: {}\ndiscoverySelectors: []\nextensionProviders:\n";
    assert_eq!(of_mesh(anyway), [""; 0], "that happens anyway");
}

#[test]
fn each_row_of_mesh_fields_is_about_one_field() {
    let rows: Vec<_> = crate::untranslated::mesh::ROWS.iter().map(|row| row.place).collect();
    assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
    for field in crate::untranslated::mesh::idle_fields() {
        let within = format!("{field}.");
        let whole = rows.contains(&field) || rows.iter().any(|row| row.starts_with(&within));
        assert!(whole, "{field}");
    }
}

#[test]
fn each_untranslated_row_is_a_place_of_its_kind() {
    for (kind, row, value) in crate::untranslated::rows() {
        let places: Vec<_> = schema::of(kind).places.values().flatten().collect();
        let end = row.trim_start_matches("**");
        let found = places.iter().any(|place| if end == row { *place == row } else { place.ends_with(end) });
        assert!(found, "{kind} {row} {value:?} is no field");
    }
}

#[test]
fn secrets_do_not_leak_into_diagnostics() {
    for data in [
        "data: {k: hunter2-hunter2}",
        "data: {k: [hunter2]}",
        "stringData: {k: 1234567}",
        "data: {k: 1234567}",
    ] {
        let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n{data}\n");
        for diagnostic in decode_file("f", text.as_bytes()).diagnostics {
            let shown = format!("{diagnostic} {diagnostic:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("1234567"), "{shown}");
        }
    }
}

#[test]
fn mesh_config_is_read_strictly_but_tolerates_what_is_not_read() {
    let text = "trustDomain: cluster.local\nconnectTimeout: 3s\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n\
        defaultConfig: {discoveryAddress: x}\nextensionProviders: []\n";
    let (config, findings) = decode_mesh_config("mesh", text.as_bytes());
    let config = config.unwrap();
    assert_eq!(config.trust_domain.as_deref(), Some("cluster.local"));
    assert_eq!(config.connect_timeout.unwrap().to_string(), "3s");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].code, findings[0].severity), (Code::NotTranslated, Severity::Info));
    let (config, findings) = decode_mesh_config("mesh", b"trustDomian: x\n");
    assert!(config.is_some() && findings[0].to_string().contains("`trustDomain`"));
    assert_eq!(decode_mesh_config("mesh", b""), (Some(fairlead_api::MeshConfig::default()), Vec::new()));
}

#[test]
fn a_list_with_a_mistake_in_each_of_its_objects_has_a_thousand_findings() {
    let object = |i: usize| {
        format!(
            "- {{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v{i}}}, spec: {{hots: [a]}}}}\n"
        )
    };
    let items: String = (0..3000).map(object).collect();
    // Of one no name is known: behind it may be any object, so it is not left out.
    let yaml = format!("apiVersion: v1\nkind: List\nitems:\n{items}- 5\n");
    let decoded = decode_file("f.yaml", yaml.as_bytes());
    assert_eq!(decoded.rejected.len(), 3000, "what is left out is not used");
    assert_eq!(decoded.diagnostics.len(), 1001);
    let last = decoded.diagnostics.last().unwrap();
    assert_eq!(last.code, Code::FindingsLeftOut);
    assert!(last.message.starts_with('2'), "{last}");
    let nameless = |d: &Diagnostic| d.severity == Severity::Error && matches!(d.on, Subject::File(_));
    assert_eq!(decoded.diagnostics.iter().filter(|d| nameless(d)).count(), 1);
}

#[test]
fn where_no_mesh_configuration_was_ever_read_unknown_destinations_are_blocked() {
    const STAND_IN: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
    for data in ["{mesh: 'a: [b'}", "{mesh: '- a'}", "{mesh: {outboundTrafficPolicy: {}}}", "text"] {
        let yaml = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio}}\ndata: {data}\n");
        let decoded = decode_file("f.yaml", yaml.as_bytes());
        let [AnyConfig::ConfigMap(map)] = &decoded.objects[..] else { panic!("{data}: {decoded:?}") };
        assert_eq!(map.spec.data.get("mesh").map(String::as_str), Some(STAND_IN), "{data}");
        // An edit of this kind leaves the version before in use.
        assert_eq!((decoded.partial.len(), decoded.rejected.len()), (1, 0), "{data}");
        assert!(decoded.diagnostics.iter().any(|d| d.severity == Severity::Error), "{data}");
    }
    let whole = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata: {mesh: 'trustDomain: x', other: z}\n";
    let decoded = decode_file("f.yaml", whole.as_bytes());
    assert!(decoded.partial.is_empty() && decoded.diagnostics.is_empty(), "{decoded:?}");
}

#[test]
fn a_kind_that_is_read_is_none_of_those_that_are_not_enforced() {
    assert!(Kind::ALL.iter().all(|kind| !super::security::KINDS.contains(&kind.name())));
}
