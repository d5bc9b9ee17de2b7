//! Credit notes: in full, in parts, with tax and credits, and never too much.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::world::{World, at, group, uid};
use crate::invoice::credit_note::{
    CreditNoteAmounts, CreditRefusal, CreditRequest, Creditable, CreditableLine, CreditableTax, PriorNote,
    RequestedLine, Withheld, credit,
};
use crate::money::amount::round_half_away;
use crate::{CreditValidity, Group, Money, Name, TaxCategory, TaxGroup, Timestamp, restored_name};

fn usd(text: &str) -> Money {
    Money::parse(text, "USD".parse().unwrap()).unwrap()
}

/// A rate in thousandths: 255 is 25.5 %.
fn rate(thousandths: i128) -> TaxGroup {
    let category = if thousandths == 0 { TaxCategory::ZeroRated } else { TaxCategory::Standard };
    TaxGroup { category, rate: format!("{}.{}", thousandths / 10, thousandths % 10).parse().unwrap() }
}

/// An invoice of lines `a`, `b`, … taxed at a rate.
fn invoice(totals: &[Money], thousandths: i128) -> Creditable {
    let lines: Vec<_> = totals.iter().map(|total| (*total, thousandths)).collect();
    invoice_of(&lines)
}

/// An invoice of lines `a`, `b`, …, each taxed at its rate.
fn invoice_of(lines: &[(Money, i128)]) -> Creditable {
    let ids = ('a'..='z').map(String::from);
    let line = |(id, (total, thousandths)): (String, &(Money, i128))| CreditableLine {
        description: format!("service {id}"),
        id,
        total: *total,
        tax: Some(rate(*thousandths)),
        withheld: None,
    };
    let parts: Vec<_> = ids.zip(lines).map(line).collect();
    let sum =
        |amounts: Vec<Money>| amounts.into_iter().try_fold(usd("0.00"), |sum, amount| sum.checked_add(amount)).unwrap();
    let mut rates: Vec<i128> = lines.iter().map(|(_, thousandths)| *thousandths).collect();
    rates.sort_unstable();
    rates.dedup();
    let tax = |thousandths: i128| {
        let base = sum(lines.iter().filter(|(_, of)| *of == thousandths).map(|(total, _)| *total).collect());
        let amount = round_half_away(&base.exact().times(rate(thousandths).rate.part()), base.currency()).unwrap();
        CreditableTax { group: rate(thousandths), base, amount }
    };
    let taxes: Vec<_> = rates.into_iter().map(tax).collect();
    let subtotal = sum(lines.iter().map(|(total, _)| *total).collect());
    let tax = sum(taxes.iter().map(|tax| tax.amount).collect());
    Creditable {
        lines: parts.clone(),
        parts,
        subtotal,
        taxes,
        tax,
        amount_due: subtotal.checked_add(tax).unwrap(),
        gives_back: None,
        credits: Vec::new(),
        prepaid: Vec::new(),
        prior_notes: Vec::new(),
    }
}

fn of_line(line: &str, amount: &str) -> RequestedLine {
    RequestedLine { line: Some(line.to_owned()), description: String::new(), amount: usd(amount), tax: None }
}

fn free(amount: &str) -> RequestedLine {
    RequestedLine { line: None, description: "goodwill".to_owned(), amount: usd(amount), tax: None }
}

fn taxed(amount: &str, thousandths: i128) -> RequestedLine {
    RequestedLine { tax: Some(rate(thousandths)), ..free(amount) }
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
    let taken = |tax: &CreditableTax| CreditableTax {
        group: tax.group,
        base: tax.base.negated(),
        amount: tax.amount.negated(),
    };
    let taxes = note.taxes.iter().map(taken).collect();
    invoice.prior_notes.push(PriorNote { name, full, subtotal, tax, taxes, lines });
    Ok(note)
}

