//! Pods with interception: skipped, with the reason, where namespaces are not allowed.

use std::path::Path;

use fairlead_lab::envoy_process::{AdminPlace, EnvoyOptions, EnvoyProcess};
use fairlead_testkit::netns::{Fabric, Privilege, available};

/// An Envoy that answers `name` to each request on `ports`, of either family.
fn answering(name: &str, ports: &[u16]) -> String {
    let listener = |port: &u16| {
        format!(
            r#"
  - name: "{port}"
    address: {{socket_address: {{address: "::", port_value: {port}, ipv4_compat: true}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, body: {{inline_string: "{name} {port}"}}}}}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"#
        )
    };
    let listeners: String = ports.iter().map(listener).collect();
    format!("node: {{id: {name}, cluster: c}}\nstatic_resources:\n  listeners:{listeners}\n")
}

fn options(wrapper: Vec<std::ffi::OsString>) -> EnvoyOptions {
    EnvoyOptions { wrapper, other_user: true, admin: AdminPlace::UnixSocket, ..EnvoyOptions::default() }
}

async fn interception(privilege: Privilege) {
    let mut fabric = Fabric::with(privilege).unwrap();
    let (a, b) = (fabric.pod("a").unwrap(), fabric.pod("b").unwrap());
    let _app = EnvoyProcess::start(&answering("app", &[8080]), &options(b.proxy_wrapper())).await.unwrap();
    let proxy =
        EnvoyProcess::start(&answering("proxy", &[15001, 15006]), &options(a.proxy_wrapper())).await.unwrap();
    let get = |pod: &fairlead_testkit::netns::Pod, url: &str| {
        pod.output("curl", &["--silent", "--show-error", "--max-time", "5", "--globoff", url]).unwrap()
    };
    let direct = format!("http://{}:8080/", b.ip());
    assert_eq!(get(&a, &direct), "app 8080");
    a.redirect().unwrap();
    assert_eq!(get(&a, &direct), "proxy 15001");
    assert_eq!(get(&a, "http://10.96.0.99/"), "proxy 15001");
    assert_eq!(get(&a, &format!("http://[{}]:8080/", b.ipv6())), "proxy 15001");
    assert_eq!(get(&b, &format!("http://{}:9999/", a.ip())), "proxy 15006");
    assert_eq!(proxy.deprecation_warnings(), Vec::<String>::new());
    if privilege == Privilege::Root {
        // The proxy's own connections are let through.
        let mut as_proxy = a.proxy_wrapper().into_iter();
        let mut command = std::process::Command::new(as_proxy.next().unwrap());
        let output =
            command.args(as_proxy).args(["curl", "--silent", "--max-time", "5", &direct]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "app 8080");
    }
    let namespace = format!("/run/netns/{}", a.namespace());
    assert_eq!(Path::new(&namespace).exists(), privilege == Privilege::Root);
    drop(fabric);
    assert!(!Path::new(&namespace).exists());
}

#[tokio::test]
async fn connections_of_pods_are_redirected_as_root() {
    match available() {
        Ok(Privilege::Root) => interception(Privilege::Root).await,
        Ok(Privilege::UserNamespace) => eprintln!("skipped: not root"),
        Err(reason) => eprintln!("{reason}"),
    }
}

#[tokio::test]
async fn connections_of_pods_are_redirected_in_a_user_namespace() {
    match available() {
        Ok(_) => match Fabric::with(Privilege::UserNamespace) {
            Ok(fabric) => {
                drop(fabric);
                interception(Privilege::UserNamespace).await;
            }
            Err(error) => eprintln!("skipped: {error}"),
        },
        Err(reason) => eprintln!("{reason}"),
    }
}
