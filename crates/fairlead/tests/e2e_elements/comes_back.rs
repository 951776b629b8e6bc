//! What is held back from a proxy, when its stream ends and it comes back.

use std::time::Instant;

use fairlead_control_plane::core::Fault;
use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
};
use fairlead_resource::TypeUrl;
use http::StatusCode;

use crate::{
    cable::Cable,
    crowd::{Crowd, HOST, places},
    cut::{came_back, is_cut_off},
    endpoints::hosts,
    harness::{Mesh, Proxy, mesh::SETTLED_WITHIN},
    pair::NAMESPACE,
    spoil::{Wrong, tail},
};

const PORT: u16 = 8080;
const OTHER: u16 = 9090;
const HOSTS: usize = 30;
const BAD: usize = 7;

fn host(number: usize) -> String {
    format!("h{number}.example.com")
}

/// Gateways with two ports, and a VirtualService for each host. An edition changes all of them but the last.
fn objects(proxies: &[(&str, &Proxy)], edition: u16) -> String {
    let gateway = |(side, proxy): &(&str, &Proxy)| {
        let server = |port: u16| {
            format!(
                "  - {{port: {{number: {port}, name: http-{port}, protocol: HTTP}}, bind: {}, hosts: ['*']}}\n",
                proxy.address
            )
        };
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n{}{}",
            server(PORT),
            server(OTHER)
        )
    };
    let routes = |number: usize| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v{number}, namespace: {NAMESPACE}}}\nspec:\n  hosts: [{}]\n  gateways: [gdelta, gworld]\n  http: [{{route: [{{destination: {{host: {HOST}}}}}], headers: {{response: {{set: {{x-edition: \"{edition}\"}}}}}}}}]\n",
            host(number)
        )
    };
    proxies.iter().map(gateway).chain((0..HOSTS).map(routes)).collect()
}

/// Waits until a proxy answers for a host with this edition.
async fn answers(proxy: &Proxy, port: u16, number: usize, edition: Option<u16>) {
    let what = format!("{} answers at {port} for {} with {edition:?}", proxy.name, host(number));
    eventually(&what, SETTLED_WITHIN, || async {
        let answer = Client::new(proxy.at(port))
            .send(&Request::get("/").host(&host(number)))
            .await
            .map_err(|error| error.to_string())?;
        let found = answer.header("x-edition").map(str::to_owned);
        let served = (answer.status == StatusCode::OK).then_some(found).flatten();
        if served == edition.map(|edition| edition.to_string()) { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await
    .unwrap();
}

/// On the state-of-the-world protocol a proxy that came back lost the last good version of what it had rejected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_comes_back_keeps_what_it_has_in_place_of_what_it_rejected() {
    let mesh = Mesh::start().await;
    let crowd = Crowd::start().await;
    let cable = Cable::to(mesh.control_plane().xds_address()).await;
    mesh.publish("crowd.yaml", &crowd.service(&places(0..3, "eu/a"))).await;
    let delta = mesh.gateway("delta", NAMESPACE).through(cable.address()).start().await;
    let world = mesh.gateway("world", NAMESPACE).through(cable.address()).state_of_the_world().start().await;
    let proxies = [("delta", &delta), ("world", &world)];
    mesh.apply("edge.yaml", &objects(&proxies, 1)).await;
    for (_, proxy) in proxies {
        answers(proxy, PORT, BAD, Some(1)).await;
        answers(proxy, OTHER, BAD, Some(1)).await;
    }
    // One host of the first port, and the listener of the second as a whole.
    let faults = proxies.iter().flat_map(|(_, proxy)| {
        let table = format!("http.{PORT}.{}", proxy.address);
        let host = (TypeUrl::VIRTUAL_HOST, format!("{table}/{}:{PORT}", host(BAD)));
        let listener = (TypeUrl::LISTENER, format!("{}_{OTHER}", proxy.address));
        [host, listener].map(|(type_url, name)| Fault {
            type_url,
            name: name.into(),
            tail: tail(type_url, Wrong::Meaning),
        })
    });
    mesh.control_plane().core().inject(faults.collect()).await.unwrap();
    mesh.publish("edge.yaml", &objects(&proxies, 2)).await;
    let expect = async |edition: u16| {
        for (_, proxy) in proxies {
            answers(proxy, PORT, 0, Some(edition)).await;
            answers(proxy, PORT, BAD, Some(1)).await;
            answers(proxy, OTHER, 0, Some(edition)).await;
            let rejected = mesh
                .session(&proxy.name)
                .map(|session| session.types.iter().map(|status| status.held_back.len()).sum::<usize>());
            assert!(rejected >= Some(1), "{}: {rejected:?}", proxy.name);
        }
    };
    expect(2).await;
    // What else changes is followed meanwhile.
    mesh.publish("crowd.yaml", &crowd.service(&places(3..5, "eu/a"))).await;
    for (_, proxy) in proxies {
        eventually(&format!("{} knows the new endpoints", proxy.name), SETTLED_WITHIN, || async {
            let hosts = hosts(proxy).await;
            if hosts.len() == 2 { Ok(()) } else { Err(format!("{hosts:?}")) }
        })
        .await
        .unwrap();
    }
    for edition in 3..6 {
        let began = Instant::now();
        cable.cut();
        is_cut_off(&delta).await;
        is_cut_off(&world).await;
        if edition % 2 == 0 {
            mesh.publish("edge.yaml", &objects(&proxies, edition)).await;
        }
        cable.mend();
        came_back(&mesh, &delta, began).await;
        came_back(&mesh, &world, began).await;
        mesh.publish("edge.yaml", &objects(&proxies, edition)).await;
        expect(edition).await;
    }
    mesh.control_plane().core().inject(Vec::new()).await.unwrap();
    mesh.publish("edge.yaml", &objects(&proxies, 9)).await;
    for (_, proxy) in proxies {
        answers(proxy, PORT, BAD, Some(9)).await;
        answers(proxy, OTHER, BAD, Some(9)).await;
    }
}
