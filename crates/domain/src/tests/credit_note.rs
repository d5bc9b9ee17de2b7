//! Credit notes: in full, in parts, with tax and credits, and never too much.

use proptest::prelude::*;

use super::world::{World, at, group, uid};
use crate::invoice::credit_note::{
    CreditNoteAmounts, CreditRefusal, CreditRequest, Creditable, CreditableLine, CreditableTax, PriorNote,
    RequestedLine, credit,
};
use crate::money::amount::round_half_away;
use crate::{CreditValidity, Group, Money, Name, Ratio, Timestamp, restored_name};

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
    let parts: Vec<_> = ids
        .zip(totals)
        .map(|(id, total)| CreditableLine { description: format!("service {id}"), id, total: *total })
        .collect();
    let subtotal = totals.iter().try_fold(usd("0.00"), |sum, total| sum.checked_add(*total)).unwrap();
    let amount = round_half_away(&subtotal.exact().times(rate(thousandths)), subtotal.currency()).unwrap();
    let taxes = vec![CreditableTax { rate: rate(thousandths), base: subtotal, amount }];
    Creditable {
        lines: parts.clone(),
        parts,
        subtotal,
        taxes,
        tax: amount,
        amount_due: subtotal.checked_add(amount).unwrap(),
        gives_back: None,
        credits: Vec::new(),
        prior_notes: Vec::new(),
    }
}

fn of_line(line: &str, amount: &str) -> RequestedLine {
    RequestedLine { line: Some(line.to_owned()), description: String::new(), amount: usd(amount) }
}

fn free(amount: &str) -> RequestedLine {
    RequestedLine { line: None, description: "goodwill".to_owned(), amount: usd(amount) }
}

/// Issues a note, which the next one finds.
fn issue(invoice: &mut Creditable, request: &CreditRequest) -> Result<CreditNoteAmounts, CreditRefusal> {
    let note = credit(invoice, request)?;
    let lines = match request {
        CreditRequest::Full => Vec::new(),
        CreditRequest::Lines(requested) => {
            let of_lines = requested.iter().filter_map(|requested| Some((requested.line.clone()?, requested.amount)));
            of_lines.collect()
        }
    };
    let name = format!("note-{}", invoice.prior_notes.len() + 1);
    let (full, subtotal, tax) = (*request == CreditRequest::Full, note.subtotal.negated(), note.tax.negated());
    invoice.prior_notes.push(PriorNote { name, full, subtotal, tax, lines });
    Ok(note)
}

/// Lines as `line description total`, then subtotal, tax and total.
fn shown(note: &CreditNoteAmounts) -> Vec<String> {
    let line = |line: &str, description: &str, total| format!("{line} {description} {total}").trim().to_owned();
    let lines = note.lines.iter().map(|it| line(it.line.as_deref().unwrap_or(""), &it.description, it.total));
    lines.chain([format!("{} + {} = {}", note.subtotal, note.tax, note.total)]).collect()
}

#[test]
fn a_full_note_is_the_invoice_the_other_way() {
    let mut invoice = invoice(&[usd("80.00"), usd("50.00"), usd("-30.00")], 255);
    let note = issue(&mut invoice, &CreditRequest::Full).unwrap();
    let expected = ["a service a -80.00", "b service b -50.00", "c service c 30.00", "-100.00 + -25.50 = -125.50"];
    assert_eq!(shown(&note), expected);
    assert_eq!(note.taxes, [(usd("-100.00"), usd("-25.50"))]);
    let nothing = CreditRefusal::NothingLeft(usd("125.50"));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(nothing.clone()));
    assert_eq!(issue(&mut invoice, &CreditRequest::Lines(vec![free("0.01")])), Err(nothing));
}

