use super::{choose, full_name};

const CONNECTED: [&str; 7] = [
    "sidecar~10.0.0.1~web-1.default~default.svc.cluster.local",
    "sidecar~10.0.0.2~web-10.default~default.svc.cluster.local",
    "sidecar~10.0.0.3~cart-1.shop~shop.svc.cluster.local",
    "sidecar~10.0.0.4~cart-1.test~test.svc.cluster.local",
    "sidecar~10.0.0.5~api-6bd6c5c8d8-x7k2p.shop~shop.svc.cluster.local",
    "sidecar~10.0.0.6~api-6bd6c5c8d8-b4d9m.shop~shop.svc.cluster.local",
    "router~10.0.0.7~edge.v1.istio-system~istio-system.svc.cluster.local",
];

fn names(wanted: &str, namespace: Option<&str>) -> Result<Vec<&'static str>, String> {
    choose(wanted, namespace, CONNECTED).map(|ids| ids.into_iter().map(full_name).collect())
}

fn is_one(wanted: &str, namespace: Option<&str>, expected: &str) {
    assert_eq!(names(wanted, namespace), Ok(vec![expected]), "{wanted} {namespace:?}");
}

#[test]
fn a_proxy_is_meant_by_its_id_its_name_or_what_kubectl_says() {
    is_one(CONNECTED[0], None, "web-1.default");
    is_one(CONNECTED[0], Some("shop"), "web-1.default");
    is_one("web-1.default", None, "web-1.default");
    is_one("web-1", None, "web-1.default");
    is_one("pod/web-1", None, "web-1.default");
    is_one("po/web-1.default", None, "web-1.default");
    is_one("cart-1", Some("test"), "cart-1.test");
    is_one("pods/cart-1", Some("shop"), "cart-1.shop");
    is_one("cart-1.shop", None, "cart-1.shop");
    // A namespace in the name is more than one beside it.
    is_one("cart-1.shop", Some("test"), "cart-1.shop");
}

#[test]
fn a_name_may_have_dots() {
    is_one("edge.v1", None, "edge.v1.istio-system");
    is_one("edge.v1", Some("istio-system"), "edge.v1.istio-system");
    is_one("edge.v1.istio-system", None, "edge.v1.istio-system");
}

#[test]
fn what_makes_pods_means_those_of_its_pods() {
    let both = Ok(vec!["api-6bd6c5c8d8-b4d9m.shop", "api-6bd6c5c8d8-x7k2p.shop"]);
    for wanted in ["deployment/api", "deploy/api", "deployment/api.shop"] {
        assert_eq!(names(wanted, None), both, "{wanted}");
    }
    assert_eq!(names("deployment/api", Some("shop")), both);
    assert_eq!(names("rs/api-6bd6c5c8d8", None), both);
    assert_eq!(names("sts/web", None), Ok(vec!["web-1.default", "web-10.default"]));
    assert!(names("deployment/web", None).is_err());
    assert!(names("deployment/api", Some("default")).is_err());
}

#[test]
fn an_ambiguous_name_tells_which_there_are() {
    assert_eq!(names("cart-1", None).unwrap_err(), "`cart-1` may be `cart-1.shop`, `cart-1.test`: say which");
    let twice = ["sidecar~10.0.0.1~a.b~c", "sidecar~10.0.0.2~a.b~c"];
    assert_eq!(
        choose("a.b", None, twice).unwrap_err(),
        "`a.b` may be `sidecar~10.0.0.1~a.b~c`, `sidecar~10.0.0.2~a.b~c`: say which"
    );
    assert_eq!(choose("a", None, [twice[0], twice[0]]), Ok(vec![twice[0]]));
}

#[test]
fn an_unknown_name_tells_which_are_near_and_which_there_are() {
    let error = names("web-2.default", None).unwrap_err();
    assert_eq!(
        error,
        "no proxy `web-2.default` is connected; did you mean `web-1.default`? Connected are `api-6bd6c5c8d8-b4d9m.shop`, \
         `api-6bd6c5c8d8-x7k2p.shop`, `cart-1.shop`, `cart-1.test`, `edge.v1.istio-system`, `web-1.default`, \
         `web-10.default`"
    );
    let error = names("web-1", Some("shop")).unwrap_err();
    assert!(
        error.starts_with("no proxy `web-1` is connected in namespace `shop`; did you mean `web-1.default`?"),
        "{error}"
    );
    let error = names("payment-service", None).unwrap_err();
    assert!(error.starts_with("no proxy `payment-service` is connected; connected are "), "{error}");
    assert_eq!(choose("a", None, []).unwrap_err(), "no proxy `a` is connected, nor any other");
    assert!(names("svc/web-1", None).unwrap_err().contains("before the `/` stands pod, deployment"));
    let many: Vec<_> = (0..20).map(|n| format!("sidecar~10.0.0.1~p{n}.a~b")).collect();
    let error = choose("zzzz", None, many.iter().map(String::as_str)).unwrap_err();
    assert!(error.ends_with("`p7.a` and 12 more, which `fairlead proxy-status` lists"), "{error}");
}
