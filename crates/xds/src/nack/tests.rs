use super::*;

#[test]
fn a_long_message_keeps_its_beginning_and_the_reason_at_its_end() {
    let shown = "é".repeat(5000);
    let message = truncated(&format!(
        "Error adding/updating listener(s) 0.0.0.0_443: goo.gle/debugstr {shown} Invalid path: /etc/tls.crt"
    ));
    assert!(message.starts_with("Error adding/updating listener(s) 0.0.0.0_443: "), "{message}");
    assert!(message.ends_with(" Invalid path: /etc/tls.crt"), "{message}");
    assert!((MESSAGE_BYTES - 4..=MESSAGE_BYTES).contains(&message.len()), "{}", message.len());
}

#[test]
fn a_message_that_fits_is_kept_as_it_is() {
    let message = "x".repeat(MESSAGE_BYTES);
    assert_eq!(truncated(&message), message);
    assert_eq!(truncated(""), "");
}
