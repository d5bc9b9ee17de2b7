//! What every command that lists objects has alike.

use std::rc::Rc;

use clap::Args;
use futures::TryStreamExt;
use kube::Resource;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterArguments, Place, wait};
use crate::error::CommandError;
use crate::print::{Format, PrintArguments, Section, TableShape, print_list};
use crate::read;
use crate::table::render_rows;
use crate::{ExitStatus, Io};

/// HTTP's code for a version that the API server has forgotten.
const GONE: u16 = 410;

/// Where a list is from, and how it is printed.
#[derive(Args, Debug)]
pub struct ListArguments {
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,

    /// List those of all organizations
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(super) all_namespaces: bool,

    /// Go on, and print what changes
    #[arg(short, long)]
    pub(super) watch: bool,

    #[command(flatten)]
    pub(super) print: PrintArguments,
}

impl ListArguments {
    /// Lists objects of a kind.
    ///
    /// # Errors
    /// They cannot be read or printed.
    pub(super) fn run<K>(
        &self,
        shape: TableShape,
        params: ListParams,
        what: &str,
        io: &mut Io<'_>,
    ) -> Result<ExitStatus, CommandError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.run_where::<K>(shape, params, what, |_| true, io)
    }

    /// Lists those objects of a kind that fit.
    ///
    /// # Errors
    /// They cannot be read or printed.
    pub(super) fn run_where<K>(
        &self,
        shape: TableShape,
        params: ListParams,
        what: &str,
        fits: impl Fn(&Value) -> bool,
        io: &mut Io<'_>,
    ) -> Result<ExitStatus, CommandError>
    where
        K: Resource<DynamicType = ()>,
    {
        wait(async {
            let cluster = self.cluster.connect().await?;
            let place = if self.all_namespaces { Place::Everywhere } else { cluster.organization() };
            let shape = Rc::new(if self.all_namespaces { shape.with_namespace() } else { shape });
            let version = if self.watch { version::<K>(&cluster, &place).await? } else { String::new() };
            let mut objects = read::list::<K>(&cluster, &place, params.clone()).await?;
            objects.retain(&fits);
            let empty = format!("no {what} in {}", told(&place));
            print_list(Section::new(Rc::clone(&shape), objects, empty), &self.print, io.stdout, io.stderr)?;
            if self.watch {
                watch::<K>(&cluster, &place, &params, version, |object| match fits(&object) {
                    true => self.changed(&shape, object, io),
                    false => Ok(()),
                })
                .await?;
            }
            Ok(ExitStatus::Ok)
        })?
    }

    /// Prints an object that changed, under the table that is there already.
    fn changed(&self, shape: &Rc<TableShape>, object: Value, io: &mut Io<'_>) -> Result<(), CommandError> {
        let columns = match self.print.output {
            Format::Table => shape.columns(false),
            Format::Wide => shape.columns(true),
            Format::Json | Format::Yaml | Format::Name | Format::JsonPath(_) | Format::Csv => {
                let print = PrintArguments { output: self.print.output.clone(), no_headers: true, sort_by: None };
                let section = vec![Section::new(Rc::clone(shape), vec![object], "")];
                return crate::print::print_object(section, &print, io.stdout, io.stderr);
            }
        };
        let rows = shape.rows(std::slice::from_ref(&object)).map(|row| row.cells(&columns)).collect();
        let text = render_rows(&columns, rows, None);
        io.stdout.write_all(text.split_once('\n').map_or("", |(_, rows)| rows).as_bytes())?;
        Ok(io.stdout.flush()?)
    }
}

fn told(place: &Place) -> String {
    match place {
        Place::Everywhere => "the cluster".to_owned(),
        Place::Namespace(namespace) => format!("namespace {namespace}; name another with -n, or all with -A"),
    }
}

/// The version from which on changes are told: that of now.
async fn version<K: Resource<DynamicType = ()>>(cluster: &Cluster, place: &Place) -> Result<String, CommandError> {
    let listed = cluster.objects::<K>(place).list(&ListParams::default().limit(1)).await;
    let listed = listed.map_err(|error| CommandError::of(read::request::<K>("list", place, None), error))?;
    Ok(listed.metadata.resource_version.unwrap_or_default())
}

/// Shows every object that is made or changed from a version on, until it cannot be shown.
async fn watch<K: Resource<DynamicType = ()>>(
    cluster: &Cluster,
    place: &Place,
    params: &ListParams,
    mut from: String,
    mut show: impl FnMut(Value) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let failed = |error| CommandError::of(read::request::<K>("watch", place, None), error);
    let watched = WatchParams { field_selector: params.field_selector.clone(), ..WatchParams::default() };
    let api = cluster.objects::<K>(place);
    // The API server ends a watch after some minutes; the next one goes on where it ended.
    loop {
        let events = api.watch(&watched, &from).await.map_err(failed)?;
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.try_next().await.map_err(failed)? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    from = object.metadata.resource_version.clone().unwrap_or(from);
                    let mut value = json!(object);
                    value["metadata"]["managedFields"].take();
                    show(value)?;
                }
                WatchEvent::Deleted(object) => from = object.metadata.resource_version.unwrap_or(from),
                WatchEvent::Bookmark(bookmark) => from = bookmark.metadata.resource_version,
                WatchEvent::Error(status) if status.code == GONE => {
                    from = version::<K>(cluster, place).await?;
                    break;
                }
                WatchEvent::Error(status) => return Err(failed(kube::Error::Api(status))),
            }
        }
    }
}
