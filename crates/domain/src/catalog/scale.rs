//! Prices that depend on how much comes together in a month.

use std::num::NonZeroU64;

use rust_decimal::Decimal;

use crate::money::exact_amount::ExactAmount;
use crate::money::ratio::Ratio;

/// How the quantity of a month is priced, of all that is charged at one entry within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// What comes together.
    pub scope: Scope,
    /// How it is priced.
    pub pricing: ScalePricing,
}

/// What comes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// What a project uses.
    #[default]
    Project,
    /// What all projects use that a group pays for.
    BillingGroup,
}

/// How a quantity is priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScalePricing {
    /// By as many units as the price is for, of which begun ones count whole.
    Packages,
    /// Each tier at its own price.
    Graduated(Vec<Tier>),
    /// All of it at the price of the tier that it reaches.
    Volume(Vec<Tier>),
}

/// A part of the quantity, and its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The last quantity that belongs to it; `None` for all that is more.
    pub up_to: Option<Decimal>,
    /// The price, of as many units as the entry says.
    pub amount: Decimal,
}

/// What a charge has of the quantity of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// How much comes before it, in order.
    pub before: Decimal,
    /// How much it is.
    pub quantity: Decimal,
    /// The price, of as many units as the entry says.
    pub amount: Decimal,
    /// What of the scale it is charged by.
    pub step: ScaleStep,
}

/// What of a scale a charge is charged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScaleStep {
    /// Whole packages.
    Packages,
    /// A tier, at its own price.
    Graduated(TierSpan),
    /// All of the quantity, at the price of this tier.
    Volume(TierSpan),
}

/// From where to where a tier goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TierSpan {
    /// The quantity below it.
    pub from: Decimal,
    /// The last quantity that belongs to it; `None` for all that is more.
    pub up_to: Option<Decimal>,
}

impl Scale {
    /// The same without zeros that say nothing.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let tier =
            |tier: &Tier| Tier { up_to: tier.up_to.map(|up_to| up_to.normalize()), amount: tier.amount.normalize() };
        let pricing = match &self.pricing {
            ScalePricing::Packages => ScalePricing::Packages,
            ScalePricing::Graduated(tiers) => ScalePricing::Graduated(tiers.iter().map(tier).collect()),
            ScalePricing::Volume(tiers) => ScalePricing::Volume(tiers.iter().map(tier).collect()),
        };
        Scale { scope: self.scope, pricing }
    }

    /// Whether its tiers follow each other, and the last one has no end.
    pub fn is_in_order(&self) -> bool {
        let tiers = self.pricing.tiers();
        let ends: Vec<Option<Decimal>> = tiers.iter().map(|tier| tier.up_to).collect();
        match ends.split_last() {
            None => self.pricing == ScalePricing::Packages,
            Some((last, others)) => {
                let rising = others.iter().all(|end| end.is_some_and(|end| end > Decimal::ZERO));
                last.is_none() && rising && others.windows(2).all(|pair| pair[0] < pair[1])
            }
        }
    }
}

impl ScalePricing {
    /// The tiers; none for packages.
    pub fn tiers(&self) -> &[Tier] {
        match self {
            ScalePricing::Packages => &[],
            ScalePricing::Graduated(tiers) | ScalePricing::Volume(tiers) => tiers,
        }
    }

    /// The tiers, to change them; none for packages.
    #[cfg(test)]
    pub(crate) fn tiers_mut(&mut self) -> &mut [Tier] {
        match self {
            ScalePricing::Packages => &mut [],
            ScalePricing::Graduated(tiers) | ScalePricing::Volume(tiers) => tiers,
        }
    }

    /// The portions of a quantity that comes after another, of so much in all: one for each tier.
    pub fn portions(&self, amount: Decimal, before: Decimal, quantity: Decimal, in_all: Decimal) -> Vec<Portion> {
        match self {
            ScalePricing::Packages => vec![Portion { before, quantity, amount, step: ScaleStep::Packages }],
            ScalePricing::Volume(tiers) => {
                let reached = spans(tiers).find(|(span, _)| span.up_to.is_none_or(|up_to| in_all <= up_to));
                let portion = |(span, amount)| Portion { before, quantity, amount, step: ScaleStep::Volume(span) };
                reached.map(portion).into_iter().collect()
            }
            ScalePricing::Graduated(tiers) => {
                let after = before.saturating_add(quantity);
                let portion = |(span, amount): (TierSpan, Decimal)| {
                    let from = before.max(span.from);
                    let until = span.up_to.map_or(after, |up_to| up_to.min(after));
                    (from < until).then(|| Portion {
                        before: from,
                        quantity: until - from,
                        amount,
                        step: ScaleStep::Graduated(span),
                    })
                };
                spans(tiers).filter_map(portion).collect()
            }
        }
    }
}

/// The tiers, each with where it begins and what it costs.
fn spans(tiers: &[Tier]) -> impl Iterator<Item = (TierSpan, Decimal)> {
    let starts = std::iter::once(Decimal::ZERO).chain(tiers.iter().filter_map(|tier| tier.up_to));
    starts.zip(tiers).map(|(from, tier)| (TierSpan { from, up_to: tier.up_to }, tier.amount))
}

impl Portion {
    /// The tier that it is charged by, where there are tiers.
    pub fn tier(&self) -> Option<&TierSpan> {
        match &self.step {
            ScaleStep::Packages => None,
            ScaleStep::Graduated(span) | ScaleStep::Volume(span) => Some(span),
        }
    }

    /// What it comes to, at a price for so many units: what its tier comes to with it, less what it comes to without, each rounded.
    /// So the charges of a tier add up to the cent.
    pub fn amount_of(&self, per: NonZeroU64) -> ExactAmount {
        let after = self.before.saturating_add(self.quantity);
        let per_unit = Ratio::Small { numerator: 1, denominator: per.get().into() };
        let units = |quantity: Decimal| match &self.step {
            ScaleStep::Packages => packages(quantity, per),
            ScaleStep::Graduated(span) => Ratio::from(quantity - span.from).times(per_unit.clone()),
            ScaleStep::Volume(_) => Ratio::from(quantity).times(per_unit.clone()),
        };
        let price = Ratio::from(self.amount);
        ExactAmount::Between(units(self.before).times(price.clone()), units(after).times(price))
    }
}

/// How many packages a quantity takes, begun ones whole.
fn packages(quantity: Decimal, per: NonZeroU64) -> Ratio {
    let quantity = quantity.normalize();
    let below = 10_i128.pow(quantity.scale()).saturating_mul(per.get().into());
    let whole = quantity.mantissa() / below;
    Ratio::from(if whole * below < quantity.mantissa() { whole + 1 } else { whole })
}
