//! Every kind that people apply, on its way: new, waiting, refused, good, edited, deleted, with the operator at work and paused.

use std::fmt::Debug;

use billing_api::{
    BillingGroup, Credit, CreditCode, CreditNote, ExchangeRates, Invoice, InvoiceIssuer, PriceList, ProjectBinding,
    UsageRecord,
};
use billing_state::code_name;
use billing_test_harness::User;
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Config, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    health::HealthScript,
    rules::{Kstatus, kstatus},
};
use crate::{
    Result,
    month::stage::{awaited, back, domain, final_of, priced, resume, suspended, terms},
    support::{LIMIT, World, wait},
};

const CODE: &str = "WALK-2026-ABCDEFGHIJ";

/// A world, and how tools see what is in it.
struct Walk {
    world: World,
    client: Client,
    script: HealthScript,
}

/// What kube asks of a kind here.
trait Kind: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned {}

impl<K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned> Kind for K {}

impl Walk {
    async fn start() -> Result<Self> {
        let world = World::start(&[])?;
        let kubeconfig = Kubeconfig::read_from(world.control_plane.kubeconfig(User::ClusterAdmin))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self { world, client: Client::try_from(config)?, script: HealthScript::of_readme()? })
    }

    /// From now on nothing is looked at.
    fn pause(&mut self) {
        self.world.operator.signal("STOP");
    }

    /// From now on everything is looked at again.
    fn go_on(&mut self) {
        self.world.operator.signal("CONT");
    }

    fn of<K: Kind + Resource<Scope = NamespaceResourceScope>>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn all<K: Kind>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    /// How tools see an object now. Both say the same of it, and every condition says what it is about.
    async fn seen<K: Kind>(&self, api: &Api<K>, name: &str) -> Result<(Kstatus, Value)> {
        let object = serde_json::to_value(api.get(name).await?)?;
        let conditions: Vec<_> = object["status"]["conditions"].as_array().into_iter().flatten().collect();
        for condition in &conditions {
            assert!(condition["observedGeneration"].is_i64(), "{} {name}: {condition}", K::kind(&()));
        }
        let status = kstatus(&object);
        let health = match status {
            // Nobody waits for a usage record, so it has no readiness; the script tells of one that is not billed.
            Kstatus::Current if conditions.iter().any(|condition| condition["type"] == "Billable") => "Degraded",
            Kstatus::Current => "Healthy",
            Kstatus::InProgress => "Progressing",
            Kstatus::Failed => "Degraded",
            Kstatus::Terminating => return Ok((status, object)), // Argo CD asks no script then
        };
        assert_eq!(self.script.of(&object)?.0, health, "{object}");
        Ok((status, object))
    }

    /// An object is seen so now: the operator is paused.
    async fn is<K: Kind>(&self, api: &Api<K>, name: &str, expected: Kstatus) -> Result {
        let (status, object) = self.seen(api, name).await?;
        assert_eq!(status, expected, "{} {name}: {}", K::kind(&()), object["status"]);
        Ok(())
    }

    /// An object comes to be seen so, because of `reason`. Answers with what it says in words.
    async fn becomes<K: Kind>(&self, api: &Api<K>, name: &str, expected: Kstatus, reason: &str) -> Result<String> {
        let what = format!("{} {name} is {expected:?}: {reason}", K::kind(&()));
        let mut last = Value::Null;
        let found = wait(&what, LIMIT, async || {
            let (status, object) = self.seen(api, name).await?;
            last = object["status"].clone();
            let mut conditions = last["conditions"].as_array().into_iter().flatten();
            let ready = conditions.find(|condition| condition["type"] == "Ready" && condition["reason"] == reason);
            let message = ready.filter(|_| status == expected).and_then(|ready| ready["message"].as_str());
            Ok(message.map(str::to_owned))
        })
        .await;
        found.map_err(|error| format!("{error}; its status is {last}").into())
    }

    async fn make<K: Kind>(&self, api: &Api<K>, name: &str, spec: Value) -> Result {
        let object = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name }, "spec": spec,
        });
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(())
    }

    async fn edit<K: Kind>(&self, api: &Api<K>, name: &str, spec: Value) -> Result {
        let patch = Patch::Merge(json!({ "spec": spec }));
        api.patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    async fn delete<K: Kind>(&self, api: &Api<K>, name: &str) -> Result {
        api.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    async fn gone<K: Kind>(&self, api: &Api<K>, name: &str) -> Result {
        wait(&format!("{} {name} is gone", K::kind(&())), LIMIT, async || {
            Ok(api.get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    async fn namespaces(&self, organization: &str, projects: &[&str]) -> Result {
        let scene = self.world.scene().await?;
        scene.organization(organization).await?;
        for project in projects {
            scene.bare_project(organization, project).await?;
        }
        Ok(())
    }

    /// Takes the rules out of the definition of a kind, as one that knows fewer rules would have it.
    fn forget_rules(&self, plural: &str) -> Result {
        let (plane, crd) = (&self.world.control_plane, format!("{plural}.billing-operator.io"));
        let text = plane.kubectl_ok(User::ClusterAdmin, &["get", "crd", &crd, "-o", "json"])?;
        let mut definition: Value = serde_json::from_str(&text)?;
        without_rules(&mut definition["spec"]);
        let replaced = plane.kubectl_with(User::ClusterAdmin, &["replace", "-f", "-"], &definition.to_string())?;
        assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
        Ok(())
    }
}

fn without_rules(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}

fn list(entries: Value) -> Value {
    json!({ "currency": "USD", "entries": entries })
}

fn entry(name: &str) -> Value {
    json!({ "name": name, "type": "VM", "unit": "Hour", "unitPrice": "1", "validFrom": "2026-01-01T00:00:00Z" })
}

/// The entry of another type, with more.
fn disk(more: Value) -> Value {
    let mut disk = entry("disk");
    disk["type"] = "Disk".into();
    disk.as_object_mut().into_iter().for_each(|fields| fields.extend(more.as_object().cloned().unwrap_or_default()));
    disk
}

fn day(day: &str, rate: &str) -> Value {
    json!({ "date": format!("2026-{day}"), "rates": { "USD": rate } })
}

fn rates(source: &str, base: &str) -> Value {
    json!({ "source": source, "year": 2026, "base": base, "quotes": [day("01-02", "1.25")] })
}

fn promise(group: &str) -> Value {
    json!({ "billingGroup": group, "type": "Promotion", "amount": { "amount": "20", "currency": "USD" } })
}

fn code() -> Value {
    json!({ "type": "Trial", "amount": { "amount": "20", "currency": "USD" } })
}

fn note(invoice: &str) -> Value {
    json!({ "invoice": invoice, "full": true, "reason": "Outage" })
}

fn pays(group: &str) -> Value {
    json!({ "billingGroup": group })
}

/// The objects of a walk. Each is applied by somebody before the operator comes to it.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_object_is_told_when_it_is_there_and_when_it_never_will_be() -> Result {
    let mut walk = Walk::start().await?;
    walk.namespaces("walk", &["walk-shop", "walk-lab"]).await?;
    let (groups, credits, notes) =
        (walk.of::<BillingGroup>("walk"), walk.of::<Credit>("walk"), walk.of::<CreditNote>("walk"));
    let (shop, lab) = (walk.of::<ProjectBinding>("walk-shop"), walk.of::<ProjectBinding>("walk-lab"));
    let (lists, issuers, quotes, codes) =
        (walk.all::<PriceList>(), walk.all::<InvoiceIssuer>(), walk.all::<ExchangeRates>(), walk.all::<CreditCode>());
    let code_name = code_name(CODE);

    // New: nobody has looked at it, so nobody takes it for ready, and its users may do with it what they may.
    walk.pause();
    walk.make(&groups, "main", json!({})).await?;
    walk.make(&groups, "lost", terms(json!({ "priceList": "nowhere" }))).await?;
    walk.make(&groups, "spare", json!({})).await?;
    walk.make(&shop, "billing", pays("main")).await?;
    walk.make(&lab, "billing", pays("nobody")).await?;
    walk.make(&credits, "welcome", promise("main")).await?;
    walk.make(&credits, "orphan", promise("later")).await?;
    walk.make(&credits, "claim", json!({ "billingGroup": "main", "code": CODE })).await?;
    walk.make(&credits, "wrong", json!({ "billingGroup": "main", "code": "WALK-2026-NO-SUCH-CODE" })).await?;
    walk.make(&credits, "spare", promise("main")).await?;
    walk.make(&codes, &code_name, code()).await?;
    walk.make(&codes, "0123456789abcdef0123456789abcdef", code()).await?;
    walk.make(&notes, "nothing", note("walk-1")).await?;
    walk.make(&lists, "walk", list(json!([entry("vm")]))).await?;
    walk.make(&lists, "twice", list(json!([entry("vm"), entry("again")]))).await?;
    walk.make(&issuers, "walk", json!({ "legalName": "Walk Ltd" })).await?;
    walk.make(&quotes, "walk-2026", rates("walk", "EUR")).await?;
    for name in ["main", "lost", "spare"] {
        walk.is(&groups, name, Kstatus::InProgress).await?;
    }
    walk.is(&shop, "billing", Kstatus::InProgress).await?;
    for name in ["welcome", "orphan", "claim", "wrong", "spare"] {
        walk.is(&credits, name, Kstatus::InProgress).await?;
    }
    walk.is(&codes, &code_name, Kstatus::InProgress).await?;
    walk.is(&notes, "nothing", Kstatus::InProgress).await?;
    walk.is(&lists, "walk", Kstatus::InProgress).await?;
    walk.is(&issuers, "walk", Kstatus::InProgress).await?;
    walk.is(&quotes, "walk-2026", Kstatus::InProgress).await?;
    // Rules and policies take it for what it is: an object that the operator has written nothing on.
    walk.edit(&groups, "main", json!({ "displayName": "Walk" })).await?;
    walk.edit(&shop, "billing", pays("spare")).await?;
    walk.edit(&shop, "billing", pays("main")).await?;
    walk.edit(&credits, "welcome", json!({ "expiresAt": "2999-01-01T00:00:00Z" })).await?;
    walk.edit(&lists, "walk", list(json!([entry("vm"), disk(json!({}))]))).await?;
    walk.edit(&issuers, "walk", json!({ "grace": "0s" })).await?;
    walk.edit(&quotes, "walk-2026", json!({ "quotes": [day("01-02", "1.25"), day("01-03", "1.3")] })).await?;
    walk.delete(&groups, "spare").await?;
    walk.delete(&credits, "spare").await?;
    walk.delete(&codes, "0123456789abcdef0123456789abcdef").await?;
    walk.gone(&groups, "spare").await?;
    walk.gone(&credits, "spare").await?;

    // Good, or refused.
    walk.go_on();
    walk.becomes(&groups, "main", Kstatus::Current, "Ready").await?;
    walk.becomes(&groups, "lost", Kstatus::Failed, "PriceListNotFound").await?;
    walk.becomes(&shop, "billing", Kstatus::Current, "Bound").await?;
    let refused = walk.becomes(&lab, "billing", Kstatus::Failed, "NotAccepted").await?;
    assert!(refused.contains("the organization has no billing group nobody; create it, or name another"), "{refused}");
    walk.becomes(&credits, "welcome", Kstatus::Current, "Usable").await?;
    walk.becomes(&credits, "orphan", Kstatus::Failed, "BillingGroupNotFound").await?;
    walk.becomes(&credits, "claim", Kstatus::Current, "Usable").await?;
    walk.becomes(&credits, "wrong", Kstatus::Failed, "CodeInvalid").await?;
    let redeemed = walk.becomes(&codes, &code_name, Kstatus::Current, "Redeemed").await?;
    assert!(redeemed.starts_with("redeemed by Credit walk/claim"), "{redeemed}");
    walk.becomes(&notes, "nothing", Kstatus::Failed, "InvoiceNotFound").await?;
    walk.becomes(&lists, "walk", Kstatus::Current, "Usable").await?;
    let twice = walk.becomes(&lists, "twice", Kstatus::Failed, "Unusable").await?;
    assert!(twice.starts_with("spec.entries of type VM: the entries again and vm are equally specific"), "{twice}");
    walk.becomes(&issuers, "walk", Kstatus::Current, "Usable").await?;
    walk.becomes(&quotes, "walk-2026", Kstatus::Current, "Usable").await?;

    // Edited: what was said of it before counts no more.
    walk.pause();
    walk.edit(&groups, "main", json!({ "displayName": "Walk on" })).await?;
    walk.edit(&groups, "lost", terms(json!({ "priceList": "walk" }))).await?;
    walk.edit(&lab, "billing", pays("main")).await?;
    let ended = disk(json!({ "validUntil": "2999-01-01T00:00:00Z" }));
    walk.edit(&lists, "walk", list(json!([entry("vm"), ended]))).await?;
    walk.edit(&issuers, "walk", json!({ "paymentTermDays": 30 })).await?;
    walk.is(&groups, "main", Kstatus::InProgress).await?;
    walk.is(&groups, "lost", Kstatus::InProgress).await?;
    walk.is(&lab, "billing", Kstatus::InProgress).await?;
    walk.is(&lists, "walk", Kstatus::InProgress).await?;
    walk.is(&issuers, "walk", Kstatus::InProgress).await?;
    walk.make(&groups, "later", json!({})).await?;
    walk.go_on();
    walk.becomes(&groups, "main", Kstatus::Current, "Ready").await?;
    walk.becomes(&groups, "lost", Kstatus::Current, "Ready").await?;
    walk.becomes(&lab, "billing", Kstatus::Current, "Bound").await?;
    walk.becomes(&credits, "orphan", Kstatus::Current, "Usable").await?;
    walk.becomes(&lists, "walk", Kstatus::Current, "Usable").await?;
    walk.becomes(&issuers, "walk", Kstatus::Current, "Usable").await?;

    // Deleted.
    walk.pause();
    walk.delete(&groups, "later").await?;
    walk.is(&groups, "later", Kstatus::Terminating).await?;
    walk.go_on();
    walk.gone(&groups, "later").await?;
    walk.becomes(&credits, "orphan", Kstatus::Failed, "BillingGroupGone").await?;
    walk.delete(&credits, "orphan").await?;
    walk.gone(&credits, "orphan").await?;
    walk.delete(&lab, "billing").await?;
    walk.gone(&lab, "billing").await?;
    walk.delete(&lists, "twice").await?;
    walk.gone(&lists, "twice").await?;
    walk.delete(&quotes, "walk-2026").await?;
    walk.gone(&quotes, "walk-2026").await?;
    walk.delete(&issuers, "walk").await?;
    walk.gone(&issuers, "walk").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_note_waits_for_its_invoice_and_then_is_there() -> Result {
    let walk = Walk::start().await?;
    let (scene, notes) = (walk.world.scene().await?, walk.of::<CreditNote>("later"));
    suspended(&scene, "later").await?;
    awaited(&scene, "later", "later-shop", "main").await?;
    scene.usage("later", "domain", domain("later-shop", back(1).start())).await?;
    scene.usage("later", "strange", priced("later-shop", "Strange", back(0).start())).await?;
    let spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": "later" }));
    scene.group("later", "main", spec).await?;
    let estimate = scene.wait_invoice("later", "main", back(1), "is an estimate", |_| true).await?;
    let number = estimate.metadata.name.unwrap_or_default();
    walk.make(&notes, "early", note(&number)).await?;
    walk.becomes(&notes, "early", Kstatus::InProgress, "InvoiceNotFinal").await?;
    resume(&scene, "later").await?;
    final_of(&scene, "later", "main", back(1)).await?;
    walk.becomes(&notes, "early", Kstatus::Current, "Issued").await?;
    // What is written on records and invoices says what it is about as well.
    let records = walk.of::<UsageRecord>("later");
    wait("the record says why it is not billed", LIMIT, async || {
        let (_, record) = walk.seen(&records, "strange").await?;
        Ok((record["status"]["conditions"][0]["observedGeneration"] == 1).then_some(()))
    })
    .await?;
    let invoices = walk.of::<Invoice>("later");
    for invoice in invoices.list(&ListParams::default()).await?.items {
        walk.seen(&invoices, invoice.metadata.name.as_deref().unwrap_or_default()).await?;
    }
    Ok(())
}

/// A definition with fewer rules lets in what cannot be used. Then the object says which part that is.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_cannot_be_used_is_named_on_its_object() -> Result {
    let walk = Walk::start().await?;
    for plural in ["billinggroups", "creditcodes", "exchangerates", "invoiceissuers", "pricelists"] {
        walk.forget_rules(plural)?;
    }
    walk.namespaces("slip", &[]).await?;
    let (groups, codes) = (walk.of::<BillingGroup>("slip"), walk.all::<CreditCode>());
    let (lists, issuers, quotes) = (walk.all::<PriceList>(), walk.all::<InvoiceIssuer>(), walk.all::<ExchangeRates>());
    let slip = json!({ "legalName": "Slip Ltd", "minimumCharge": [{ "amount": "0.5", "currency": "JPY" }] });
    wait("the definitions without rules are served", LIMIT, async || {
        walk.make(&issuers, "slip", slip.clone()).await.map(Some)
    })
    .await?;
    let served = |made: Result| made.map(Some);
    wait("made", LIMIT, async || served(walk.make(&lists, "slip", json!({ "currency": "XTS", "entries": [] })).await))
        .await?;
    wait("made", LIMIT, async || served(walk.make(&quotes, "slip-2026", rates("slip", "XTS")).await)).await?;
    wait("made", LIMIT, async || served(walk.make(&groups, "slip", json!({ "currency": "XTS" })).await)).await?;
    let worthless = json!({ "type": "Trial", "amount": { "amount": "0.5", "currency": "JPY" } });
    let name = "0123456789abcdef0123456789abcdef";
    wait("made", LIMIT, async || served(walk.make(&codes, name, worthless.clone()).await)).await?;

    walk.becomes(&groups, "slip", Kstatus::Failed, "CurrencyUnknown").await?;
    let check = |said: String, path: &str, why: &str| assert!(said.starts_with(path) && said.contains(why), "{said}");
    check(
        walk.becomes(&issuers, "slip", Kstatus::Failed, "Unusable").await?,
        "spec.minimumCharge[0].amount: ",
        "JPY has no decimals",
    );
    check(walk.becomes(&lists, "slip", Kstatus::Failed, "Unusable").await?, "spec.currency: ", "XTS");
    check(walk.becomes(&quotes, "slip-2026", Kstatus::Failed, "Unusable").await?, "spec.base: ", "XTS");
    check(
        walk.becomes(&codes, name, Kstatus::Failed, "Unusable").await?,
        "spec.amount.amount: ",
        "JPY has no decimals",
    );

    // Once it is put right, the object is as it was asked for.
    let right = json!({ "minimumCharge": [{ "amount": "50", "currency": "JPY" }] });
    walk.edit(&issuers, "slip", right).await?;
    walk.becomes(&issuers, "slip", Kstatus::Current, "Usable").await.map(drop)
}
