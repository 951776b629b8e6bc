use super::is_local_name;

#[test]
fn a_name_that_somebody_may_point_at_loopback_is_not_local() {
    for local in ["localhost", "LOCALHOST:15014", "127.0.0.1:15014", "[::1]:15014", "[::1]", "10.0.0.1"] {
        assert!(is_local_name(local), "{local}");
    }
    for other in ["example.com", "example.com:15014", "localhost.example.com:80", ""] {
        assert!(!is_local_name(other), "{other}");
    }
}
