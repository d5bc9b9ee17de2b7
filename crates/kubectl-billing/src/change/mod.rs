//! The one way in which commands change something: said before, tried if asked, never behind the back of a Git repository.

mod gitops;
mod manifest;

use std::io::Write;

use clap::{Args, ValueEnum};
use kube::Resource;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Place};
use crate::error::{CommandError, Request};
use crate::manifest::Kinds;
use crate::output::{print_json, print_yaml};
use crate::print;
use crate::read::{self, name, text};
use crate::{ExitStatus, Io};
pub use gitops::origin;
pub use manifest::{manifest, merge};

/// Who the fields that we write belong to.
const MANAGER: &str = "kubectl-billing";

/// How something is changed.
#[derive(Args, Debug, Default)]
pub struct ChangeArguments {
    /// Change nothing: "server" asks the API server whether it would, "client" only prints
    #[arg(long, value_name = "WHO", value_enum, default_value_t = DryRun::None, hide_default_value = true)]
    pub dry_run: DryRun,

    /// Change even what Flux or Argo CD manage; they may change it back
    #[arg(long)]
    pub force: bool,

    /// What to print: the manifests (yaml, json), or only names (name) [default: what was done]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<ChangeOutput>,
}

/// Who is asked before anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DryRun {
    /// Nobody: it is changed
    #[default]
    None,
    /// Nobody: nothing is sent that changes anything
    Client,
    /// The API server, with all its rules
    Server,
}

/// What is printed of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangeOutput {
    /// Its manifest, to be committed to a repository
    Yaml,
    /// Its manifest
    Json,
    /// The kind and the name
    Name,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The object as it is, or as it is to be made.
    object: Value,
    place: Place,
    /// Asks for the kind's resource.
    api: fn(&Cluster, &Place) -> kube::Api<DynamicObject>,
    plural: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Create,
    /// A merge patch of the object, or of its status.
    Patch {
        patch: Value,
        status: bool,
    },
    Delete,
}

impl Change {
    fn new<K: Resource<DynamicType = ()>>(object: Value, action: Action) -> Self {
        let place = match text(&object, "/metadata/namespace") {
            "" => Place::Everywhere,
            namespace => Place::Namespace(namespace.to_owned()),
        };
        let api = |cluster: &Cluster, place: &Place| cluster.objects::<K>(place);
        Self { object, place, api, plural: K::plural(&()).into_owned(), action }
    }

    /// Makes an object: `spec` may be null for kinds without one.
    pub fn create<K: Resource<DynamicType = ()>>(metadata: Value, spec: Value) -> Self {
        let mut object = json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata });
        if let (Some(fields), false) = (object.as_object_mut(), spec.is_null()) {
            fields.insert("spec".to_owned(), spec);
        }
        Self::new::<K>(object, Action::Create)
    }

    /// Changes an object that was read by a merge patch.
    pub fn patch<K: Resource<DynamicType = ()>>(object: Value, patch: Value) -> Self {
        Self::new::<K>(object, Action::Patch { patch, status: false })
    }

    /// Changes the status of an object that was read by a merge patch.
    pub fn patch_status<K: Resource<DynamicType = ()>>(object: Value, patch: Value) -> Self {
        Self::new::<K>(object, Action::Patch { patch, status: true })
    }

    /// Deletes an object that was read, and no other one of its name.
    pub fn delete<K: Resource<DynamicType = ()>>(object: Value) -> Self {
        Self::new::<K>(object, Action::Delete)
    }

    fn verb(&self) -> (&'static str, &'static str) {
        match self.action {
            Action::Create => ("create", "created"),
            Action::Patch { .. } => ("patch", "changed"),
            Action::Delete => ("delete", "deleted"),
        }
    }

    /// Where a Git repository would have the object from; nobody minds about objects that are new.
    fn origin(&self) -> Option<String> {
        match &self.action {
            Action::Create => None,
            // The status is the cluster's, whoever manages the rest.
            Action::Patch { status: true, .. } => None,
            Action::Patch { .. } | Action::Delete => origin(&self.object),
        }
    }

    /// The object as it would be, as far as can be told without asking.
    fn wanted(&self) -> Value {
        let mut wanted = self.object.clone();
        if let Action::Patch { patch, .. } = &self.action {
            merge(&mut wanted, patch);
        }
        wanted
    }

    /// What is printed of it: a status is what it says of the object.
    fn printed(&self, object: &Value) -> Value {
        let mut printed = manifest(object);
        if let (Action::Patch { patch, status: true }, Some(fields)) = (&self.action, printed.as_object_mut()) {
            fields.remove("spec");
            fields.insert("status".to_owned(), patch["status"].clone());
        }
        printed
    }

    async fn send(&self, cluster: &Cluster, dry_run: bool) -> Result<Value, kube::Error> {
        let api = (self.api)(cluster, &self.place);
        let name = name(&self.object);
        let manager = Some(MANAGER.to_owned());
        match &self.action {
            Action::Create => {
                let object: DynamicObject =
                    serde_json::from_value(self.object.clone()).map_err(kube::Error::SerdeError)?;
                let params = PostParams { dry_run, field_manager: manager };
                api.create(&params, &object).await.map(|object| json!(object))
            }
            Action::Patch { patch, status } => {
                let params = PatchParams { dry_run, field_manager: manager, ..PatchParams::default() };
                let patched = match status {
                    true => api.patch_status(name, &params, &Patch::Merge(patch)).await,
                    false => api.patch(name, &params, &Patch::Merge(patch)).await,
                };
                patched.map(|object| json!(object))
            }
            Action::Delete => {
                let uid = self.object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
                let preconditions = Some(Preconditions { uid, resource_version: None });
                let params = DeleteParams { dry_run, preconditions, ..DeleteParams::default() };
                api.delete(name, &params).await.map(|_| self.object.clone())
            }
        }
    }

    fn request(&self) -> Request {
        let namespace = match &self.place {
            Place::Everywhere => None,
            Place::Namespace(namespace) => Some(namespace.clone()),
        };
        let plural = match self.action {
            Action::Patch { status: true, .. } => format!("{}/status", self.plural),
            _ => self.plural.clone(),
        };
        Request { verb: self.verb().0, plural, namespace, name: Some(name(&self.object).to_owned()) }
    }
}

