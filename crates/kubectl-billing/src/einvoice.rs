//! Documents as e-invoices.

use clap::{Args, ValueEnum};

use billing_documents::export::document::{ExportedDocument, Stored};
use billing_einvoice::{EInvoice, Profile};

use crate::error::CommandError;

/// How an e-invoice is written.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct EInvoiceArguments {
    /// Whose rules an e-invoice keeps [default: en16931, with --format xrechnung that]
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<ProfileName>,
}

/// A profile by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// EN 16931 itself
    #[value(name = "en16931")]
    En16931,
    /// Peppol BIS Billing 3.0, in UBL
    Peppol,
    /// XRechnung 3.0, of Germany
    #[value(name = "xrechnung")]
    XRechnung,
}

/// An e-invoice by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A PDF that has it inside.
    #[cfg(feature = "pdf")]
    FacturX,
    /// UBL.
    Ubl,
    /// CII.
    Cii,
    /// UBL of the profile XRechnung.
    XRechnung,
}

impl EInvoiceArguments {
    /// The profile of a form.
    ///
    /// # Errors
    /// The two do not go together.
    pub(crate) fn profile(self, form: Form) -> Result<Profile, CommandError> {
        let no = |message: &str| Err(CommandError::Unusable(message.to_owned()));
        match (form, self.profile) {
            (Form::XRechnung, None | Some(ProfileName::XRechnung)) | (_, Some(ProfileName::XRechnung)) => {
                Ok(Profile::XRechnung)
            }
            (Form::XRechnung, Some(_)) => {
                no("--format xrechnung is UBL by the rules of XRechnung: leave --profile out, or write --format ubl")
            }
            (Form::Ubl, Some(ProfileName::Peppol)) => Ok(Profile::Peppol),
            (_, Some(ProfileName::Peppol)) => no("Peppol delivers UBL: write --format ubl --profile peppol"),
            (_, None | Some(ProfileName::En16931)) => Ok(Profile::En16931),
        }
    }

    /// Nothing is asked for that only e-invoices have.
    ///
    /// # Errors
    /// A profile is.
    pub(crate) fn none(self) -> Result<(), CommandError> {
        match self.profile {
            None => Ok(()),
            Some(_) => Err(CommandError::Unusable(
                "--profile is for e-invoices: write --format factur-x, ubl, cii or xrechnung with it".to_owned(),
            )),
        }
    }
}

/// The e-invoice of a document.
///
/// # Errors
/// There is none, with the reason.
pub(crate) fn einvoice(document: &ExportedDocument<'_>, profile: Profile) -> Result<EInvoice, CommandError> {
    let made = match document.stored {
        Stored::Invoice(issued) => EInvoice::of_invoice(issued, profile),
        Stored::CreditNote(note) => EInvoice::of_credit_note(note, profile),
    };
    made.map_err(|refusal| refused(document, refusal))
}

/// Why there is no e-invoice of a document.
pub(crate) fn refused(document: &ExportedDocument<'_>, reason: impl std::fmt::Display) -> CommandError {
    CommandError::Refused(format!("there is no e-invoice of {}: {reason}", document.number))
}
