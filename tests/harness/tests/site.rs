//! The site that `make site` builds from `docs/`: every page is in it, every link within it leads somewhere, and the search knows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

type TestResult<T = ()> = Result<T, Box<dyn StdError>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// One test, because the site is built once.
#[test]
fn the_site_has_every_page_and_no_dead_link_and_a_search() -> TestResult {
    let site = build()?;
    let pages = files(&site, "html")?;
    let expected =
        files(&Path::new(ROOT).join("docs"), "md")?.into_keys().filter(|page| *page != Path::new("SUMMARY.md"));
    for page in expected {
        let name = if page.file_name().is_some_and(|name| name == "README.md") { "index.html" } else { "" };
        let built = if name.is_empty() { page.with_extension("html") } else { page.with_file_name(name) };
        assert!(pages.contains_key(&built), "{} is not in the site", page.display());
    }
    let (dead, living) = links(&site, &pages);
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(living > 500, "{living}");
    let index = files(&site, "js")?.into_iter().find(|(path, _)| path.to_string_lossy().contains("searchindex"));
    let (_, index) = index.ok_or("the site has no index for its search")?;
    for word in ["reverse charge", "kubectl billing preview", "billing-operator.io/confirm-delete", "redeemUntil"] {
        assert!(index.contains(word), "the search does not know {word:?}");
    }
    Ok(())
}

/// Runs `make site` and returns the site's folder.
fn build() -> TestResult<PathBuf> {
    let output = Command::new("make").args(["--silent", "--no-print-directory", "site"]).current_dir(ROOT).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("ERROR") && !said.contains("WARN"), "make site: {said}");
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.lines().last().ok_or("make site printed no path")?))
}

/// The files of a folder with an extension, by their path in it.
fn files(folder: &Path, extension: &str) -> TestResult<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        if path.is_dir() {
            found.extend(files(&path, extension)?.into_iter().map(|(below, text)| (name.join(below), text)));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.insert(name, String::from_utf8_lossy(&fs::read(&path)?).into_owned());
        }
    }
    Ok(found)
}

/// The links within the site that lead nowhere, and the number of those that lead somewhere.
fn links(site: &Path, pages: &BTreeMap<PathBuf, String>) -> (BTreeSet<String>, usize) {
    let (mut dead, mut living) = (BTreeSet::new(), 0);
    for (page, text) in pages {
        // The page for what does not exist is shown at any depth, and the one to print has all pages in one.
        if ["404.html", "print.html"].iter().any(|name| page == Path::new(name)) {
            continue;
        }
        for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if link.contains("://") || link.starts_with("data:") {
                continue;
            }
            let (path, id) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { resolved(page, path) };
            let has_id = |text: &String| id.is_empty() || text.contains(&format!("id=\"{id}\""));
            let leads = match pages.get(&target) {
                Some(text) => has_id(text),
                None => site.join(&target).exists(),
            };
            if leads {
                living += 1;
            } else {
                dead.insert(format!("{}: {link}", page.display()));
            }
        }
    }
    (dead, living)
}

fn resolved(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}
