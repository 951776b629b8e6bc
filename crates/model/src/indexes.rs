//! Every index of this crate.

use fairlead_incremental::Db;

use crate::{
    diagnostics, endpoints,
    input::{
        All, ByNamespace, DestinationRules, EndpointsAt, Gateways, PodsAt, Secrets, SelectingServiceEntries,
        SelectingServices, ServiceEntries, ServiceEntriesAt, ServiceEntriesOfHost, Services, Sidecars,
        SlicesAt, SlicesOfService, VirtualServices, WorkloadEntriesAt, WorkloadEntriesByLabel,
    },
    proxy,
};

/// Registers all indexes. Call it once, before the first facts.
pub fn register(db: &mut Db) {
    db.register_index::<All<Services>>();
    db.register_index::<All<ServiceEntries>>();
    db.register_index::<All<VirtualServices>>();
    db.register_index::<All<DestinationRules>>();
    db.register_index::<All<Gateways>>();
    db.register_index::<All<Sidecars>>();
    db.register_index::<ByNamespace<VirtualServices>>();
    db.register_index::<ByNamespace<DestinationRules>>();
    db.register_index::<ByNamespace<Sidecars>>();
    db.register_index::<EndpointsAt>();
    db.register_index::<PodsAt>();
    db.register_index::<SelectingServiceEntries>();
    db.register_index::<SelectingServices>();
    db.register_index::<ServiceEntriesAt>();
    db.register_index::<ServiceEntriesOfHost>();
    db.register_index::<SlicesAt>();
    db.register_index::<SlicesOfService>();
    db.register_index::<WorkloadEntriesAt>();
    db.register_index::<diagnostics::SecretsNamed>();
    db.register_index::<diagnostics::TlsSecrets>();
    db.register_index::<endpoints::HeadlessServices>();
    db.register_index::<diagnostics::ServiceEntriesAtPlace>();
    db.register_index::<diagnostics::ServicesAtPlace>();
    db.register_index::<diagnostics::ServicesBySelector>();
    db.register_index::<diagnostics::VirtualServicesByName>();
    db.register_index::<proxy::ServicesByPlace>();
    db.register_index::<proxy::ByConcerned<DestinationRules>>();
    db.register_index::<proxy::ByConcerned<Secrets>>();
    db.register_index::<proxy::ByConcerned<ServiceEntries>>();
    db.register_index::<proxy::ByConcerned<Services>>();
    db.register_index::<proxy::ByConcerned<Sidecars>>();
    db.register_index::<proxy::ByConcerned<VirtualServices>>();
    db.register_index::<WorkloadEntriesByLabel>();
}
