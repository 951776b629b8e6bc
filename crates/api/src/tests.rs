use std::time::Duration;

use crate::{Destination, DurationError, ProtoDuration, Secret};

fn duration(text: &str) -> Result<Duration, DurationError> {
    text.parse::<ProtoDuration>().map(|d| d.0)
}

#[test]
fn durations_are_read_in_gos_notation() {
    for (text, millis) in [
        ("1s", 1_000),
        ("1.5s", 1_500),
        ("1h2m", 3_720_000),
        ("100ms", 100),
        ("0", 0),
        ("0s", 0),
        ("-0s", 0),
        ("+2s", 2_000),
        (".5s", 500),
        ("1.s", 1_000),
        ("1m0.25s", 60_250),
        ("2000us", 2),
        ("3000\u{b5}s", 3),
        ("1000000ns", 1),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn other_texts_are_not_durations() {
    for (text, error) in [
        ("", DurationError::Empty),
        ("30", DurationError::MissingUnit),
        ("1.5", DurationError::MissingUnit),
        ("3d", DurationError::UnknownUnit),
        ("3S", DurationError::UnknownUnit),
        ("s", DurationError::Malformed),
        (".s", DurationError::Malformed),
        ("-", DurationError::Malformed),
        ("-1s", DurationError::Negative),
        ("9999999h", DurationError::TooLong),
        // Envoy: `Duration out-of-range`.
        ("9223372036s", DurationError::TooLong),
        ("99999999999999999999s", DurationError::TooLong),
        (" 1s", DurationError::Malformed),
    ] {
        assert_eq!(duration(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_printed_duration_reads_back_equal() {
    for nanos in [0, 1, 999, 1_000_000, 25_000_000, 1_000_000_000, 1_500_000_000, 3_600_000_000_001] {
        let printed = ProtoDuration(Duration::from_nanos(nanos)).to_string();
        assert_eq!(duration(&printed), Ok(Duration::from_nanos(nanos)), "{printed}");
    }
}

#[test]
fn secret_values_show_neither_in_debug_output_nor_in_json() {
    let json =
        r#"{"type":"kubernetes.io/tls","data":{"tls.key":"aHVudGVyMg=="},"stringData":{"p":"hunter3"}}"#;
    let secret: Secret = serde_json::from_str(json).unwrap();
    assert_eq!(secret.get("tls.key"), Some(b"hunter2".as_slice()));
    assert_eq!(secret.get("p"), Some(b"hunter3".as_slice()));
    for shown in [format!("{secret:?}"), serde_json::to_string(&secret).unwrap()] {
        assert!(!shown.contains("hunter") && !shown.contains("aHVud"), "{shown}");
        assert!(shown.contains("redacted, 7 bytes"), "{shown}");
    }
}

#[test]
fn an_error_about_base64_does_not_show_the_value() {
    let error = serde_json::from_str::<Secret>(r#"{"data":{"k":"%hunter2"}}"#).unwrap_err();
    assert!(!error.to_string().contains("hunter"), "{error}");
}

#[test]
fn schemas_list_required_fields_and_formats() {
    let schema = schemars::schema_for!(Destination).to_value();
    assert_eq!(schema["required"], serde_json::json!(["host"]));
    let schema = schemars::schema_for!(crate::HttpRetry).to_value();
    assert_eq!(schema["properties"]["perTryTimeout"]["format"], "duration", "{schema:#}");
}
