use super::{encoded, envoy_address, server_address};

#[test]
fn what_has_a_meaning_in_a_query_is_encoded() {
    assert_eq!(encoded("outbound|80||a.b"), "outbound%7C80%7C%7Ca.b");
    assert_eq!(encoded("a&b=c d+é"), "a%26b%3Dc%20d%2B%C3%A9");
}

#[test]
fn an_address_may_be_a_url() {
    for (text, expected) in [
        ("127.0.0.1:15014", "127.0.0.1:15014"),
        ("http://localhost:15014", "localhost:15014"),
        ("HTTP://localhost:15014/", "localhost:15014"),
        ("localhost", "localhost:15014"),
        (":16014", "127.0.0.1:16014"),
        ("[::1]:15014", "[::1]:15014"),
        ("http://[::1]/", "[::1]:15014"),
    ] {
        assert_eq!(server_address(text), Ok(expected.to_owned()), "{text}");
    }
    assert_eq!(envoy_address("http://127.0.0.1"), Ok("127.0.0.1:15000".to_owned()));
}

#[test]
fn what_is_no_address_tells_what_to_write() {
    for (text, expected) in [
        ("https://localhost:15014", "write http://localhost:15014"),
        ("grpc://localhost:15014", "write http://localhost:15014"),
        ("localhost:15014/debug/syncz", "write localhost:15014"),
        ("localhost:http", "`http` is no port"),
        ("localhost:0", "`0` is no port"),
        ("localhost:70000", "`70000` is no port"),
        ("::1", "write [::1]:15014"),
    ] {
        let error = server_address(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}
