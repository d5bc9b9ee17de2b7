//! Direct reads of the custom resources of billing, for whoever decides on more than what a watch has brought: the closing, the
//! auditor, the commands of the plugin.
//!
//! Lists come page by page ([`list`]), with a page that fits the kind; what does not decode is handed over beside the rest, with
//! the reason. The slices of a document are read with it ([`slices_of`]), and those that are missing are named.

mod kinds;
mod slices;

use std::fmt::Debug;

use kube::api::ListParams;
use kube::{Api, Resource};
use operator_kit::paging::Pages;
use serde::de::DeserializeOwned;

pub use kinds::Listed;
pub use kube::core::DeserializeGuard;
pub use slices::{Lacking, Slices, slices_of};

/// The domain of the project's own labels and annotations.
const OWN_DOMAIN: &str = "billing-operator.io";

/// The objects of a kind that `params` select, page by page, without other people's labels and annotations.
pub fn list<K>(api: Api<DeserializeGuard<K>>, params: ListParams) -> Pages<DeserializeGuard<K>>
where
    K: Listed + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    Pages::new(api, params, K::PAGE).keeping(OWN_DOMAIN)
}

/// Selects final invoices, or credit notes that are issued.
pub fn finals() -> ListParams {
    ListParams::default().fields("status.phase=Final")
}
