//! From files to documents.

use super::ReadError;
use super::bounded::{Bounded, within};
use serde_json::Value;
use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

/// The files that a path names: itself, or what a folder and its folders hold, in order of name.
///
/// What is hidden (`.git`) and links to folders are passed over in folders.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError::Input { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(files(&path)?);
        } else if is_manifest(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json")) && !path.is_dir()
}

/// The documents of a file: JSON values one after the other, or YAML. Empty ones do not count.
///
/// # Errors
///
/// Why the file is neither.
pub fn documents(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())?;
    if text.trim_start().starts_with('{')
        && let Ok(documents) = serde_json::Deserializer::from_str(text).into_iter().collect()
    {
        return Ok(documents);
    }
    yaml(text).map_err(|error| format!("is not YAML: {error}"))
}

/// The documents of a text in YAML.
///
/// A word that is a number too large to be one, such as the series `5e423` of a group's invoices, is text to `kubectl`,
/// which does not quote it. Our parser refuses it; so it is quoted, and the text read again.
fn yaml(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let parse = |text: &str| {
        // A cluster's usage is long: no limit on what is written out, which is bounded as a file, only on what aliases make of it.
        let options = serde_saphyr::options! { budget: None, with_snippet: false };
        let values = within(text, || serde_saphyr::from_multiple_with_options::<Bounded>(text, options))?;
        Ok(values.into_iter().map(|Bounded(value)| value).collect())
    };
    let mut text = Cow::Borrowed(text);
    loop {
        match parse(&text) {
            Err(serde_saphyr::Error::NonFiniteFloat { value, location }) => {
                let at = location.span().byte_offset().and_then(|offset| usize::try_from(offset).ok());
                let Some(quoted) = at.and_then(|at| quoted(&text, &value, at)) else {
                    return Err(serde_saphyr::Error::NonFiniteFloat { value, location });
                };
                text = Cow::Owned(quoted);
            }
            done => return done,
        }
    }
}

/// The text with a word in quotes: where it stands at this offset, and wherever it is the whole value of a line.
/// `None` for what is meant to be infinite or no number.
fn quoted(text: &str, word: &str, at: usize) -> Option<String> {
    let is_decimal = word.starts_with(|first: char| first.is_ascii_digit());
    if !is_decimal || !text.get(at..)?.starts_with(word) {
        return None;
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    let mut rest = 0;
    for (offset, _) in text.match_indices(word) {
        let end = offset + word.len();
        let begins = text[..offset].ends_with(": ") || text[..offset].ends_with("- ");
        let ends = text[end..].starts_with(['\n', '\r']) || end == text.len();
        if offset == at || (begins && ends) {
            quoted.push_str(&text[rest..offset]);
            quoted.push_str(&format!("\"{word}\""));
            rest = end;
        }
    }
    quoted.push_str(&text[rest..]);
    Some(quoted)
}

/// The items of a list, with the kind that a typed list implies; or what is not a list, as it was.
pub fn items(mut document: Value) -> Result<Vec<Value>, Value> {
    let Some(of) = document["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).map(str::to_owned) else {
        return Err(document);
    };
    let Value::Array(mut items) = document["items"].take() else {
        return Err(document);
    };
    if !of.is_empty() {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.entry("kind").or_insert_with(|| of.clone().into());
            item.entry("apiVersion").or_insert_with(|| document["apiVersion"].clone());
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::{documents, files, items};
    use serde_json::{Value, json};
    use std::fs;

    /// Untyped YAML, read as `kubectl` reads it.
    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(documents(text.as_bytes()).unwrap(), [expected]);
    }

    #[test]
    fn scalars_are_what_kubectl_takes_them_for() {
        check("a: 2026-11-21T12:00:00Z", json!({"a": "2026-11-21T12:00:00Z"}));
        check("a: 2026-08", json!({"a": "2026-08"}));
        check("a: 1", json!({"a": 1}));
        check("a: 1.5", json!({"a": 1.5}));
        check("a: '1'", json!({"a": "1"}));
        check("a: ~", json!({"a": null}));
        check("a: yes\nb: NO\nc: Off", json!({"a": true, "b": false, "c": false}));
        check("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}}));
    }

    #[test]
    fn words_too_large_for_a_number_are_text() {
        check(
            "a: 5e423\nb: {c: [5e423, 1e999], d: x}\ne:\n- 5e423",
            json!({
                "a": "5e423", "b": {"c": ["5e423", "1e999"], "d": "x"}, "e": ["5e423"],
            }),
        );
        check("5e423: cost 5e423 in a text", json!({"5e423": "cost 5e423 in a text"}));
        documents(b"a: .inf").unwrap_err();
    }

    #[test]
    fn keys_are_given_once() {
        documents(b"a: 1\na: 2").unwrap_err();
    }

    #[test]
    fn typed_lists_name_the_kind_of_their_items() {
        let list = json!({"kind": "ThingList", "apiVersion": "x/v1", "items": [{"metadata": {}}]});
        assert_eq!(items(list), Ok(vec![json!({"kind": "Thing", "apiVersion": "x/v1", "metadata": {}})]));
        let thing = json!({"kind": "Checklist", "spec": {}});
        assert_eq!(items(thing.clone()), Err(thing));
    }

    #[test]
    fn folders_are_read_in_order_of_name_and_without_what_is_hidden() {
        let folder = std::env::temp_dir().join(format!("billing-manifests-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for file in ["b/1.json", "a.yaml", "c.txt", ".git/x.yaml", "b.yml"] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found: Vec<_> = files(&folder)
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, ["a.yaml", "b/1.json", "b.yml"]);
        assert_eq!(files(&folder.join("c.txt")).unwrap(), [folder.join("c.txt")]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
