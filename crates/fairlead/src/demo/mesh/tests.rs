use fairlead_config::decode_file;

use super::{Mesh, Ports, files};

#[test]
fn the_files_of_the_mesh_have_no_finding() {
    let mut mesh = Mesh::plan(Ports::default());
    for (workload, port) in mesh.workloads.iter_mut().zip(20_000..) {
        workload.application = ([127, 0, 0, 1], port).into();
    }
    let mut objects = 0;
    for (name, text) in files(&mesh) {
        let decoded = decode_file(name, text.as_bytes());
        assert_eq!(decoded.diagnostics, Vec::new(), "{name}");
        objects += decoded.objects.len();
    }
    // ConfigMap; Service and EndpointSlice of each service; Pod and Sidecar of each workload; Gateway and its
    // VirtualService; DestinationRule.
    assert_eq!(objects, 1 + 2 * 4 + 2 * 7 + 2 + 1);
}
