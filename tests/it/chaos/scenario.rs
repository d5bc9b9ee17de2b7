//! What is done to an organization while something goes wrong.

use billing_api::{
    BillingGroup, Credit, CreditNote, Invoice, InvoicePhase, ProjectBinding, Time, UsageRecord,
    labels::{BINDING_NAME, DEFAULT_BINDING_LABEL, ORGANIZATION_LABEL},
};
use billing_domain::Month;
use kube::{ResourceExt, api::PostParams};
use serde_json::{Value, json};

use crate::{
    Result,
    support::{Scene, open_month},
};

/// Something that people do, in several writes of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A project is bound for the first time.
    Bind,
    /// A bound project moves to another group.
    Move,
    /// A bound project leaves.
    Leave,
    /// A group appears that two months have waited for.
    Close,
    /// A month that was held becomes final, with adjustments of the one before it, and a credit.
    Adjust,
    /// A month that was held becomes final, gives a part of a credit back for the one before it, and carries the rest forward.
    Settle,
    /// A final invoice is taken back, and the credits that it used are given back.
    Credit,
    /// A final invoice is taken back, its credits are given back, and it is issued again with them for another name.
    Reissue,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Bind, Self::Move, Self::Leave, Self::Close, Self::Adjust, Self::Settle, Self::Credit, Self::Reissue];

    /// A short name, for organizations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Move => "move",
            Self::Leave => "leave",
            Self::Close => "close",
            Self::Adjust => "adjust",
            Self::Settle => "settle",
            Self::Credit => "credit",
            Self::Reissue => "reissue",
        }
    }

    /// Makes an organization in which it can happen.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn prepare(self, scene: &Scene<'_>, organization: &str) -> Result {
        scene.organization(organization).await?;
        let shop = shop(organization);
        let labels = json!({ ORGANIZATION_LABEL: organization, DEFAULT_BINDING_LABEL: "false" });
        scene.namespace(&shop, json!({ "labels": labels })).await?;
        let open = open_month();
        scene.usage(organization, "a-domain", domain(&shop, open)).await?;
        match self {
            Self::Bind => {
                scene.group(organization, "main", json!({})).await?;
            }
            Self::Move => {
                scene.group(organization, "main", json!({})).await?;
                scene.group(organization, "other", json!({})).await?;
                scene.bind(&shop, "main").await?;
            }
            Self::Leave => {
                scene.group(organization, "main", json!({})).await?;
                scene.bind(&shop, "main").await?;
            }
            Self::Close => {
                let (last, first) = (open.prev(), open.prev().prev());
                scene.usage(organization, "another-domain", domain(&shop, first)).await?;
                scene.usage(organization, "a-database", database(&shop, first, last)).await?;
                scene.bind(&shop, "main").await?;
                let amount = json!({ "amount": "12.60", "currency": "USD" });
                let spec = json!({ "billingGroup": "main", "type": "Promotion", "amount": amount });
                scene.credit(organization, "welcome", spec).await?;
                // Seen by the operator, whose watch may only just be back.
                let waits =
                    |credit: &Credit| credit.status.as_ref().is_some_and(|status| !status.conditions.is_empty());
                scene.wait_object(organization, "welcome", "welcome waits for its group", waits).await?;
            }
            Self::Adjust => {
                let (last, first) = (open.prev(), open.prev().prev());
                scene.usage(organization, "a-database", database(&shop, first, last)).await?;
                scene.usage(organization, "unpriced", unpriced(&shop, last)).await?;
                scene.bind(&shop, "main").await?;
                scene.group(organization, "main", json!({ "terms": { "firstPeriod": first.to_string() } })).await?;
                scene.wait_invoice(organization, "main", first, "is final", is_final).await?;
                scene.usage(organization, "late-domain", domain(&shop, first)).await?;
                scene.usage(organization, "right-database", corrected(&shop, first, "a-database")).await?;
                let amount = json!({ "amount": "12.60", "currency": "USD" });
                let spec = json!({ "billingGroup": "main", "type": "Promotion", "amount": amount });
                scene.credit(organization, "welcome", spec).await?;
            }
            Self::Settle => {
                let (last, first) = (open.prev(), open.prev().prev());
                scene.usage(organization, "another-domain", domain(&shop, first)).await?;
                scene.usage(organization, "unpriced", unpriced(&shop, last)).await?;
                scene.bind(&shop, "main").await?;
                let amount = json!({ "amount": "5.00", "currency": "USD" });
                let spec = json!({ "billingGroup": "main", "type": "Promotion", "amount": amount });
                scene.credit(organization, "welcome", spec).await?;
                scene.group(organization, "main", json!({ "terms": { "firstPeriod": first.to_string() } })).await?;
                scene.wait_invoice(organization, "main", first, "is final", is_final).await?;
                scene.usage(organization, "no-domain", corrected(&shop, first, "another-domain")).await?;
            }
            Self::Credit | Self::Reissue => {
                let last = open.prev();
                scene.usage(organization, "another-domain", domain(&shop, last)).await?;
                scene.bind(&shop, "main").await?;
                for (name, amount) in [("outage", "3.50"), ("welcome", "5.00")] {
                    let amount = json!({ "amount": amount, "currency": "USD" });
                    let spec = json!({ "billingGroup": "main", "type": "Promotion", "amount": amount });
                    scene.credit(organization, name, spec).await?;
                }
                scene.group(organization, "main", json!({ "terms": { "firstPeriod": last.to_string() } })).await?;
                scene.wait_invoice(organization, "main", last, "is final", is_final).await?;
            }
        }
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn act(self, scene: &Scene<'_>, organization: &str) -> Result {
        let shop = shop(organization);
        match self {
            Self::Bind => drop(scene.bind(&shop, "main").await?),
            Self::Move => drop(scene.rebind(&shop, "other").await?),
            Self::Leave => scene.delete::<ProjectBinding>(&shop, BINDING_NAME).await?,
            Self::Close => {
                let first = open_month().prev().prev().to_string();
                scene.group(organization, "main", json!({ "terms": { "firstPeriod": first } })).await?;
            }
            Self::Adjust | Self::Settle => scene.delete::<UsageRecord>(organization, "unpriced").await?,
            Self::Credit | Self::Reissue => {
                let last = open_month().prev();
                let invoice = scene.wait_invoice(organization, "main", last, "is final", is_final).await?;
                let mut note = json!({
                    "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote", "metadata": { "name": "all" },
                    "spec": { "invoice": invoice.name_any(), "full": true, "reason": "Outage" },
                });
                if self == Self::Reissue {
                    let renamed = json!({ "spec": { "company": "Example SE" } });
                    scene.patch::<BillingGroup>(organization, "main", renamed).await?;
                    note["spec"]["reissue"] = true.into();
                }
                let notes = scene.api::<CreditNote>(organization);
                notes.create(&PostParams::default(), &serde_json::from_value(note)?).await?;
            }
        }
        Ok(())
    }

    /// Whether the books say what they should in the end, as far as that was worked out by hand.
    pub fn has_ended(self, snapshot: &Value) -> bool {
        let shop = "ORGANIZATION-shop";
        let (payers, members): (&[&str], _) = match self {
            Self::Bind | Self::Close | Self::Adjust | Self::Settle | Self::Credit | Self::Reissue => {
                (&["main"], [json!([{ "project": shop }]), Value::Null])
            }
            Self::Move => (&["main", "other"], [json!([]), json!([{ "project": shop }])]),
            Self::Leave => (&["main"], [json!([]), Value::Null]),
        };
        let ledger: Vec<_> = payers.iter().map(|payer| json!([payer, false])).collect();
        snapshot["ledgers"] == json!({ shop: ledger })
            && snapshot["groups"]["main"]["members"] == members[0]
            && snapshot["groups"]["other"]["members"] == members[1]
            && invoices_in(snapshot) == self.invoices()
            && (self != Self::Credit || is_credited(snapshot))
            && (self != Self::Reissue || is_reissued(snapshot))
            && (self != Self::Settle || is_settled(snapshot))
    }

    /// Each invoice in the end: group, month, phase and total.
    fn invoices(self) -> Vec<(String, &'static str, &'static str)> {
        let open = open_month();
        let (last, first) = (open.prev(), open.prev().prev());
        let invoice = |group: &str, month: Month, phase, total| (format!("{group} {month}"), phase, total);
        match self {
            Self::Bind | Self::Leave => vec![invoice("main", open, "Estimate", "12.50")],
            Self::Move => {
                vec![invoice("main", open, "Estimate", "0.00"), invoice("other", open, "Estimate", "12.50")]
            }
            Self::Close => vec![
                invoice("main", first, "Final", "0.00"), // 12.50 + 3 h × 0.026, of a credit of 12.60
                invoice("main", last, "Final", "0.03"),  // 2 h × 0.026, less the 0.02 that the credit still has
                invoice("main", open, "Estimate", "12.50"),
            ],
            Self::Adjust => vec![
                invoice("main", first, "Final", "0.08"),    // 3 h × 0.026
                invoice("main", last, "Final", "0.00"),     // 12.50 that were late, − 0.08 + 0.03; of a credit of 12.60
                invoice("main", open, "Estimate", "12.35"), // 12.50, less the 0.15 that the credit still has
            ],
            Self::Settle => vec![
                invoice("main", first, "Final", "7.50"),   // 12.50, of which a credit paid 5.00
                invoice("main", last, "Final", "-7.50"),   // − 12.50 + 0.03, and of the credit 4.97 are no longer due
                invoice("main", open, "Estimate", "7.53"), // 12.50, less the 4.97 that went back
            ],
            // 12.50, less credits of 3.50 and 5.00, in both: what was given back pays for the month that runs.
            Self::Credit => vec![invoice("main", last, "Final", "4.00"), invoice("main", open, "Estimate", "4.00")],
            // What was given back pays again for the same.
            Self::Reissue => vec![
                invoice("main", last, "Final", "4.00"),
                (format!("main {last} r1"), "Final", "4.00"),
                invoice("main", open, "Estimate", "12.50"),
            ],
        }
    }
}

