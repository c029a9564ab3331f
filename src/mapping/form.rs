//! Forms: what has no FHIR element of its own travels as answers of a QuestionnaireResponse, without loss.
//!
//! A form lists its fields, and that list is decisive both ways: it says which answer type a field has,
//! whether it repeats, and how it is asked. A `linkId` is the dotted JSON path, such as
//! `chaperone.relatedPersonId`. What is absent or null has no item.

#[cfg(test)]
mod tests;

use fhir_sdk::r4b::codes::QuestionnaireResponseStatus;
use fhir_sdk::r4b::resources::{
    QuestionnaireResponse, QuestionnaireResponseItem, QuestionnaireResponseItemAnswer,
    QuestionnaireResponseItemAnswerValue as Answer,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::build::{
    self, Frame, date_time, derived, exact, finish, own_identifier, patient, reference, start,
};
use super::codes::{self, structure, us_core};
use super::narrative::Html;
use super::read::{Node, Read};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant};

/// The answer type of a field (FHIR R4 `Questionnaire.item.type`).
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Fields below this one.
    Group(&'static [Field]),
    Boolean,
    Integer,
    Decimal,
    Date,
    DateTime,
    String,
    Coding,
}

/// One field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name of the JSON property; the `linkId` is the path of names.
    pub name: &'static str,
    pub shape: Shape,
    /// Whether the property is an array.
    pub repeats: bool,
    /// How it is asked.
    pub text: &'static str,
}

/// A field that occurs once.
#[must_use]
pub const fn one(name: &'static str, shape: Shape, text: &'static str) -> Field {
    Field {
        name,
        shape,
        repeats: false,
        text,
    }
}

/// A field that repeats.
#[must_use]
pub const fn many(name: &'static str, shape: Shape, text: &'static str) -> Field {
    Field {
        name,
        shape,
        repeats: true,
        text,
    }
}

/// A form: the name of its Questionnaire, and its fields.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Id of the Questionnaire.
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// A JSON object whose members keep their exact text.
type Members<'a> = std::collections::BTreeMap<String, &'a RawValue>;

/// What a response needs beside its answers.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The response is `{session}-{suffix}`.
    pub session: &'a Id,
    pub suffix: &'a str,
    pub status: QuestionnaireResponseStatus,
    pub at: Instant,
    /// Member who filled it in.
    pub author: Option<&'a Id>,
}

impl Form {
    /// The response that states `value`.
    #[must_use]
    pub fn response(&self, value: &impl Serialize, given: Given<'_>, e: &Episode) -> Resource {
        let profiles = [
            structure("kap-questionnaire-response"),
            us_core("us-core-questionnaireresponse"),
        ];
        let id = derived(given.session, given.suffix);
        let items = self.items(value);
        let text = items.iter().flatten().fold(Html::new(), narrated);
        let day = Some(Day(given.at.0.date()));
        let frame = Frame::clinical(id.as_str(), &profiles, day, &text, e);
        let mut built = build::must(
            start!(QuestionnaireResponse, frame)
                .questionnaire(self.canonical())
                .status(given.status)
                .subject(patient(e))
                .encounter(reference("Encounter", given.session))
                .authored(date_time(given.at))
                .item(items)
                .build(),
        );
        built.author = given.author.map(|id| build::actor(id, e));
        built.identifier = Some(own_identifier("form", &id));
        finish(Ok(built))
    }

    /// Versioned canonical URL of the Questionnaire.
    #[must_use]
    pub fn canonical(&self) -> String {
        codes::questionnaire(self.name)
    }

    /// Reads a response as a session and a `T`; `None` where it answers another form.
    ///
    /// # Errors
    /// Where it names no session, or the answers do not make a `T`.
    pub fn of_session<T: DeserializeOwned>(&self, node: Node<'_>) -> Read<Option<(Id, T)>> {
        if !self.answers(node.value()) {
            return Ok(None);
        }
        Ok(Some((node.session()?, self.parse(node)?)))
    }

    /// Reads a response as a `T`.
    ///
    /// # Errors
    /// Where the answers do not make a `T`.
    pub fn parse<T: DeserializeOwned>(&self, node: Node<'_>) -> Read<T> {
        let wrong = || node.wrong("answers that complete the form");
        self.read(node.value()).ok_or_else(wrong)
    }

    /// The answers of `value`; a property that the form does not list is left out.
    pub fn items(&self, value: &impl Serialize) -> Vec<Option<QuestionnaireResponseItem>> {
        let Ok(text) = serde_json::to_string(value) else {
            return vec![];
        };
        group_items(self.fields, "", &text)
    }

