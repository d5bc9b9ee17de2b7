//! What the commands have alike that show one object: its parts as tables below each other.

use kube::Resource;

use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::print::{PrintArguments, Section, TableShape, print_object};
use crate::{ExitStatus, Io, read};

/// Shows an object of the organization in parts, each with its heading.
///
/// # Errors
/// There is none of this name, or it cannot be read or printed.
pub(super) fn show<K>(
    name: &str,
    parts: impl IntoIterator<Item = (TableShape, &'static str)>,
    cluster: &ClusterArguments,
    print: &PrintArguments,
    io: &mut Io<'_>,
) -> Result<ExitStatus, CommandError>
where
    K: Resource<DynamicType = ()>,
{
    wait(async {
        let cluster = cluster.connect().await?;
        let mut object = read::get::<K>(&cluster, &cluster.organization(), name).await?;
        object["metadata"]["managedFields"].take();
        let section = |(shape, heading)| Section::new(shape, vec![object.clone()], "none").headed(heading);
        print_object(parts.into_iter().map(section).collect(), print, io.stdout, io.stderr)?;
        Ok(ExitStatus::Ok)
    })?
}
