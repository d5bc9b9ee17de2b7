//! JSONPath as kubectl has it: paths into objects, and templates around them.

use std::borrow::Cow;
use std::fmt::Write;
use std::str::FromStr;

use jsonpath_rust::JsonPath;
use serde_json::Value;

/// A path into an object: `.metadata.name`, `{.spec.lines[*].total}`, `$.items`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// The values that the path leads to.
    pub fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        // A path is checked when it is read; so there is nothing here that could fail.
        value.query(&self.0).unwrap_or_default()
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let path = translate(inner.trim())?;
        Value::Null.query(&path).map_err(|_| format!("{text} is no JSONPath; write it like .metadata.name"))?;
        Ok(Self(path))
    }
}

/// The text of a value: of one that is no text, its JSON.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Kubernetes' spelling of a path as that of RFC 9535: names between quotes, so that they can have any character.
fn translate(path: &str) -> Result<String, String> {
    let mut rest = path.strip_prefix(['$', '@']).unwrap_or(path);
    let mut translated = "$".to_owned();
    while !rest.is_empty() {
        if rest.starts_with('[') {
            let end = closing(rest).ok_or_else(|| format!("{path} has a bracket without its other one"))?;
            translated.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
            continue;
        }
        if let Some(deep) = rest.strip_prefix("..") {
            translated.push_str("..");
            rest = deep;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        let (name, after) = name(rest);
        match name.as_str() {
            "" => {}
            "*" => translated.push_str("[*]"),
            // Infallible: it is written to a String.
            name => drop(write!(translated, "['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))),
        }
        rest = after;
    }
    Ok(translated)
}

/// A name up to the next dot or bracket that no backslash stands before, and the rest.
fn name(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut escaped = false;
    for (at, c) in path.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' | '[' if !escaped => return (name, &path[at..]),
            _ => {
                escaped = false;
                name.push(c);
            }
        }
    }
    (name, "")
}

/// Where the bracket that a path begins with is closed.
fn closing(path: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in path.char_indices() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('[', None) => depth += 1,
            (']', None) if depth == 1 => return Some(at),
            (']', None) => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A template: text with `{paths}`, `{"texts"}` and `{range path}…{end}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(Path),
    Range(Path, Vec<Part>),
}

impl Template {
    /// The template's text about an object.
    pub fn of(&self, value: &Value) -> String {
        let mut out = String::new();
        write_parts(&self.0, value, &mut out);
        out
    }
}

fn write_parts(parts: &[Part], value: &Value, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(path) => {
                let found: Vec<_> = path.of(value).into_iter().map(text).collect();
                out.push_str(&found.join(" "));
            }
            Part::Range(path, parts) => path.of(value).into_iter().for_each(|each| write_parts(parts, each, out)),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(['.', '$']) {
            return Ok(Self(vec![Part::Path(text.parse()?)]));
        }
        let mut rest = text;
        let parts = parts(&mut rest, false)?;
        Ok(Self(parts))
    }
}

fn parts(rest: &mut &str, nested: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    loop {
        let Some(open) = rest.find('{') else {
            parts.extend((!rest.is_empty()).then(|| Part::Text((*rest).to_owned())));
            *rest = "";
            return if nested { Err("a {range …} has no {end}".to_owned()) } else { Ok(parts) };
        };
        parts.extend((open > 0).then(|| Part::Text(rest[..open].to_owned())));
        let close = block_end(&rest[open..]).ok_or("a { has no }")?;
        let block = rest[open + 1..open + close].trim();
        *rest = &rest[open + close + 1..];
        match block {
            "end" if nested => return Ok(parts),
            "end" => return Err("an {end} has no {range …}".to_owned()),
            block => match block.strip_prefix("range ") {
                Some(path) => {
                    let path = path.trim().parse()?;
                    parts.push(Part::Range(path, self::parts(rest, true)?));
                }
                None if block.starts_with('"') => parts.push(Part::Text(unquoted(block)?)),
                None => parts.push(Part::Path(block.parse()?)),
            },
        }
    }
}

/// Where a block that begins with `{` ends, apart from quotes.
fn block_end(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('}', None) => return Some(at),
            _ => {}
        }
    }
    None
}

/// What stands between quotes, with the escapes of JSON: `"\n"`.
fn unquoted(text: &str) -> Result<String, String> {
    serde_json::from_str(text).map_err(|_| format!("{text} is no text; write it like {{\"\\n\"}}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Path, Template};

    fn object() -> Value {
        json!({
            "metadata": { "name": "main", "annotations": { "example.com/a-b": "yes" } },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }, { "type": "PastDue", "status": "False" }] },
            "items": [{ "a": 1, "b": "x" }, { "a": 2, "b": "y" }],
        })
    }

    #[track_caller]
    fn check(template: &str, expected: &str) {
        assert_eq!(template.parse::<Template>().unwrap().of(&object()), expected);
    }

    #[test]
    fn templates_print_what_kubectl_prints() {
        check("{.metadata.name}", "main");
        check(".metadata.name", "main");
        check("{$.metadata.name}{\"\\n\"}", "main\n");
        check("{.items[*].a}", "1 2");
        check("{.items[-1:].b}", "y");
        check("{.items[0]}", r#"{"a":1,"b":"x"}"#);
        check(r"{.metadata.annotations.example\.com/a-b}", "yes");
        check("{.metadata.annotations['example.com/a-b']}", "yes");
        check(r#"{.status.conditions[?(@.type=="Ready")].status}"#, "True");
        check(r#"{range .items[*]}{.a}={.b}{"\t"}{end}!"#, "1=x\t2=y\t!");
        check("{range .items[*]}{@.b}{end}", "xy");
        check("{..b}", "x y");
        check("{.no.such.thing}", "");
    }

    #[test]
    fn what_is_no_template_says_so() {
        for (template, said) in [
            ("{range .items[*]}{.a}", "a {range …} has no {end}"),
            ("{end}", "an {end} has no {range …}"),
            ("{.a", "a { has no }"),
            ("{.a[}", "a bracket without its other one"),
            ("{.a[?(}", "a bracket without its other one"),
            ("{.a[b]}", "is no JSONPath"),
        ] {
            let error = template.parse::<Template>().unwrap_err();
            assert!(error.contains(said), "{template}: {error}");
        }
    }

    #[test]
    fn a_path_may_stand_in_braces() {
        assert_eq!("{.a.b}".parse::<Path>(), ".a.b".parse::<Path>());
        assert_eq!("a.b".parse::<Path>(), ".a.b".parse::<Path>());
    }
}
