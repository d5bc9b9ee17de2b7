//! Credit notes: in full, in parts, with tax, and never too much.

use proptest::prelude::*;

use crate::domain::credit_note::{
    CreditRefusal, Creditable, Credited, Earlier, Part, Request, TaxPart, Wanted, credit,
};
use crate::domain::money::round_half_away;
use crate::domain::{Money, Ratio};

fn usd(text: &str) -> Money {
    Money::parse(text, "USD".parse().unwrap()).unwrap()
}

/// A rate in thousandths: 255 is 25.5 %.
fn rate(thousandths: i128) -> Ratio {
    Ratio::Small { numerator: thousandths, denominator: 1000 }
}

/// An invoice of lines `a`, `b`, … taxed at a rate.
fn invoice(totals: &[Money], thousandths: i128) -> Creditable {
    let ids = ('a'..='z').map(String::from);
    let parts: Vec<_> =
        ids.zip(totals).map(|(id, total)| Part { description: format!("service {id}"), id, total: *total }).collect();
    let subtotal = totals.iter().try_fold(usd("0.00"), |sum, total| sum.checked_add(*total)).unwrap();
    let amount = round_half_away(&subtotal.exact().times(rate(thousandths)), subtotal.currency()).unwrap();
    let taxes = vec![TaxPart { rate: rate(thousandths), base: subtotal, amount }];
    Creditable { lines: parts.clone(), parts, subtotal, taxes, tax: amount, earlier: Vec::new() }
}

fn of_line(line: &str, amount: &str) -> Wanted {
    Wanted { line: Some(line.to_owned()), description: String::new(), amount: usd(amount) }
}

fn free(amount: &str) -> Wanted {
    Wanted { line: None, description: "goodwill".to_owned(), amount: usd(amount) }
}

/// Issues a note, which the next one finds.
fn issue(invoice: &mut Creditable, request: &Request) -> Result<Credited, CreditRefusal> {
    let note = credit(invoice, request)?;
    let lines = match request {
        Request::Full => Vec::new(),
        Request::Lines(wanted) => {
            let of_lines = wanted.iter().filter_map(|wanted| Some((wanted.line.clone()?, wanted.amount)));
            of_lines.collect()
        }
    };
    let name = format!("note-{}", invoice.earlier.len() + 1);
    invoice.earlier.push(Earlier { name, subtotal: note.subtotal.negated(), tax: note.tax.negated(), lines });
    Ok(note)
}

/// Lines as `line description total`, then subtotal, tax and total.
fn shown(note: &Credited) -> Vec<String> {
    let line = |line: &str, description: &str, total| format!("{line} {description} {total}").trim().to_owned();
    let lines = note.lines.iter().map(|it| line(it.line.as_deref().unwrap_or(""), &it.description, it.total));
    lines.chain([format!("{} + {} = {}", note.subtotal, note.tax, note.total)]).collect()
}

#[test]
fn a_full_note_is_the_invoice_the_other_way() {
    let mut invoice = invoice(&[usd("80.00"), usd("50.00"), usd("-30.00")], 255);
    let note = issue(&mut invoice, &Request::Full).unwrap();
    let expected = ["a service a -80.00", "b service b -50.00", "c service c 30.00", "-100.00 + -25.50 = -125.50"];
    assert_eq!(shown(&note), expected);
    assert_eq!(note.taxes, [(usd("-100.00"), usd("-25.50"))]);
    let nothing = CreditRefusal::NothingLeft(usd("125.50"));
    assert_eq!(issue(&mut invoice, &Request::Full), Err(nothing.clone()));
    assert_eq!(issue(&mut invoice, &Request::Lines(vec![free("0.01")])), Err(nothing));
}

#[test]
fn a_part_takes_its_tax_along_and_the_rest_can_be_taken_later() {
    let mut invoice = invoice(&[usd("80.00"), usd("20.00")], 255);
    let note = issue(&mut invoice, &Request::Lines(vec![of_line("a", "10.01"), free("1.00")])).unwrap();
    // 88.99 are left, with 22.69245 of tax: 25.50 − 22.69.
    assert_eq!(shown(&note), ["a service a -10.01", "goodwill -1.00", "-11.01 + -2.81 = -13.82"]);
    let rest = issue(&mut invoice, &Request::Full).unwrap();
    let expected =
        ["a service a -80.00", "b service b -20.00", "credited before, by note-1 11.01", "-88.99 + -22.69 = -111.68"];
    assert_eq!(shown(&rest), expected);
}

