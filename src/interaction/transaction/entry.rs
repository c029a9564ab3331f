//! The entries of a bundle as they were sent.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::json::{self, Members};
use crate::fhir::resource::version;
use crate::fhir::{structure, validate};
use crate::interaction::capability::TYPES;
use crate::kap::base::Id;

/// Most entries of a transaction, and of a batch.
pub const MOST: usize = 200;
pub const MOST_OF_BATCH: usize = 500;

/// What an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// Of what an entry asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Of the type itself: a create.
    Type,
    Id(Id),
    /// Of the one resource that meets these criteria.
    Where(String),
    /// Of whatever a read names.
    Url,
}

/// One entry as it was sent.
#[derive(Debug)]
pub struct Entry<'a> {
    pub full_url: Option<String>,
    pub resource: Option<&'a str>,
    pub method: Method,
    pub url: String,
    pub kind: String,
    pub target: Target,
    pub if_match: Option<i64>,
    pub if_none_exist: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<String>,
}

/// Whether a bundle is all or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Transaction,
    Batch,
}

/// What is no such bundle.
#[must_use]
pub fn invalid(text: &str) -> Error {
    Error::new(Kind::Invalid, text).issue_code("structure")
}

/// Says in which entry the error stands.
#[must_use]
pub fn within(mut error: Error, entry: usize) -> Error {
    for issue in &mut error.issues {
        let at = issue.at.take();
        issue.at = Some(match at.as_deref() {
            None => format!("Bundle.entry[{entry}]"),
            Some(at) if at.starts_with("Bundle") => at.to_owned(),
            // A place in the entry beside its resource, such as `.request.url`.
            Some(at) if at.starts_with('.') => format!("Bundle.entry[{entry}]{at}"),
            // The whole of the resource, said by its type.
            Some(at) if at.starts_with(char::is_uppercase) && !at.contains('.') => {
                format!("Bundle.entry[{entry}].resource")
            }
            // A path from the resource's type on, such as `Task.for`; or one element, such as `id`.
            Some(at) => {
                let below = at.split_once('.').map_or(at, |(_, below)| below);
                format!("Bundle.entry[{entry}].resource.{below}")
            }
        });
    }
    error
}

/// The style of a bundle, and its entries as text.
///
/// # Errors
/// `Invalid` where it is no bundle of requests; `TooLarge`.
pub fn bundle(bytes: &[u8]) -> Result<(Style, Vec<&str>)> {
    let value = json::parse(bytes)?;
    let said = |name: &str| value.get(name).and_then(|v| v.as_str());
    if said("resourceType") != Some("Bundle") {
        return Err(invalid("POST to the base takes a Bundle.").at("resourceType"));
    }
    let (style, most) = match said("type") {
        Some("transaction") => (Style::Transaction, MOST),
        Some("batch") => (Style::Batch, MOST_OF_BATCH),
        _ => {
            let text = "The Bundle must be of type transaction or batch.";
            return Err(invalid(text).at("Bundle.type"));
        }
    };
    no_strangers(&value)?;
    let text = std::str::from_utf8(bytes).map_err(Error::internal)?;
    let members = Members::of(text).map_err(Error::internal)?;
    let list: Vec<&RawValue> = match members.get("entry") {
        None => vec![],
        Some(raw) => serde_json::from_str(raw)
            .map_err(|_| invalid("Bundle.entry is a list.").at("Bundle.entry"))?,
    };
    if list.len() > most {
        let text = format!("Such a Bundle has at most {most} entries.");
        return Err(Error::new(Kind::TooLarge, text));
    }
    Ok((style, list.into_iter().map(RawValue::get).collect()))
}

/// What stands beside the resources of a bundle is what a Bundle has: what nobody reads is not taken for heard.
fn no_strangers(bundle: &Value) -> Result<()> {
    let mut issues = strangers("Bundle", bundle, "Bundle");
    for (n, entry) in bundle["entry"].as_array().into_iter().flatten().enumerate() {
        let place = format!("Bundle.entry[{n}]");
        issues.extend(strangers("Bundle.entry", entry, &place));
        let place = format!("{place}.request");
        let request = &entry["request"];
        issues.extend(strangers("Bundle.entry.request", request, &place));
    }
    if issues.is_empty() {
        return Ok(());
    }
    issues.truncate(validate::MOST);
    Err(Error::with_issues(Kind::Invalid, issues))
}

