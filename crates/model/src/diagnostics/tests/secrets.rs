//! Secrets for TLS, and those that name them.

use fairlead_config::{ConfigKey, Diagnostic, Timestamp};
use fairlead_incremental::ChangeSet;

use crate::{diagnostics::AllDiagnostics, input, testing::World};

/// Certificates and keys with a name each.
const PIECES: &str = include_str!("../../../../../tests/certificates/pieces.pem");

fn piece(name: &str) -> String {
    let from = PIECES.find(&format!("# {name}\n")).unwrap() + name.len() + 3;
    PIECES[from..].split("# ").next().unwrap().to_owned()
}

/// A Secret, whose values are texts or pieces: those with an `@`.
fn secret(place: &str, values: &[(&str, &str)]) -> String {
    let (namespace, name) = place.split_once('/').unwrap();
    let value = |text: &str| match text.strip_prefix('@') {
        Some(name) => piece(name),
        None => text.to_owned(),
    };
    let values: serde_json::Map<_, _> =
        values.iter().map(|(key, text)| ((*key).to_owned(), value(text).into())).collect();
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
        "stringData": values,
    });
    format!("---\n{secret}\n")
}

/// A Secret with a certificate and its key that are right.
fn right(place: &str) -> String {
    secret(place, &[("tls.crt", "@p256"), ("tls.key", "@p256 key")])
}

/// The Gateway `shop/g`, one server for each text; port 8443 and so on, and the host `a.example.com`.
fn gateway(servers: &[&str]) -> String {
    let servers = servers.iter().enumerate().map(|(index, tls)| {
        let port = 8443 + index;
        format!("{{port: {{number: {port}, name: s{index}, protocol: HTTPS}}, hosts: [a.example.com], tls: {{{tls}}}}}")
    });
    gateway_of(&servers.collect::<Vec<_>>().join(", "))
}

fn gateway_of(servers: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: g, namespace: shop}}, spec: {{selector: {{istio: gw}}, servers: [{servers}]}}}}\n"
    )
}

/// The Service of the gateway's Pods.
fn service(namespace: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: gw, namespace: {namespace}}}, spec: {{clusterIP: 10.0.0.1, selector: {{istio: gw, app: gw}}, ports: [{{name: https, port: 443}}]}}}}\n"
    )
}

fn findings(world: &mut World) -> Vec<Diagnostic> {
    let all = world.get::<AllDiagnostics>(&());
    let of_secrets = ["bad-secret", "unknown-secret", "secret-namespace", "certificate-host"];
    all.iter().filter(|finding| of_secrets.contains(&finding.code.name())).cloned().collect()
}

/// Checks the findings about Secrets: `severity code object path: part of the message`.
#[track_caller]
fn check_at(now: Option<&str>, objects: &[String], expected: &[(&str, &str)]) {
    let mut world = World::of(&objects.concat());
    if let Some(now) = now {
        let mut changes = ChangeSet::new();
        input::set_now(now.parse::<Timestamp>().unwrap(), &mut changes);
        world.db.apply(changes);
        world.db.settle();
    }
    let found = findings(&mut world);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (finding, (head, says)) in found.iter().zip(expected) {
        let shown = format!("{} {} {} {}", finding.severity, finding.code.name(), finding.on, finding.path);
        assert_eq!(shown, *head, "{finding}");
        assert!(finding.message.contains(says), "{finding}\ndoes not say: {says}");
        assert!(finding.position.is_some() && finding.help.is_some(), "{finding}");
    }
}

#[track_caller]
fn check(objects: &[String], expected: &[(&str, &str)]) {
    check_at(None, objects, expected);
}

const NAMED: &str = "mode: SIMPLE, credentialName: c";
const AT_GATEWAY: &str = "warning bad-secret Gateway shop/g spec.servers[0].tls.credentialName";

#[test]
fn a_secret_that_is_right_is_no_finding() {
    for place in ["shop/c", "edge/c", "istio-system/c"] {
        check(&[gateway(&[NAMED]), right(place)], &[]);
    }
    check(&[gateway(&[NAMED]), right("edge/c"), service("edge")], &[]);
    let generic = secret("edge/c", &[("cert", "@rsa"), ("key", "@rsa key"), ("cacert", "@authority")]);
    check(
        &[
            gateway_of(
                "{port: {number: 8443, name: s, protocol: HTTPS}, hosts: ['*'], tls: {mode: MUTUAL, credentialName: c}}",
            ),
            generic,
        ],
        &[],
    );
}

