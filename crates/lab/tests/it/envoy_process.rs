//! A stock Envoy with a static configuration, started, asked and ended.

use std::time::Duration;

use fairlead_lab::{
    client::{Client, Request},
    envoy_process::{AdminPlace, EnvoyError, EnvoyOptions, EnvoyProcess, validate},
    ports,
};
use http::StatusCode;

fn direct_response(listen: std::net::SocketAddr, extra: &str) -> String {
    format!(
        r#"
node: {{id: a, cluster: b}}
{extra}
static_resources:
  listeners:
  - name: in
    address: {{socket_address: {{address: {ip}, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          access_log:
          - name: out
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
              log_format: {{text_format_source: {{inline_string: "%REQ(:PATH)% %RESPONSE_CODE%\n"}}}}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, direct_response: {{status: 418, body: {{inline_string: short}}}}}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: one
    type: STATIC
    load_assignment: {{cluster_name: one, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9}}}}}}}}]}}]}}
"#,
        ip = listen.ip(),
        port = listen.port(),
    )
}

#[tokio::test]
async fn a_static_envoy_serves_and_tells_about_itself() {
    let listen = ports::at(8080).unwrap();
    let envoy = EnvoyProcess::start(&direct_response(listen, ""), &EnvoyOptions::default()).await.unwrap();

    let answer = Client::new(listen).send(&Request::get("/tea")).await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::IM_A_TEAPOT, "short"));

    let admin = envoy.admin();
    assert_eq!(admin.stat("http.in.downstream_rq_4xx").await.unwrap(), 1);
    assert_eq!(admin.stat("no.such.stat").await.unwrap(), 0);
    assert_eq!(admin.hosts().await.unwrap()["one"], ["127.0.0.1:9"]);
    let dump = admin.config_dump("resource=static_listeners").await.unwrap();
    assert_eq!(dump["configs"][0]["listener"]["name"], "in");
    let listeners = admin.listeners().await.unwrap();
    assert_eq!(listeners["listener_statuses"][0]["name"], "in");
    assert!(admin.certs().await.unwrap().is_object());
    admin.get("/no/such/path").await.unwrap_err();

    assert_eq!(envoy.deprecation_warnings(), Vec::<String>::new());
    assert_eq!(envoy.unknown_fields().await.unwrap(), 0);
    assert!(envoy.log().contains("starting main dispatch loop"));
    fairlead_lab::deadline::eventually("access log", Duration::from_secs(5), || async {
        if envoy.stdout() == "/tea 418\n" { Ok(()) } else { Err(envoy.stdout()) }
    })
    .await
    .unwrap();

    assert!(envoy.stop().unwrap().success());
    Client::new(listen).send(&Request::get("/")).await.unwrap_err();
}

#[tokio::test]
async fn an_admin_address_in_the_bootstrap_is_used() {
    let listen = ports::at(8080).unwrap();
    let admin = ports::at(15000).unwrap();
    let extra =
        format!("admin: {{address: {{socket_address: {{address: {}, port_value: 15000}}}}}}", admin.ip());
    let bootstrap = direct_response(listen, &extra);
    let envoy = EnvoyProcess::start(&bootstrap, &EnvoyOptions::default()).await.unwrap();
    assert_eq!(envoy.admin().get("/ready").await.unwrap().trim(), "LIVE");
    let direct = Client::new(admin).send(&Request::get("/ready")).await.unwrap();
    assert_eq!(direct.text().trim(), "LIVE");
    drop(envoy);

    // Asked for, the unix socket replaces it.
    let options = EnvoyOptions { admin: AdminPlace::UnixSocket, ..EnvoyOptions::default() };
    let envoy = EnvoyProcess::start(&bootstrap, &options).await.unwrap();
    assert_eq!(envoy.admin().get("/ready").await.unwrap().trim(), "LIVE");
    Client::new(admin).send(&Request::get("/ready")).await.unwrap_err();
}

#[tokio::test]
async fn a_dropped_envoy_is_gone_with_its_port_and_directory() {
    let listen = ports::at(8080).unwrap();
    let envoy = EnvoyProcess::start(&direct_response(listen, ""), &EnvoyOptions::default()).await.unwrap();
    let (id, directory) = (envoy.id(), envoy.directory().to_owned());
    assert!(directory.is_dir());
    drop(envoy);
    assert!(!directory.exists());
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    ports::check_free(listen).unwrap();
}

#[tokio::test]
async fn a_bootstrap_that_envoy_refuses_ends_the_start_at_once_with_its_log() {
    let error =
        EnvoyProcess::start("static_resources: {nonsense: 1}", &EnvoyOptions::default()).await.unwrap_err();
    let EnvoyError::Ended { log, .. } = error else { panic!("{error}") };
    assert!(log.contains("nonsense"), "{log}");
}

#[tokio::test]
async fn an_envoy_that_stays_warming_is_reported_as_such() {
    // A listener that waits for a route table which no file brings never starts the workers.
    let bootstrap = r#"
node: {id: a, cluster: b}
dynamic_resources:
  cds_config: {api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}, initial_fetch_timeout: 0s, resource_api_version: V3}
static_resources:
  clusters:
  - {name: xds, type: STATIC, typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}}
"#;
    let options = EnvoyOptions { ready_within: Duration::from_millis(800), ..EnvoyOptions::default() };
    let error = EnvoyProcess::start(bootstrap, &options).await.unwrap_err();
    let EnvoyError::NotReady { source, .. } = &error else { panic!("{error}") };
    assert!(source.last.contains("503"), "{error}");
}

#[tokio::test]
async fn validation_accepts_the_good_and_says_what_is_wrong_with_the_bad() {
    let listen = ports::at(8080).unwrap();
    let good = direct_response(listen, "");
    validate(&good).await.unwrap();
    let bad = good.replace("domains: [\"*\"]", "domains: [\"*\", \"*\"]");
    let error = validate(&bad).await.unwrap_err();
    assert!(error.contains("Only a single wildcard domain"), "{error}");
}

#[tokio::test]
async fn a_deprecated_field_is_warned_about() {
    let listen = ports::at(8080).unwrap();
    let deprecated = direct_response(listen, "").replace(
        "direct_response: {status: 418, body: {inline_string: short}}",
        "route: {cluster: one, max_grpc_timeout: 1s}",
    );
    let envoy = EnvoyProcess::start(&deprecated, &EnvoyOptions::default()).await.unwrap();
    let warnings = envoy.deprecation_warnings();
    assert!(warnings.iter().any(|line| line.contains("max_grpc_timeout")), "{warnings:?}\n{}", envoy.log());
}
