use super::*;
use crate::server::{
    ServerOptions,
    clients::{Clients, client_of},
};

const PATIENCE: Duration = Duration::from_millis(50);

fn client() -> Arc<Client> {
    client_of("10.0.0.1", &ServerOptions::default())
}

fn admission(limit: usize) -> (Arc<Backlog>, Admission) {
    let backlog = Arc::new(Backlog::default());
    (backlog.clone(), Admission::new(backlog, limit, PATIENCE))
}

#[tokio::test(start_paused = true)]
async fn without_a_backlog_everybody_comes_in() {
    let (_, admission) = admission(100);
    let client = client();
    for _ in 0..10 * ARRIVING {
        drop(admission.enter(&client).await.expect("there is room"));
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
        async move { admission.enter(&client()).await.is_ok() }
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
    let (one, other) = (client(), client());
    let mut arrivals = Vec::new();
    for _ in 0..ARRIVING_OF_ONE {
        arrivals.push(admission.enter(&one).await.expect("there is room"));
    }
    assert!(admission.enter(&one).await.is_err(), "what is left is for others");
    assert!(admission.further(&one).is_err(), "also for a further stream");
    for _ in ARRIVING_OF_ONE..ARRIVING {
        arrivals.push(admission.enter(&other).await.expect("there is room"));
    }
    assert!(admission.enter(&other).await.is_err());
    arrivals.pop();
    assert!(admission.enter(&other).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_when_to_come_back() {
    let (backlog, admission) = admission(100);
    backlog.add(1000);
    let client = client();
    let late = admission.enter(&client).await.err().expect("there is no room");
    assert_eq!(late.retry_after, Duration::from_secs(1), "nobody else waits");
    let status = late.status();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(status.metadata().get(PUSHBACK).expect("the hint is there"), "1000");
    assert!(admission.retry(&client).is_err());
    backlog.sub(1000);
    assert!(admission.retry(&client).is_ok());
}

#[tokio::test(start_paused = true)]
async fn connections_pass_in_the_order_in_which_they_came() {
    let (backlog, admission) = admission(100);
    let admission = Arc::new(admission);
    backlog.add(100);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    let client = client();
    for i in 0..5 {
        let (entering, order, client) = (admission.clone(), order.clone(), client.clone());
        tasks.push(tokio::spawn(async move {
            let arrival = entering.enter(&client).await;
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

#[tokio::test(start_paused = true)]
async fn a_crowd_at_one_address_does_not_stand_before_another() {
    let (backlog, admission) = admission(100);
    let admission = Arc::new(admission);
    backlog.add(100);
    let order = Arc::new(Mutex::new(Vec::new()));
    let (crowd, other) = (client(), client());
    let mut tasks = Vec::new();
    let comers = std::iter::repeat_n(("crowd", crowd), 50).chain([("other", other)]);
    for (i, (name, client)) in comers.enumerate() {
        let (entering, order) = (admission.clone(), order.clone());
        tasks.push(tokio::spawn(async move {
            let arrival = entering.enter(&client).await;
            order.lock().unwrap().push(name);
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
    let at = order.lock().unwrap().iter().position(|name| *name == "other");
    assert!(at.is_some_and(|at| at < 3), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_leaves_the_queue() {
    let (backlog, admission) = admission(100);
    let admission = Arc::new(admission);
    backlog.add(100);
    let client = client();
    let (entering, waits) = (admission.clone(), client.clone());
    let gone = tokio::spawn(async move { entering.enter(&waits).await.is_ok() });
    while admission.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    assert_eq!(admission.waiting(), 0);
    backlog.sub(100);
    assert!(admission.enter(&client).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_one_address_is_owed_leaves_room_for_others() {
    let options = ServerOptions { backlog_limit: 100, ..ServerOptions::default() };
    let clients = Arc::new(Clients::new(&options));
    let admission = Admission::new(clients.backlog(), options.backlog_limit, PATIENCE);
    let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| clients.client(address.parse().unwrap()));
    one.backlog.add(50);
    one.backlog.add(500);
    assert_eq!((clients.backlog().bytes(), clients.backlog().counted()), (550, 75));
    assert!(admission.enter(&one).await.is_err());
    assert!(admission.enter(&other).await.is_ok());
    other.backlog.add(30);
    assert!(admission.enter(&other).await.is_err(), "together it is all that there may be");
    one.backlog.sub(480);
    assert_eq!(clients.backlog().counted(), 100);
    assert!(admission.enter(&one).await.is_err(), "it has room of its own, but together they have none");
    one.backlog.sub(70);
    other.backlog.sub(30);
    assert_eq!((clients.backlog().bytes(), clients.backlog().counted()), (0, 0));
    assert!(admission.enter(&one).await.is_ok());
}
