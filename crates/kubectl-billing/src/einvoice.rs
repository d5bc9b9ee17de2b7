//! Documents as e-invoices.

use clap::{Args, ValueEnum};

use billing_documents::export::document::{ExportedDocument, Stored};
use billing_einvoice::{EInvoice, Mapping, Profile, Syntax};

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

/// An e-invoice as a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlForm {
    syntax: Syntax,
    profile: Profile,
}

impl XmlForm {
    /// UBL by the rules of a profile, or CII.
    ///
    /// # Errors
    /// The two do not go together.
    pub(crate) fn new(form: Form, arguments: EInvoiceArguments) -> Result<Self, CommandError> {
        let syntax = match form {
            Form::Ubl | Form::XRechnung => Syntax::Ubl,
            #[cfg(feature = "pdf")]
            Form::FacturX => Syntax::Cii,
            Form::Cii => Syntax::Cii,
        };
        Ok(Self { syntax, profile: arguments.profile(form)? })
    }

    /// Its name, with its profile.
    pub(crate) fn name(self) -> &'static str {
        match (self.syntax, self.profile) {
            (Syntax::Ubl, Profile::En16931) => "ubl/en16931",
            (Syntax::Ubl, Profile::Peppol) => "ubl/peppol",
            (Syntax::Ubl, Profile::XRechnung) => "ubl/xrechnung",
            (Syntax::Cii, Profile::En16931) => "cii/en16931",
            (Syntax::Cii, Profile::Peppol) => "cii/peppol",
            (Syntax::Cii, Profile::XRechnung) => "cii/xrechnung",
        }
    }
}

/// The XML of a document, and how many lines it has.
///
/// # Errors
/// There is none, with the reason.
pub(crate) fn xml(document: &ExportedDocument<'_>, form: XmlForm) -> Result<(String, u64), CommandError> {
    let einvoice = einvoice(document, form.profile)?;
    let xml = einvoice.xml(form.syntax).map_err(|refusal| refused(document, refusal))?;
    Ok((xml, einvoice.terms().lines.len() as u64))
}

/// The number of the mapping by which a document became an e-invoice.
pub(crate) fn mapping(document: &ExportedDocument<'_>) -> u32 {
    Mapping::of(document.written_at).number()
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
