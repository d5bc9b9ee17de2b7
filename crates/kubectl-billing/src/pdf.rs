//! Documents as PDF.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use billing_api::Seller;
use billing_pdf::{Fonts, Logo, Paper, Printer};

use crate::cluster::Cluster;
use crate::error::CommandError;

/// How a PDF is printed.
#[derive(Args, Debug)]
pub(crate) struct PdfArguments {
    /// The size of the sheets of a PDF [default: what is usual where the buyer is]
    #[arg(long, value_enum, value_name = "SIZE")]
    paper: Option<Sheet>,

    /// A folder with fonts for a PDF, for scripts that the plugin has no font of; can be given several times
    #[arg(long = "font", value_name = "DIR")]
    fonts: Vec<PathBuf>,
}

/// The size of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sheet {
    /// 210 × 297 mm
    A4,
    /// 8.5 × 11 inches
    Letter,
}

impl PdfArguments {
    /// What prints a seller's documents. A logo that cannot be had is told and left out.
    ///
    /// # Errors
    /// A folder has no fonts that can be read.
    pub(crate) async fn printer(
        &self,
        seller: Option<&Seller>,
        cluster: &Cluster,
        stderr: &mut dyn Write,
    ) -> Result<Printer, CommandError> {
        let fonts =
            Fonts::with_folders(&self.fonts).map_err(|error| CommandError::Unusable(format!("--font {error}")))?;
        let paper = self.paper.map(|sheet| match sheet {
            Sheet::A4 => Paper::A4,
            Sheet::Letter => Paper::Letter,
        });
        let logo = match seller.and_then(|seller| seller.document.as_ref()?.logo.as_ref()) {
            None => None,
            Some(place) => match fetch_logo(place, cluster).await {
                Ok(logo) => Some(logo),
                Err(reason) => {
                    let billing_api::Logo { namespace, name, key } = place;
                    writeln!(stderr, "warning: there is no logo: {key} of ConfigMap {namespace}/{name}: {reason}")?;
                    None
                }
            },
        };
        Ok(Printer { fonts, paper, logo })
    }
}

/// The picture that a ConfigMap has.
async fn fetch_logo(place: &billing_api::Logo, cluster: &Cluster) -> Result<Logo, String> {
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client().clone(), &place.namespace);
    let map = maps.get(&place.name).await.map_err(|error| error.to_string())?;
    let text = map.data.and_then(|mut texts| texts.remove(&place.key)).map(String::into_bytes);
    let bytes = text.or_else(|| map.binary_data.and_then(|mut bytes| Some(bytes.remove(&place.key)?.0)));
    Logo::new(bytes.ok_or("it has no such key")?).map_err(|error| error.to_string())
}