/// Lines as `line description total`, then subtotal, tax and total.
fn shown(note: &CreditNoteAmounts) -> Vec<String> {
    let line = |line: &str, description: &str, total| format!("{line} {description} {total}").trim().to_owned();
    let lines = note.lines.iter().map(|it| line(it.line.as_deref().unwrap_or(""), &it.description, it.total));
    lines.chain([format!("{} + {} = {}", note.subtotal, note.tax, note.total)]).collect()
}

/// What goes back of taxes, as `category rate base tax`.
fn said_of_taxes(note: &CreditNoteAmounts) -> Vec<String> {
    note.taxes.iter().map(|tax| format!("{} {} {}", tax.group, tax.base, tax.amount)).collect()
}

/// What goes back of credits, as `name amount`; those that paid in advance with a star.
fn said_of_credits(note: &CreditNoteAmounts) -> Vec<String> {
    let before_tax = note.credits.iter().map(|(credit, amount)| format!("{credit} {amount}"));
    before_tax.chain(note.prepaid.iter().map(|(credit, amount)| format!("{credit}* {amount}"))).collect()
}

#[test]
fn a_full_note_is_the_invoice_the_other_way() {
    let mut invoice = invoice(&[usd("80.00"), usd("50.00"), usd("-30.00")], 255);
    let note = issue(&mut invoice, &CreditRequest::Full).unwrap();
    let expected = ["a service a -80.00", "b service b -50.00", "c service c 30.00", "-100.00 + -25.50 = -125.50"];
    assert_eq!(shown(&note), expected);
    assert_eq!(said_of_taxes(&note), ["S 25.5 -100.00 -25.50"]);
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
    assert_eq!(said_of_credits(&note), ["welcome 60.00", "outage 15.00"]);
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
    assert_eq!((rest.total, said_of_credits(&rest).len()), (usd("0.00"), 2));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(nothing));
}

#[test]
fn an_invoice_that_credits_paid_whole_gives_them_back_once() {
    let credits = vec![(Name::from("welcome"), usd("80.00"))];
    let mut invoice = Creditable { credits, ..invoice(&[usd("80.00"), usd("-80.00")], 255) };
    let nothing = CreditRefusal::NothingLeft(usd("0.00"));
    assert_eq!(issue(&mut invoice, &CreditRequest::Lines(vec![free("1.00")])), Err(nothing.clone()));
    let note = issue(&mut invoice, &CreditRequest::Full).unwrap();
    assert_eq!((note.total, said_of_credits(&note)), (usd("0.00"), vec!["welcome 80.00".to_owned()]));
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
}

