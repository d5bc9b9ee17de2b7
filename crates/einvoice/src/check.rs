//! All sums once more: those of the standard (BR-CO-10 to 17), exactly.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::Refusal;
use crate::model::{Invoice, Kind, Line, Tax, Totals};

impl Invoice {
    /// Whether every line is its price times its quantity, and every sum what it adds up.
    ///
    /// # Errors
    /// One is not, or nothing is billed.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.lines.iter().all(|line| line.net.is_zero()) {
            return Err(Refusal::Nothing);
        }
        self.lines.iter().try_for_each(|line| self.check_line(line))?;
        self.taxes.iter().try_for_each(|tax| self.check_tax(tax))?;
        let Totals { lines, allowances, subtotal, tax, total, prepaid, due } = self.totals;
        let (all_lines, all_allowances) = (sum(self.lines.iter().map(|line| line.net))?, self.allowances_in(|_| true)?);
        same("the sum of its lines", lines, all_lines)?;
        same("the sum of its allowances", allowances, all_allowances)?;
        same("its total before tax", subtotal, minus(lines, allowances)?)?;
        same("its taxed amounts", subtotal, sum(self.taxes.iter().map(|tax| tax.base))?)?;
        same("its tax", tax, sum(self.taxes.iter().map(|tax| tax.amount))?)?;
        same("its total", total, sum([subtotal, tax])?)?;
        same("its amount due", due, minus(total, prepaid)?)
    }

    /// Price times quantity less discount (PEPPOL-EN16931-R120), to the last digit.
    fn check_line(&self, line: &Line) -> Result<(), Refusal> {
        let what = || format!("line {}", line.id);
        let before = line.before_discount().ok_or(Refusal::TooLarge)?;
        let places = before.scale();
        let exact = match line.price_quantity {
            // The price is for just so many: the quotient need not be a number with an end.
            Some(quantity) if quantity == line.quantity => Some(line.price),
            Some(quantity) => line.quantity.checked_mul(line.price).and_then(|product| product.checked_div(quantity)),
            None => line.quantity.checked_mul(line.price),
        };
        let rounded = exact.ok_or(Refusal::TooLarge)?.round_dp_with_strategy(places, HALF_UP);
        if line.price < Decimal::ZERO || rounded != before {
            return Err(Refusal::Sum { what: what(), written: before, added: rounded });
        }
        Ok(())
    }

    /// What is taxed in one way, and the tax on it. What credit notes give back of a tax is what its rounding leaves, so one may be
    /// a unit off.
    fn check_tax(&self, tax: &Tax) -> Result<(), Refusal> {
        let what = |what: &str| format!("{what} in category {} at {} %", tax.group.category.code(), tax.group.rate);
        let lines = sum(self.lines.iter().filter(|line| line.tax == tax.group).map(|line| line.net))?;
        let base = minus(lines, self.allowances_in(|group| *group == tax.group)?)?;
        same(&what("the taxed amount"), tax.base, base)?;
        let exact = tax.base.checked_mul(tax.group.rate).ok_or(Refusal::TooLarge)? / Decimal::ONE_HUNDRED;
        let places = tax.amount.scale();
        let rounded = exact.round_dp_with_strategy(places, HALF_UP);
        let off = match self.kind {
            Kind::Invoice => Decimal::ZERO,
            Kind::CreditNote => Decimal::new(1, places),
        };
        if minus(tax.amount, rounded)?.abs() > off {
            return Err(Refusal::Sum { what: what("the tax"), written: tax.amount, added: rounded });
        }
        Ok(())
    }

    fn allowances_in(&self, tax: impl Fn(&crate::model::TaxGroup) -> bool) -> Result<Decimal, Refusal> {
        sum(self.allowances.iter().filter(|allowance| tax(&allowance.tax)).map(|allowance| allowance.amount))
    }
}

/// Half away from zero, as documents are rounded.
const HALF_UP: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

fn same(what: &str, written: Decimal, added: Decimal) -> Result<(), Refusal> {
    if written == added {
        return Ok(());
    }
    Err(Refusal::Sum { what: what.to_owned(), written, added })
}

/// A sum without a loss of digits.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Result<Decimal, Refusal> {
    amounts.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add).ok_or(Refusal::TooLarge)
}

/// A difference without a loss of digits.
pub(crate) fn minus(of: Decimal, less: Decimal) -> Result<Decimal, Refusal> {
    of.checked_sub(less).ok_or(Refusal::TooLarge)
}