#[test]
fn small_parts_take_all_of_the_tax_and_not_more() {
    let mut invoice = invoice(&[usd("0.06")], 250); // tax 0.015, rounded to 0.02
    let taxes: Vec<_> =
        (0..6).map(|_| issue(&mut invoice, &Request::Lines(vec![free("0.01")])).unwrap().tax.to_string()).collect();
    assert_eq!(taxes, ["-0.01", "0.00", "0.00", "0.00", "-0.01", "0.00"]);
}

#[test]
fn an_invoice_of_nothing_can_be_cancelled_once() {
    let mut invoice = invoice(&[usd("50.00"), usd("-50.00")], 0);
    assert_eq!(issue(&mut invoice, &Request::Full).unwrap().total, usd("0.00"));
    assert_eq!(issue(&mut invoice, &Request::Full), Err(CreditRefusal::NothingLeft(usd("0.00"))));
}

#[track_caller]
fn check_refused(wanted: Vec<Wanted>, reason: &str) {
    let mut invoice = invoice(&[usd("80.00"), usd("20.00"), usd("-30.00")], 255);
    issue(&mut invoice, &Request::Lines(vec![of_line("a", "15.00")])).unwrap();
    let refusal = credit(&invoice, &Request::Lines(wanted)).unwrap_err();
    assert_eq!(refusal.reason(), reason, "{refusal}");
}

#[test]
fn nothing_is_credited_beyond_what_is_left() {
    check_refused(vec![of_line("b", "20.01")], "LineExceeded");
    check_refused(vec![of_line("b", "10.00"), of_line("b", "10.01")], "LineExceeded");
    check_refused(vec![of_line("a", "65.01")], "LineExceeded");
    check_refused(vec![of_line("c", "0.01")], "LineExceeded");
    check_refused(vec![of_line("a", "40.00"), of_line("b", "15.01")], "InvoiceExceeded");
    check_refused(vec![free("55.01")], "InvoiceExceeded");
    check_refused(vec![of_line("d", "1.00")], "LineUnknown");
    check_refused(vec![free("0.00")], "AmountInvalid");
    let mut several = invoice(&[usd("10.00")], 100);
    several.taxes.push(several.taxes[0].clone());
    let refusal = credit(&several, &Request::Lines(vec![free("1.00")])).unwrap_err();
    assert_eq!(refusal, CreditRefusal::SeveralTaxes(2));
}

proptest! {
    /// However an invoice is taken back, what is taken is never more than it had, the tax that is left is the tax on what
    /// is left, and a last full note takes exactly the rest.
    #[test]
    fn notes_add_up_to_the_invoice(
        totals in prop::collection::vec(1_i128..100_000, 1..5),
        thousandths in 0_i128..400,
        wanted in prop::collection::vec((0_usize..6, 1_i128..60_000), 0..12),
    ) {
        let usd = |minor| Money::new(minor, "USD".parse().unwrap()).unwrap();
        let mut invoice = invoice(&totals.iter().map(|total| usd(*total)).collect::<Vec<_>>(), thousandths);
        let mut taken = 0;
        for (line, amount) in wanted {
            let line = invoice.lines.get(line).map(|part| part.id.clone());
            let wanted = Wanted { line, description: "part".to_owned(), amount: usd(amount) };
            let Ok(note) = issue(&mut invoice, &Request::Lines(vec![wanted])) else { continue };
            prop_assert_eq!(note.subtotal.minor(), -amount);
            prop_assert!(note.tax.minor() <= 0);
            taken -= note.total.minor();
            let left = invoice.subtotal.minor() + invoice.tax.minor() - taken;
            prop_assert!(left >= 0);
        }
        match issue(&mut invoice, &Request::Full) {
            Ok(rest) => prop_assert_eq!(taken - rest.total.minor(), invoice.subtotal.minor() + invoice.tax.minor()),
            Err(refusal) => prop_assert_eq!(refusal.reason(), "NothingLeft"),
        }
    }
}
