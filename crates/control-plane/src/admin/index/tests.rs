use std::collections::BTreeSet;

use super::{PROXIES, encoded, endpoints, escaped, page};

#[test]
fn what_a_proxy_calls_itself_is_text_and_nothing_else() {
    let id = "sidecar~1.1.1.1~<script>\"'&\n~x";
    let page = page(&[id.to_owned()]);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;&quot;&#39;&amp;\u{fffd}~x"), "{page}");
    assert!(page.contains("?proxy=sidecar~1.1.1.1~%3Cscript%3E%22%27%26%0A~x\""), "{page}");
}

#[test]
fn parameters_are_encoded_byte_by_byte() {
    assert_eq!(encoded("a b+c/ü"), "a%20b%2Bc%2F%C3%BC");
    assert_eq!(escaped("a b+c/ü"), "a b+c/ü");
}

#[test]
fn each_endpoint_is_listed_once_with_a_sentence() {
    let page = page(&[]);
    let paths: BTreeSet<_> = endpoints().iter().map(|endpoint| endpoint.path).collect();
    assert_eq!(paths.len(), endpoints().len());
    for endpoint in endpoints() {
        assert!(page.contains(&escaped(endpoint.shows)), "{}: {page}", endpoint.path);
        let is_linked = page.contains(&format!("<a href=\"{}\">", endpoint.path));
        assert_eq!(is_linked, !endpoint.needs_query, "{}", endpoint.path);
    }
}

#[test]
fn many_proxies_do_not_make_a_page_that_nobody_can_load() {
    let proxies: Vec<_> = (0..PROXIES + 7).map(|n| format!("proxy-{n:04}")).collect();
    let page = page(&proxies);
    assert!(page.contains("and 7 more"), "{page}");
    assert_eq!(page.matches("<li>").count(), PROXIES);
}