fn is_final(invoice: &Invoice) -> bool {
    invoice.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final))
}

/// Whether what the last final gives back is a credit again, and the open month has what it carries forward.
fn is_settled(snapshot: &Value) -> bool {
    let document = |month: Month| &snapshot["invoices"][format!("main {month}")]["document"];
    let (last, open) = (document(open_month().prev()), document(open_month()));
    let remaining = |credit: &str| &snapshot["credits"][credit]["remaining"];
    last["carriedForward"] == "7.50"
        && last["amountDue"] == "0.00"
        && last["returnedCredits"][0]["amount"] == "4.97"
        && (&open["prepaid"], &open["amountDue"]) == (&json!("7.50"), &json!("0.03"))
        && [remaining("welcome"), remaining("2-1-welcome")] == [&json!("0.00"), &json!("4.97")]
}

/// Whether the note of the organization is issued, its invoice says so, and its credits are there again.
fn is_credited(snapshot: &Value) -> bool {
    let invoice = &snapshot["invoices"][format!("main {}", open_month().prev())];
    let note = &snapshot["notes"]["all"];
    let remaining = |credit: &str| &snapshot["credits"][credit]["remaining"];
    invoice["credited"]["total"] == "4.00"
        && invoice["payment"] == "Credited"
        && note["phase"] == "Final"
        && note["document"]["total"] == "-4.00"
        && note["conditions"] == json!(["CreditsReturned=True Returned", "Ready=True Issued"])
        && ["outage", "welcome"].map(remaining) == [&json!("0.00"); 2]
        && ["cn1-outage", "cn1-welcome"].map(remaining) == [&json!("3.50"), &json!("5.00")]
}