#[test]
fn what_nobody_names_may_hold_anything() {
    let junk = |key: &str| secret("shop/c", &[(key, "junk"), ("key", "junk")]);
    check(&[junk("cert"), junk("tls.crt").replace("\"c\"", "\"d\"")], &[]);
}

#[test]
fn a_secret_that_is_wrong_has_the_reason_and_its_server_says_so() {
    let with = |values: &[(&str, &str)], path: &str, says: &str| {
        let on_secret = format!("error bad-secret Secret edge/c {path}");
        let expected = [(AT_GATEWAY, "no usable certificate and key"), (&*on_secret, says)];
        check(&[gateway(&[NAMED]), secret("edge/c", values)], &expected);
    };
    with(&[("tls.crt", "@p256")], "data", "has `tls.crt` and no private key");
    with(&[("cert", "@p256")], "data", "has `cert` and no private key");
    with(&[("tls.key", "@p256 key")], "data", "has `tls.key` and no certificate");
    with(&[("tls.crt", "@p256"), ("tls.key", "@other key")], "stringData[tls.key]", "is not the key of the");
    with(&[("tls.crt", ""), ("tls.key", "@p256 key")], "stringData[tls.crt]", "`tls.crt` is empty");
    with(&[("tls.crt", "x"), ("tls.key", "@p256 key")], "stringData[tls.crt]", "no certificate in PEM");
    with(&[("tls.crt", "@k256"), ("tls.key", "@k256 key")], "stringData[tls.crt]", "on a curve that Envoy");
    with(&[("tls.crt", "@p256"), ("tls.key", "@p256 encrypted")], "stringData[tls.key]", "is encrypted");
    check(
        &[gateway(&[NAMED]), secret("edge/c", &[("tls.crt", "x"), ("tls.key", "y")])],
        &[
            (AT_GATEWAY, "no usable certificate and key"),
            ("error bad-secret Secret edge/c stringData[tls.crt]", "holds no certificate"),
            ("error bad-secret Secret edge/c stringData[tls.key]", "holds no private key"),
        ],
    );
    // The author of the Secret may not know that it is for this.
    for values in [&[("ca.crt", "@authority")][..], &[("server.crt", "@p256"), ("server.key", "@p256 key")]] {
        check(
            &[gateway(&[NAMED]), secret("edge/c", values)],
            &[(AT_GATEWAY, "neither `tls.crt` and `tls.key`")],
        );
    }
}

/// What its type promises is asked for when it is read, whoever names it: it is not said twice.
#[test]
fn a_secret_of_the_type_for_tls_is_told_once() {
    let secret = secret("edge/c", &[("tls.crt", "@p256"), ("tls.key", "@other key")]);
    let secret = secret.replace("\"stringData\"", "\"type\":\"kubernetes.io/tls\",\"stringData\"");
    check(&[gateway(&[NAMED]), secret], &[(AT_GATEWAY, "in `edge` has no usable certificate and key")]);
}

#[test]
fn servers_for_clients_with_certificates_need_authorities() {
    let mutual = || gateway(&["mode: MUTUAL, credentialName: c"]);
    check(&[mutual(), right("edge/c")], &[(AT_GATEWAY, "has no authorities to verify the other end")]);
    let separate = |text: &str| secret("edge/c-cacert", &[("ca.crt", text)]);
    check(&[mutual(), right("edge/c"), separate("@authority")], &[]);
    check(
        &[mutual(), right("edge/c"), separate("junk")],
        &[
            (AT_GATEWAY, "has no usable authorities"),
            ("error bad-secret Secret edge/c-cacert stringData[ca.crt]", "`ca.crt` holds no certificate"),
        ],
    );
    check(
        &[mutual(), right("edge/c"), secret("edge/c-cacert", &[("other", "x")])],
        &[(AT_GATEWAY, "has no authorities to verify the other end")],
    );
    // Whose authorities nobody asks for may have any.
    let both = secret("edge/c", &[("tls.crt", "@p256"), ("tls.key", "@p256 key"), ("ca.crt", "junk")]);
    check(&[gateway(&[NAMED]), both], &[]);
}

