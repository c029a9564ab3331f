//! `$validate`: <https://hl7.org/fhir/R4/resource-operation-validate.html>. What a write of the resource would be told of
//! its form, codes, references' types, rules and profiles, and what should be otherwise; nothing is stored. Whether what
//! it refers to is there, and what the rules of the practice say, only a write finds out.

use serde_json::Value;

use super::audit;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::definitions::Severity;
use crate::fhir::json;
use crate::fhir::outcome::found;
use crate::fhir::profile::OWN;
use crate::fhir::resource::Key;
use crate::fhir::validate::{self, Depth, Found};

/// What is asked.
#[derive(Debug, Default)]
pub struct Ask {
    /// `create`, `update`, `delete` or `profile`.
    pub mode: Option<String>,
    /// Profiles beside those that the resource claims.
    pub profiles: Vec<String>,
    /// What is judged; of an instance the stored record where there is none.
    pub resource: Option<Value>,
}

impl Ask {
    /// What the parameters of the URL and a body say: a resource, or `Parameters` that hold one.
    ///
    /// # Errors
    /// `Invalid` where the body is no JSON, or where Parameters hold something else than this operation takes.
    pub fn new(query: &[(String, String)], body: &[u8]) -> Result<Self> {
        let mut ask = Self::default();
        for (name, value) in query {
            match name.as_str() {
                "mode" => ask.mode = Some(value.clone()),
                "profile" => ask.profiles.push(value.clone()),
                _ => {}
            }
        }
        if body.is_empty() {
            return Ok(ask);
        }
        let value = json::parse(body)?;
        if value["resourceType"] != "Parameters" {
            ask.resource = Some(value);
            return Ok(ask);
        }
        let all = value["parameter"].as_array().map_or(&[][..], Vec::as_slice);
        for (n, one) in all.iter().enumerate() {
            let text = ["valueCode", "valueUri", "valueCanonical", "valueString"];
            let text = text.iter().find_map(|name| one[*name].as_str());
            match (one["name"].as_str(), text) {
                (Some("resource"), _) if one["resource"].is_object() => {
                    ask.resource = Some(one["resource"].clone());
                }
                (Some("mode"), Some(text)) => ask.mode = Some(text.to_owned()),
                (Some("profile"), Some(text)) => ask.profiles.push(text.to_owned()),
                _ => {
                    let text = "This operation takes the parameters resource, mode and profile.";
                    let error = Error::new(Kind::Invalid, text).issue_code("value");
                    return Err(error.at(format!("Parameters.parameter[{n}]")));
                }
            }
        }
        Ok(ask)
    }
}

/// Judges a resource that is sent for `kind`.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` where no resource is sent.
pub fn of_type(access: &Access, kind: &str, ask: &Ask) -> Result<Value> {
    access.allow(right(ask)?, kind)?;
    let event = access.event(Act::Operation).target(kind, "", None);
    audit::note(access, event.detail("$validate"));
    let Some(resource) = &ask.resource else {
        let text = "A resource is sent to be judged, by itself or in Parameters.";
        return Err(Error::new(Kind::Invalid, text).issue_code("required"));
    };
    Ok(judged(kind, None, resource, ask))
}

/// Judges what would become of the record `key`, or the record as it is where nothing is sent.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where the record is missing or hidden.
pub async fn of_record(app: &App, access: &Access, key: &Key, ask: &Ask) -> Result<Value> {
    access.allow(right(ask)?, &key.kind)?;
    let row = super::read::read(app, access, key).await?;
    let resource = match &ask.resource {
        Some(resource) => resource.clone(),
        None if row.redacted.is_some() => {
            let text =
                "You see a part of this record: the whole of it is judged when it is written.";
            return Ok(found(&[note("incomplete", text)]));
        }
        None => row.value().ok_or_else(Error::not_found)?,
    };
    Ok(judged(&key.kind, Some(key), &resource, ask))
}

/// What the caller must be allowed to do.
fn right(ask: &Ask) -> Result<Interaction> {
    match ask.mode.as_deref() {
        None | Some("profile") => Ok(Interaction::Read),
        Some("create") => Ok(Interaction::Create),
        Some("update") => Ok(Interaction::Update),
        Some("delete") => Err(Error::new(
            Kind::NotSupported,
            "Whether a record may be deleted is found out by deleting it.",
        )),
        Some(_) => {
            let text = "The mode is one of create, update, delete, profile.";
            Err(Error::new(Kind::Invalid, text).issue_code("value"))
        }
    }
}

fn judged(kind: &str, key: Option<&Key>, resource: &Value, ask: &Ask) -> Value {
    let own = resource["resourceType"].as_str();
    if own != Some(kind) {
        let text = "The resourceType is not that of the URL.";
        return found(&[fault("structure", "resourceType", text)]);
    }
    let mut all = validate::findings(resource, Depth::Warnings);
    if let (Some(key), Some(id)) = (key, resource["id"].as_str())
        && id != key.id.as_str()
    {
        all.push(fault(
            "structure",
            &format!("{kind}.id"),
            "The id is not that of the URL.",
        ));
    }
    for url in &ask.profiles {
        if OWN.knows(url) {
            validate::add(&mut all, validate::against(url, resource, Depth::Warnings));
        } else if *url != format!("http://hl7.org/fhir/StructureDefinition/{kind}") {
            let text = "This service does not know the profile that is asked for.";
            all.push(fault("not-supported", kind, text));
        }
    }
    if all.is_empty() {
        all.push(note("informational", "Nothing is wrong with it."));
    }
    all.truncate(validate::ENOUGH);
    found(&all)
}

fn fault(code: &'static str, at: &str, text: &str) -> Found {
    Found {
        severity: Severity::Error,
        form: false,
        issue: Issue {
            code: Some(code),
            text: text.to_owned(),
            at: Some(at.to_owned()),
            ..Issue::default()
        },
    }
}

fn note(code: &'static str, text: &str) -> Found {
    let mut note = fault(code, "", text);
    note.severity = Severity::Information;
    note.issue.at = None;
    note
}
