//! Finals made up, the same ones in every run: every type of line, tax and way to pay, in several currencies. Their sums are added up
//! here, by nothing that bills.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

/// How a document is taxed: category, rate and reason.
type Taxes = &'static [(&'static str, &'static str, Option<&'static str>)];

const TAXES: [Taxes; 7] = [
    &[("S", "25.5", None)],
    &[("S", "25.5", None), ("S", "14", None), ("S", "7.1234", None)],
    &[("S", "19", None), ("E", "0", Some("Exempt: training")), ("Z", "0", None)],
    &[("AE", "0", Some("Reverse charge, Article 196 of Directive 2006/112/EC"))],
    &[("Z", "0", None)],
    &[("O", "0", Some("Outside the scope of tax"))],
    &[], // the issuer taxes nothing
];

const CURRENCIES: [(&str, u32); 7] =
    [("EUR", 2), ("EUR", 2), ("USD", 2), ("CHF", 2), ("SEK", 2), ("JPY", 0), ("ISK", 0)];

const NAMES: [&str; 6] =
    ["Acme Oy", "Müller & Söhne <GmbH>", "Łódź \"Ðœß\"", "Ελληνική Α.Ε.", "株式会社 ]]> 🚀", "#panic(1) 'x' $y$"];

/// Numbers that look random and are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len() as u64);
        &items[usize::try_from(at).unwrap_or_default()]
    }

    /// A number with up to so many decimals.
    fn number(&mut self, below: u64, decimals: u32) -> Decimal {
        let scale = u32::try_from(self.below(u64::from(decimals) + 1)).unwrap_or_default();
        let number = self.below(below * 10_u64.pow(scale));
        Decimal::from_i128_with_scale(number.into(), scale)
    }
}

fn round(amount: Decimal, digits: u32) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(digits);
    rounded
}

/// A document in the making.
struct Draft {
    random: Random,
    digits: u32,
    taxes: Taxes,
    discounts: Vec<(String, Decimal)>,
    converted: bool,
    /// Each with its amount and the place of its tax.
    lines: Vec<(Value, Decimal, usize)>,
}

impl Draft {
    fn amount(&mut self, below: u64) -> Decimal {
        let number = self.random.number(below, 6);
        round(number, self.digits)
    }

    fn push(&mut self, mut line: Value, total: Decimal) {
        let at = usize::try_from(self.random.below(self.taxes.len().max(1) as u64)).unwrap_or_default();
        self.place(&mut line, total, at);
    }

    fn place(&mut self, line: &mut Value, total: Decimal, tax: usize) {
        line["id"] = format!("{:016x}", self.lines.len()).into();
        line["total"] = total.to_string().into();
        if let ([_, _, ..], Some((category, rate, _))) = (self.taxes, self.taxes.get(tax)) {
            line["tax"] = json!({ "category": category, "rate": rate });
        }
        self.lines.push((line.take(), total, tax));
    }