proptest! {
    /// However an invoice is taken back, what is taken is never more than it had, in money, of a tax or of a credit, the tax that
    /// is left is the tax on what is left, and a last full note takes exactly the rest: then all that was billed has gone
    /// back to the cent at each rate, and every credit once, whichever way it paid.
    #[test]
    fn notes_add_up_to_the_invoice(
        totals in prop::collection::vec((1_i128..100_000, prop::sample::select(vec![0_i128, 70, 100, 255])), 1..5),
        used in prop::collection::vec(1_i128..60_000, 0..3),
        in_advance in prop::collection::vec(1_i128..60_000, 0..3),
        asked in prop::collection::vec(prop_oneof![
            9 => (0_usize..6, 1_i128..60_000, 0_usize..4).prop_map(Some),
            1 => Just(None),
        ], 0..12),
    ) {
        let usd = |minor| Money::new(minor, "USD".parse().unwrap()).unwrap();
        let paying = |most: i128, rest: &mut i128| { let used = most.min(*rest); *rest -= used; used };
        // Credits before tax pay of what the first line's rate taxes.
        let mut rest = totals[0].0;
        let used: Vec<_> = used.into_iter().map(|most| paying(most, &mut rest)).filter(|used| *used > 0).collect();
        let all: Vec<_> = totals.iter().copied().chain(used.iter().map(|used| (-used, totals[0].1))).collect();
        let lines: Vec<_> = all.iter().map(|(minor, thousandths)| (usd(*minor), *thousandths)).collect();
        let mut invoice = invoice_of(&lines);
        let named = |prefix: &str, used: &[i128]| {
            used.iter().enumerate().map(|(at, used)| (Name::from(format!("{prefix}-{at}")), usd(*used))).collect::<Vec<_>>()
        };
        let billed = invoice.subtotal.minor() + invoice.tax.minor();
        let mut due = billed;
        let in_advance: Vec<_> = in_advance.into_iter().map(|most| paying(most, &mut due)).filter(|used| *used > 0).collect();
        invoice.credits = named("rebate", &used);
        invoice.prepaid = named("advance", &in_advance);
        invoice.amount_due = usd(due);
        let (mut credited, mut returned, mut advanced) = (0, Vec::new(), BTreeMap::new());
        let mut left: Vec<_> = invoice.taxes.iter().map(|tax| (tax.base.minor(), tax.amount.minor())).collect();
        for asked in asked.into_iter().chain([None]) {
            let request = match asked {
                None => CreditRequest::Full,
                Some((line, amount, tax)) => {
                    let line = invoice.lines.get(line).map(|part| part.id.clone());
                    let tax = invoice.taxes.get(tax).filter(|_| line.is_none()).map(|tax| tax.group);
                    let description = "part".to_owned();
                    CreditRequest::Lines(vec![RequestedLine { line, description, amount: usd(amount), tax }])
                }
            };
            let Ok(note) = issue(&mut invoice, &request) else { continue };
            prop_assert!(note.tax.minor() <= 0 && note.subtotal.minor() <= 0);
            if let Some((_, amount, _)) = asked {
                prop_assert_eq!(note.subtotal.minor(), -amount);
            }
            prop_assert_eq!(note.credits.is_empty(), request != CreditRequest::Full || used.is_empty());
            credited -= note.total.minor();
            returned.extend(note.credits.clone());
            for (credit, amount) in &note.prepaid {
                *advanced.entry(credit.clone()).or_insert(0) += amount.minor();
            }
            // What goes back to credits that paid in advance is what is beyond money, of the last first.
            let beyond: i128 = (credited - due).max(0);
            prop_assert_eq!(advanced.values().sum::<i128>(), beyond.min(in_advance.iter().sum()));
            for (at, (name, paid)) in invoice.prepaid.iter().enumerate() {
                let of_later: i128 = in_advance[at + 1..].iter().sum();
                prop_assert_eq!(advanced.get(name).copied().unwrap_or(0), (beyond - of_later).clamp(0, paid.minor()));
            }
            // At each rate, what is left is taxed as it is, and is not below zero.
            for ((base, amount), of) in left.iter_mut().zip(&invoice.taxes) {
                for tax in note.taxes.iter().filter(|tax| tax.group == of.group) {
                    *base += tax.base.minor();
                    *amount += tax.amount.minor();
                }
                let exact = usd(*base).exact().times(of.group.rate.part());
                prop_assert!(*base >= 0);
                prop_assert_eq!(round_half_away(&exact, of.base.currency()).map(|exact| exact.minor()), Some(*amount));
            }
            prop_assert!(credited <= billed);
        }
        prop_assert!(left.iter().all(|left| *left == (0, 0)), "{left:?}");
        prop_assert_eq!((credited, returned), (billed, invoice.credits.clone()));
        let all_advanced: BTreeMap<_, _> = invoice.prepaid.iter().map(|(name, used)| (name.clone(), used.minor())).collect();
        prop_assert_eq!(advanced, all_advanced);
        prop_assert_eq!(credit(&invoice, &CreditRequest::Full).map_err(|refusal| refusal.reason()), Err("NothingLeft"));
    }
}

/// 100.00 at 25.5 %, and books for 40.00 and 10.00 at 10 %.
fn of_two_rates() -> Creditable {
    invoice_of(&[(usd("100.00"), 255), (usd("40.00"), 100), (usd("10.00"), 100)])
}

