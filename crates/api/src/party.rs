//! What an invoice needs to know of who sends and gets it, beside names and addresses.

use super::text::{EMAIL, LINE, LINES, text};
use super::{Name, ObjectName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

text!(
    /// A language by its tag of BCP 47: `de`, `pt-BR`, `sr-Latn`.
    Language, max: 12, pattern: "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"
);

/// Where a company gets e-invoices, as the networks that deliver them know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ElectronicAddress {
    /// The kind of address, by its code in the list EAS of the European Commission: `0088` is a GLN, `0204` a German Leitweg-ID, `0216`
    /// a Finnish OVT code, `EM` an e-mail address.
    #[schemars(length(max = 4), regex(pattern = "^[0-9A-Z]{2,4}$"))]
    pub scheme: String,
    /// The address, as the scheme writes it.
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub value: String,
}

/// Whom a buyer asks about an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// A person or a department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub name: Option<String>,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 64), regex(pattern = LINE))]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 254), regex(pattern = EMAIL))]
    pub email: Option<String>,
}

/// How invoices look as PDF.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentStyle {
    /// The picture at the top of the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// The colour of rules and headings: red, green and blue in hexadecimal digits (`#0B5FFF`). Text stays legible whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 7), regex(pattern = "^#[0-9A-Fa-f]{6}$"))]
    pub color: Option<String>,
    /// Printed at the end of every page, such as what the law asks of a company's letters: up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = LINES))]
    pub footer: Option<String>,
}

/// A picture in a ConfigMap: SVG or PNG, up to 256 KiB. Who downloads invoices as PDF must be allowed to read it; invoices are printed
/// without it where it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logo {
    /// The namespace of the ConfigMap.
    pub namespace: Name,
    /// The name of the ConfigMap.
    pub name: ObjectName,
    /// The key of the picture, in `data` or `binaryData`.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}
