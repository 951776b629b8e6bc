use fairlead_control_plane::admin::{ProxyStatus, TypeState, TypeSync};

use super::{choice, table};

fn status(r#type: &str, state: TypeState) -> TypeSync {
    TypeSync { r#type: r#type.to_owned(), state, ..TypeSync::default() }
}

#[test]
fn each_state_of_a_type_has_its_word() {
    let proxy = ProxyStatus {
        proxy: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local".to_owned(),
        cluster: "Kubernetes".to_owned(),
        service_cluster: "web.shop".to_owned(),
        envoy_version: Some("1.40.0".to_owned()),
        types: vec![
            status("CDS", TypeState::Synced),
            status("LDS", TypeState::Error),
            status("EDS", TypeState::Stale),
            status("RDS", TypeState::NotSent),
        ],
        ..ProxyStatus::default()
    };
    assert_eq!(
        table(&[proxy]).render(true),
        "NAME         CLUSTER      CDS      LDS     EDS     RDS        SDS   VERSION   SUBSCRIBED TYPES\n\
         web-1.shop   Kubernetes   SYNCED   ERROR   STALE   NOT SENT   -     1.40.0    4 (CDS,LDS,EDS,RDS)\n"
    );
}

#[test]
fn what_is_wrong_with_elements_shows_with_their_type() {
    let proxy = ProxyStatus {
        proxy: "router~10.0.0.1~edge.shop~shop.svc.cluster.local".to_owned(),
        types: vec![
            status("LDS", TypeState::Synced),
            status("FCDS", TypeState::Error),
            status("RDS", TypeState::Synced),
            status("VHDS", TypeState::Stale),
        ],
        ..ProxyStatus::default()
    };
    let table = table(&[proxy]).render(false);
    let words: Vec<&str> = table.split_whitespace().collect();
    assert_eq!(words[..7], ["edge.shop", "-", "-", "ERROR", "-", "STALE", "-"], "{table}");
}

#[test]
fn proxies_are_chosen_by_name_and_namespace() {
    let of = |name: &str| ProxyStatus {
        proxy: format!("sidecar~10.0.0.1~{name}~{name}.svc.cluster.local"),
        ..ProxyStatus::default()
    };
    let chosen = |wanted, namespace| {
        let mut proxies = ["web-1.shop", "cart-1.shop", "web-1.test"].map(of).to_vec();
        choice(&mut proxies, wanted, namespace)?;
        Ok(proxies.iter().map(|proxy| super::full_name(&proxy.proxy).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(None, Some("shop")), Ok(vec!["web-1.shop".to_owned(), "cart-1.shop".to_owned()]));
    assert_eq!(chosen(Some("pod/web-1"), Some("test")), Ok(vec!["web-1.test".to_owned()]));
    assert_eq!(chosen(None, Some("none")), Ok(Vec::new()));
    let error: Result<_, String> = chosen(Some("web-2.shop"), None);
    assert!(error.clone().is_err_and(|error| error.contains("did you mean `web-1.shop`?")), "{error:?}");
}
