use super::encoded;

#[test]
fn what_has_a_meaning_in_a_query_is_encoded() {
    assert_eq!(encoded("outbound|80||a.b"), "outbound%7C80%7C%7Ca.b");
    assert_eq!(encoded("a&b=c d+é"), "a%26b%3Dc%20d%2B%C3%A9");
}