#[test]
fn certificates_are_for_their_time() {
    let with = |name: &str, now: Option<&str>, expected: &[(&str, &str)]| {
        let secret = secret("edge/c", &[("tls.crt", name), ("tls.key", "@p256 key")]);
        check_at(now, &[gateway(&[NAMED]), secret], expected);
    };
    let on = |severity: &str| format!("{severity} bad-secret Secret edge/c stringData[tls.crt]");
    let (warning, info) = (on("warning"), on("info"));
    // From 2000-01-01 to 2001-01-01.
    with("@expired", None, &[]);
    with("@expired", Some("1999-12-31T22:00:00Z"), &[(&warning, "not valid before 2000-01-01T00:00:00Z")]);
    with("@expired", Some("2000-06-01T00:00:00Z"), &[]);
    with("@expired", Some("2000-12-24T23:59:59Z"), &[]);
    with("@expired", Some("2000-12-25T01:00:00Z"), &[(&info, "is valid until 2001-01-01T00:00:00Z only")]);
    with("@expired", Some("2001-01-01T01:00:00Z"), &[(&warning, "expired at 2001-01-01T00:00:00Z")]);
    let mutual = gateway(&["mode: MUTUAL, credentialName: c"]);
    let secret = secret("edge/c", &[("tls.crt", "@p256"), ("tls.key", "@p256 key"), ("ca.crt", "@expired")]);
    check_at(
        Some("2026-01-01T00:00:00Z"),
        &[mutual, secret],
        &[("warning bad-secret Secret edge/c stringData[ca.crt]", "the authorities expired")],
    );
}

#[test]
fn the_time_changes_nothing_but_what_is_said_of_certificates() {
    let mut world = World::of(&[gateway(&[NAMED]), right("edge/c")].concat());
    let _lease = world.lease::<AllDiagnostics>(&());
    world.db.settle();
    let mut at = |hour: i64| {
        let mut changes = ChangeSet::new();
        input::set_now(Timestamp(1_800_000_000 + hour * 3600), &mut changes);
        world.db.apply(changes);
        world.db.settle().recomputed
    };
    at(0);
    let recomputed: Vec<_> = at(1).into_iter().collect();
    assert_eq!(recomputed, [("diagnostics of an object", 1)]);
}

#[test]
fn a_gateway_has_the_secrets_of_its_pods_namespace() {
    let at = "warning secret-namespace Gateway shop/g spec.servers[0].tls.credentialName";
    check(
        &[gateway(&[NAMED]), right("shop/c"), service("edge")],
        &[(at, "the Secret `c` is in `shop`, and the Pods of the gateway in `edge` have")],
    );
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: gw-1, namespace: edge, labels: {istio: gw}}, status: {podIP: 10.1.0.1, phase: Running}}\n";
    check(
        &[gateway(&[NAMED]), right("shop/c"), pod.to_owned()],
        &[(at, "the Secret `c` is in `shop`, and the Pods of the gateway in `edge` have")],
    );
    check(&[gateway(&[NAMED]), right("edge/c"), right("shop/c"), pod.to_owned()], &[]);
    check(
        &[gateway(&["mode: SIMPLE, credentialName: other/c"]), right("other/c")],
        &[(at, "`other/c` is not the name of a Secret")],
    );
    check(
        &[gateway(&[NAMED])],
        &[(
            "warning unknown-secret Gateway shop/g spec.servers[0].tls.credentialName",
            "no namespace has a Secret `c`",
        )],
    );
}

#[test]
fn a_secret_that_is_refused_is_not_called_absent() {
    let mut world = World::of(&gateway(&[NAMED]));
    let mut changes = ChangeSet::new();
    let refused = ConfigKey::new(fairlead_config::Kind::Secret, "edge", "c");
    changes.set::<input::Refused>(refused, std::sync::Arc::new(()));
    world.db.apply(changes);
    world.db.settle();
    let found = findings(&mut world);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert!(finding.message.starts_with("Secret edge/c is not used because of its errors"), "{finding}");
}