fn strangers(kind: &str, value: &Value, at: &str) -> Vec<Issue> {
    let names = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    let strange = names.filter(|name| {
        let own = name.strip_prefix('_').unwrap_or(name);
        *name != "resourceType" && structure::child(kind, own).is_none()
    });
    let issue = |name: &String| Issue {
        code: Some("structure"),
        text: "There is no such element.".into(),
        at: Some(format!("{at}.{name}")),
        ..Issue::default()
    };
    strange.map(issue).collect()
}

impl<'a> Entry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// `Invalid` and `Unprocessable`, said of the entry.
    pub fn read(text: &'a str) -> Result<Self> {
        let members = Members::of(text).map_err(|_| invalid("An entry is an object."))?;
        let request = members
            .get("request")
            .ok_or_else(|| invalid("An entry of such a Bundle has a request.").at(".request"))?;
        let request = Members::of(request)
            .map_err(|_| invalid("The request is an object.").at(".request"))?;
        let method = method(string(request.get("method")).as_deref())?;
        let url = string(request.get("url")).unwrap_or_default();
        let (kind, target) = target(method, &url)?;
        let is_read = matches!(method, Method::Get | Method::Head);
        if !is_read && !TYPES.contains(&kind.as_str()) {
            let text = "This service has no resources of that type.";
            let error = Error::new(Kind::Unprocessable, text).issue_code("not-supported");
            return Err(error.at(".request.url"));
        }
        let resource = members.get("resource");
        let needs = matches!(method, Method::Post | Method::Put | Method::Patch);
        if needs && resource.is_none() {
            return Err(invalid("This entry needs a resource.").at(".resource"));
        }
        let if_match = match string(request.get("ifMatch")).as_deref() {
            None | Some("*") => None,
            Some(etag) => Some(version(etag).ok_or_else(|| {
                invalid("ifMatch is an ETag such as W/\"3\".").at(".request.ifMatch")
            })?),
        };
        Ok(Self {
            full_url: full_url(members.get("fullUrl"))?,
            resource,
            method,
            url,
            kind,
            target,
            if_match,
            if_none_exist: string(request.get("ifNoneExist")),
            if_none_match: string(request.get("ifNoneMatch")),
            if_modified_since: string(request.get("ifModifiedSince")),
        })
    }

    /// The id in the URL.
    #[must_use]
    pub const fn id(&self) -> Option<&Id> {
        match &self.target {
            Target::Id(id) => Some(id),
            _ => None,
        }
    }
}

/// The name that an entry has: an absolute URI, of no version (bdl-8, <https://hl7.org/fhir/R4/bundle.html>).
fn full_url(raw: Option<&str>) -> Result<Option<String>> {
    let Some(raw) = raw else { return Ok(None) };
    let wrong = |text: &str| {
        let error = Error::new(Kind::Invalid, text).issue_code("value");
        error.at(".fullUrl")
    };
    let said: String =
        serde_json::from_str(raw).map_err(|_| wrong("fullUrl is a text: an absolute URI."))?;
    let scheme = said.split_once(':').filter(|(scheme, rest)| {
        let mut letters = scheme.bytes();
        letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            && !said.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if scheme.is_none() {
        return Err(wrong(
            "fullUrl is an absolute URI, such as urn:uuid:… or https://host/fhir/Type/id.",
        ));
    }
    if said.contains("/_history/") {
        return Err(wrong("fullUrl names no version (bdl-8)."));
    }
    Ok(Some(said))
}

fn string(raw: Option<&str>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw).ok())
}

fn method(said: Option<&str>) -> Result<Method> {
    Ok(match said {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        Some("PATCH") => Method::Patch,
        Some("DELETE") => Method::Delete,
        _ => {
            let text = "The method of an entry is one of GET, HEAD, POST, PUT, PATCH, DELETE.";
            return Err(invalid(text).at(".request.method"));
        }
    })
}

/// The type that a URL names, and what of it.
fn target(method: Method, url: &str) -> Result<(String, Target)> {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let (kind, id) = match path.split_once('/') {
        Some((kind, id)) => (kind, Some(id)),
        None => (path, None),
    };
    let target = match (method, id, query) {
        (Method::Get | Method::Head, ..) => Target::Url,
        (Method::Post, None, None) => Target::Type,
        (Method::Put | Method::Patch | Method::Delete, Some(id), None) => {
            Target::Id(Id::new(id).ok_or_else(Error::not_found)?)
        }
        (Method::Put | Method::Patch | Method::Delete, None, Some(query)) => {
            Target::Where(query.to_owned())
        }
        _ => {
            let text = "POST goes to Type, PUT, PATCH and DELETE to Type/id or Type?criteria.";
            return Err(invalid(text).at(".request.url"));
        }
    };
    Ok((kind.to_owned(), target))
}