#[test]
fn a_part_of_an_invoice_of_several_taxes_has_that_of_its_line() {
    let mut invoice = of_two_rates();
    let note = issue(&mut invoice, &CreditRequest::Lines(vec![of_line("b", "0.05"), of_line("a", "1.00")])).unwrap();
    // Of books 49.95 are left, with 5.00 (4.995) of tax: so none goes back.
    assert_eq!(said_of_taxes(&note), ["S 10 -0.05 0.00", "S 25.5 -1.00 -0.25"]);
    assert_eq!(shown(&note), ["b service b -0.05", "a service a -1.00", "-1.05 + -0.25 = -1.30"]);
    assert_eq!(note.lines.iter().map(|line| line.tax).collect::<Vec<_>>(), [Some(rate(100)), Some(rate(255))]);
    let note = issue(&mut invoice, &CreditRequest::Lines(vec![of_line("b", "39.95"), of_line("c", "10.00")])).unwrap();
    assert_eq!(said_of_taxes(&note), ["S 10 -49.95 -5.00"], "the last takes exactly what is left");
    let rest = issue(&mut invoice, &CreditRequest::Full).unwrap();
    let expected = [
        "a service a -100.00",
        "b service b -40.00",
        "c service c -10.00",
        "credited before, by note-1 and 1 more 50.00",
        "credited before, by note-1 1.00",
        "-99.00 + -25.25 = -124.25",
    ];
    assert_eq!(shown(&rest), expected);
    assert_eq!(said_of_taxes(&rest), ["S 10 0.00 0.00", "S 25.5 -99.00 -25.25"]);
}

#[test]
fn an_amount_of_the_whole_says_which_of_several_taxes_it_has() {
    let mut invoice = of_two_rates();
    let ask = |invoice: &Creditable, line: RequestedLine| credit(invoice, &CreditRequest::Lines(vec![line]));
    let refused = CreditRefusal::SeveralTaxes(vec![rate(100), rate(255)]);
    let message = "the invoice has several taxes (S 10 %, S 25.5 %): say in tax {category, rate} of the amount which of them it has";
    assert_eq!(refused.to_string(), message);
    assert_eq!(ask(&invoice, free("1.00")), Err(refused));
    let unknown = ask(&invoice, taxed("1.00", 70)).unwrap_err();
    assert_eq!(unknown.to_string(), "the invoice taxes nothing as S 7 %; its taxes: S 10 %, S 25.5 %");
    assert_eq!(unknown.reason(), "TaxUnknown");
    // At each rate no more than it has, though the invoice has more.
    let exceeded = ask(&invoice, taxed("50.01", 100)).unwrap_err();
    assert_eq!(
        (exceeded.reason(), exceeded),
        (
            "InvoiceExceeded",
            CreditRefusal::TaxExceeded { tax: rate(100), remaining: usd("50.00"), requested: usd("50.01") }
        )
    );
    let note = issue(&mut invoice, &CreditRequest::Lines(vec![taxed("50.00", 100), of_line("a", "1.00")])).unwrap();
    assert_eq!(said_of_taxes(&note), ["S 10 -50.00 -5.00", "S 25.5 -1.00 -0.25"]);
    // Of one tax the whole is of that, whether it is said or not.
    let one = self::invoice(&[usd("10.00")], 100);
    assert_eq!(ask(&one, free("1.00")), ask(&one, taxed("1.00", 100)));
    assert_eq!(ask(&one, taxed("1.00", 255)).unwrap_err().reason(), "TaxUnknown");
}

#[test]
fn what_gives_back_at_one_rate_limits_what_goes_back_at_another() {
    // 100.00 without tax, and 20.00 with 25 % back: 75.00 in all.
    let invoice = invoice_of(&[(usd("100.00"), 0), (usd("-20.00"), 250)]);
    let ask = |amount: &str| credit(&invoice, &CreditRequest::Lines(vec![of_line("a", amount)]));
    assert_eq!(ask("75.00").unwrap().total, usd("-75.00"));
    let refused = ask("75.01").unwrap_err();
    assert_eq!(refused, CreditRefusal::TotalExceeded { remaining: usd("75.00"), requested: usd("75.01") });
    assert_eq!(refused.reason(), "InvoiceExceeded");
    assert_eq!(
        ask("80.01").unwrap_err().to_string(),
        "the invoice has only 80.00 USD before tax left to credit, less than 80.01 USD; lower the amounts"
    );
}

