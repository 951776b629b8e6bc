use super::*;

#[test]
fn works() {
    let d = decode_file("a.yaml", b"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n  hosts: [a]\n  http:\n  - route:\n    - destination: {host: b, subst: c}\n      timeout: 5\n      weight: \"80\"\n");
    for x in &d.diagnostics {
        println!("{x}");
    }
    let d = decode_file("a.yaml", b"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n  hosts: [a]\n  http:\n  - match:\n    - uri:\n      prefix: /a\n    timeout: 5s\n");
    for x in &d.diagnostics {
        println!("{x}");
    }
}
