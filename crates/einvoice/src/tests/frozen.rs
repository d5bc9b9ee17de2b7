//! E-invoices as they were written: what is issued has the same bytes for ever. A change here is another mapping, for what is issued from
//! a day on, and these files stay.

use crate::{EInvoice, Profile, Syntax};

use super::{credit_note, everything, invoice};

/// An e-invoice, in which syntax, and the file that has it.
type Frozen = (fn() -> EInvoice, Syntax, &'static str);

const V1: [Frozen; 4] = [
    (one_invoice, Syntax::Ubl, include_str!("v1/invoice.ubl.xml")),
    (one_invoice, Syntax::Cii, include_str!("v1/invoice.cii.xml")),
    (one_credit_note, Syntax::Ubl, include_str!("v1/credit-note.ubl.xml")),
    (one_credit_note, Syntax::Cii, include_str!("v1/credit-note.cii.xml")),
];

fn one_invoice() -> EInvoice {
    let invoice = invoice(everything);
    let issued = billing_documents::issued::IssuedInvoice::new(&invoice, []).expect("reads");
    EInvoice::of_invoice(&issued, Profile::XRechnung).expect("is accepted")
}

fn one_credit_note() -> EInvoice {
    credit_note(|_| {}, Profile::Peppol).expect("is accepted")
}

#[test]
fn what_the_first_mapping_wrote_it_writes_for_ever() {
    for (einvoice, syntax, frozen) in V1 {
        let written = einvoice().xml(syntax).expect("writes");
        assert!(written == frozen, "{syntax:?} is now\n{written}");
    }
}
