//! What to try while the mesh keeps running.

use std::io;

use super::{
    lab::Lab,
    mesh::{ADMIN_PORT, NAMESPACE},
    output::{Look, Output},
};

/// Says where everything is, and what to try.
pub(super) fn say(lab: &Lab, out: Output) -> io::Result<()> {
    let directory = lab.directory().path().display();
    let gateway = lab.mesh().entrance();
    let admin = lab.control_plane().admin_address();
    let bookstore =
        lab.mesh().of("bookstore").next().map(|workload| workload.address.to_string()).unwrap_or_default();
    out.line(&out.paint(Look::Title, "\nThe mesh keeps running. Ctrl-C ends it."))?;
    out.line("\n  Ask the bookstore, through the gateway:")?;
    out.quote(&format!(
        "curl http://{gateway}/
curl http://{gateway}/reviews
curl -H 'x-user: ada' http://{gateway}/reviews"
    ))?;
    out.line("\n  Look at the proxies, and at what they were sent:")?;
    out.quote(&format!(
        "fairlead proxy-status --server {admin}
fairlead proxy-config routes bookstore-v1.{NAMESPACE} --server {admin}
curl http://{bookstore}:{ADMIN_PORT}/config_dump"
    ))?;
    out.line(&format!("\n  Edit the files in {directory}, for example:"))?;
    out.quote(&format!(
        "cat > {directory}/reviews.yaml <<'END'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: {NAMESPACE}}}
spec:
  hosts: [reviews]
  http:
  - match: [{{headers: {{x-user: {{exact: ada}}}}}}]
    route: [{{destination: {{host: reviews, subset: v3}}}}]
  - route: [{{destination: {{host: reviews, subset: v1}}}}]
END"
    ))?;
    out.line("\n  Mistakes are told by")?;
    out.quote(&format!("fairlead analyze {directory}"))
}
