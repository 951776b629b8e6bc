use super::*;

#[test]
fn bounds_are_those_of_the_binomial_distribution() {
    // 1000 fair coins: the standard deviation is 15.81.
    assert_eq!(bounds(0.5, 1000, 4.0), (437, 563));
    assert_eq!(bounds(0.0, 1000, 4.0), (0, 0));
    assert_eq!(bounds(1.0, 1000, 4.0), (1000, 1000));
    assert_eq!(bounds(0.01, 10, 4.0).0, 0);
}

#[test]
fn a_share_off_by_a_tenth_is_noticed_with_a_thousand_requests() {
    within(0.8, 1000, 812, 4.0).unwrap();
    let error = within(0.8, 1000, 700, 4.0).unwrap_err();
    assert_eq!(error, "700 of 1000, expected 749 to 851 (0.8 of them, 4 standard deviations)");
}

#[test]
fn a_rate_spreads_requests_over_the_time() {
    let load = Load::per_second(10, Duration::from_secs(2));
    assert_eq!(load.due(0), Some(Duration::ZERO));
    assert_eq!(load.due(15), Some(Duration::from_millis(1500)));
    assert_eq!(load.due(20), None);
}

#[test]
fn percentiles_are_taken_from_all_workers() {
    let mut report = Report::default();
    for ms in 1..=100 {
        report.latencies.push(Duration::from_millis(ms));
    }
    assert_eq!(report.latency(0.5), Duration::from_millis(50));
    assert_eq!(report.latency(0.99), Duration::from_millis(99));
    assert_eq!(Report::default().latency(0.5), Duration::ZERO);
}
