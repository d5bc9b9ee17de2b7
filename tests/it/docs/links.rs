//! Links between pages, and the ways to them: nothing that is written is out of reach, and no link leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::ROOT;
use crate::Result;

/// How many links lie between the first page and any other.
const STEPS: usize = 3;

/// Pages by their path in the repository.
type Pages = BTreeMap<PathBuf, String>;

#[test]
fn every_link_within_the_repository_leads_somewhere() -> Result {
    let pages = pages(Path::new(""))?;
    assert!(pages.len() > 40, "{:?}", pages.keys());
    let dead = dead_links(&pages, |path| Path::new(ROOT).join(path).exists());
    assert!(dead.is_empty(), "{dead:#?}");
    Ok(())
}

#[test]
fn every_page_is_in_the_summary_once() -> Result {
    let pages = pages(Path::new("docs"))?;
    let wrong = unlisted(&pages);
    assert!(wrong.is_empty(), "docs/SUMMARY.md, which is the site's contents: {wrong:#?}");
    Ok(())
}

#[test]
fn every_page_is_reached_from_the_first_in_three_steps() -> Result {
    let pages = pages(Path::new("docs"))?;
    let far = out_of_reach(&pages, STEPS);
    assert!(far.is_empty(), "no way of {STEPS} links from docs/README.md to {far:?}: link them where a reader looks");
    Ok(())
}

fn made_up(pages: &[(&str, &str)]) -> Pages {
    pages.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let pages = made_up(&[
        ("docs/README.md", "[a](one.md) [b](none.md) [c](one.md#the-top) [d](one.md#no) [e](../crds) [f](#no)"),
        ("docs/one.md", "# The *top*\n```\n[not a link](nowhere.md)\n```\n[x](https://example.com/y.md) `[y](z.md)`"),
    ]);
    let dead = dead_links(&pages, |path| path == Path::new("crds"));
    let expected = ["none.md: no such file", "one.md#no: no such heading", "#no: no such heading"];
    assert_eq!(dead, expected.map(|link| format!("docs/README.md: {link}")));
}

#[test]
fn pages_that_nobody_finds_are_named() {
    let pages = made_up(&[
        ("docs/README.md", "[1](one.md)"),
        ("docs/SUMMARY.md", "[0](README.md)\n- [1](one.md)\n- [2](two.md)\n- [2](two.md)\n- [4](four.md)\n"),
        ("docs/one.md", "[2](two.md#x)"),
        ("docs/two.md", "[3](deep/three.md)"),
        ("docs/deep/three.md", "[back](../one.md)"),
        ("docs/island.md", "[1](one.md)"),
    ]);
    let unlisted = unlisted(&pages);
    for (page, count) in [("two.md", 2), ("four.md", 1), ("deep/three.md", 0), ("island.md", 0)] {
        assert!(unlisted.iter().any(|line| line.starts_with(&format!("docs/{page} "))), "{page} {count}: {unlisted:?}");
    }
    assert_eq!(unlisted.len(), 4, "{unlisted:?}");
    assert_eq!(out_of_reach(&pages, 3), [Path::new("docs/island.md")]);
    assert_eq!(out_of_reach(&pages, 2), [Path::new("docs/deep/three.md"), Path::new("docs/island.md")]);
}

#[test]
fn headings_have_the_ids_that_github_gives_them() {
    let text = "# A `code` & [link](x.md), twice\n\n## Same\n## Same\n### spec.lines[].a_b\n```sh\n# no heading\n```\n";
    let expected = ["a-code--link-twice", "same", "same-1", "speclinesa_b"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}

/// All pages below a folder of the repository. Folders that begin with a dot are tools', except for GitHub's.
fn pages(folder: &Path) -> Result<Pages> {
    let mut found = Pages::new();
    for entry in fs::read_dir(Path::new(ROOT).join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = folder.join(&name);
        let skipped = name == "target" || (name.starts_with('.') && name != ".github");
        if entry.file_type()?.is_dir() && !skipped {
            found.extend(pages(&path)?);
        } else if name.ends_with(".md") {
            found.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

/// The links that find no file, or no heading in it.
fn dead_links(pages: &Pages, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut dead = Vec::new();
    for (page, text) in pages {
        for link in links(text) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { resolved(page, path) };
            let why = match pages.get(&target) {
                Some(text) if !anchor.is_empty() && !anchors(text).contains(anchor) => "no such heading",
                None if !exists(&target) => "no such file",
                _ => continue,
            };
            dead.push(format!("{}: {link}: {why}", page.display()));
        }
    }
    dead
}

/// The pages of the site that are not listed once, and what is listed without being a page.
fn unlisted(pages: &Pages) -> Vec<String> {
    let summary = Path::new("docs/SUMMARY.md");
    let mut listed: BTreeMap<PathBuf, usize> =
        pages.keys().filter(|page| *page != summary).map(|page| (page.clone(), 0)).collect();
    for link in links(pages.get(summary).map_or("", String::as_str)) {
        *listed.entry(resolved(summary, &link)).or_default() += 1;
    }
    let wrong = listed.into_iter().filter_map(|(page, times)| match (pages.contains_key(&page), times) {
        (true, 1) => None,
        (false, _) => Some(format!("{} is listed and does not exist", page.display())),
        (true, times) => Some(format!("{} is listed {times} times", page.display())),
    });
    wrong.collect()
}

/// The pages to which no way of so many links leads from the first one. The summary is no page: it would be a way to everywhere.
fn out_of_reach(pages: &Pages, steps: usize) -> Vec<&Path> {
    let summary = Path::new("docs/SUMMARY.md");
    let mut reached = BTreeSet::from([PathBuf::from("docs/README.md")]);
    for _ in 0..steps {
        let texts = reached.iter().filter_map(|page| Some((page, pages.get(page)?)));
        let next: Vec<PathBuf> = texts
            .flat_map(|(page, text)| {
                links(text).into_iter().map(move |link| resolved(page, link.split('#').next().unwrap_or_default()))
            })
            .collect();
        reached.extend(next);
    }
    pages.keys().map(PathBuf::as_path).filter(|page| *page != summary && !reached.contains(*page)).collect()
}

/// The targets of a page's links to what is in the repository.
fn links(text: &str) -> Vec<String> {
    let prose = without_code(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).map(str::to_owned).collect()
}

/// A page without its blocks of code, and without code in its lines.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("``") + "\n").collect()
}

/// The ids of a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some((marks, heading)) = line.split_once(' ').filter(|_| !fenced) else { continue };
        if !marks.is_empty() && marks.chars().all(|c| c == '#') {
            let id = id_of(heading);
            let count = counts.entry(id.clone()).or_default();
            found.insert(if *count == 0 { id } else { format!("{id}-{count}") });
            *count += 1;
        }
    }
    found
}

fn id_of(heading: &str) -> String {
    // Of a link only its text counts.
    let mut text = String::new();
    for (index, part) in heading.split("](").enumerate() {
        text.push_str(if index == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) });
    }
    let kept = text.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Where a link of a page leads, in the repository.
fn resolved(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}