    fn line(&mut self) {
        match self.random.below(12) {
            0..=4 => self.service(),
            5 => self.late(),
            6 => {
                let total = self.amount(500) * if self.random.one_in(3) { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
                let adjusts = json!({ "period": "2026-09", "invoice": "made-0", "billed": "10.00", "due": "5.00" });
                let (start, end) = ("2026-09-03T00:00:00Z", "2026-10-01T00:00:00Z");
                self.push(
                    json!({ "type": "OtherEvent", "description": "correction", "adjusts": adjusts, "start": start, "end": end }),
                    total,
                );
            }
            7 => self.plain("SupportCharge", "support"),
            8 => self.plain("CommitmentFee", "committed: what is missing to 1000.00"),
            9 => self.plain("ExtraCharge", "set-up"),
            10 => {
                let zero = round(Decimal::ZERO, self.digits);
                self.push(json!({ "type": "Multiplier", "description": "Partner: a discount" }), zero);
            }
            _ => {
                let total = -self.amount(5);
                self.push(json!({ "type": "Rounding", "description": "below the minimum charge" }), total);
            }
        }
    }

    fn plain(&mut self, kind: &str, description: &str) {
        let total = self.amount(2000);
        self.push(json!({ "type": kind, "description": description }), total);
    }

    /// Quantity times price, with the discounts; or another amount, where a tier or a maximum decides.
    fn service(&mut self) {
        let discounts = self.discounts.clone();
        let (mut line, total) = self.charge(&discounts);
        let day = 1 + self.random.below(27);
        line["start"] = format!("2026-10-{day:02}T{:02}:00:00Z", self.random.below(24)).into();
        line["end"] = "2026-11-01T00:00:00Z".into();
        self.push(line, total);
    }

    fn late(&mut self) {
        let discounts = vec![("August".to_owned(), Decimal::from(self.random.below(30)))];
        let (mut line, total) = self.charge(&discounts);
        line["discounts"] = render(&discounts);
        line["adjusts"] = json!({ "period": "2026-08" });
        (line["start"], line["end"]) = ("2026-08-01T00:00:00Z".into(), "2026-08-20T13:14:15Z".into());
        self.push(line, total);
    }

    fn charge(&mut self, discounts: &[(String, Decimal)]) -> (Value, Decimal) {
        let (quantity, price) = (self.random.number(2000, 6), self.random.number(20, 8));
        let unit = *self.random.one_of(&["Hour", "Month", "Unit"]);
        let mut line = json!({
            "type": "ServiceCharge", "project": "web", "description": "db <&> ]]> PostgreSQL", "unit": unit,
            "service": { "name": "db", "type": "PostgreSQL", "plan": "business-8" },
            "quantity": quantity.to_string(), "unitPrice": price.to_string(),
        });
        let mut exact = quantity * price;
        if self.random.one_in(4) {
            line["per"] = 1000.into();
            exact /= Decimal::ONE_THOUSAND;
        }
        if self.random.one_in(5) {
            (line["before"], line["tier"]) = ("5".into(), json!({ "from": "1", "upTo": "1000", "mode": "Graduated" }));
            exact = self.random.number(900, 4);
        }
        if self.converted {
            exact *= Decimal::from_i128_with_scale(92_165_898, 8);
        }
        let left = discounts
            .iter()
            .fold(Decimal::ONE, |left, (_, percent)| left * (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED);
        line["preDiscount"] = round(exact, self.digits).to_string().into();
        (line, round(exact * left, self.digits))
    }

    /// Credits before tax, of what there is in a tax.
    fn credits(&mut self) {
        for tax in 0..self.taxes.len().max(1) {
            let there: Decimal = self.lines.iter().filter(|line| line.2 == tax).map(|line| line.1).sum();
            if there > Decimal::ONE && self.random.one_in(3) {
                let share = Decimal::from(1 + self.random.below(100)) / Decimal::ONE_HUNDRED;
                let mut line = json!({ "type": "CreditConsumption", "description": "welcome: credit" });
                self.place(&mut line, -round(there * share, self.digits), tax);
            }
        }
    }
}

fn render(discounts: &[(String, Decimal)]) -> Value {
    discounts.iter().map(|(name, percent)| json!({ "name": name, "percent": percent.to_string() })).collect()
}

/// A final by its number, as an object.
pub fn invoice(number: u64) -> Value {
    let mut random = Random(number);
    let (currency, digits) = *random.one_of(&CURRENCIES);
    let taxes = *random.one_of(&TAXES);
    let percents = ["10", "12.5", "3.33", "100"].map(|text| text.parse::<Decimal>().unwrap_or_default());
    let discounts = (0..random.below(3)).map(|at| (format!("Discount {at}"), *random.one_of(&percents))).collect();
    let converted = random.one_in(4);
    let mut draft = Draft { random, digits, taxes, discounts, converted, lines: Vec::new() };
    for _ in 0..1 + draft.random.below(12) {
        draft.line();
    }
    if draft.lines.iter().all(|(_, total, _)| total.is_zero()) {
        draft.push(json!({ "type": "ExtraCharge", "description": "at least this" }), round(Decimal::ONE, digits));
    }
    draft.credits();
    let mut document = summed(&draft);
    document["number"] = format!("made-{number}").into();
    document["currency"] = currency.into();
    if converted {
        document["exchangeRate"] = json!({
            "source": "ecb", "from": "NOK", "to": currency, "rate": "0.92165898", "base": "EUR", "fromQuote": "1.085",
            "toQuote": "1", "quoteDate": "2026-10-30",
        });
    }
    let Draft { random, discounts, .. } = &mut draft;
    document["discounts"] = render(discounts);
    parties(random, &mut document);
    prepay(random, &mut document, digits);
    json!({
        "metadata": { "name": format!("made-{number}"), "namespace": "acme" },
        "spec": {
            "billingGroup": "shop", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": "made", "sequence": number,
        },
        "status": { "phase": "Final", "document": document },
    })
}

/// Lines and taxes with their sums.
fn summed(draft: &Draft) -> Value {
    let Draft { digits, taxes, lines, .. } = draft;
    let mut all_tax = round(Decimal::ZERO, *digits);
    let mut stated = Vec::new();
    for (at, (category, rate, reason)) in taxes.iter().enumerate() {
        let base: Decimal = lines.iter().filter(|line| line.2 == at).map(|line| line.1).sum();
        let tax = round(base * rate.parse::<Decimal>().unwrap_or_default() / Decimal::ONE_HUNDRED, *digits);
        all_tax += tax;
        let mut subtotal = json!({
            "category": category, "rate": rate, "base": round(base, *digits).to_string(), "amount": tax.to_string(),
        });
        if let Some(reason) = reason {
            subtotal["reason"] = (*reason).into();
        }
        stated.push(subtotal);
    }
    let subtotal = round(lines.iter().map(|line| line.1).sum(), *digits);
    let mut document = json!({
        "issuedAt": "2026-11-01T01:00:00Z", "dueAt": "2026-11-15T01:00:00Z", "attribution": "MonthEnd",
        "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
        "lines": lines.iter().map(|line| line.0.clone()).collect::<Vec<_>>(),
        "subtotal": subtotal.to_string(), "taxes": stated, "tax": all_tax.to_string(),
        "total": (subtotal + all_tax).to_string(), "digest": "sha256:1",
    });
    if taxes.is_empty() {
        document["taxNote"] = "No tax is charged: the issuer taxes nothing.".into();
    }
    document
}

fn parties(random: &mut Random, document: &mut Value) {
    let method = *random.one_of(&["Card", "BankTransfer", "BankTransfer", "AWSMarketplace", "NoPaymentExpected"]);
    let (seller, buyer) = (*random.one_of(&NAMES), *random.one_of(&NAMES));
    document["seller"] = json!({
        "legalName": seller, "vatId": "FI12345671", "registration": "Trade register 1234567-1",
        "address": { "lines": ["Esimerkkikatu 1", "B"], "city": "Helsinki", "zipCode": "00100", "countryCode": "FI" },
        "electronicAddress": { "scheme": "0216", "value": "003712345671" },
        "contact": { "name": "Invoices", "phone": "+358 9 5550 1234", "email": "invoices@cloud.example" },
    });
    document["buyer"] = json!({
        "billingGroup": "shop", "displayName": buyer, "vatId": *random.one_of(&["DE136695976", "FI23456783", "EL123456783"]),
        "billingAddress": { "lines": ["Street 1"], "city": "City", "state": "Land", "zipCode": "12345", "countryCode": "EL" },
        "electronicAddress": { "scheme": "9930", "value": "DE136695976" },
        "buyerReference": "04011000-12345-03", "paymentMethod": method,
    });
    if random.one_in(2) {
        document["seller"]["bankAccount"] = json!({ "iban": "FI2112345600000785" });
    }
    if random.one_in(2) {
        document["buyer"]["company"] = "Buyer AG".into();
        document["buyer"]["invoiceText"] = "First line <&>\nsecond line".into();
    }
    if random.one_in(3) {
        document["buyer"]["purchaseOrder"] = "PO-42".into();
        document["adjustedInvoices"] = json!([
            { "number": "made-0", "issuedAt": "2026-10-01T01:00:00Z" }, { "number": "made-00", "issuedAt": "2026-09-01T01:00:00Z" },
        ]);
    }
}

/// What is left for the next invoice, and what earlier ones left.
fn prepay(random: &mut Random, document: &mut Value, digits: u32) {
    let total: Decimal = document["total"].as_str().unwrap_or_default().parse().unwrap_or_default();
    let prepaid = if random.one_in(3) { round(random.number(300, 2), digits) } else { Decimal::ZERO };
    let open = total - prepaid;
    if prepaid > Decimal::ZERO {
        document["prepaid"] = prepaid.to_string().into();
    }
    if open < Decimal::ZERO || prepaid > Decimal::ZERO {
        document["amountDue"] = round(open.max(Decimal::ZERO), digits).to_string().into();
    }
    if open < Decimal::ZERO {
        document["carriedForward"] = round(-open, digits).to_string().into();
    }
}

/// A credit note of one of them: a hundredth of its first line, and of what makes its tax.
pub fn credit_note(invoice: &Value) -> Option<Value> {
    let of = &invoice["status"]["document"];
    let line =
        of["lines"].as_array()?.iter().find(|line| line["type"] == "ExtraCharge" || line["type"] == "SupportCharge")?;
    let total: Decimal = line["total"].as_str()?.parse().ok()?;
    let digits = total.scale();
    let back = -round(total / Decimal::ONE_HUNDRED, digits);
    if back.is_zero() {
        return None;
    }
    let taxes = of["taxes"].as_array().cloned().unwrap_or_default();
    let tax = match &line["tax"] {
        Value::Null => taxes.first().cloned(),
        own => taxes.iter().find(|tax| tax["category"] == own["category"] && tax["rate"] == own["rate"]).cloned(),
    };
    let rate =
        tax.as_ref().map_or(Decimal::ZERO, |tax| tax["rate"].as_str().unwrap_or_default().parse().unwrap_or_default());
    let of_tax = round(back * rate / Decimal::ONE_HUNDRED, digits);
    let taxes: Vec<Value> = tax
        .into_iter()
        .map(|mut tax| {
            (tax["base"], tax["amount"]) = (back.to_string().into(), of_tax.to_string().into());
            tax
        })
        .collect();
    let number = format!("{}-cn1", of["number"].as_str()?);
    Some(json!({
        "metadata": { "name": number, "namespace": "acme" },
        "spec": { "invoice": of["number"], "reason": "Outage <&>" },
        "status": { "phase": "Final", "number": number, "document": {
            "number": number, "issuedAt": "2026-11-20T10:00:00Z", "currency": of["currency"], "reason": "Outage <&>",
            "invoice": { "number": of["number"], "issuedAt": of["issuedAt"], "period": of["period"], "digest": of["digest"] },
            "seller": of["seller"], "buyer": of["buyer"],
            "lines": [{ "line": line["id"], "description": "support", "total": back.to_string(), "tax": line["tax"] }],
            "subtotal": back.to_string(), "taxes": taxes, "tax": of_tax.to_string(), "total": (back + of_tax).to_string(),
            "digest": "sha256:2",
        } },
    }))
}
