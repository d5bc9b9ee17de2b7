//! The two storeys, held: types know no step, and no two files import each other, by whatever detour.
//!
//! The sources are read as text. An arrow is a path that begins with `crate`, `super`, `self` or the name of a child
//! module, in an import or elsewhere. A re-export is an arrow as any other: who imports by way of `lib.rs` imports all
//! of it. Declaring a child (`mod child;`) is none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use super::absences::sources;

/// What stands directly in `src`, from the ground up: each imports only what is before it. The steps begin with `problem`.
const FROM_THE_GROUND_UP: [&str; 16] = [
    "name", "uid", "work", "money", "time", "readings", "usage", "catalog", "tenancy", "invoice", "credit", "problem",
    "closing", "bill", "unbilled", "audit",
];

/// By path below `src`: the code.
type House = BTreeMap<String, String>;

/// By path of a file: the files that it imports.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn types_import_no_step_and_nothing_imports_what_stands_above_it() {
    assert_eq!(upward(&arrows(&domain())), [""; 0]);
}

#[test]
fn no_file_imports_one_that_imports_it() {
    assert_eq!(circle(&arrows(&domain())), None);
}

#[test]
fn everything_has_its_place() {
    let placed = FROM_THE_GROUND_UP.into_iter().chain(["lib"]);
    let placed: BTreeSet<String> = placed.map(str::to_owned).collect();
    assert_eq!(domain().keys().map(|file| place(file).to_owned()).collect::<BTreeSet<_>>(), placed);
}

/// What the checks find once the import is written into a file of the domain.
#[track_caller]
fn check(file: &str, import: &str, upwards: &[&str], circular: Option<&str>) {
    let mut house = domain();
    house.get_mut(file).unwrap().push_str(import);
    let arrows = arrows(&house);
    assert_eq!(upward(&arrows), upwards, "{file}: {import}");
    assert_eq!(circle(&arrows).as_deref(), circular, "{file}: {import}");
}

#[test]
fn an_arrow_that_is_put_in_by_hand_is_found() {
    let up = ["catalog/rates.rs imports bill/inputs.rs"];
    let around = Some("bill/inputs.rs -> catalog/rates.rs -> bill/inputs.rs");
    check("catalog/rates.rs", "", &[], None);
    check("catalog/rates.rs", "use crate::bill::inputs::GroupMonth;", &up, around);
    check("catalog/rates.rs", "use crate::{\n    bill::{inputs::{ClosedMonths, GroupMonth}},\n};", &up, around);
    check("catalog/rates.rs", "pub use super::super::bill::inputs::GroupMonth as Month;", &up, around);
    check("catalog/rates.rs", "fn of(month: &crate::bill::inputs::GroupMonth) {}", &up, around);
    check("catalog/rates.rs", "// use crate::bill::inputs::GroupMonth;", &[], None);
    check(
        "money/ratio.rs",
        "use super::amount::Money;",
        &[],
        Some("money/amount.rs -> money/ratio.rs -> money/amount.rs"),
    );
    check(
        "name.rs",
        "use crate::Month;",
        &["name.rs imports lib.rs"],
        Some("audit/commitment.rs -> name.rs -> lib.rs -> audit/mod.rs -> audit/commitment.rs"),
    );
}

fn domain() -> House {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&folder).into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        (name, text)
    });
    files.collect()
}

/// What stands directly in `src`: the folder of a file, or the file itself.
fn place(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// The arrows from a place to one that stands above it.
fn upward(arrows: &Arrows) -> Vec<String> {
    let height = |file: &str| FROM_THE_GROUND_UP.iter().position(|name| *name == place(file));
    let mut found = Vec::new();
    for (from, to) in arrows.iter().filter(|(from, _)| *from != "lib.rs") {
        let above = to.iter().filter(|to| height(from) < height(to) || *to == "lib.rs");
        found.extend(above.map(|to| format!("{from} imports {to}")));
    }
    found
}

/// A way from a file back to itself, the shortest of the first file that has one.
fn circle(arrows: &Arrows) -> Option<String> {
    arrows.keys().find_map(|file| way_back(arrows, file)).map(|way| way.join(" -> "))
}

fn way_back<'a>(arrows: &'a Arrows, start: &'a String) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([vec![start.as_str()]]);
    while let Some(way) = open.pop_front() {
        for next in arrows.get(*way.last().unwrap()).into_iter().flatten() {
            let longer = || way.iter().copied().chain([next.as_str()]).collect();
            if next == start {
                return Some(longer());
            }
            if seen.insert(next) {
                open.push_back(longer());
            }
        }
    }
    None
}

fn arrows(house: &House) -> Arrows {
    let modules: BTreeMap<Vec<&str>, &String> = house.keys().map(|file| (module(file), file)).collect();
    let imported = |file: &str, text: &str| -> BTreeSet<String> {
        let here = module(file);
        let named = paths(&code(text)).into_iter().filter_map(|path| resolve(&modules, &here, &path));
        named.filter(|to| *to != file).cloned().collect()
    };
    let arrows: Arrows = house.iter().map(|(file, text)| (file.clone(), imported(file, text))).collect();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 5 * arrows.len(), "most are found: {arrows:#?}");
    arrows
}

/// The path of the module that a file is.
fn module(file: &str) -> Vec<&str> {
    let stem = file.trim_end_matches(".rs");
    stem.split('/').filter(|part| *part != "mod" && *part != "lib").collect()
}

/// The code without comments and without the tests that come last in a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The file of the innermost module that a path names, if it names one of the crate.
fn resolve<'a>(modules: &BTreeMap<Vec<&str>, &'a String>, here: &[&str], path: &[String]) -> Option<&'a String> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ups = path.iter().take_while(|part| **part == "super").count();
    let (mut full, rest) = match path[0] {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (here.to_vec(), &path[1..]),
        "super" => (here[..here.len().checked_sub(ups)?].to_vec(), &path[ups..]),
        child if modules.contains_key(&[here, &[child]].concat()) => (here.to_vec(), &path[..]),
        _ => return None,
    };
    let mut found = *modules.get(&full)?;
    for part in rest {
        full.push(part);
        match modules.get(&full) {
            Some(file) => found = file,
            None => break,
        }
    }
    Some(found)
}

/// All paths of two parts or more, those in the braces of an import with what is before the brace.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word > 0 {
            path.push(rest[..word].to_owned());
            rest = &rest[word..];
            if rest.starts_with("::") {
                rest = &rest[2..];
                continue;
            }
        } else if first == '{' && !path.is_empty() {
            before.push(std::mem::take(&mut path)); // only a path that ends in `::` is still open here
            rest = &rest[1..];
            continue;
        } else {
            if first == '}' {
                before.pop();
            } else if first == '{' {
                before.push(Vec::new());
            }
            rest = &rest[first.len_utf8()..];
            if path.is_empty() {
                continue;
            }
        }
        let whole: Vec<String> = before.iter().flatten().cloned().chain(path.drain(..)).collect();
        if whole.len() > 1 {
            found.push(whole);
        }
    }
    found
}
