//! The dataset `CostAndUsage`.

use super::charge::{Category, Charge};
use super::pricing::Pricing;
use super::{Version, instant, issuer, number, object};
use crate::export::cell::{Cell, Column, Fixed, Kind};
use crate::export::lines::json;

/// Services have no category of their own here.
const SERVICE_CATEGORY: &str = "Other";
const SERVICE_SUBCATEGORY: &str = "Other (Other)";

impl<'a> Charge<'a> {
    /// What it costs at a price of its unit; without one, what is billed.
    fn cost(&self, price: impl Fn(&Pricing) -> Fixed) -> Cell<'static> {
        match &self.pricing {
            None => number(self.billed),
            Some(pricing) => {
                pricing.cost(price(pricing)).map_or(Cell::NoNumber("a cost of more than 38 digits"), number)
            }
        }
    }

    fn unit_price(&self, price: impl Fn(&Pricing) -> Fixed) -> Cell<'static> {
        self.pricing.as_ref().map_or(Cell::Null, |pricing| number(price(pricing)))
    }

    /// What is billed, in the currency of the price.
    fn billed_in_pricing_currency(&self) -> Cell<'_> {
        let priced = self.pricing.as_ref().filter(|pricing| pricing.currency.is_some());
        match (priced, self.row.line().and_then(|line| line.price_total.as_deref())) {
            (None, _) => number(self.billed),
            (Some(_), Some(total)) => Fixed::parse(total).map_or(Cell::NoNumber("priceTotal"), number),
            (Some(_), None) => self.cost(|pricing| pricing.pricing.contracted),
        }
    }

    fn currency(&self) -> &'a str {
        &self.row.issued.document.currency
    }

    /// What is used up: the quantity of charges for usage.
    fn consumed(&self) -> Option<&Pricing> {
        self.pricing.as_ref().filter(|_| self.category == Category::Usage)
    }

    fn cloud(&self) -> Option<&'a str> {
        self.row.line()?.service.as_ref()?.cloud.as_deref()
    }

    /// In what it is counted.
    pub(super) fn meter(&self) -> Option<&'static str> {
        self.sku.as_ref()?;
        self.pricing.as_ref().map(|pricing| pricing.unit)
    }

    fn price_details(&self) -> Cell<'_> {
        if self.sku.is_none() {
            return Cell::Null;
        }
        let line = self.row.line();
        let service = line.and_then(|line| line.service.as_ref());
        object([
            ("x_Plan", service.and_then(|service| service.plan.as_deref())),
            ("x_Cloud", service.and_then(|service| service.cloud.as_deref())),
            ("x_PriceList", self.row.price_list()),
            ("x_PriceEntry", line.and_then(|line| Some(&*line.price.as_ref()?.entry))),
        ])
    }
}

/// The columns of a version, in FOCUS's order; ours, which begin with `x_`, come last.
pub fn columns<'a>(version: Version) -> Vec<Column<Charge<'a>>> {
    let mut columns: Vec<_> = standard().into_iter().chain(of_version(version)).collect();
    columns.sort_by_key(|column| column.field.name);
    columns.extend(own());
    columns
}

