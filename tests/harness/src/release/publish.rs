//! A release in a registry: the images under one tag, the chart, and the signatures of both beside them, where cosign looks for them.

use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Key, hex};
use crate::{
    Result,
    assets::{self, Tool},
    folder::Folder,
    run, run_in,
};

/// What cosign signs of something in a registry.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Pushes the images and the chart of the release in a folder to a registry, such as `registry.example.com/billing`, and signs them
/// there. What was pushed, by its digest.
///
/// # Errors
/// What `oras` and Helm say; they know the credentials that `docker login` and `helm registry login` keep.
pub fn publish(folder: &Path, version: &str, architectures: &[&str], registry: &str, key: &Key) -> Result<Vec<String>> {
    let (image, charts) = (format!("{registry}/billing-operator"), format!("{registry}/charts"));
    push_images(folder, version, architectures, &image)?;
    push_chart(folder, version, &charts)?;
    let pushed = [image, format!("{charts}/billing-operator")].map(|repository| {
        let digest = oras(&["resolve", &format!("{repository}:{version}")])?;
        sign(&repository, &digest, key)?;
        Ok(format!("{repository}:{version}@{digest}"))
    });
    pushed.into_iter().collect()
}

/// Each processor's image under a tag of its own, and one tag for all.
fn push_images(folder: &Path, version: &str, architectures: &[&str], image: &str) -> Result<()> {
    let mut tags = Vec::new();
    for architecture in architectures {
        let archive = folder.join(format!("billing-operator-image-{version}-linux-{architecture}.tar"));
        let tag = format!("{version}-{architecture}");
        let (from, to) = (format!("{}:{version}", archive.display()), format!("{image}:{tag}"));
        oras(&["copy", "--no-tty", "--from-oci-layout", &from, &to])?;
        tags.push(tag);
    }
    let tag = format!("{image}:{version}");
    let mut create = vec!["manifest", "index", "create", &tag];
    create.extend(tags.iter().map(String::as_str));
    oras(&create)?;
    Ok(())
}

fn push_chart(folder: &Path, version: &str, charts: &str) -> Result<()> {
    let chart = folder.join(format!("billing-operator-{version}.tgz")).display().to_string();
    let charts = format!("oci://{charts}");
    let mut push = vec!["push", &chart, &charts];
    if is_on_this_machine(&charts) {
        push.push("--plain-http");
    }
    run(&assets::find(Tool::Helm)?, &push, b"")?;
    Ok(())
}

fn oras(args: &[&str]) -> Result<String> {
    oras_in(Path::new("."), args)
}

fn oras_in(folder: &Path, args: &[&str]) -> Result<String> {
    let said = run_in(folder, &assets::find(Tool::Oras)?, args, b"")?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

/// Pushes the signature of a digest, under the tag that cosign derives from it.
fn sign(repository: &str, digest: &str, key: &Key) -> Result<()> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string();
    let layer = format!("sha256:{}", hex(&Sha256::digest(&payload)));
    let config = json!({
        "architecture": "", "os": "", "config": {}, "rootfs": { "type": "layers", "diff_ids": [layer] },
    });
    let signature =
        json!({ "payload.json": { "dev.cosignproject.cosign/signature": key.sign_base64(payload.as_bytes())? } });
    let folder = Folder::create()?;
    folder.write("payload.json", &payload)?;
    let annotations = folder.write("annotations.json", &signature.to_string())?.display().to_string();
    let config = format!("{}:{CONFIG}", folder.write("config.json", &config.to_string())?.display());
    let file = format!("payload.json:{PAYLOAD}");
    let tag = format!("{repository}:{}.sig", digest.replace(':', "-"));
    // The layer is named as it is given, and annotated by that name.
    let push =
        ["push", "--no-tty", "--annotation-file", &annotations, "--config", &config, "--disable-path-validation"];
    oras_in(folder.path(), &[&push[..], &[&tag, &file]].concat())?;
    Ok(())
}

/// A registry on this machine speaks HTTP: one for tests.
fn is_on_this_machine(charts: &str) -> bool {
    let host = charts.trim_start_matches("oci://").split(['/', ':']).next().unwrap_or_default();
    ["localhost", "127.0.0.1"].contains(&host)
}
