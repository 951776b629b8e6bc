use std::cell::Cell;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_condition_that_comes_true_ends_the_wait() {
    let looks = Cell::new(0);
    let value = eventually("third look", Duration::from_secs(5), || async {
        looks.set(looks.get() + 1);
        if looks.get() == 3 { Ok(looks.get()) } else { Err(format!("look {}", looks.get())) }
    })
    .await
    .unwrap();
    assert_eq!(value, 3);
}

#[tokio::test(start_paused = true)]
async fn a_missed_deadline_reports_the_last_reason() {
    let error = eventually("the moon", Duration::from_millis(50), || async { Err::<(), _>("still cheese") })
        .await
        .unwrap_err();
    assert_eq!(error.last, "still cheese");
    assert!(error.to_string().starts_with("the moon: not within 50ms"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_cut_off() {
    let error = eventually("an answer", Duration::from_secs(1), || async {
        std::future::pending::<Result<(), String>>().await
    })
    .await
    .unwrap_err();
    assert!(error.last.contains("did not end"));
}
