use super::*;

const PATIENCE: Duration = Duration::from_millis(50);

fn admission(limit: usize) -> (Arc<Backlog>, Admission) {
    let backlog = Arc::new(Backlog::default());
    (backlog.clone(), Admission::new(backlog, limit, PATIENCE))
}

#[tokio::test(start_paused = true)]
async fn without_a_backlog_everybody_comes_in() {
    let (_, admission) = admission(100);
    for _ in 0..10 * ARRIVING {
        drop(admission.enter().await.expect("there is room"));
    }
    assert_eq!(admission.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_makes_new_connections_wait_until_it_is_read() {
    let (backlog, admission) = admission(100);
    let admission = Arc::new(admission);
    backlog.add(100);
    let waiting = tokio::spawn({
        let admission = admission.clone();
        async move { admission.enter().await.is_ok() }
    });
    sleep(PATIENCE / 2).await;
    assert_eq!(admission.waiting(), 1);
    backlog.sub(1);
    assert!(waiting.await.unwrap());
    assert_eq!(admission.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_not_yet_served_count_as_well() {
    let (_, admission) = admission(100);
    let mut arrivals = Vec::new();
    for _ in 0..ARRIVING {
        arrivals.push(admission.enter().await.expect("there is room"));
    }
    assert!(admission.enter().await.is_err());
    arrivals.pop();
    assert!(admission.enter().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_when_to_come_back() {
    let (backlog, admission) = admission(100);
    backlog.add(1000);
    let late = admission.enter().await.expect_err("there is no room");
    assert_eq!(late.retry_after, Duration::from_secs(1), "nobody else waits");
    let status = late.status();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(status.metadata().get(PUSHBACK).expect("the hint is there"), "1000");
    assert!(admission.retry().is_err());
    backlog.sub(1000);
    assert!(admission.retry().is_ok());
}

#[tokio::test(start_paused = true)]
async fn connections_pass_in_the_order_in_which_they_came() {
    let (backlog, admission) = admission(100);
    let admission = Arc::new(admission);
    backlog.add(100);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for i in 0..5 {
        let (entering, order) = (admission.clone(), order.clone());
        tasks.push(tokio::spawn(async move {
            let arrival = entering.enter().await;
            order.lock().unwrap().push(i);
            arrival.is_ok()
        }));
        while admission.waiting() <= i {
            tokio::task::yield_now().await;
        }
    }
    backlog.sub(100);
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}
