use super::*;

#[test]
fn a_duration_keeps_its_nanoseconds_and_saturates() {
    let proto: pb::Duration = Duration::new(1, 2).into_proto();
    assert_eq!((proto.seconds, proto.nanos), (1, 2));
    let proto: pb::Duration = Duration::MAX.into_proto();
    assert_eq!(proto.seconds, i64::MAX);
}

#[test]
fn a_tenth_of_a_percent_is_a_thousand_millionths() {
    assert_eq!(fractional_percent(0.1).numerator, 1_000);
    assert_eq!(fractional_percent(100.0).numerator, 1_000_000);
    assert_eq!(fractional_percent(250.0).numerator, 1_000_000);
    assert_eq!(fractional_percent(-1.0).numerator, 0);
    assert_eq!(fractional_percent(f64::NAN).numerator, 0);
}
