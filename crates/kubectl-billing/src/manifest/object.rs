//! Typed objects.

use billing_api::{
    BillingGroup, BillingPeriod, Credit, CreditCode, CreditNote, ExchangeRates, Invoice, InvoiceIssuer, InvoiceSeries,
    InvoiceSlice, Meter, MetricsServer, PriceList, ProjectBinding, ProjectLedger, UsageRecord,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::Resource;
use serde::de::Error as _;
use serde_json::Value;
use std::fmt;

/// Names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: String,
    /// Its namespace, if it has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// As far as an object says what it is.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = &object["metadata"];
        Some(Self {
            kind: text(&object["kind"])?,
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]).or_else(|| text(&metadata["generateName"]))?,
        })
    }

    fn to<K: Resource<DynamicType = ()>>(object: &K) -> Self {
        Self {
            kind: K::kind(&()).into_owned(),
            namespace: object.meta().namespace.clone(),
            name: object.meta().name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Declares the enum of kinds, and what is the same for each of them.
macro_rules! objects {
    ($($kind:ident),+ $(,)?) => {
        /// An object of a kind that means something to billing.
        #[derive(Debug, Clone)]
        pub enum Object {
            $(#[doc = concat!("A ", stringify!($kind), ".")] $kind(Box<$kind>),)+
        }

        impl Object {
            /// What the object is called.
            pub fn reference(&self) -> ObjectRef {
                match self {
                    $(Self::$kind(object) => ObjectRef::to(&**object),)+
                }
            }
        }

        impl TryFrom<Value> for Object {
            type Error = serde_json::Error;

            fn try_from(value: Value) -> Result<Self, Self::Error> {
                match value["kind"].as_str() {
                    $(Some(stringify!($kind)) => serde_json::from_value(value).map(Self::$kind),)+
                    kind => Err(serde_json::Error::custom(format!("no kind {}", kind.unwrap_or("at all")))),
                }
            }
        }
    };
}

objects!(
    Namespace,
    BillingGroup,
    ProjectBinding,
    ProjectLedger,
    Invoice,
    InvoiceSlice,
    InvoiceSeries,
    UsageRecord,
    PriceList,
    ExchangeRates,
    BillingPeriod,
    InvoiceIssuer,
    Credit,
    CreditCode,
    CreditNote,
    Meter,
    MetricsServer,
);
