use super::*;

fn retry() -> Retry {
    Retry::new(&ServerOptions {
        retry_first: Duration::from_secs(5),
        retry_last: Duration::from_secs(30),
        ..ServerOptions::default()
    })
}

async fn waited(retry: &Retry) -> u64 {
    let from = Instant::now();
    retry.due().await;
    from.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn attempts_come_at_growing_intervals_that_end_growing() {
    let mut retry = retry();
    retry.note(1);
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(waited(&retry).await);
        retry.made();
        retry.note(1);
    }
    assert_eq!(times, [5, 10, 20, 30, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_new_content_is_tried_soon_and_nothing_is_when_there_is_none() {
    let mut retry = retry();
    retry.note(1);
    for _ in 0..3 {
        retry.due().await;
        retry.made();
    }
    retry.note(2);
    assert_eq!(waited(&retry).await, 5);
    retry.made();
    retry.note(1);
    retry.note(0);
    let never = tokio::time::timeout(Duration::from_secs(10_000), retry.due());
    assert!(never.await.is_err());
}
