//! What is read of files: files of a size, and values of a size. A repository's files come from whoever sends a pull request.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most bytes of a file: the usage of a large cluster for a year.
pub const MAX_FILE: u64 = 256 << 20;

/// How many bytes more than a text has its aliases may make of it.
const MAX_REPLAYED: usize = 64 << 20;

/// What a value costs beside its text.
const VALUE: usize = size_of::<Value>();

/// A whole file. Only a file: a pipe or a device under such a name may never end.
///
/// # Errors
/// It is none, or too large, or cannot be read.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file: give what comes through a pipe as -f -"));
    }
    read_all(&mut File::open(path)?)
}

/// All that a reader gives.
///
/// # Errors
/// It is too much, or cannot be read.
pub fn read_all(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= MAX_FILE => Ok(bytes),
        _ => Err(io::Error::other(format!("it is larger than {} MiB: split it", MAX_FILE >> 20))),
    }
}

/// Reads values out of a text, by `parse`, and no more than the text and some replayed aliases can be.
pub fn within<T>(text: &str, parse: impl FnOnce() -> T) -> T {
    // A byte of text may be a value of its own, in a list of one-letter words.
    let bound = text.len().saturating_mul(1 + VALUE).saturating_add(MAX_REPLAYED);
    LEFT.set(bound);
    parse()
}

thread_local! {
    /// How many bytes may still be made. (Parsers take types and no state.)
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

fn charge<E: Error>(bytes: usize) -> Result<(), E> {
    let left = LEFT.get().checked_sub(bytes.saturating_add(VALUE));
    left.map(|left| LEFT.set(left))
        .ok_or_else(|| E::custom("its aliases make too much of it: write out what they stand for"))
}

/// A value whose making is counted.
pub struct Bounded(pub Value);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting).map(Self)
    }
}

struct Counting;

impl<'de> Visitor<'de> for Counting {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        charge(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        charge(0).map(|()| value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        charge(0).map(|()| value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        charge(0).map(|()| Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        charge(value.len()).map(|()| value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        charge(value.len()).map(|()| Value::String(value))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        charge(0).map(|()| Value::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        charge(0).map(|()| Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        charge(0)?;
        let mut list = Vec::new();
        while let Some(Bounded(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        charge(0)?;
        let mut map = Map::new();
        while let Some((key, Bounded(value))) = fields.next_entry::<String, _>()? {
            charge(key.len())?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::documents;
    use super::{MAX_FILE, read_all, read_file};
    use std::fs;
    use std::io::{self, Read};

    #[test]
    fn aliases_are_counted_by_what_they_make() {
        let bomb = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 5000].join(","));
        let error = documents(bomb.as_bytes()).unwrap_err();
        assert!(error.contains("its aliases make too much of it"), "{error}");
        let usual = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1000), vec!["*a"; 5000].join(","));
        assert_eq!(documents(usual.as_bytes()).unwrap()[0]["b"].as_array().unwrap().len(), 5000);
    }

    #[test]
    fn a_list_of_short_words_is_no_bomb() {
        let list = format!("[{}]", vec!["a"; 300_000].join(","));
        assert_eq!(documents(list.as_bytes()).unwrap()[0].as_array().unwrap().len(), 300_000);
    }

    #[test]
    fn what_never_ends_is_not_read_to_its_end() {
        let error = read_all(&mut io::repeat(b'a').take(MAX_FILE + 10)).unwrap_err();
        assert!(error.to_string().contains("larger than 256 MiB"), "{error}");
        let error = read_file("/dev/zero".as_ref()).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[test]
    fn a_file_is_read_whole() {
        let path = std::env::temp_dir().join(format!("billing-bounded-{}", std::process::id()));
        fs::write(&path, "a: 1").unwrap();
        assert_eq!(read_file(&path).unwrap(), b"a: 1");
        fs::remove_file(&path).unwrap();
    }
}
