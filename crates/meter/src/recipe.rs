//! A Meter that was read: what it measures of an object.

use std::collections::BTreeMap;
use std::fmt;

use billing_api::text::is_hidden;
use billing_api::{MeterSpec, MeteredProject, MeteredResource, MeteredService, Selector, Service};
use cel::Value;
use chrono::TimeDelta;
use serde_json::Value as Json;

use crate::expression::{EvaluationError, Expression, Object, decimal};
use crate::selector::{Labels, chooses};

/// Something in a Meter that is wrong, whatever the objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where: `spec.service.name`.
    pub field: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.message)
    }
}

/// Why one object cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub reason: FaultReason,
    /// What is wrong, and where in the Meter.
    pub message: String,
}

/// The kinds of faults of objects, as `status.skipped` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultReason {
    /// The object lacks a field that an expression reads.
    MissingField,
    /// An expression gave something of another type.
    WrongType,
    /// A quantity or a text is not what a record can have.
    OutOfRange,
    /// An expression failed.
    EvaluationFailed,
    /// The label of the object names no project.
    ProjectUnknown,
    /// The API server refuses the record.
    WriteRefused,
}

impl FaultReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::EvaluationFailed,
        Self::ProjectUnknown,
        Self::WriteRefused,
    ];

    /// The documented word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "MissingField",
            Self::WrongType => "WrongType",
            Self::OutOfRange => "OutOfRange",
            Self::EvaluationFailed => "EvaluationFailed",
            Self::ProjectUnknown => "ProjectUnknown",
            Self::WriteRefused => "WriteRefused",
        }
    }
}

/// What an object costs while it is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The name of the project.
    pub project: String,
    /// The service.
    pub service: Service,
    /// How many of it: a decimal above zero.
    pub quantity: String,
    /// Tags of a record that begins now.
    pub tags: BTreeMap<String, String>,
}

/// Whose usage an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectSource {
    /// Of the project that it is in, or is.
    Namespace,
    /// Of the project that this label names.
    Label(String),
}

/// A Meter of objects that can be followed.
#[derive(Debug)]
pub struct Recipe {
    /// The kind of the objects.
    pub resource: MeteredResource,
    /// Which projects, by the labels of their namespaces.
    pub namespaces: Option<Selector>,
    /// Whose usage it is.
    pub project: ProjectSource,
    /// How long an object must cost something before it is recorded.
    pub minimum: TimeDelta,
    selector: Option<Selector>,
    when: Option<Expression>,
    naming: Naming,
    quantity: Option<Expression>,
}

/// What a Meter calls what it measures.
#[derive(Debug)]
pub(crate) struct Naming {
    name: Expression,
    kind: Expression,
    plan: Option<Expression>,
    cloud: Option<Expression>,
    tags: Vec<(String, Expression)>,
}

impl Naming {
    /// Reads it; what is wrong is noted by `reader`.
    pub(crate) fn read(reader: &mut Reader, service: &MeteredService, tags: &BTreeMap<String, String>) -> Option<Self> {
        let MeteredService { name, kind, plan, cloud } = service;
        let name = reader.expression("spec.service.name", name);
        let kind = reader.expression("spec.service.type", kind);
        let plan = reader.optional("spec.service.plan", plan.as_ref());
        let cloud = reader.optional("spec.service.cloud", cloud.as_ref());
        let tags = tags.iter().filter_map(|(key, text)| {
            let expression = reader.expression(&tag_field(key), text)?;
            Some((key.clone(), expression))
        });
        let tags = tags.collect();
        Some(Self { name: name?, kind: kind?, plan, cloud, tags })
    }

    /// What an object is called.
    pub(crate) fn of(&self, object: &Object) -> Result<(Service, BTreeMap<String, String>), Fault> {
        let service = Service {
            name: required("spec.service.name", &self.name, object, 128)?,
            kind: required("spec.service.type", &self.kind, object, 64)?,
            plan: optional("spec.service.plan", self.plan.as_ref(), object, 64)?,
            cloud: optional("spec.service.cloud", self.cloud.as_ref(), object, 64)?,
        };
        let tag = |(key, expression): &(String, Expression)| {
            Ok((key.clone(), text(&tag_field(key), expression, object, 128)?))
        };
        let tags = self.tags.iter().map(tag).collect::<Result<_, Fault>>()?;
        Ok((service, tags))
    }
}

