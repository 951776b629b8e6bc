use std::cmp::Ordering;

use super::natural;

fn check(sorted: &[&str]) {
    let mut shuffled = sorted.to_vec();
    shuffled.sort_unstable();
    shuffled.sort_by(|a, b| natural(a, b));
    assert_eq!(shuffled, sorted);
}

#[test]
fn numbers_count_as_numbers() {
    check(&["80", "8080", "15006"]);
    check(&["outbound|80||a", "outbound|443||a", "outbound|8080||a"]);
    check(&["10.0.0.2:80", "10.0.0.2:443", "10.0.0.10:80"]);
    check(&["web-1.shop", "web-2.default", "web-10.shop"]);
    check(&["", "0", "a", "a0", "a1b", "a01c", "a1c", "a2", "b"]);
}

#[test]
fn texts_are_equal_only_if_they_are_the_same() {
    assert_eq!(natural("a01", "a1"), Ordering::Less);
    assert_eq!(natural("a1", "a1"), Ordering::Equal);
    // Longer than any integer.
    assert_eq!(natural(&"9".repeat(50), &("1".to_owned() + &"0".repeat(50))), Ordering::Less);
}