#[test]
fn a_part_takes_its_tax_along_and_the_rest_can_be_taken_later() {
    let mut invoice = invoice(&[usd("80.00"), usd("20.00")], 255);
    let note = issue(&mut invoice, &CreditRequest::Lines(vec![of_line("a", "10.01"), free("1.00")])).unwrap();
    // 88.99 are left, with 22.69245 of tax: 25.50 − 22.69.
    assert_eq!(shown(&note), ["a service a -10.01", "goodwill -1.00", "-11.01 + -2.81 = -13.82"]);
    let rest = issue(&mut invoice, &CreditRequest::Full).unwrap();
    let expected =
        ["a service a -80.00", "b service b -20.00", "credited before, by note-1 11.01", "-88.99 + -22.69 = -111.68"];
    assert_eq!(shown(&rest), expected);
}

#[test]
fn small_parts_take_all_of_the_tax_and_not_more() {
    let mut invoice = invoice(&[usd("0.06")], 250); // tax 0.015, rounded to 0.02
    let taxes: Vec<_> = (0..6)
        .map(|_| issue(&mut invoice, &CreditRequest::Lines(vec![free("0.01")])).unwrap().tax.to_string())
        .collect();
    assert_eq!(taxes, ["-0.01", "0.00", "0.00", "0.00", "-0.01", "0.00"]);
}

#[test]
fn an_invoice_of_nothing_can_be_cancelled_once() {
    let mut invoice = invoice(&[usd("50.00"), usd("-50.00")], 0);
    assert_eq!(issue(&mut invoice, &CreditRequest::Full).unwrap().total, usd("0.00"));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(CreditRefusal::NothingLeft(usd("0.00"))));
}

/// An invoice of 80.00 and 20.00, of which two credits paid 60.00 and 15.00: 25.00 are to be paid, with tax.
fn credited_invoice(thousandths: i128) -> Creditable {
    let totals = [usd("80.00"), usd("20.00"), usd("-60.00"), usd("-15.00")];
    let credits = vec![(Name::from("welcome"), usd("60.00")), (Name::from("outage"), usd("15.00"))];
    Creditable { credits, ..invoice(&totals, thousandths) }
}

#[test]
fn credits_go_back_with_all_of_the_invoice() {
    let mut invoice = credited_invoice(255);
    let note = issue(&mut invoice, &CreditRequest::Full).unwrap();
    assert_eq!((note.subtotal, note.total), (usd("-25.00"), usd("-31.38")));
    assert_eq!(note.credits, invoice.credits);
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(CreditRefusal::NothingLeft(usd("31.38"))));
}

#[test]
fn a_part_takes_back_money_and_no_more_than_was_to_be_paid() {
    let mut invoice = credited_invoice(0);
    let more = CreditRefusal::InvoiceExceeded { remaining: usd("25.00"), requested: usd("25.01") };
    assert_eq!(issue(&mut invoice, &CreditRequest::Lines(vec![of_line("a", "25.01")])), Err(more));
    let note = issue(&mut invoice, &CreditRequest::Lines(vec![of_line("a", "25.00")])).unwrap();
    assert!(note.credits.is_empty(), "{:?}", note.credits);
    let nothing = CreditRefusal::NothingLeft(usd("25.00"));
    assert_eq!(issue(&mut invoice, &CreditRequest::Lines(vec![free("0.01")])), Err(nothing.clone()));
    // All of the money is back, and none of the credits.
    let rest = issue(&mut invoice, &CreditRequest::Full).unwrap();
    assert_eq!((rest.total, &rest.credits), (usd("0.00"), &invoice.credits));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(nothing));
}

#[test]
fn an_invoice_that_credits_paid_whole_gives_them_back_once() {
    let credits = vec![(Name::from("welcome"), usd("80.00"))];
    let mut invoice = Creditable { credits, ..invoice(&[usd("80.00"), usd("-80.00")], 255) };
    let nothing = CreditRefusal::NothingLeft(usd("0.00"));
    assert_eq!(issue(&mut invoice, &CreditRequest::Lines(vec![free("1.00")])), Err(nothing.clone()));
    let note = issue(&mut invoice, &CreditRequest::Full).unwrap();
    assert_eq!((note.total, note.credits), (usd("0.00"), vec![(Name::from("welcome"), usd("80.00"))]));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(nothing));
}

