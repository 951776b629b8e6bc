use super::*;

#[test]
fn a_client_that_makes_many_lines_gets_a_number_in_their_place() {
    let (mut window, start) = (Window::default(), Instant::now());
    let admitted = (0..LINES + 500).filter(|_| window.admit(start).0).count();
    assert_eq!(admitted as u64, LINES);
    assert_eq!(window.admit(start + WINDOW), (true, 500));
    assert_eq!(window.admit(start + WINDOW), (true, 0));
}
