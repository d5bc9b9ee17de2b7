//! The dataset `CostAndUsage`.

use super::charge::{Category, Charge};
use super::pricing::{Prices, Pricing, unit_of};
use super::{Version, instant, number};
use crate::export::cell::{Cell, Column, Fixed, Kind};

/// Services have no category of their own here.
const SERVICE_CATEGORY: &str = "Other";
const SERVICE_SUBCATEGORY: &str = "Other (Other)";

impl<'a> Charge<'a> {
    /// What it costs at its prices; without any, what is billed.
    fn cost(&self, of: impl Fn(&Prices) -> Fixed) -> Cell<'static> {
        number(self.pricing.as_ref().map_or(self.billed, |pricing| of(&pricing.costs)))
    }

    fn unit_price(&self, price: impl Fn(&Pricing<'_>) -> Fixed) -> Cell<'static> {
        self.pricing.as_ref().map_or(Cell::Null, |pricing| number(price(pricing)))
    }

    /// What is billed, in the currency of the price.
    fn billed_in_pricing_currency(&self) -> Cell<'_> {
        let priced = self.pricing.as_ref().filter(|pricing| pricing.currency.is_some());
        match (priced, self.row.line().and_then(|line| line.price_total.as_deref())) {
            (None, _) => number(self.billed),
            (Some(_), Some(total)) => Fixed::parse(total).map_or(Cell::NoNumber("priceTotal"), number),
            (Some(pricing), None) => {
                let cost = pricing.pricing.contracted.times(pricing.quantity);
                cost.map_or(Cell::NoNumber("a cost of more than 38 digits"), number)
            }
        }
    }

    fn currency(&self) -> &'a str {
        self.row.document.currency
    }

    /// What is used up: the quantity of charges for usage.
    fn consumed(&self) -> Option<&Pricing<'a>> {
        self.pricing.as_ref().filter(|_| self.category == Category::Usage)
    }

    fn cloud(&self) -> Option<&'a str> {
        self.row.about()?.service.as_ref()?.cloud.as_deref()
    }

    /// In what it is counted.
    pub(super) fn meter(&self) -> Option<&'static str> {
        self.offer.as_ref()?;
        Some(self.pricing.as_ref().map_or_else(|| unit_of(self.row.about()), |pricing| pricing.unit))
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
        required("BillingAccountId", Text, |charge| Cell::text(charge.row.document.billing_group_uid)).of_document(),
        required("BillingAccountName", Text, |charge| {
            let document = charge.row.document;
            Cell::text(document.buyer.display_name.as_deref().unwrap_or(document.billing_group))
        })
        .of_document(),
        required("BillingCurrency", Text, |charge| Cell::text(charge.currency())).of_document(),
        required("BillingPeriodEnd", Time, |charge| instant(charge.row.document.end)).of_document(),
        required("BillingPeriodStart", Time, |charge| instant(charge.row.document.start)).of_document(),
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
        required("ContractedCost", Number, |charge| charge.cost(|costs| costs.contracted)),
        optional("ContractedUnitPrice", Number, |charge| charge.unit_price(|pricing| pricing.billing.contracted)),
        required("EffectiveCost", Number, |charge| number(charge.billed)),
        required("InvoiceId", Text, |charge| Cell::text(charge.row.document.number)).of_document(),
        required("InvoiceIssuerName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
        required("ListCost", Number, |charge| charge.cost(|costs| costs.list)),
        optional("ListUnitPrice", Number, |charge| charge.unit_price(|pricing| pricing.billing.list)),
        optional("PricingCategory", Text, |charge| Cell::maybe(charge.pricing.as_ref().map(|_| "Standard"))),
        required("PricingCurrency", Text, |charge| {
            let own = charge.pricing.as_ref().and_then(|pricing| pricing.currency);
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
            Cell::maybe(charge.row.about().and_then(|line| Some(line.service.as_ref()?.name.as_str())))
        }),
        optional("ResourceType", Text, |charge| {
            Cell::maybe(charge.row.about().and_then(|line| Some(line.service.as_ref()?.kind.as_str())))
        }),
        required("ServiceCategory", Text, |_| Cell::text(SERVICE_CATEGORY)).of_document(),
        required("ServiceName", Text, |charge| Cell::text(charge.service_name())),
        required("ServiceSubcategory", Text, |_| Cell::text(SERVICE_SUBCATEGORY)).of_document(),
        optional("SkuId", Text, |charge| Cell::maybe(charge.sku())),
        optional("SkuMeter", Text, |charge| Cell::maybe(charge.meter())),
        optional("SkuPriceDetails", Text, |charge| {
            Cell::maybe(charge.offer.as_ref().and_then(|offer| offer.details.as_deref()))
        }),
        optional("SkuPriceId", Text, |charge| Cell::maybe(charge.sku_price())),
        optional("SubAccountId", Text, |charge| {
            Cell::maybe(charge.row.about().and_then(|line| line.project.as_deref()))
        }),
        optional("SubAccountName", Text, |charge| {
            Cell::maybe(charge.row.about().and_then(|line| line.project.as_deref()))
        }),
        optional("Tags", Text, |charge| Cell::maybe(charge.tags.as_deref())),
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
            optional("CommitmentDiscountStatus", Text, |_| Cell::Null).of_document(),
            required("ProviderName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
            required("PublisherName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
        ],
        Version::V1_4 => vec![
            required("HostProviderName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
            required("InvoiceDetailId", Text, |charge| Cell::made(Some(charge.detail_id()))).unique(),
            required("ServiceProviderName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
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
        required("x_BillingGroup", Text, |charge| Cell::text(charge.row.document.billing_group)).of_document(),
        optional("x_Organization", Text, |charge| Cell::maybe(charge.row.document.organization)).of_document(),
        required("x_InvoicePhase", Text, |charge| {
            Cell::text(if charge.row.document.is_final() { "Final" } else { "Estimate" })
        })
        .of_document(),
        optional("x_CreditedInvoiceId", Text, |charge| {
            Cell::maybe(charge.row.document.credited().map(|of| &*of.document.number))
        })
        .of_document(),
        optional("x_TaxCategory", Text, |charge| Cell::maybe(charge.row.tax().map(|tax| tax.0))),
        optional("x_TaxRate", Number, |charge| Cell::maybe_number(charge.row.tax().map(|tax| tax.1))),
    ]
}
