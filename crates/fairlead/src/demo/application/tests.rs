use std::time::Duration;

use fairlead_lab::client::{Answer, Client, Request};
use hyper::StatusCode;

use super::{Application, Behaviour};

async fn ask(application: &Application, request: Request) -> Answer {
    Client::new(application.address()).send(&request).await.expect("an answer")
}

#[tokio::test]
async fn an_application_says_who_it_is() {
    let catalog = Application::start("catalog", "v7").await.expect("a free port");
    let answer = ask(&catalog, Request::get("/catalog")).await;
    assert_eq!((answer.service(), answer.version()), (Some("catalog"), Some("v7")));
    assert_eq!(catalog.requests(), 1);
}

#[tokio::test]
async fn the_first_requests_fail_if_asked_to() {
    let catalog = Application::start("catalog", "v1").await.expect("a free port");
    catalog.behave(Behaviour::fails_first(2, StatusCode::SERVICE_UNAVAILABLE));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&catalog, Request::get("/")).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn the_answer_of_a_called_service_is_passed_on_as_it_is() {
    let bookstore = Application::start("bookstore", "v1").await.expect("a free port");
    let reviews = Application::start("reviews", "v1").await.expect("a free port");
    reviews.behave(Behaviour::broken(StatusCode::IM_A_TEAPOT));
    bookstore.finds_services_at(reviews.address());
    let answer = ask(&bookstore, Request::get("/reviews")).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.service(), Some("reviews"));
}

#[tokio::test]
async fn a_service_that_cannot_be_called_is_a_bad_gateway() {
    let bookstore = Application::start("bookstore", "v1").await.expect("a free port");
    let answer = ask(&bookstore, Request::get("/reviews")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.service(), Some("bookstore"));
}

#[tokio::test]
async fn a_slow_application_takes_its_time() {
    let catalog = Application::start("catalog", "v1").await.expect("a free port");
    catalog.behave(Behaviour::slow(Duration::from_millis(50)));
    let began = std::time::Instant::now();
    ask(&catalog, Request::get("/")).await;
    assert!(began.elapsed() >= Duration::from_millis(50));
}