/// Where a gateway runs is not known without its Service and Pods, but not in two namespaces.
#[test]
fn secrets_of_one_gateway_are_together() {
    let name = |name: &str| format!("mode: SIMPLE, credentialName: {name}");
    let servers = gateway(&[&name("a"), &name("b"), &name("c")]);
    let at = "warning secret-namespace Gateway shop/g spec.servers[2].tls.credentialName";
    let says = "the Secret `c` is in `shop`, and others that the Gateway names are in `edge`";
    check(&[servers.clone(), right("edge/a"), right("edge/b"), right("shop/c")], &[(at, says)]);
    check(&[servers.clone(), right("edge/a"), right("edge/b"), right("edge/c"), right("shop/c")], &[]);
    // One that is nowhere says nothing about the others.
    check(
        &[servers, right("edge/a"), right("edge/b")],
        &[(
            "warning unknown-secret Gateway shop/g spec.servers[2].tls.credentialName",
            "no namespace has a Secret `c`",
        )],
    );
}

#[test]
fn the_field_that_names_a_secret_is_told() {
    check(
        &[gateway(&["mode: SIMPLE, credentialNames: [c, d]"])],
        &[("warning unknown-secret Gateway shop/g spec.servers[0].tls.credentialNames[0]", "`c`")],
    );
    check(
        &[gateway(&["mode: MUTUAL, credentialName: c, caCertCredentialName: ca"]), right("edge/c")],
        &[("warning unknown-secret Gateway shop/g spec.servers[0].tls.caCertCredentialName", "`ca`")],
    );
}

#[test]
fn hosts_that_a_certificate_is_not_for_are_told() {
    let hosts = |hosts: &str| {
        gateway_of(&format!(
            "{{port: {{number: 8443, name: s, protocol: HTTPS}}, hosts: [{hosts}], tls: {{{NAMED}}}}}"
        ))
    };
    // The certificate is for a.example.com and *.b.example.com.
    check(&[hosts("'*'"), right("edge/c")], &[]);
    check(
        &[hosts("A.example.com, ./x.b.example.com, '*.b.example.com', '*.example.com'"), right("edge/c")],
        &[],
    );
    check(
        &[hosts("a.example.com, shop/c.example.com, x.y.b.example.com"), right("edge/c")],
        &[
            (
                "warning certificate-host Gateway shop/g spec.servers[0].hosts[1]",
                "is not for `c.example.com`",
            ),
            (
                "warning certificate-host Gateway shop/g spec.servers[0].hosts[2]",
                "not for `x.y.b.example.com`",
            ),
        ],
    );
    let nameless = secret("edge/c", &[("tls.crt", "@no names"), ("tls.key", "@p256 key")]);
    check(
        &[hosts("a.example.com, b.example.com"), nameless],
        &[("info certificate-host Secret edge/c stringData[tls.crt]", "has no alternative names")],
    );
}

#[test]
fn rules_for_clients_need_secrets_too() {
    let rule = |selector: &str, tls: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: r, namespace: shop}}, spec: {{host: a.com, {selector}subsets: [{{name: v1, trafficPolicy: {{portLevelSettings: [{{port: {{number: 443}}, tls: {{{tls}}}}}]}}}}]}}}}\n"
        )
    };
    let own = "workloadSelector: {matchLabels: {app: a}}, ";
    let (mutual, simple) = ("mode: MUTUAL, credentialName: c", "mode: SIMPLE, credentialName: c");
    let at = |code: &str| {
        format!(
            "warning {code} DestinationRule shop/r spec.subsets[0].trafficPolicy.portLevelSettings[0].tls.credentialName"
        )
    };
    check(
        &[rule("", mutual)],
        &[(&at("unknown-secret"), "no namespace has a Secret `c`; connections by this")],
    );
    check(
        &[rule(own, mutual), right("edge/c")],
        &[(&at("secret-namespace"), "is in `edge`, and the workloads of the rule in `shop` have")],
    );
    check(&[rule(own, mutual), right("shop/c")], &[(&at("bad-secret"), "has no authorities to verify")]);
    check(&[rule(own, simple), secret("shop/c", &[("ca.crt", "@authority")])], &[]);
    check(&[rule(own, simple), secret("shop/c-cacert", &[("cacert", "@authority")])], &[]);
    let wrong =
        secret("shop/c", &[("tls.crt", "@p256"), ("tls.key", "@other key"), ("ca.crt", "@authority")]);
    check(&[rule(own, simple), wrong.clone()], &[]);
    check(
        &[rule(own, mutual), wrong],
        &[
            (&at("bad-secret"), "has no usable certificate and key"),
            ("error bad-secret Secret shop/c stringData[tls.key]", "is not the key"),
        ],
    );
    check(&[rule(own, "mode: MUTUAL, credentialName: c, insecureSkipVerify: true"), right("shop/c")], &[]);
}
