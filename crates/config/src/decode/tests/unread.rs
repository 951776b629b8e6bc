//! What lies beside manifests, and what is not filled in.

use super::{VS, check, check_vs};
use crate::decode_file;

/// What is said of the objects of a file that are not read.
fn unread(file: &str, text: &str) -> Vec<String> {
    let decoded = decode_file(file, text.as_bytes());
    assert!(decoded.diagnostics.is_empty(), "{:#?}", decoded.diagnostics);
    decoded.unread.findings().iter().map(ToString::to_string).collect()
}

#[test]
fn a_security_policy_that_refuses_nothing_is_a_warning() {
    let object = |kind: &str, name: &str, rest: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop{rest}\n---\n"
        )
    };
    let deny_all = object("AuthorizationPolicy", "deny-all", "}\nspec: {}");
    let others =
        (1..4).map(|number| object("AuthorizationPolicy", &format!("p{number}"), "}\nspec: {action: DENY}"));
    let text = deny_all.clone() + &others.collect::<String>();
    assert_eq!(
        unread("a.yaml", &text),
        [
            "warning[FL0116 not-enforced] a.yaml (a.yaml:2:7): kind AuthorizationPolicy (security.istio.io/v1) is not \
          enforced yet: 4 objects have no effect: shop/deny-all (a.yaml:2), shop/p1 (a.yaml:7), shop/p2 \
          (a.yaml:12), …; requests that they deny are let through; deny them in another way"
        ]
    );
    for (kind, rest, is_warning) in [
        ("PeerAuthentication", "}\nspec: {mtls: {mode: STRICT}}", true),
        ("PeerAuthentication", "}\nspec: {mtls: {mode: STRCT}}", true),
        ("PeerAuthentication", "}\nspec: {mtls: {mode: DISABLE}, portLevelMtls: {80: {mode: STRICT}}}", true),
        ("PeerAuthentication", "}\nspec: {mtls: {mode: PERMISSIVE}}", false),
        ("PeerAuthentication", "}\n", false),
        ("RequestAuthentication", "}\nspec: {jwtRules: [{issuer: a}]}", true),
        ("AuthorizationPolicy", "}\nspec: {action: AUDIT}", false),
        ("AuthorizationPolicy", ", annotations: {istio.io/dry-run: \"true\"}}\n", false),
        ("AuthorizationPolicy", ", annotations: {istio.io/dry-run: \"false\"}}\n", true),
    ] {
        let found = unread("a.yaml", &object(kind, "a", rest));
        let code = if is_warning { "warning[FL0116" } else { "info[FL0111" };
        assert!(found.len() == 1 && found[0].starts_with(code), "{kind} {rest}: {found:?}");
    }
}

#[test]
fn annotations_of_istio_without_effect_are_one_information_each() {
    let service = |name: &str, annotations: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec: {{ports: [{{port: 80}}]}}\n---\n"
        )
    };
    let idle = "traffic.sidecar.istio.io/includeInboundPorts: \"80\"";
    let text = service("a", idle) + &service("b", idle);
    let says = "the annotation `traffic.sidecar.istio.io/includeInboundPorts` has no effect yet; 2 objects have it: \
                default/a (f.yaml:3), default/b (f.yaml:8)";
    assert_eq!(
        unread("f.yaml", &text),
        [format!("info[FL0901 not-translated] f.yaml (f.yaml:3:35): {says}")]
    );
    let others = "networking.istio.io/exportTo: \".\", networking.istio.io/traffic-distribution: PreferClose, \
                  sidecar.istio.io/status: x, example.com/networking.istio.io: x, kubernetes.io/a: b";
    assert_eq!(unread("f.yaml", &service("a", others)), [""; 0]);
}

