//! Manifests, as a Git repository holds them: read, and refused where the API server would refuse them.
//!
//! What only the API server can decide is not decided here: who asks, what exists already, and what the
//! admission policies say.

mod admission;
mod bounded;
#[cfg(test)]
mod cases;
mod object;
mod schema;
mod text;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    io::Read,
    path::{Path, PathBuf},
};
use thiserror::Error;

use admission::Kind;
pub use admission::Kinds;
pub use object::{Object, ObjectRef};
pub use schema::SchemaError;

/// What manifests hold.
#[derive(Debug, Default)]
pub struct Manifests {
    /// What would be accepted, with defaults applied, in the order in which it was read.
    pub objects: Vec<Manifest>,
    /// What would be refused.
    pub refusals: Vec<Rejection>,
    /// How many objects are of kinds that mean nothing to billing.
    pub ignored: usize,
}

/// One object, and where it stands.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Where it stands.
    pub source: SourceLocation,
    /// The object.
    pub object: Object,
}

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// The file, as it was named or found; "-" for standard input.
    pub file: String,
    /// Which document of the file, from 1.
    pub document: usize,
    /// Which item of the document's list, from 1.
    pub item: Option<usize>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {}", self.file, self.document)?;
        self.item.map_or(Ok(()), |item| write!(f, ", item {item}"))
    }
}

/// Why something would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where it stands.
    pub source: SourceLocation,
    /// What it is, as far as that can be read.
    pub object: Option<ObjectRef>,
    /// The reason, with the field's path.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "{}: {object}: {}", self.source, self.message),
            None => write!(f, "{}: {}", self.source, self.message),
        }
    }
}