impl Recipe {
    /// Reads a Meter.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its fields.
    pub fn read(spec: &MeterSpec) -> Result<Self, Vec<Invalid>> {
        let MeterSpec { resource, metrics: _, selector, namespaces, when, service, quantity, project, minimum, tags } =
            spec;
        let mut reader = Reader::default();
        let resource = reader.resource(resource.as_ref());
        let when = reader.optional("spec.when", when.as_ref());
        let quantity = reader.optional("spec.quantity", quantity.as_ref());
        let minimum = reader.minimum(minimum.as_deref());
        let naming = Naming::read(&mut reader, service, tags);
        match (resource, naming) {
            (Some(resource), Some(naming)) if reader.wrong.is_empty() => Ok(Self {
                resource,
                namespaces: namespaces.clone(),
                project: source(project.as_ref()),
                minimum,
                selector: selector.clone(),
                when,
                naming,
                quantity,
            }),
            (_, _) => Err(reader.wrong),
        }
    }

    /// Whether objects with these labels are measured at all.
    pub fn selects(&self, labels: &Labels) -> bool {
        chooses(self.selector.as_ref(), labels)
    }

    /// Whether the objects are in no namespace and no project is named: then nobody would pay.
    pub fn lacks_a_project(&self, namespaced: bool) -> bool {
        !namespaced && !self.is_of_namespaces() && self.project == ProjectSource::Namespace
    }

    fn is_of_namespaces(&self) -> bool {
        self.resource.group.is_empty() && self.resource.kind == "Namespace"
    }

    /// What an object costs; `None` while it costs nothing.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub fn measure(&self, json: &Json) -> Result<Option<Measured>, Fault> {
        let Some(project) = self.project_of(json)? else { return Ok(None) };
        let object = Object::new(json).map_err(|error| Fault {
            reason: FaultReason::EvaluationFailed,
            message: format!("the object: {error}"),
        })?;
        if !self.is_due(&object)? {
            return Ok(None);
        }
        let Some(quantity) = self.quantity_of(&object)? else { return Ok(None) };
        let (service, tags) = self.naming.of(&object)?;
        Ok(Some(Measured { project, service, quantity, tags }))
    }

    fn project_of(&self, json: &Json) -> Result<Option<String>, Fault> {
        let metadata = &json["metadata"];
        let owned = |value: &Json| value.as_str().map(str::to_owned);
        match &self.project {
            ProjectSource::Label(label) => {
                Ok(owned(&metadata["labels"][label.as_str()]).filter(|name| !name.is_empty()))
            }
            ProjectSource::Namespace if self.is_of_namespaces() => Ok(owned(&metadata["name"])),
            ProjectSource::Namespace => owned(&metadata["namespace"]).map(Some).ok_or_else(|| Fault {
                reason: FaultReason::ProjectUnknown,
                message: "the object is in no namespace: name the label that has its project in spec.project.label"
                    .to_owned(),
            }),
        }
    }

    fn is_due(&self, object: &Object) -> Result<bool, Fault> {
        let Some(when) = &self.when else { return Ok(true) };
        match evaluate("spec.when", when, object)? {
            Value::Bool(due) => Ok(due),
            other => Err(wrong_type("spec.when", "true or false", &other)),
        }
    }

    fn quantity_of(&self, object: &Object) -> Result<Option<String>, Fault> {
        const FIELD: &str = "spec.quantity";
        let Some(quantity) = &self.quantity else { return Ok(Some("1".to_owned())) };
        let text = match evaluate(FIELD, quantity, object)? {
            Value::Int(whole) => whole.to_string(),
            Value::UInt(whole) => whole.to_string(),
            Value::String(text) => text.to_string(),
            Value::Float(_) => {
                let message = format!("{FIELD} is a double, which is not exact: give an int, or the text of a decimal");
                return Err(Fault { reason: FaultReason::WrongType, message });
            }
            other => return Err(wrong_type(FIELD, "an int or the text of a decimal", &other)),
        };
        decimal(&text).map_err(|why| out_of_range(FIELD, &why))
    }
}

fn tag_field(key: &str) -> String {
    format!("spec.tags[{key}]")
}

fn source(project: Option<&MeteredProject>) -> ProjectSource {
    match project {
        Some(MeteredProject { label: Some(label), namespace: _ }) => ProjectSource::Label(label.clone()),
        Some(MeteredProject { label: None, namespace: _ }) | None => ProjectSource::Namespace,
    }
}

fn evaluate(field: &str, expression: &Expression, object: &Object) -> Result<Value, Fault> {
    expression.evaluate(object).map_err(|error| Fault {
        reason: match error {
            EvaluationError::MissingField(_) => FaultReason::MissingField,
            EvaluationError::TooManySteps | EvaluationError::Failed(_) | EvaluationError::Panicked(_) => {
                FaultReason::EvaluationFailed
            }
        },
        message: format!("{field}: {error}"),
    })
}

/// A text of at most `max` characters that shows as what it is.
fn text(field: &str, expression: &Expression, object: &Object, max: usize) -> Result<String, Fault> {
    let text = match evaluate(field, expression, object)? {
        Value::String(text) => text.to_string(),
        other => return Err(wrong_type(field, "a text", &other)),
    };
    if text.chars().count() > max {
        return Err(out_of_range(field, &format!("a text of more than {max} characters")));
    }
    if text.chars().any(is_hidden) {
        return Err(out_of_range(field, "a text with line breaks, control or invisible characters"));
    }
    Ok(text)
}