#[test]
fn what_goes_back_is_named_after_note_and_credit() {
    let name = |credit: &str| restored_name(&Name::from("f3397-cn1"), &Name::from(credit));
    assert_eq!(name("welcome").as_str(), "f3397-cn1-welcome");
    assert_eq!(name("f3397-cn1-welcome").as_str(), "f3397-cn1-f3397-cn1-welcome");
    let (long, longer) = ("a".repeat(243), "a".repeat(244));
    assert_eq!(name(&long).len(), 253);
    assert_eq!(name(&longer).len(), "f3397-cn1-".len() + 16);
    assert_ne!(name(&longer), name(&"b".repeat(244)));
}

/// Until when what goes back of a credit can be used, of an invoice for October.
#[track_caller]
fn check_validity(expires: Option<&str>, issued: &str, expected: Option<&str>) {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let validity = CreditValidity { starts: Some(at("2026-10-20T00:00:00Z")), expires: expires.map(at) };
    let returned = validity.restored("2026-10".parse().unwrap(), at(issued));
    assert_eq!(returned, CreditValidity { starts: None, expires: expected.map(at) });
}

#[test]
fn what_goes_back_is_valid_as_long_as_the_credit_still_was() {
    check_validity(None, "2027-03-10T12:00:00Z", None);
    // 61 days after October are 61 days after the note.
    check_validity(Some("2027-01-01T00:00:00Z"), "2027-03-10T12:00:00Z", Some("2027-05-10T12:00:00Z"));
    // It expired in October, or soon after; an invoice can use it all the same.
    check_validity(Some("2026-10-21T00:00:00Z"), "2027-03-10T12:00:00Z", Some("2027-04-01T00:00:00Z"));
    check_validity(Some("2026-11-02T00:00:00Z"), "2027-03-10T12:00:00Z", Some("2027-04-01T00:00:00Z"));
    check_validity(Some("2026-11-24T00:00:00Z"), "2027-03-10T12:00:00Z", Some("2027-04-02T12:00:00Z"));
}

#[test]
fn what_a_group_is_owed_goes_to_a_primary_group_when_it_is_gone() {
    let primary = |name| Group { primary: true, ..group(name) };
    let successor = |groups: Vec<Group>| {
        World::new(groups).organization.successor(uid("g")).map(|successor| successor.name.to_string())
    };
    let going = Group { deleted: Some(at("2026-11-01")), ..primary("g") };
    let younger = Group { created: at("2021-01-01"), ..primary("a") };
    assert_eq!(successor(vec![group("g"), primary("p")]).as_deref(), Some("g"));
    assert_eq!(successor(vec![going.clone(), younger.clone(), primary("p"), group("q")]).as_deref(), Some("p"));
    assert_eq!(successor(vec![younger, group("q")]).as_deref(), Some("a"));
    assert_eq!(successor(vec![going, group("q")]), None);
}

#[track_caller]
fn check_refused(requested: Vec<RequestedLine>, reason: &str) {
    let mut invoice = invoice(&[usd("80.00"), usd("20.00"), usd("-30.00")], 255);
    issue(&mut invoice, &CreditRequest::Lines(vec![of_line("a", "15.00")])).unwrap();
    let refusal = credit(&invoice, &CreditRequest::Lines(requested)).unwrap_err();
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
    let refusal = credit(&several, &CreditRequest::Lines(vec![free("1.00")])).unwrap_err();
    assert_eq!(refusal, CreditRefusal::SeveralTaxes(2));
}