/// Why manifests cannot be read at all.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A file, a folder or standard input.
    #[error("cannot read {}", path.display())]
    Input {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The custom resources' own schemas.
    #[error("the schemas of the custom resources are unusable")]
    Schema(#[from] SchemaError),
}

/// Reads files, folders (with their folders: `.yaml`, `.yml` and `.json`, in order of name) and, for "-",
/// standard input.
///
/// # Errors
///
/// When something cannot be read. What can be read but would be refused is a [`Rejection`].
pub fn read(paths: &[PathBuf], stdin: &mut dyn Read) -> Result<Manifests, ReadError> {
    read_by(paths, stdin, Kind::create)
}

/// Reads the same, but takes the status of every object as it is written there: for objects that were printed, by a
/// cluster or by `kubectl billing preview`.
///
/// # Errors
///
/// When something cannot be read.
pub fn read_printed(paths: &[PathBuf], stdin: &mut dyn Read) -> Result<Manifests, ReadError> {
    read_by(paths, stdin, Kind::keep)
}

/// Reads every object of the same files as it stands there, whatever its kind. What cannot be read is left out: [`read`] says so.
///
/// # Errors
///
/// When a file cannot be read.
pub fn read_objects(paths: &[PathBuf], stdin: &mut dyn Read) -> Result<Vec<Value>, ReadError> {
    let mut found = Vec::new();
    each_file(paths, stdin, |_, bytes| {
        for document in text::documents(bytes).unwrap_or_default() {
            match text::items(document) {
                Ok(items) => found.extend(items),
                Err(object) => found.push(object),
            }
        }
    })?;
    Ok(found)
}

/// What an object becomes when it is stored.
type Admit = fn(&Kind, Value) -> Result<Value, Vec<String>>;

fn read_by(paths: &[PathBuf], stdin: &mut dyn Read, admit: Admit) -> Result<Manifests, ReadError> {
    let mut reader = Reader { kinds: Kinds::new()?, admit, first: BTreeMap::new(), found: Manifests::default() };
    each_file(paths, stdin, |file, bytes| reader.file(file, bytes))?;
    Ok(reader.found)
}

/// Hands over every file, by its name, with what it holds.
fn each_file(paths: &[PathBuf], stdin: &mut dyn Read, mut each: impl FnMut(&str, &[u8])) -> Result<(), ReadError> {
    for path in paths {
        if path == Path::new("-") {
            let read = bounded::read_all(stdin);
            let bytes = read.map_err(|source| ReadError::Input { path: path.clone(), source })?;
            each("-", &bytes);
            continue;
        }
        for file in text::files(path)? {
            let bytes = bounded::read_file(&file).map_err(|source| ReadError::Input { path: file.clone(), source })?;
            each(&file.to_string_lossy(), &bytes);
        }
    }
    Ok(())
}

struct Reader {
    kinds: Kinds,
    admit: Admit,
    /// Where each object was first met.
    first: BTreeMap<ObjectRef, SourceLocation>,
    found: Manifests,
}

impl Reader {
    fn file(&mut self, file: &str, bytes: &[u8]) {
        match text::documents(bytes) {
            Ok(documents) => {
                for (index, document) in documents.into_iter().enumerate() {
                    let source = SourceLocation { file: file.to_owned(), document: index + 1, item: None };
                    self.document(source, document);
                }
            }
            Err(message) => {
                let source = SourceLocation { file: file.to_owned(), document: 1, item: None };
                self.found.refusals.push(Rejection { source, object: None, message });
            }
        }
    }

    fn document(&mut self, source: SourceLocation, document: Value) {
        match text::items(document) {
            Ok(items) => {
                for (index, object) in items.into_iter().enumerate() {
                    self.object(SourceLocation { item: Some(index + 1), ..source.clone() }, object);
                }
            }
            Err(object) => self.object(source, object),
        }
    }

    fn object(&mut self, source: SourceLocation, value: Value) {
        let reference = ObjectRef::of(&value);
        let kind = match self.kinds.of(&value) {
            Ok(Some(kind)) => kind,
            Ok(None) => {
                self.found.ignored += 1;
                return;
            }
            Err(message) => {
                self.found.refusals.push(Rejection { source, object: reference, message });
                return;
            }
        };
        let admitted = (self.admit)(kind, value)
            .and_then(|value| Object::try_from(value).map_err(|error| vec![error.to_string()]))
            .and_then(|object| self.once(&source, object));
        match admitted {
            Ok(object) => self.found.objects.push(Manifest { source, object }),
            Err(messages) => self.found.refusals.extend(messages.into_iter().map(|message| Rejection {
                source: source.clone(),
                object: reference.clone(),
                message,
            })),
        }
    }

    /// Two manifests of one object would undo each other at every apply.
    fn once(&mut self, source: &SourceLocation, object: Object) -> Result<Object, Vec<String>> {
        let reference = object.reference();
        if let Some(first) = self.first.get(&reference) {
            return Err(vec![format!("is already in {first}; keep one of them")]);
        }
        self.first.insert(reference, source.clone());
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifests, Object, read};
    use std::path::PathBuf;

    fn manifests(text: &str) -> Manifests {
        read(&[PathBuf::from("-")], &mut text.as_bytes()).unwrap()
    }

    /// Each refusal as it is printed.
    #[track_caller]
    fn check_refused(text: &str, expected: &[&str]) {
        let found = manifests(text);
        let refusals: Vec<_> = found.refusals.iter().map(ToString::to_string).collect();
        assert_eq!(refusals, expected);
        assert!(found.objects.is_empty());
    }

    const BINDING: &str = "
apiVersion: billing-operator.io/v1alpha1
kind: ProjectBinding
metadata: {name: billing, namespace: web}
spec: {billingGroup: main}
";

    #[test]
    fn documents_lists_and_json_are_read() {
        let record = r#"{"apiVersion": "billing-operator.io/v1alpha1", "kind": "UsageRecord",
            "metadata": {"name": "r1", "namespace": "acme", "creationTimestamp": null},
            "spec": {"project": "web", "service": {"name": "db", "type": "PostgreSQL"},
                     "start": "2026-11-01T00:00:00Z"}}"#;
        let text = format!("---\n---{BINDING}---\napiVersion: v1\nkind: List\nitems:\n- {record}\n");
        let found = manifests(&text);
        assert_eq!(found.refusals, []);
        let sources: Vec<_> = found.objects.iter().map(|manifest| manifest.source.to_string()).collect();
        assert_eq!(sources, ["-, document 1", "-, document 2, item 1"]);
        assert!(matches!(&found.objects[1].object, Object::UsageRecord(record) if &*record.spec.quantity == "1"));
        assert_eq!(manifests(&format!("{record}\n{}", record.replace("r1", "r2"))).objects.len(), 2);
    }

    #[test]
    fn kinds_of_others_are_counted() {
        let found = manifests("apiVersion: apps/v1\nkind: Deployment\n---\nimage: {tag: latest}\n---\n- 1\n");
        assert_eq!((found.objects.len(), found.refusals.len(), found.ignored), (0, 0, 3));
    }

    #[test]
    fn kinds_that_do_not_exist_are_refused() {
        check_refused(
            &BINDING.replace("ProjectBinding", "ProjectBindings"),
            &["-, document 1: ProjectBindings web/billing: billing-operator.io/v1alpha1 has no kind ProjectBindings"],
        );
        check_refused(
            &BINDING.replace("v1alpha1", "v1"),
            &[
                "-, document 1: ProjectBinding web/billing: billing-operator.io/v1 is not a version of ProjectBinding; use billing-operator.io/v1alpha1",
            ],
        );
    }

    #[test]
    fn what_is_no_yaml_is_refused() {
        let found = manifests("kind: [");
        assert_eq!((found.objects.len(), found.refusals.len()), (0, 1));
        assert!(found.refusals[0].message.starts_with("is not YAML: "), "{}", found.refusals[0].message);
        check_refused_bytes(b"\xff\xfe");
    }

    #[track_caller]
    fn check_refused_bytes(mut bytes: &[u8]) {
        let found = read(&[PathBuf::from("-")], &mut bytes).unwrap();
        assert_eq!(found.refusals[0].message, "is not text in UTF-8");
    }

    #[test]
    fn one_object_stands_in_one_place() {
        let found = manifests(&format!("{BINDING}---{BINDING}"));
        assert_eq!(found.objects.len(), 1);
        assert_eq!(
            found.refusals[0].to_string(),
            "-, document 2: ProjectBinding web/billing: is already in -, document 1; keep one of them",
        );
    }

    #[test]
    fn the_examples_are_accepted() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let found = read(&[folder], &mut std::io::empty()).unwrap();
        assert_eq!(found.refusals, []);
        assert!(found.objects.len() > 40, "{} objects", found.objects.len());
        assert_eq!(
            found.ignored, 14,
            "a claim; globex has a RoleBinding, K9s two files, Meters four roles and six objects"
        );
    }

    #[test]
    fn what_is_missing_is_an_error() {
        read(&[PathBuf::from("/nonexistent/manifests")], &mut std::io::empty()).unwrap_err();
    }
}
