//! One allocation for every text that usage records repeat.

use std::collections::HashSet;
use std::sync::Arc;

use billing_api as api;
use billing_domain::{Name, Service};

/// Shares equal names and services.
#[derive(Debug, Default)]
pub struct Interner {
    names: HashSet<Name>,
    services: HashSet<Arc<Service>>,
}

impl Interner {
    /// The shared name with this text.
    pub fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name = Name::from(text);
        self.names.insert(name.clone());
        name
    }

    /// The shared service that the wire describes, and the cluster where it runs.
    pub fn service(&mut self, service: &api::Service, cluster: Option<&api::Name>) -> Arc<Service> {
        let service = Service {
            name: self.name(&service.name),
            kind: self.name(&service.kind),
            plan: service.plan.as_deref().map(|plan| self.name(plan)),
            cloud: service.cloud.as_deref().map(|cloud| self.name(cloud)),
            cluster: cluster.map(|cluster| self.name(cluster)),
        };
        if let Some(known) = self.services.get(&service) {
            return known.clone();
        }
        let service = Arc::new(service);
        self.services.insert(service.clone());
        service
    }
}