    /// Reads the answers of a response back; `None` where they do not make a `T`.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, response: &Value) -> Option<T> {
        let object = Value::Object(group_object(self.fields, "", response));
        // Through text, because exact numbers are read from text only.
        serde_json::from_str(&object.to_string()).ok()
    }

    /// Whether `response` answers this form, in any version.
    #[must_use]
    pub fn answers(&self, response: &Value) -> bool {
        let canonical = response["questionnaire"].as_str().unwrap_or_default();
        let url = canonical.split('|').next().unwrap_or_default();
        url.rsplit('/').next() == Some(self.name)
    }
}

fn path(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

fn group_items(
    fields: &[Field],
    parent: &str,
    object: &str,
) -> Vec<Option<QuestionnaireResponseItem>> {
    let members: Members<'_> = serde_json::from_str(object).unwrap_or_default();
    let mut items = vec![];
    for field in fields {
        let Some(raw) = members.get(field.name).map(|raw| raw.get()) else {
            continue;
        };
        field_items(field, &path(parent, field.name), raw, &mut items);
    }
    items
}

fn field_items(
    field: &Field,
    link: &str,
    raw: &str,
    out: &mut Vec<Option<QuestionnaireResponseItem>>,
) {
    let elements: Vec<&RawValue> = if field.repeats {
        serde_json::from_str(raw).unwrap_or_default()
    } else {
        serde_json::from_str(raw).into_iter().collect()
    };
    let elements = elements.into_iter().map(RawValue::get);
    let present = elements.filter(|text| *text != "null");
    let item = || {
        QuestionnaireResponseItem::builder()
            .link_id(link.to_owned())
            .text(field.text.to_owned())
    };
    if let Shape::Group(fields) = field.shape {
        out.extend(present.map(|text| item().item(group_items(fields, link, text)).build().ok()));
        return;
    }
    let answers: Vec<_> = present
        .filter_map(|text| answer(field.shape, text))
        .map(Some)
        .collect();
    if !answers.is_empty() {
        out.push(item().answer(answers).build().ok());
    }
}

fn answer(shape: Shape, text: &str) -> Option<QuestionnaireResponseItemAnswer> {
    let string = || serde_json::from_str::<String>(text).ok();
    let value = match shape {
        Shape::Group(_) => return None,
        Shape::Boolean => Answer::Boolean(text.parse().ok()?),
        Shape::Integer => Answer::Integer(text.parse().ok()?),
        Shape::Decimal => Answer::Decimal(exact(text.parse().ok()?)),
        Shape::Date => Answer::Date(string()?.parse().ok()?),
        Shape::DateTime => Answer::DateTime(string()?.parse().ok()?),
        Shape::String => Answer::String(string().filter(|s| !s.is_empty())?),
        Shape::Coding => Answer::Coding(build::coding(&serde_json::from_str(text).ok()?)),
    };
    QuestionnaireResponseItemAnswer::builder()
        .value(value)
        .build()
        .ok()
}

/// One line for an answered item; the lines of a group after its name.
fn narrated(html: Html, item: &QuestionnaireResponseItem) -> Html {
    let text = item.text.clone().unwrap_or_default();
    if item.answer.is_empty() {
        return item.item.iter().flatten().fold(html.p(text), narrated);
    }
    let answers: Vec<String> = item.answer.iter().flatten().map(answered).collect();
    html.fact(&text, answers.join(", "))
}

fn answered(answer: &QuestionnaireResponseItemAnswer) -> String {
    match answer.value.as_ref() {
        Some(Answer::Boolean(true)) => "yes".into(),
        Some(Answer::Boolean(false)) => "no".into(),
        Some(Answer::Coding(c)) => c
            .display
            .clone()
            .or_else(|| c.code.clone())
            .unwrap_or_default(),
        Some(other) => build::plain(other),
        None => String::new(),
    }
}

fn group_object(fields: &[Field], parent: &str, group: &Value) -> Map<String, Value> {
    let mut object = Map::new();
    for field in fields {
        let link = path(parent, field.name);
        let items = group["item"].as_array().into_iter().flatten();
        let mut found: Vec<Value> = items
            .filter(|item| item["linkId"].as_str() == Some(&link))
            .flat_map(|item| field_values(field, &link, item))
            .collect();
        if field.repeats && !found.is_empty() {
            object.insert(field.name.to_owned(), Value::Array(found));
        } else if !found.is_empty() {
            object.insert(field.name.to_owned(), found.swap_remove(0));
        }
    }
    object
}

fn field_values(field: &Field, link: &str, item: &Value) -> Vec<Value> {
    if let Shape::Group(fields) = field.shape {
        return vec![Value::Object(group_object(fields, link, item))];
    }
    let answers = item["answer"].as_array().into_iter().flatten();
    answers
        .filter_map(|answer| {
            let mut values = answer.as_object()?.iter();
            values.find(|(name, _)| name.starts_with("value"))
        })
        .map(|(_, value)| value.clone())
        .collect()
}
