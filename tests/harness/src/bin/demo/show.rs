//! What a reader of the demo sees.

use crate::{
    Result,
    kubectl::{Kubectl, emphasised, quoted},
    place::{Found, Place},
};

/// The invoice that is shown in full: its numbers are published ones.
const INVOICE: &str = "f3397-1";

/// The tables, an invoice, the refusals, and how to go on.
///
/// # Errors
/// When a new demo does not answer as it should.
pub fn all(kubectl: &Kubectl, place: &Place, found: Found) -> Result {
    let audience = Audience { kubectl, found };
    title("Who pays, and what it costs");
    audience.sees(&["get", "billinggroups,projectbindings,invoices,billingperiods", "-A"])?;
    title("An invoice, line by line");
    audience.sees(&["get", "invoice", INVOICE, "-n", "acme", "-o", "go-template-file=examples/invoice.tmpl"])?;
    title("Usage that meters itself");
    remark("Nobody recorded these by hand: a volume that is bound, and requests that a Prometheus counted.");
    audience.sees(&["get", "usagerecords", "-n", "acme", "-l", "meter.billing-operator.io/name"])?;
    remark("Both are on the estimate of the group that pays for their project:");
    let estimate = ["--field-selector", "status.phase=Estimate,spec.billingGroup=shop"];
    let found = kubectl.read(&[&["get", "invoices", "-n", "acme", "-o", "name"], &estimate[..]].concat())?;
    let found = String::from_utf8(found)?;
    let name = found.lines().last().and_then(|name| name.split('/').next_back()).ok_or("there is no estimate")?;
    audience.sees(&["get", "invoice", name, "-n", "acme", "-o", "go-template-file=examples/invoice.tmpl"])?;
    title("What the API server refuses, whoever asks");
    remark("A group that projects count on:");
    audience.is_refused(&["delete", "billinggroup", "main", "-n", "acme"])?;
    remark("A payer of another organization. Maya chooses who pays for globex-web, and cannot even name acme's group:");
    let shop = r#"{"spec":{"billingGroup":"shop"}}"#;
    let patch =
        ["patch", "projectbinding", "billing", "-n", "globex-web", "--type=merge", "--patch", shop, "--as=maya"];
    audience.is_refused(&patch)?;
    remark("A final invoice that is to go:");
    audience.is_refused(&["delete", "invoice", INVOICE, "-n", "acme"])?;
    how_to_go_on(place);
    Ok(())
}

/// Who watches, and which demo.
struct Audience<'a> {
    kubectl: &'a Kubectl,
    found: Found,
}

impl Audience<'_> {
    /// Shows a command that succeeds.
    fn sees(&self, args: &[&str]) -> Result {
        let succeeded = self.kubectl.show(args)?;
        if self.found == Found::Started && !succeeded {
            return Err("this should have worked".into());
        }
        Ok(())
    }

    /// Shows a command that the API server refuses. In a demo that somebody changed it may not any more: there, nothing is done.
    fn is_refused(&self, args: &[&str]) -> Result {
        if self.found == Found::Running {
            self.kubectl.show(&[args, &["--dry-run=server"]].concat())?;
            return Ok(());
        }
        if self.kubectl.show(args)? { Err("the API server should have refused this".into()) } else { Ok(()) }
    }
}

fn title(text: &str) {
    println!("{}\n", emphasised(&format!("== {text}")));
}

fn remark(text: &str) {
    println!("# {text}");
}

fn how_to_go_on(place: &Place) {
    let path = |path: std::path::PathBuf| quoted(&path.display().to_string());
    let (kubeconfig, programs, log) =
        (path(place.kubeconfig()), path(place.programs()), path(place.log("billing-operator")));
    println!(
        r#"{heading}

The demo goes on in the background. To look around and to change things:

  export KUBECONFIG={kubeconfig}
  export PATH={programs}:$PATH     # kubectl, helm, kubectl-billing

  kubectl get billing -A                             # everything that people write or read
  kubectl get invoice {INVOICE} -n acme -o yaml        # the whole document
  kubectl explain invoice.status.document            # what its fields mean
  kubectl billing preview -f examples/acme           # the same invoices without a cluster
  kubectl billing invoice download {INVOICE} -n acme --format factur-x -o {INVOICE}.pdf    # to read, to archive and to book
  tail -f {log}

Move a project, and see the estimates of both groups follow:

  kubectl patch projectbinding billing -n acme-website --type=merge --patch '{{"spec":{{"billingGroup":"test"}}}}'
  kubectl get invoices -n acme

`make demo` shows this again. `make demo-stop` ends the demo and removes it."#,
        heading = emphasised("== How to go on"),
    );
}
