//! What commands print of objects, in every format: `-o table|wide|json|yaml|name|jsonpath=…|csv`.
//!
//! A command hands over the objects as the API server has them, and tables whose cells are paths into these objects. So what a
//! table shows is in what JSON and YAML print, and nothing is of our own making.

pub mod jsonpath;
mod rows;
mod sort;

use std::io::Write;
use std::rc::Rc;
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::output::{print_json, print_yaml};
use crate::table::render_rows;
use jsonpath::Template;
pub use rows::{Column, Holds, Row, Rows, TableShape};

/// The width that tables fit.
const WIDTH: usize = 80;

/// How to print objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with every column.
    Wide,
    /// The objects as JSON.
    Json,
    /// The objects as YAML.
    Yaml,
    /// No more than kinds and names.
    Name,
    /// What a template takes out of the objects.
    JsonPath(Template),
    /// Every column, for spreadsheets.
    Csv,
}

const FORMATS: &str = "table, wide, json, yaml, name, csv, or jsonpath=TEMPLATE";

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(template) = text.strip_prefix("jsonpath=") {
            return template.parse().map(Self::JsonPath);
        }
        Ok(match text {
            "table" => Self::Table,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "name" => Self::Name,
            "csv" => Self::Csv,
            _ => return Err(format!("no such format; use {FORMATS}")),
        })
    }
}

/// Completes the names of formats, and takes templates, too.
#[derive(Clone)]
pub struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Format, clap::Error> {
        clap::builder::StringValueParser::new()
            .try_map(|text| text.parse::<Format>())
            .parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = ["table", "wide", "json", "yaml", "name", "csv", "jsonpath="];
        Some(Box::new(names.into_iter().map(PossibleValue::new)))
    }
}

impl ValueParserFactory for Format {
    type Parser = FormatParser;

    fn value_parser() -> FormatParser {
        FormatParser
    }
}

/// How a list or an object is printed.
#[derive(Args, Debug, Default)]
pub struct PrintArguments {
    /// What to print: table, wide, json, yaml, name, csv, or jsonpath=TEMPLATE
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub output: Format,

    /// Leave out the titles of the columns
    #[arg(long)]
    pub no_headers: bool,

    /// Order by this field, such as .spec.period, or by a column of the table
    #[arg(long, value_name = "FIELD")]
    pub sort_by: Option<String>,
}

/// A table, and the objects that it shows.
#[derive(Debug, Clone)]
pub struct Section {
    /// What stands above it, where there are several.
    pub heading: Option<String>,
    /// What it shows of them.
    pub shape: Rc<TableShape>,
    /// The objects.
    pub objects: Vec<Value>,
    /// What stands in its place when there is nothing to show.
    pub empty: String,
}

impl Section {
    /// A table by itself.
    pub fn new(shape: impl Into<Rc<TableShape>>, objects: Vec<Value>, empty: impl Into<String>) -> Self {
        Self { heading: None, shape: shape.into(), objects, empty: empty.into() }
    }

    /// The same, with a heading.
    #[must_use]
    pub fn headed(self, heading: impl Into<String>) -> Self {
        Self { heading: Some(heading.into()), ..self }
    }
}

/// Prints what a command lists: always a list, however many there are.
///
/// # Errors
/// A field to order by that is none, or nothing can be written.
pub fn print_list(
    section: Section,
    arguments: &PrintArguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), CommandError> {
    print_sections(vec![section], arguments, out, err)
}

/// Prints one object, in one or more tables: by itself where it is asked for as an object.
///
/// # Errors
/// As [`print_list`].
pub fn print_object(
    sections: Vec<Section>,
    arguments: &PrintArguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), CommandError> {
    let object = sections.first().and_then(|section| section.objects.first());
    match (&arguments.output, object) {
        (Format::Json, Some(object)) => Ok(print_json(object, out)?),
        (Format::Yaml, Some(object)) => Ok(print_yaml(object, out)?),
        (Format::JsonPath(template), Some(object)) => Ok(out.write_all(template.of(object).as_bytes())?),
        _ => print_sections(sections, arguments, out, err),
    }
}