/// Whether the invoice was issued again for the group as it is, and used what was given back.
fn is_reissued(snapshot: &Value) -> bool {
    let invoice = |which: &str| &snapshot["invoices"][format!("main {}{which}", open_month().prev())];
    let (first, again) = (invoice(""), invoice(" r1"));
    let remaining = |credit: &str| &snapshot["credits"][credit]["remaining"];
    first["payment"] == "Credited"
        && (&again["payment"], &again["document"]["buyer"]["company"]) == (&json!("Due"), &json!("Example SE"))
        && snapshot["notes"]["all"]["conditions"]
            == json!(["CreditsReturned=True Returned", "Ready=True Issued", "Reissued=True Reissued"])
        && ["cn1-outage", "cn1-welcome"].map(remaining) == [&json!("0.00"); 2]
}

fn invoices_in(snapshot: &Value) -> Vec<(String, &str, &str)> {
    let invoices = snapshot["invoices"].as_object();
    invoices
        .into_iter()
        .flatten()
        .map(|(name, invoice)| {
            let phase = invoice["phase"].as_str().unwrap_or_default();
            (name.clone(), phase, invoice["document"]["total"].as_str().unwrap_or_default())
        })
        .collect()
}

/// The only project of the organization.
pub fn shop(organization: &str) -> String {
    format!("{organization}-shop")
}

/// A domain for a year, which is billed whole in a month.
pub fn domain(project: &str, month: Month) -> Value {
    let service = json!({ "name": "example.com", "type": "Domain" });
    json!({ "project": project, "service": service, "start": Time(month.start()) })
}

/// A database that ran for the last three hours of a month and the first two of the next.
pub fn database(project: &str, month: Month, next: Month) -> Value {
    let (start, end) = (month.end() - chrono::TimeDelta::hours(3), next.start() + chrono::TimeDelta::hours(2));
    let service = json!({ "name": "orders", "type": "PostgreSQL", "plan": "Hobbyist" });
    json!({ "project": project, "service": service, "start": Time(start), "end": Time(end) })
}

/// The same database, when it ran for the last hour of the month only.
fn corrected(project: &str, month: Month, replaces: &str) -> Value {
    let start = Time(month.end() - chrono::TimeDelta::hours(1));
    let service = json!({ "name": "orders", "type": "PostgreSQL", "plan": "Hobbyist" });
    json!({ "project": project, "service": service, "start": start, "end": Time(month.end()), "replaces": replaces })
}

/// A service without a price, which holds its month.
fn unpriced(project: &str, month: Month) -> Value {
    let service = json!({ "name": "search", "type": "Unheard-of" });
    let (start, end) = (month.start(), month.start() + chrono::TimeDelta::hours(1));
    json!({ "project": project, "service": service, "start": Time(start), "end": Time(end) })
}
