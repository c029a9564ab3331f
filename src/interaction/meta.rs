//! `$meta`, `$meta-add` and `$meta-delete`: <https://hl7.org/fhir/R4/resource-operation-meta.html>,
//! <https://hl7.org/fhir/R4/resource-operation-meta-add.html>, <https://hl7.org/fhir/R4/resource-operation-meta-delete.html>.
//!
//! The standard changes a `meta` in place. Here it is a version like any other: what a record was labelled with when somebody
//! read it stays known, and whoever asks for what is new is told of it.

use serde_json::{Map, Value, json};

use super::audit::note;
use super::capability::TYPES;
use super::delete::{TRIES, raced};
use super::patch::whole;
use super::read::read;
use super::write::{Incoming, seen, write};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::meta::{LISTS, alike, with, without, written};
use crate::fhir::operation::parameters;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::validate;
use crate::kap::Id;

/// Profiles, tags and security labels of a resource, as Parameters with one `return`.
///
/// # Errors
/// As a read.
pub async fn meta(app: &App, access: &Access, key: &Key) -> Result<String> {
    let row = read(app, access, key).await?;
    Ok(told(&of(&row)))
}

fn of(row: &Stored) -> Value {
    let value = row.value().unwrap_or_default();
    let mut meta = Map::new();
    for name in ["versionId", "lastUpdated", "profile", "security", "tag"] {
        let given = &value["meta"][name];
        // A part of a record changes with what its reader may see, its version does not.
        let frame = name == "versionId" || name == "lastUpdated";
        if !(given.is_null() || frame && row.redacted.is_some()) {
            meta.insert(name.to_owned(), given.clone());
        }
    }
    Value::Object(meta)
}

fn told(meta: &Value) -> String {
    let answer = json!({
        "resourceType": "Parameters",
        "parameter": [{ "name": "return", "valueMeta": meta }],
    });
    answer.to_string()
}

/// The profiles, tags and security labels that stand on any record of type `kind` (of any type, where none is given) that the
/// caller sees.
///
/// # Errors
/// `Forbidden` by role or scope; those of the store.
pub async fn in_use(app: &App, access: &Access, kind: Option<&str>) -> Result<String> {
    if let Some(kind) = kind {
        access.allow(Interaction::Search, kind)?;
    }
    let kept = |name: &&&str| {
        let other = kind.is_some_and(|kind| kind != **name);
        !other && **name != super::audit::events::TYPE
    };
    let may = |name: &&&str| access.allow(Interaction::Search, name).is_ok();
    let kinds: Vec<&'static str> = TYPES.iter().filter(kept).filter(may).copied().collect();
    if kinds.is_empty() {
        let text = "No scope of this token lists records of such a type.";
        return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
    }
    let view = app.store.view(access);
    let mut meta = json!({});
    for kind in kinds {
        let labels = view.labels_in_use(kind).await?;
        let coding = |(system, code): &(String, String)| match &**system {
            "" => json!({ "code": code }),
            system => json!({ "system": system, "code": code }),
        };
        let codings = |all: &[(String, String)]| all.iter().map(coding).collect::<Vec<_>>();
        let more = json!({
            "profile": labels.profiles,
            "security": codings(&labels.security),
            "tag": codings(&labels.tags),
        });
        meta = with(&meta, &more);
    }
    if let Some(lists) = meta.as_object_mut() {
        lists.retain(|_, list| list.as_array().is_some_and(|list| !list.is_empty()));
    }
    let event = access.event(Act::Operation);
    note(access, event.detail("$meta"));
    Ok(told(&meta))
}

/// What is to be done with the labels of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    Add,
    Delete,
}

/// Adds profiles, tags and security labels to a record, or takes profiles and tags off it: what its `meta` is afterwards.
/// Security labels are only ever added; to take one off is the operator's act.
///
/// # Errors
/// As an update; `Unprocessable` for a label that cannot be enforced, or that is to be taken off.
pub async fn change(
    app: &App,
    access: &Access,
    key: &Key,
    (act, body): (Do, &Value),
    if_match: Option<i64>,
) -> Result<String> {
    access.allow(Interaction::Update, &key.kind)?;
    let given = given(body)?;
    if act == Do::Delete
        && given["security"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    {
        let text = "Clients only add security labels. To take one off is the operator's act (kap-fhir label lower).";
        return Err(Error::new(Kind::Unprocessable, text).at("Parameters.parameter[0].value"));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let old = app.store.view(access).read(key).await?;
        seen(&old, if_match)?;
        let before = old.value().unwrap_or_default();
        let after = match act {
            Do::Add => with(&before["meta"], given),
            Do::Delete => without(&before["meta"], given),
        };
        if alike(&before["meta"], &after) {
            super::audit::shown(access, Act::Read, &old);
            return Ok(told(&of(&old)));
        }
        let text = written(whole(&old)?, &after).map_err(Error::internal)?;
        let resource =
            Resource::received(text.as_bytes(), Some(&key.kind), Some(&key.id), Id::default);
        let incoming = Incoming {
            resource: resource.map_err(unprocessable)?,
            seen: Some(old.version),
            entry: None,
            unless: None,
        };
        match write(app, access, "fhir meta", vec![incoming]).await {
            Ok(stored) => {
                let row = stored.first();
                let row = row.ok_or_else(|| Error::internal("labels without their record"))?;
                return Ok(told(&of(row)));
            }
            Err(error) if raced(&error) && if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// The body was read: what it leads to is no resource.
fn unprocessable(mut error: Error) -> Error {
    if error.kind == Kind::Invalid {
        error.kind = Kind::Unprocessable;
    }
    error
}

/// The `meta` that the body holds.
fn given(body: &Value) -> Result<&Value> {
    let invalid = |text: &str, at: &str| {
        let error = Error::new(Kind::Invalid, text);
        Err(error.issue_code("structure").at(at))
    };
    let [one] = parameters(body)? else {
        return invalid(
            "The operation has one parameter: meta.",
            "Parameters.parameter",
        );
    };
    let at = "Parameters.parameter[0]";
    if one["name"] != "meta" {
        return invalid(
            "The operation has one parameter: meta.",
            &format!("{at}.name"),
        );
    }
    let Some(meta) = one["valueMeta"].as_object() else {
        return invalid("meta is a valueMeta.", &format!("{at}.value"));
    };
    // What else is in a meta is the service's own to say.
    let strange = meta.keys().find(|name| !LISTS.contains(&&***name));
    if let Some(name) = strange {
        let text = "profile, tag and security of a meta can be changed, and nothing else of it.";
        return invalid(text, &format!("{at}.value.{name}"));
    }
    let empty = LISTS
        .iter()
        .all(|name| one["valueMeta"][*name].as_array().is_none_or(Vec::is_empty));
    if empty {
        return invalid(
            "meta has profiles, tags or security labels.",
            &format!("{at}.value"),
        );
    }
    validate::check(body)?;
    Ok(&one["valueMeta"])
}