/// Prints several tables below each other, or all of their objects as one list. None is in the list twice.
///
/// # Errors
/// As [`print_list`].
pub fn print_sections(
    mut sections: Vec<Section>,
    arguments: &PrintArguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), CommandError> {
    if let Some(field) = &arguments.sort_by {
        for section in &mut sections {
            sort::sort(section, field).map_err(CommandError::Unusable)?;
        }
    }
    match &arguments.output {
        Format::Table => print_tables(&sections, arguments, Some(WIDTH), out, err),
        Format::Wide => print_tables(&sections, arguments, None, out, err),
        Format::Csv => print_csv(&sections, arguments, out),
        Format::Json => Ok(print_json(&list(sections), out)?),
        Format::Yaml => Ok(print_yaml(&list(sections), out)?),
        Format::JsonPath(template) => Ok(out.write_all(template.of(&list(sections)).as_bytes())?),
        Format::Name => {
            let Value::Array(objects) = list(sections)["items"].take() else { return Ok(()) };
            Ok(objects.iter().try_for_each(|object| writeln!(out, "{}", name(object)))?)
        }
    }
}

fn print_tables(
    sections: &[Section],
    arguments: &PrintArguments,
    width: Option<usize>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), CommandError> {
    for (at, section) in sections.iter().enumerate() {
        if let Some(heading) = &section.heading {
            writeln!(out, "{}{heading}", if at == 0 { "" } else { "\n" })?;
        }
        let columns = section.shape.columns(width.is_none());
        let rows: Vec<Vec<String>> = section.shape.rows(&section.objects).map(|row| row.cells(&columns)).collect();
        if rows.is_empty() {
            // What is listed is on standard output, and that there is nothing is not in the list.
            let to: &mut dyn Write = if section.heading.is_some() { out } else { err };
            writeln!(to, "{}", section.empty)?;
            continue;
        }
        let text = render_rows(&columns, rows, width);
        let text = match arguments.no_headers {
            true => text.split_once('\n').map_or("", |(_, rows)| rows),
            false => &text,
        };
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn print_csv(sections: &[Section], arguments: &PrintArguments, out: &mut dyn Write) -> Result<(), CommandError> {
    for section in sections {
        let columns = section.shape.columns(true);
        let mut csv = csv::Writer::from_writer(&mut *out);
        let written = (|| {
            if !arguments.no_headers {
                csv.write_record(columns.iter().map(|column| column.title))?;
            }
            for row in section.shape.rows(&section.objects) {
                csv.write_record(row.csv(&columns))?;
            }
            csv.flush().map_err(csv::Error::from)
        })();
        written.map_err(|error| CommandError::from(std::io::Error::from(error)))?;
    }
    Ok(())
}

/// The objects of sections as Kubernetes' own list, each once.
fn list(sections: Vec<Section>) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for object in sections.into_iter().flat_map(|section| section.objects) {
        let uid = &object["metadata"]["uid"];
        let same = |other: &Value| !uid.is_null() && &other["metadata"]["uid"] == uid;
        if !items.iter().any(same) {
            items.push(object);
        }
    }
    json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": items })
}

/// An object as `-o name` has it: `billinggroup.billing-operator.io/main`.
pub fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&object["apiVersion"]).rsplit_once('/').map(|(group, _)| format!(".{group}"));
    let kind = text(&object["kind"]).to_lowercase();
    format!("{kind}{}/{}", group.unwrap_or_default(), text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Visible;

    const SHAPE: TableShape = TableShape::of(&[
        Column::text("NAME", ".metadata.name"),
        Column::elastic("DISPLAY NAME", ".spec.displayName"),
        Column::number("TOTAL", ".status.total"),
        Column::text("SINCE", ".status.since").wide(),
    ]);

    fn group(name: &str, display: &str, total: &str) -> Value {
        json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "BillingGroup",
            "metadata": { "name": name, "uid": name }, "spec": { "displayName": display },
            "status": { "total": total, "since": "2026-11-01T00:00:00Z" },
        })
    }

    fn printed(arguments: &[&str], objects: Vec<Value>) -> Result<(String, String), CommandError> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            print: PrintArguments,
        }
        let line = ["print"].iter().chain(arguments);
        let Line { print } =
            clap::Parser::try_parse_from(line).map_err(|error| CommandError::Unusable(error.to_string()))?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        print_list(Section::new(SHAPE, objects, "no groups"), &print, &mut out, &mut err)?;
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap()))
    }

    fn groups() -> Vec<Value> {
        vec![group("b", "Shop", "9.00"), group("a", "=SUM(A1), \"x\"", "-10.00")]
    }

    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        assert_eq!(printed(arguments, groups()).unwrap().0, expected);
    }

    #[test]
    fn every_format_shows_the_objects() {
        check(&[], "NAME   DISPLAY NAME     TOTAL\nb      Shop              9.00\na      =SUM(A1), \"x\"   -10.00\n");
        check(&["--no-headers"], "b      Shop              9.00\na      =SUM(A1), \"x\"   -10.00\n");
        check(&["-o", "name"], "billinggroup.billing-operator.io/b\nbillinggroup.billing-operator.io/a\n");
        check(&["-o", "jsonpath={.items[*].metadata.name}"], "b a");
        check(
            &["-o", "csv"],
            "NAME,DISPLAY NAME,TOTAL,SINCE\nb,Shop,9.00,2026-11-01T00:00:00Z\na,\"'=SUM(A1), \"\"x\"\"\",-10.00,2026-11-01T00:00:00Z\n",
        );
        let wide = printed(&["-o", "wide"], groups()).unwrap().0;
        assert!(wide.starts_with("NAME   DISPLAY NAME     TOTAL   SINCE\n"), "{wide}");
        let json: Value = serde_json::from_str(&printed(&["-o", "json"], groups()).unwrap().0).unwrap();
        assert_eq!((&json["kind"], &json["items"][1]), (&json!("List"), &groups()[1]));
        let yaml = printed(&["-o", "yaml"], groups()).unwrap().0;
        let yaml: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn rows_are_ordered_by_a_field_or_a_column_and_numbers_as_numbers() {
        for field in [".status.total", "total", "TOTAL", "{.metadata.name}"] {
            check(&["--sort-by", field, "-o", "jsonpath={.items[*].metadata.name}"], "a b");
        }
        check(&["--sort-by", "display name", "-o", "jsonpath={.items[*].metadata.name}"], "a b");
        let error = printed(&["--sort-by", "colour"], groups()).unwrap_err().to_string();
        assert!(error.contains("NAME, DISPLAY NAME, TOTAL, SINCE"), "{error}");
    }

    #[test]
    fn what_an_object_leaves_out_is_shown_from_where_it_stands() {
        const DUE: TableShape = TableShape::of(&[
            Column::text("NAME", ".metadata.name"),
            Column::number("DUE", ".status.due").or(".status.total"),
        ]);
        let mut prepaid = group("b", "Shop", "9.00");
        prepaid["status"]["due"] = json!("0.00");
        let print = |sort_by: &str| {
            let print =
                PrintArguments { no_headers: true, sort_by: Some(sort_by.to_owned()), ..PrintArguments::default() };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let objects = vec![group("a", "Lab", "8.00"), prepaid.clone()];
            print_list(Section::new(DUE, objects, ""), &print, &mut out, &mut err).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print("NAME"), "a      8.00\nb      0.00\n");
        assert_eq!(print("DUE"), "b      0.00\na      8.00\n");
    }

    #[test]
    fn what_is_listed_in_an_object_is_ordered_in_it() {
        const LINES: TableShape = TableShape::of_items(
            &[".status.lines[*]", ".spec.lines[*]"],
            &[
                Column::text("ID", "@.id"),
                Column::number("TOTAL", "@.total"),
                Column::text("INVOICE", ".metadata.name"),
            ],
        );
        let invoice = json!({ "metadata": { "name": "i" }, "status": { "lines": [{ "id": "b", "total": "10.00" }, { "id": "a", "total": "9.00" }] } });
        let slice = json!({ "metadata": { "name": "s" }, "spec": { "lines": [{ "id": "d", "total": "1.00" }, { "id": "c", "total": "-1.00" }] } });
        let rows = |sort_by: Option<&str>, shape: TableShape| {
            let print =
                PrintArguments { no_headers: true, sort_by: sort_by.map(str::to_owned), ..PrintArguments::default() };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            print_list(Section::new(shape, vec![invoice.clone(), slice.clone()], ""), &print, &mut out, &mut err)
                .unwrap();
            let text = String::from_utf8(out).unwrap();
            text.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(rows(None, LINES), ["b", "a", "d", "c"]);
        assert_eq!(rows(Some("total"), LINES), ["a", "b", "c", "d"]);
        assert_eq!(rows(Some("ID"), LINES), ["a", "b", "c", "d"]);
        assert_eq!(rows(None, LINES.keeping(|_, line| line["total"] == "1.00")), ["d"]);
    }

    #[test]
    fn a_table_fits_eighty_columns_and_a_wide_one_shows_all() {
        let long = "x".repeat(10_000);
        let table = printed(&[], vec![group("a", &long, "1.00")]).unwrap().0;
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH) && table.contains("x…"), "{table}");
        assert!(printed(&["-o", "wide"], vec![group("a", &long, "1.00")]).unwrap().0.contains(&long));
    }

    /// Formulas, markup, escapes of terminals, text from right to left, emoji, line breaks, and a lot of it.
    fn hostile() -> Vec<String> {
        let short = [
            "=HYPERLINK(\"http://example.com\")",
            "+1+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "<script>alert(1)</script>",
            "a\u{1b}[2Jb",
            "a\u{9b}31mb",
            "\u{202e}00.1 DSU\u{202c}",
            "مرحبا",
            "👩\u{200d}👩\u{200d}👧 🇫🇮",
            "two\nlines",
            "a,\"b\";c",
            "null",
            "yes",
            "1e3",
            "~",
            "- a: b",
            "{{ .x }}",
            "%s%n",
            "\\n",
            "' or 1=1",
            "\u{feff}x",
            "\u{2028}",
        ];
        short.map(str::to_owned).into_iter().chain(["x".repeat(10_000), "=".repeat(10_000)]).collect()
    }

    #[test]
    fn hostile_text_comes_out_as_text_in_every_format() {
        let objects: Vec<Value> = hostile().iter().map(|text| group("a", text, "1.00")).collect();
        // Each with a UID of its own, as objects have.
        let numbered = objects.into_iter().enumerate().map(|(at, mut object)| {
            object["metadata"]["uid"] = json!(at.to_string());
            object
        });
        let objects: Vec<Value> = numbered.collect();
        let print = |format: &str| printed(&["-o", format], objects.clone()).unwrap().0;
        let names = |list: Value| -> Vec<String> {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items.iter().map(|item| item["spec"]["displayName"].as_str().unwrap_or_default().to_owned()).collect()
        };
        // As it leaves the plugin: nothing in it hides, and it reads back as it was.
        let shown = |format: &str| {
            let mut out = Vec::new();
            std::io::Write::write_all(&mut Visible::new(&mut out), print(format).as_bytes()).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(names(serde_json::from_str(&shown("json")).unwrap()), hostile());
        assert_eq!(names(serde_saphyr::from_str(&shown("yaml")).unwrap()), hostile());
        let text = print("csv");
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let cells: Vec<String> = csv.records().map(|record| record.unwrap()[1].to_owned()).collect();
        for (cell, text) in cells.iter().zip(hostile()) {
            let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert_eq!(*cell, if formula { format!("'{text}") } else { text });
        }
        assert_eq!(cells.len(), hostile().len());
        assert_eq!(print("name").lines().count(), hostile().len());
        assert_eq!(print("jsonpath={.items[*].spec.displayName}"), hostile().join(" "));
    }

    #[test]
    fn nothing_is_said_beside_the_list() {
        assert_eq!(printed(&[], Vec::new()).unwrap(), (String::new(), "no groups\n".to_owned()));
        assert_eq!(printed(&["-o", "name"], Vec::new()).unwrap(), (String::new(), String::new()));
    }

    #[test]
    fn no_format_is_an_error_that_names_those_there_are() {
        let error = printed(&["-o", "xml"], Vec::new()).unwrap_err().to_string();
        assert!(error.contains(FORMATS), "{error}");
    }
}