#[test]
fn files_that_are_no_kubernetes_objects_are_one_information_each() {
    for (file, text, what) in [
        ("a/values.yaml", "replicas: 2\n", "values of Helm charts"),
        ("values-prod.yml", "meshConfig: {accessLogFile: /dev/stdout}\n", "values of Helm charts"),
        ("patch.yaml", "- {op: replace, path: /spec/replicas, value: 2}\n", "patches of kustomizations"),
        ("compose.yaml", "services: {web: {image: x}}\n", "services of Docker Compose"),
        ("ci.yml", "on: push\njobs: {}\n", "workflows of GitHub Actions"),
        ("api.yaml", "openapi: 3.0.0\n", "descriptions of an API"),
        (
            "package.json",
            "{\"name\": \"a\", \"version\": \"1\"}",
            "JSON documents without `apiVersion` and `kind`",
        ),
        ("list.json", "[1]", "JSON documents without `apiVersion` and `kind`"),
        ("playbook.yaml", "- hosts: all\n- hosts: web\n", "lists"),
        ("mkdocs.yml", "site_name: x\n---\nnav: []\n", "YAML documents without `apiVersion` and `kind`"),
    ] {
        let found = unread(file, text);
        let start =
            format!("info[FL0113 not-an-object] {file} ({file}:1:1): {what} are not Kubernetes objects");
        assert!(found.len() == 1 && found[0].starts_with(&start), "{file}: {found:?}");
    }
}

#[test]
fn what_must_be_rendered_says_how() {
    check_file("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n", "info[FL0118", "helm template c");
    check_file("k/kustomization.yaml", "resources: [a.yaml]\n", "info[FL0118", "kubectl kustomize k");
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    check_file("component.yaml", component, "info[FL0118", "kubectl kustomize .");
    let template = "{{- if .Values.on }}\napiVersion: v1\nkind: Service\nmetadata: {{ .x }}\n---\na: [\n{{ end }}\n---\n{% if x %}\n";
    check_file("t.yaml", template, "error[FL0118", "template: `{{- if .Values.on }}` is not filled in");
    let quoted = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"{{ x }}\"\n";
    check_file("q.yaml", quoted, "error[FL0003", "q.yaml:");
}

/// Checks that a file has exactly one finding, how it begins, and what it says.
#[track_caller]
fn check_file(file: &str, text: &str, start: &str, says: &str) {
    let decoded = decode_file(file, text.as_bytes());
    let found: Vec<_> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && found[0].starts_with(start) && found[0].contains(says), "{found:#?}");
    assert!(decoded.objects.is_empty() && decoded.unread.is_empty());
}

#[test]
fn placeholders_are_told_how_they_are_filled_in() {
    check_vs(
        "  http:\n  - match: [{uri: {prefix: \"/${BASE}\"}}]\n    route: [{destination: {host: r}}]\n",
        "placeholder",
        "spec.http[0].match[0].uri.prefix",
        "`${BASE}` is taken literally; replace `${BASE}` before the file is read, as `envsubst` does",
    );
    check_vs(
        "  http:\n  - route: [{destination: {host: r, port: {number: \"${PORT}\"}}}]\n",
        "wrong-type",
        "spec.http[0].route[0].destination.port.number",
        "as `envsubst` does",
    );
    check(
        "apiVersion: v1\nkind: Service\nmetadata: {name: my-{{ .Release.Name }}}\n"
            .replace("{name: ", "\n  name: ")
            .trim_end_matches("}\n"),
        "bad-metadata",
        "metadata.name",
        "as `helm template` does",
    );
    let bare = format!(
        "{VS}spec:\n  hosts: [r]\n  http: [{{route: [{{destination: {{host: r, port: {{number: ${{PORT}}}}}}}}]}}]\n"
    );
    let found = decode_file("f.yaml", bare.as_bytes()).diagnostics;
    let says = "replace `${PORT}` before the file is read";
    assert!(found.len() == 1 && found[0].to_string().contains(says), "{found:?}");
    let script = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {run.sh: \"echo ${HOME}\"}\n";
    assert!(decode_file("f", script.as_bytes()).diagnostics.is_empty(), "it is for a shell");
}
