use fairlead_control_plane::admin::{ProxyStatus, TypeSync};

use super::table;

fn status(r#type: &str, sent: bool, synced: bool, rejected: usize) -> TypeSync {
    let sent = sent.then(|| "n".to_owned());
    TypeSync { r#type: r#type.to_owned(), sent, synced, rejected, ..TypeSync::default() }
}

#[test]
fn each_state_of_a_type_has_its_word() {
    let proxy = ProxyStatus {
        proxy: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local".to_owned(),
        cluster: "web.shop".to_owned(),
        envoy_version: Some("1.40.0".to_owned()),
        types: vec![
            status("CDS", true, true, 0),
            status("LDS", true, false, 1),
            status("EDS", true, false, 0),
            status("RDS", false, false, 0),
        ],
        ..ProxyStatus::default()
    };
    assert_eq!(
        table(&[proxy]).render(true),
        "NAME         CLUSTER    CDS      LDS     EDS     RDS        SDS   VERSION   SUBSCRIBED TYPES\n\
         web-1.shop   web.shop   SYNCED   ERROR   STALE   NOT SENT   -     1.40.0    4 (CDS,LDS,EDS,RDS)\n"
    );
}

#[test]
fn what_is_wrong_with_elements_shows_with_their_type() {
    let proxy = ProxyStatus {
        proxy: "router~10.0.0.1~edge.shop~shop.svc.cluster.local".to_owned(),
        types: vec![
            status("LDS", true, true, 0),
            status("FCDS", true, false, 1),
            status("RDS", true, true, 0),
            status("VHDS", true, false, 0),
        ],
        ..ProxyStatus::default()
    };
    let table = table(&[proxy]).render(false);
    let words: Vec<&str> = table.split_whitespace().collect();
    assert_eq!(words[..7], ["edge.shop", "-", "-", "ERROR", "-", "STALE", "-"], "{table}");
}
