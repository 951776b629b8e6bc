use super::{accept, check};

#[track_caller]
fn service(spec: &str, code: &str, path: &str, says: &str) {
    check(
        &format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{{spec}}}\n"),
        code,
        path,
        says,
    );
}

fn slice(fields: &str) -> String {
    format!("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: a}}\n{fields}\n")
}

#[test]
fn services_are_checked() {
    service("ports: []", "empty-value", "spec.ports", "no ports");
    service("ports: [{port: 0}]", "bad-port", "spec.ports[0].port", "0");
    service("ports: [{port: 80, targetPort: 70000}]", "bad-port", "spec.ports[0].targetPort", "70000");
    service("ports: [{port: 80, name: a}, {port: 81}]", "empty-value", "spec.ports[1].name", "need names");
    service(
        "ports: [{port: 80, name: a}, {port: 81, name: a}]",
        "duplicate-name",
        "spec.ports[1].name",
        "twice",
    );
    service(
        "ports: [{port: 80, name: a}, {port: 80, name: b}]",
        "duplicate-port",
        "spec.ports[1].port",
        "twice",
    );
    service("ports: [{port: 80, name: A}]", "bad-name", "spec.ports[0].name", "lower-case");
    service("clusterIP: x, ports: [{port: 80}]", "bad-address", "spec.clusterIP", "headless");
    service("type: ExternalName", "empty-value", "spec.externalName", "externalName");
    accept(
        "\nkind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {type: ExternalName, externalName: a.b}\n",
    );
    accept(
        "\nkind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {clusterIP: None, ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP}]}\n",
    );
}

#[test]
fn endpoints_are_checked() {
    check(
        &slice("addressType: IPv4\nendpoints: [{addresses: [\"::1\"]}]"),
        "bad-address",
        "endpoints[0].addresses[0]",
        "IPv4",
    );
    check(
        &slice("addressType: IPv4\nendpoints: [{addresses: []}]"),
        "empty-value",
        "endpoints[0].addresses",
        "no address",
    );
    check(&slice("endpoints: []"), "missing-field", "", "`addressType` is required");
    check(&slice("addressType: IPv4\nports: [{port: 70000}]"), "bad-port", "ports[0].port", "70000");
    check(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets: [{addresses: [{ip: x}]}]\n",
        "bad-address",
        "subsets[0].addresses[0].ip",
        "x",
    );
}

#[test]
fn what_kubernetes_reads_as_its_defaults_is_accepted() {
    accept(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  selector: {app: }\n  ports: [{name: a, port: 80, targetPort: 0}, {name: b, port: 81, targetPort: ''}]\n",
    );
    accept(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/tls\ndata: {tls.crt: , tls.key: }\n",
    );
    accept("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: }\n");
}

#[test]
fn a_mesh_configuration_that_cannot_be_read_costs_its_text() {
    let map = |name: &str, mesh: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  mesh: '{mesh}'\n")
    };
    for text in ["a: [b", "- a", "some text"] {
        check(&map("istio", text), "yaml-syntax", "data[mesh]", "REGISTRY_ONLY");
    }
    accept(&map("istio", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, typo: 1}"));
    accept(&map("other", "a: [b"));
}