proptest! {
    /// However an invoice is taken back, what is taken is never more than it had, in money or of a credit, the tax that is
    /// left is the tax on what is left, and a last full note takes exactly the rest: then all that was billed has gone
    /// back, and every credit once.
    #[test]
    fn notes_add_up_to_the_invoice(
        totals in prop::collection::vec(1_i128..100_000, 1..5),
        thousandths in 0_i128..400,
        used in prop::collection::vec(1_i128..60_000, 0..3),
        asked in prop::collection::vec(prop_oneof![
            9 => (0_usize..6, 1_i128..60_000).prop_map(Some),
            1 => Just(None),
        ], 0..12),
    ) {
        let usd = |minor| Money::new(minor, "USD".parse().unwrap()).unwrap();
        let mut rest: i128 = totals.iter().sum();
        let used = used.into_iter().map(|most| { let used = most.min(rest); rest -= used; used }).filter(|used| *used > 0);
        let used: Vec<_> = used.collect();
        let lines: Vec<_> = totals.iter().copied().chain(used.iter().map(|used| -used)).map(usd).collect();
        let credits = used.iter().enumerate().map(|(at, used)| (Name::from(format!("credit-{at}")), usd(*used)));
        let mut invoice = Creditable { credits: credits.collect(), ..invoice(&lines, thousandths) };
        let billed = invoice.subtotal.minor() + invoice.tax.minor();
        let (mut credited, mut returned) = (0, Vec::new());
        for asked in asked.into_iter().chain([None]) {
            let request = match asked {
                None => CreditRequest::Full,
                Some((line, amount)) => {
                    let line = invoice.lines.get(line).map(|part| part.id.clone());
                    CreditRequest::Lines(vec![RequestedLine { line, description: "part".to_owned(), amount: usd(amount) }])
                }
            };
            let Ok(note) = issue(&mut invoice, &request) else { continue };
            prop_assert!(note.tax.minor() <= 0 && note.subtotal.minor() <= 0);
            if let Some((_, amount)) = asked {
                prop_assert_eq!(note.subtotal.minor(), -amount);
            }
            prop_assert_eq!(note.credits.is_empty(), request != CreditRequest::Full || used.is_empty());
            credited -= note.total.minor();
            returned.extend(note.credits);
            prop_assert!(credited <= billed);
        }
        prop_assert_eq!((credited, returned), (billed, invoice.credits.clone()));
        prop_assert_eq!(credit(&invoice, &CreditRequest::Full).map_err(|refusal| refusal.reason()), Err("NothingLeft"));
    }
}

#[test]
fn what_gives_back_another_month_is_not_taken_back_in_full() {
    let invoice = Creditable { gives_back: Some("b".to_owned()), ..invoice(&[usd("80.00"), usd("-20.00")], 255) };
    let refusal = credit(&invoice, &CreditRequest::Full).unwrap_err();
    assert_eq!(refusal, CreditRefusal::AdjustsOthers("b".to_owned()));
    let line = RequestedLine { line: Some("a".to_owned()), description: String::new(), amount: usd("10.00") };
    assert!(credit(&invoice, &CreditRequest::Lines(vec![line])).is_ok());
}

#[test]
fn what_credits_paid_after_tax_goes_back_with_all_of_the_invoice_and_not_with_a_part() {
    // 125.50, of which a credit paid 100.00.
    let credits = vec![(Name::from("advance"), usd("100.00"))];
    let invoice = Creditable { amount_due: usd("25.50"), credits, ..invoice(&[usd("100.00")], 255) };
    let ask = |amount: &str| {
        let line = RequestedLine { line: Some("a".to_owned()), description: String::new(), amount: usd(amount) };
        credit(&invoice, &CreditRequest::Lines(vec![line]))
    };
    assert_eq!(ask("20.00").unwrap().total, usd("-25.10"));
    let refused = CreditRefusal::DueExceeded { due: usd("25.50"), requested: usd("26.35") };
    assert_eq!(ask("21.00").unwrap_err(), refused);
    let full = credit(&invoice, &CreditRequest::Full).unwrap();
    assert_eq!((full.total, full.credits), (usd("-125.50"), vec![(Name::from("advance"), usd("100.00"))]));
}