fn required(field: &str, expression: &Expression, object: &Object, max: usize) -> Result<String, Fault> {
    let text = text(field, expression, object, max)?;
    if text.is_empty() { Err(out_of_range(field, "an empty text")) } else { Ok(text) }
}

fn optional(
    field: &str,
    expression: Option<&Expression>,
    object: &Object,
    max: usize,
) -> Result<Option<String>, Fault> {
    let Some(expression) = expression else { return Ok(None) };
    Ok(Some(text(field, expression, object, max)?).filter(|text| !text.is_empty()))
}

fn wrong_type(field: &str, wanted: &str, found: &Value) -> Fault {
    Fault {
        reason: FaultReason::WrongType,
        message: format!("{field} must be {wanted}, and is of the type {}", found.type_of()),
    }
}

fn out_of_range(field: &str, why: &str) -> Fault {
    Fault { reason: FaultReason::OutOfRange, message: format!("{field}: {why}") }
}

/// Collects what is wrong.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) wrong: Vec<Invalid>,
}

impl Reader {
    fn expression(&mut self, field: &str, text: &str) -> Option<Expression> {
        match Expression::parse(text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.wrong.push(Invalid { field: field.to_owned(), message: error.to_string() });
                None
            }
        }
    }

    /// What a part of a Meter is wrong about.
    pub(crate) fn refuse(&mut self, field: &str, message: String) {
        self.wrong.push(Invalid { field: field.to_owned(), message });
    }

    /// A time like 60s, 5m or 1h, in seconds; 0 when it is none.
    pub(crate) fn seconds(&mut self, field: &str, text: &str) -> i64 {
        let units = [("s", 1), ("m", 60), ("h", 3600)];
        let unit = units.into_iter().find_map(|(unit, length)| Some((text.strip_suffix(unit)?, length)));
        match unit.and_then(|(number, length)| number.parse::<i64>().ok()?.checked_mul(length)) {
            Some(seconds) => seconds,
            None => {
                self.refuse(field, format!("{text:?} is not a time like 60s, 5m or 1h"));
                0
            }
        }
    }

    fn optional(&mut self, field: &str, text: Option<&String>) -> Option<Expression> {
        text.and_then(|text| self.expression(field, text))
    }

    fn resource(&mut self, resource: Option<&MeteredResource>) -> Option<MeteredResource> {
        if resource.is_none() {
            self.refuse("spec.resource", "set it, or spec.metrics".to_owned());
        }
        resource.cloned()
    }

    fn minimum(&mut self, text: Option<&str>) -> TimeDelta {
        text.map_or(TimeDelta::zero(), |text| {
            TimeDelta::try_seconds(self.seconds("spec.minimum", text)).unwrap_or_else(TimeDelta::zero)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recipe(changes: Json) -> Result<Recipe, Vec<Invalid>> {
        let mut spec = json!({
            "resource": {"group": "", "version": "v1", "kind": "PersistentVolumeClaim"},
            "when": "object.status.phase == 'Bound'",
            "service": {"name": "object.metadata.name", "type": "'Block storage'", "plan": "object.spec.storageClassName"},
            "quantity": "gib(object.status.capacity.storage)",
            "minimum": "60s",
            "tags": {"claim": "object.metadata.name"},
        });
        for (key, value) in changes.as_object().unwrap() {
            spec[key] = value.clone();
        }
        Recipe::read(&serde_json::from_value(spec).unwrap())
    }

    fn claim() -> Json {
        json!({
            "metadata": {"name": "data", "namespace": "shop", "labels": {"example.com/project": "lab"}},
            "spec": {"storageClassName": "fast", "share": 0.5, "none": 0, "below": -1, "classes": {"a": 1}},
            "status": {"phase": "Bound", "capacity": {"storage": "10Gi"}},
        })
    }

    #[test]
    fn a_bound_claim_costs_its_size_and_a_pending_one_nothing() {
        let recipe = recipe(json!({})).unwrap();
        let measured = recipe.measure(&claim()).unwrap().unwrap();
        assert_eq!(measured.project, "shop");
        assert_eq!((measured.service.name.as_str(), measured.service.kind.as_str()), ("data", "Block storage"));
        assert_eq!((measured.service.plan.as_deref(), measured.service.cloud), (Some("fast"), None));
        assert_eq!((measured.quantity.as_str(), measured.tags["claim"].as_str()), ("10", "data"));
        let mut pending = claim();
        pending["status"] = json!({"phase": "Pending"});
        assert_eq!(recipe.measure(&pending), Ok(None), "nothing else is asked of it");
    }

    /// What a change of the Meter makes of the claim: a fault with a reason and words of its message.
    #[track_caller]
    fn check_fault(changes: Json, reason: FaultReason, words: &str) {
        let fault = recipe(changes).unwrap().measure(&claim()).unwrap_err();
        assert_eq!(fault.reason, reason, "{}", fault.message);
        assert!(fault.message.contains(words), "{}", fault.message);
    }

    #[test]
    fn a_fault_names_the_place() {
        check_fault(
            json!({"when": "object.status.phases == ''"}),
            FaultReason::MissingField,
            "spec.when: the object has no phases",
        );
        check_fault(
            json!({"when": "1"}),
            FaultReason::WrongType,
            "spec.when must be true or false, and is of the type int",
        );
        check_fault(json!({"quantity": "object.spec.share"}), FaultReason::WrongType, "spec.quantity is a double");
        check_fault(
            json!({"quantity": "true"}),
            FaultReason::WrongType,
            "spec.quantity must be an int or the text of a decimal",
        );
        check_fault(
            json!({"quantity": "object.spec.below"}),
            FaultReason::OutOfRange,
            "spec.quantity: \"-1\" is not a decimal",
        );
        check_fault(json!({"quantity": "'1.1234567'"}), FaultReason::OutOfRange, "more than 6 decimals");
        check_fault(json!({"quantity": "1000000000000000"}), FaultReason::OutOfRange, "too large");
        check_fault(json!({"quantity": "gib('a lot')"}), FaultReason::EvaluationFailed, "is not a quantity");
        let service = |field: &str, text: &str| {
            let mut service = json!({"name": "'a'", "type": "'b'"});
            service[field] = json!(text);
            json!({"service": service})
        };
        check_fault(service("name", "''"), FaultReason::OutOfRange, "spec.service.name: an empty text");
        check_fault(service("type", "1"), FaultReason::WrongType, "spec.service.type must be a text");
        check_fault(service("plan", "'a\\nb'"), FaultReason::OutOfRange, "spec.service.plan: a text with line breaks");
        check_fault(
            service("cloud", &format!("'{}'", "a".repeat(65))),
            FaultReason::OutOfRange,
            "more than 64 characters",
        );
        check_fault(
            json!({"tags": {"a": "object.spec.classes"}}),
            FaultReason::WrongType,
            "spec.tags[a] must be a text",
        );
    }

    #[test]
    fn nothing_of_something_is_nothing() {
        assert_eq!(recipe(json!({"quantity": "object.spec.none"})).unwrap().measure(&claim()), Ok(None));
        assert_eq!(recipe(json!({"quantity": "'0.000'"})).unwrap().measure(&claim()), Ok(None));
    }

    #[test]
    fn a_project_is_a_namespace_or_named_by_a_label() {
        let by_label = recipe(json!({"project": {"label": "example.com/project"}})).unwrap();
        assert_eq!(by_label.measure(&claim()).unwrap().unwrap().project, "lab");
        let mut bare = claim();
        bare["metadata"]["labels"] = json!({});
        assert_eq!(by_label.measure(&bare), Ok(None), "without the label it is nobody's");
        let namespaces = json!({
            "resource": {"group": "", "version": "v1", "kind": "Namespace"}, "when": "true",
            "service": {"name": "'project'", "type": "'Fee'"}, "quantity": "1", "tags": {},
        });
        let fee = recipe(namespaces).unwrap();
        assert_eq!(fee.measure(&json!({"metadata": {"name": "shop"}})).unwrap().unwrap().project, "shop");
        assert!(!fee.lacks_a_project(false) && !by_label.lacks_a_project(false));
        let nodes = recipe(json!({"resource": {"group": "", "version": "v1", "kind": "Node"}})).unwrap();
        assert!(nodes.lacks_a_project(false) && !nodes.lacks_a_project(true));
        assert_eq!(
            nodes.measure(&json!({"metadata": {"name": "n1"}})).unwrap_err().reason,
            FaultReason::ProjectUnknown
        );
    }

    #[test]
    fn everything_that_is_wrong_with_a_meter_is_told_at_once() {
        let wrong = recipe(
            json!({"when": "object.", "quantity": "sum(1)", "tags": {"a": "("}, "minimum": "1d", "resource": null}),
        );
        let fields: Vec<_> = wrong.unwrap_err().into_iter().map(|invalid| invalid.field).collect();
        assert_eq!(fields, ["spec.resource", "spec.when", "spec.quantity", "spec.minimum", "spec.tags[a]"]);
        let minimum = |text: &str| recipe(json!({"minimum": text})).unwrap().minimum.num_seconds();
        assert_eq!((minimum("90s"), minimum("5m"), minimum("1h")), (90, 300, 3600));
    }
}