fn standard<'a>() -> Vec<Column<Charge<'a>>> {
    use Kind::{Number, Text, Time};
    let required = Column::<Charge<'a>>::required;
    let optional = Column::<Charge<'a>>::optional;
    vec![
        required("BilledCost", Number, |charge| number(charge.billed)),
        required("BillingAccountId", Text, |charge| Cell::text(&charge.row.issued.invoice.spec.billing_group_uid)),
        required("BillingAccountName", Text, |charge| {
            let issued = charge.row.issued;
            Cell::text(issued.buyer.display_name.as_deref().unwrap_or(&issued.invoice.spec.billing_group))
        }),
        required("BillingCurrency", Text, |charge| Cell::text(charge.currency())),
        required("BillingPeriodEnd", Time, |charge| instant(charge.row.issued.document.period.end.0)),
        required("BillingPeriodStart", Time, |charge| instant(charge.row.issued.document.period.start.0)),
        required("ChargeCategory", Text, |charge| Cell::text(charge.category.as_str())),
        optional("ChargeClass", Text, |charge| Cell::maybe(charge.is_correction.then_some("Correction"))),
        required("ChargeDescription", Text, |charge| Cell::Text(charge.row.description())),
        required("ChargeFrequency", Text, |charge| Cell::text(charge.frequency())),
        required("ChargePeriodEnd", Time, |charge| instant(charge.period.1)),
        required("ChargePeriodStart", Time, |charge| instant(charge.period.0)),
        optional("ConsumedQuantity", Number, |charge| {
            charge.consumed().map_or(Cell::Null, |pricing| number(pricing.quantity))
        }),
        optional("ConsumedUnit", Text, |charge| Cell::maybe(charge.consumed().map(|pricing| pricing.unit))),
        required("ContractedCost", Number, |charge| charge.cost(|pricing| pricing.billing.contracted)),
        optional("ContractedUnitPrice", Number, |charge| charge.unit_price(|pricing| pricing.billing.contracted)),
        required("EffectiveCost", Number, |charge| number(charge.billed)),
        required("InvoiceId", Text, |charge| Cell::text(&charge.row.issued.document.number)),
        required("InvoiceIssuerName", Text, |charge| Cell::text(issuer(charge.row.issued))),
        required("ListCost", Number, |charge| charge.cost(|pricing| pricing.billing.list)),
        optional("ListUnitPrice", Number, |charge| charge.unit_price(|pricing| pricing.billing.list)),
        optional("PricingCategory", Text, |charge| Cell::maybe(charge.pricing.as_ref().map(|_| "Standard"))),
        required("PricingCurrency", Text, |charge| {
            let own = charge.pricing.as_ref().and_then(|pricing| pricing.currency.as_deref());
            Cell::text(own.unwrap_or(charge.currency()))
        }),
        optional("PricingCurrencyContractedUnitPrice", Number, |charge| {
            charge.unit_price(|pricing| pricing.pricing.contracted)
        }),
        required("PricingCurrencyEffectiveCost", Number, Charge::billed_in_pricing_currency),
        optional("PricingCurrencyListUnitPrice", Number, |charge| charge.unit_price(|pricing| pricing.pricing.list)),
        optional("PricingQuantity", Number, |charge| {
            charge.pricing.as_ref().map_or(Cell::Null, |pricing| number(pricing.quantity))
        }),
        optional("PricingUnit", Text, |charge| Cell::maybe(charge.pricing.as_ref().map(|pricing| pricing.unit))),
        optional("RegionId", Text, |charge| Cell::maybe(charge.cloud())),
        optional("RegionName", Text, |charge| Cell::maybe(charge.cloud())),
        optional("ResourceId", Text, |charge| Cell::made(charge.resource_id())),
        optional("ResourceName", Text, |charge| {
            Cell::maybe(charge.row.line().and_then(|line| Some(line.service.as_ref()?.name.as_str())))
        }),
        optional("ResourceType", Text, |charge| {
            Cell::maybe(charge.row.line().and_then(|line| Some(line.service.as_ref()?.kind.as_str())))
        }),
        required("ServiceCategory", Text, |_| Cell::text(SERVICE_CATEGORY)),
        required("ServiceName", Text, |charge| Cell::text(charge.service_name())),
        required("ServiceSubcategory", Text, |_| Cell::text(SERVICE_SUBCATEGORY)),
        optional("SkuId", Text, |charge| Cell::maybe(charge.sku.as_deref())),
        optional("SkuMeter", Text, |charge| Cell::maybe(charge.meter())),
        optional("SkuPriceDetails", Text, Charge::price_details),
        optional("SkuPriceId", Text, |charge| Cell::made(charge.sku_price())),
        optional("SubAccountId", Text, |charge| {
            Cell::maybe(charge.row.line().and_then(|line| line.project.as_deref()))
        }),
        optional("SubAccountName", Text, |charge| {
            Cell::maybe(charge.row.line().and_then(|line| line.project.as_deref()))
        }),
        optional("Tags", Text, |charge| {
            charge.row.line().map_or(Cell::Null, |line| json(line.tags.is_empty(), &line.tags))
        }),
    ]
}

/// Who provides is named otherwise from version to version.
fn of_version<'a>(version: Version) -> Vec<Column<Charge<'a>>> {
    use Kind::Text;
    let required = Column::<Charge<'a>>::required;
    let optional = Column::<Charge<'a>>::optional;
    match version {
        Version::V1_2 => vec![
            // Always empty, but conditions of other columns' rules read it.
            optional("CommitmentDiscountStatus", Text, |_| Cell::Null),
            required("ProviderName", Text, |charge| Cell::text(issuer(charge.row.issued))),
            required("PublisherName", Text, |charge| Cell::text(issuer(charge.row.issued))),
        ],
        Version::V1_4 => vec![
            required("HostProviderName", Text, |charge| Cell::text(issuer(charge.row.issued))),
            required("InvoiceDetailId", Text, |charge| Cell::made(Some(charge.detail_id()))).unique(),
            required("ServiceProviderName", Text, |charge| Cell::text(issuer(charge.row.issued))),
        ],
    }
}

fn own<'a>() -> Vec<Column<Charge<'a>>> {
    use Kind::{Number, Text};
    let required = Column::<Charge<'a>>::required;
    let optional = Column::<Charge<'a>>::optional;
    vec![
        required("x_LineId", Text, |charge| Cell::Text(charge.row.id())).unique(),
        required("x_LineType", Text, |charge| Cell::text(charge.row.kind())),
        required("x_BillingGroup", Text, |charge| Cell::text(&charge.row.issued.invoice.spec.billing_group)),
        optional("x_Organization", Text, |charge| Cell::maybe(charge.row.issued.invoice.metadata.namespace.as_deref())),
        required("x_InvoicePhase", Text, |charge| {
            Cell::text(if charge.row.issued.is_final() { "Final" } else { "Estimate" })
        }),
        optional("x_TaxCategory", Text, |charge| Cell::maybe(charge.row.tax().map(|tax| tax.0))),
        optional("x_TaxRate", Number, |charge| Cell::maybe_number(charge.row.tax().map(|tax| tax.1))),
    ]
}