#[test]
fn what_is_no_charge_goes_back_only_with_all_of_the_invoice() {
    for (what, says) in [
        (Withheld::Credit, "is what a credit paid"),
        (Withheld::MinimumCharge, "is the minimum charge"),
        (Withheld::BroughtForward, "is what an earlier invoice left over"),
    ] {
        let mut invoice = invoice(&[usd("80.00"), usd("20.00")], 255);
        invoice.lines[1].withheld = Some(what);
        let refused = credit(&invoice, &CreditRequest::Lines(vec![of_line("b", "1.00")])).unwrap_err();
        let message =
            format!(r#"line "b" of the invoice {says}, which goes back only when the invoice is credited in full"#);
        assert_eq!((refused.reason(), refused.to_string()), ("LineWithheld", message));
        assert!(credit(&invoice, &CreditRequest::Lines(vec![of_line("a", "1.00")])).is_ok());
        assert!(credit(&invoice, &CreditRequest::Full).is_ok());
    }
}

#[test]
fn what_gives_back_another_month_is_not_taken_back_in_full() {
    let invoice = Creditable { gives_back: Some("b".to_owned()), ..invoice(&[usd("80.00"), usd("-20.00")], 255) };
    let refusal = credit(&invoice, &CreditRequest::Full).unwrap_err();
    assert_eq!(refusal, CreditRefusal::AdjustsOthers("b".to_owned()));
    assert!(credit(&invoice, &CreditRequest::Lines(vec![of_line("a", "10.00")])).is_ok());
}

#[test]
fn a_note_lowers_what_is_due_and_what_is_beyond_goes_back_to_the_credit_that_paid_last() {
    // 125.50: two credits paid 60.00 and 40.00 of it in advance.
    let prepaid = vec![(Name::from("first"), usd("60.00")), (Name::from("last"), usd("40.00"))];
    let mut invoice = Creditable { amount_due: usd("25.50"), prepaid, ..invoice(&[usd("100.00")], 255) };
    let mut take = |amount: &str| issue(&mut invoice, &CreditRequest::Lines(vec![of_line("a", amount)])).unwrap();
    let note = take("20.00");
    assert_eq!((note.total, said_of_credits(&note)), (usd("-25.10"), vec![]));
    let note = take("20.00"); // 25.10 more, of which 0.40 were due
    assert_eq!((note.total, said_of_credits(&note)), (usd("-25.10"), vec!["last* 24.70".to_owned()]));
    let note = take("20.00");
    assert_eq!(said_of_credits(&note), ["last* 15.30", "first* 9.80"]);
    let rest = issue(&mut invoice, &CreditRequest::Full).unwrap();
    assert_eq!((rest.total, said_of_credits(&rest)), (usd("-50.20"), vec!["first* 50.20".to_owned()]));
    assert_eq!(issue(&mut invoice, &CreditRequest::Full), Err(CreditRefusal::NothingLeft(usd("125.50"))));
}

#[test]
fn what_an_earlier_invoice_left_over_is_no_credit_that_gets_it_back() {
    // 125.50, of which 25.50 were left over, and a credit paid 60.00.
    let prepaid = vec![(Name::from("advance"), usd("60.00"))];
    let invoice = Creditable { amount_due: usd("40.00"), prepaid, ..invoice(&[usd("100.00")], 255) };
    let note = credit(&invoice, &CreditRequest::Full).unwrap();
    assert_eq!((note.total, said_of_credits(&note)), (usd("-125.50"), vec!["advance* 60.00".to_owned()]));
}
