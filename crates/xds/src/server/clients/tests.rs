use super::*;

fn clients(options: &ServerOptions) -> Arc<Clients> {
    Arc::new(Clients::new(options))
}

fn seat(clients: &Arc<Clients>, address: &str) -> Option<Seat> {
    let place = clients.places.clone().try_acquire_owned().ok()?;
    clients.seat(address.parse().unwrap(), place)
}

#[test]
fn one_address_leaves_a_quarter_of_the_connections_to_others() {
    let clients = clients(&ServerOptions { max_connections: 8, ..ServerOptions::default() });
    let own: Vec<_> = (0..6).map(|_| seat(&clients, "10.0.0.1").unwrap()).collect();
    assert!(seat(&clients, "10.0.0.1").is_none());
    assert_eq!(clients.connections(), 6, "who is refused leaves no trace");
    let other = seat(&clients, "10.0.0.2").unwrap();
    drop(own);
    assert!(seat(&clients, "10.0.0.1").is_some());
    drop(other);
    assert_eq!((clients.connections(), clients.known.lock().unwrap().len()), (0, 0));
}

#[test]
fn addresses_that_one_machine_may_choose_are_one_client() {
    let clients = clients(&ServerOptions { max_connections_per_client: 1, ..ServerOptions::default() });
    let _first = seat(&clients, "2001:db8::1").unwrap();
    assert!(seat(&clients, "2001:db8::2").is_none());
    let _other = seat(&clients, "2001:db8:0:1::1").unwrap();
    let _v4 = seat(&clients, "10.0.0.1").unwrap();
    assert!(seat(&clients, "::ffff:10.0.0.1").is_none());
}

#[test]
fn bytes_are_bounded_for_each_client_and_for_all() {
    let (each, all) = (1 << 20, 2 << 20);
    let clients = clients(&ServerOptions {
        max_request_bytes: each,
        client_bytes: each,
        clients_bytes: all,
        ..ServerOptions::default()
    });
    let seats: Vec<_> = (1..=3).map(|i| seat(&clients, &format!("10.0.0.{i}")).unwrap()).collect();
    let mut first = seats[0].client.hold(each).unwrap();
    assert!(seats[0].client.hold(SMALL + 1).is_none(), "it holds what it may");
    assert!(seats[0].client.hold(SMALL).is_some(), "a small one is not held up by large ones");
    let _second = seats[1].client.hold(each).unwrap();
    assert!(seats[2].client.hold(each).is_none(), "all hold what they may");
    assert!(!first.resize(3 * each) && first.resize(SMALL));
    assert!(seats[2].client.hold(each / 2).is_some());
    drop(first);
    assert_eq!(clients.bytes(), each);
}

#[test]
fn streams_are_bounded_for_each_client() {
    let clients = clients(&ServerOptions { max_connections_per_client: 1, ..ServerOptions::default() });
    let seat = seat(&clients, "10.0.0.1").unwrap();
    let open: Vec<_> = (0..STREAMS).map(|_| seat.client.open().unwrap()).collect();
    assert!(seat.client.open().is_none());
    drop(open);
    assert!(seat.client.open().is_some());
    assert_eq!(clients.streams.load(Ordering::Relaxed), 0);
}