/// Does what was decided: one change after the other, or none if one of the objects comes from a repository.
///
/// # Errors
/// The API server refused a change; those before it are done, and were said to be.
pub async fn apply(
    cluster: &Cluster,
    changes: &[Change],
    arguments: &ChangeArguments,
    io: &mut Io<'_>,
) -> Result<ExitStatus, CommandError> {
    if is_managed(changes, arguments, io.stderr)? {
        print_manifests(changes.iter().map(|change| change.printed(&change.wanted())), ChangeOutput::Yaml, io.stdout)?;
        return Ok(ExitStatus::Refused);
    }
    let mut done = Vec::new();
    for change in changes {
        done.push(one(cluster, change, arguments, io).await?);
    }
    if let Some(output) = arguments.output {
        print_manifests(done.into_iter(), output, io.stdout)?;
    }
    Ok(ExitStatus::Ok)
}

/// Says of every object that a tool manages where it comes from. True where that ends the command.
fn is_managed(changes: &[Change], arguments: &ChangeArguments, err: &mut dyn Write) -> Result<bool, CommandError> {
    let mut found = false;
    for change in changes {
        let Some(origin) = change.origin() else { continue };
        found = true;
        let what = print::name(&change.object);
        let remedy = match (arguments.force, arguments.dry_run) {
            (true, _) => "it may be changed back from there",
            (false, DryRun::None) => "change it in its repository, to the manifest below; --force changes it here",
            (false, _) => "change it in its repository",
        };
        writeln!(err, "{what} comes from {origin}: {remedy}")?;
    }
    Ok(found && !arguments.force && arguments.dry_run == DryRun::None)
}

/// Makes one change, or tries it, and says so.
async fn one(
    cluster: &Cluster,
    change: &Change,
    arguments: &ChangeArguments,
    io: &mut Io<'_>,
) -> Result<Value, CommandError> {
    let (result, tried) = match arguments.dry_run {
        DryRun::Client => (checked(change)?, " (dry run)"),
        DryRun::Server => (send(cluster, change, true).await?, " (server dry run)"),
        DryRun::None => (send(cluster, change, false).await?, ""),
    };
    if arguments.output.is_none() {
        writeln!(io.stdout, "{} {}{tried}", print::name(&change.object), change.verb().1)?;
    }
    Ok(change.printed(&result))
}

async fn send(cluster: &Cluster, change: &Change, dry_run: bool) -> Result<Value, CommandError> {
    change.send(cluster, dry_run).await.map_err(|error| CommandError::of(change.request(), error))
}

/// What can be told without the API server: that a new object fits its definition.
fn checked(change: &Change) -> Result<Value, CommandError> {
    let wanted = change.wanted();
    if let Action::Create = change.action {
        let kinds = Kinds::new()?;
        let kind = kinds.of(&wanted).map_err(CommandError::Refused)?;
        let admitted = kind.map_or(Ok(Value::Null), |kind| kind.create(wanted.clone()));
        let refused =
            |reasons: Vec<String>| format!("{} would be refused: {}", print::name(&wanted), reasons.join("; "));
        admitted.map_err(|reasons| CommandError::Refused(refused(reasons)))?;
    }
    Ok(wanted)
}

fn print_manifests(
    manifests: impl Iterator<Item = Value>,
    output: ChangeOutput,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let manifests: Vec<Value> = manifests.collect();
    match (output, manifests.as_slice()) {
        (ChangeOutput::Name, manifests) => {
            manifests.iter().try_for_each(|manifest| writeln!(out, "{}", print::name(manifest)))?;
        }
        (ChangeOutput::Json, [manifest]) => print_json(manifest, out)?,
        (ChangeOutput::Json, manifests) => {
            print_json(&json!({ "apiVersion": "v1", "kind": "List", "items": manifests }), out)?;
        }
        (ChangeOutput::Yaml, manifests) => {
            for (at, manifest) in manifests.iter().enumerate() {
                if at > 0 {
                    writeln!(out, "---")?;
                }
                print_yaml(manifest, out)?;
            }
        }
    }
    Ok(())
}

/// Reads an object that is to be changed, with who manages its fields.
///
/// # Errors
/// It is not there, or cannot be read.
pub async fn current<K>(cluster: &Cluster, place: &Place, name: &str) -> Result<Value, CommandError>
where
    K: Resource<DynamicType = ()>,
{
    read::get::<K>(cluster, place, name).await
}
