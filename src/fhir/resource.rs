//! A resource as text: what is stored is what was received or built, byte for byte, but for `meta`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use super::json::{self, Members};
use super::reference::{local, relative};
use super::rewrite::strings;
use crate::error::{Error, Kind, Result};
use crate::kap::base::Id;

/// Type and id of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Resource type, such as `Observation`.
    pub kind: Arc<str>,
    /// Logical id.
    pub id: Id,
}

impl Key {
    /// The key of `kind`/`id`.
    #[must_use]
    pub fn new(kind: &str, id: Id) -> Self {
        Self {
            kind: kind.into(),
            id,
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// A resource on its way in: its key, its JSON text (with `resourceType` and `id`), and the same parsed.
/// `meta.versionId` and `meta.lastUpdated` are set when it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub key: Key,
    /// The exact text.
    pub json: Arc<str>,
    /// The text parsed, for reading only: it is never written back.
    pub value: Value,
}

/// A resource as the store holds it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key: Key,
    /// 1 for the first version.
    pub version: i64,
    /// When this version was written, in milliseconds since 1970.
    pub at: i64,
    /// The patient whose record it is part of.
    pub patient: Option<Id>,
    /// The episode that it hangs off.
    pub episode: Option<Id>,
    /// The organization that owns the record (the practice).
    pub owner: Id,
    /// The organization whose client wrote the first version; unset where that is not known.
    pub author: Id,
    /// The security labels as a mask of `access::Labels`.
    pub labels: i64,
    /// Those of them that an operator took off, in the same form.
    pub lowered: i64,
    /// JSON text with `meta`; `None` where this version is a deletion.
    pub body: Option<Arc<str>>,
    /// Of a body that is a part of the record only, the whole of it.
    pub redacted: Option<Whole>,
}

/// The whole text of a record of which the caller sees a part: to write a document again, never to be shown.
#[derive(Clone)]
pub struct Whole(pub Arc<str>);

impl std::fmt::Debug for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whole(…)")
    }
}

impl Stored {
    /// The row as a resource; `None` for a deletion.
    #[must_use]
    pub fn resource(&self) -> Option<Resource> {
        let (json, value) = (self.body.clone()?, self.value()?);
        let key = self.key.clone();
        Some(Resource { key, json, value })
    }

    /// The body parsed, for reading only.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }
}

impl Resource {
    /// Reads a resource that a client sent. `id` is the server's: what the body says of `id` must agree or be absent.
    ///
    /// # Errors
    /// `Invalid` where the text is no strict JSON, no resource, of another type than `kind`, or of another id.
    pub fn received(
        bytes: &[u8],
        kind: Option<&str>,
        id: Option<&Id>,
        fresh: impl FnOnce() -> Id,
    ) -> Result<Self> {
        let value = json::parse(bytes)?;
        Self::of_value(bytes, value, kind, id, fresh)
    }

    fn of_value(
        bytes: &[u8],
        mut value: Value,
        kind: Option<&str>,
        id: Option<&Id>,
        fresh: impl FnOnce() -> Id,
    ) -> Result<Self> {
        let invalid = |text: &str, at: &str| {
            Error::new(Kind::Invalid, text)
                .issue_code("structure")
                .at(at)
        };
        let found = value.get("resourceType").and_then(Value::as_str);
        let found =
            found.ok_or_else(|| invalid("A resource names its resourceType.", "resourceType"))?;
        if kind.is_some_and(|kind| kind != found) {
            return Err(invalid(
                "The resourceType is not that of the URL.",
                "resourceType",
            ));
        }
        let said = match value.get("id") {
            None => None,
            Some(Value::String(text)) => {
                let bad = || {
                    invalid(
                        "An id is 1 to 64 of A-Z a-z 0-9 - . and is neither '.' nor '..'.",
                        "id",
                    )
                };
                Some(Id::new(text.as_str()).ok_or_else(bad)?)
            }
            Some(_) => return Err(invalid("An id is a string.", "id")),
        };
        let id = match (id, said) {
            (Some(url), Some(body)) if *url != body => {
                return Err(invalid("The id is not that of the URL.", "id"));
            }
            (Some(_), None) => return Err(invalid("An update names its id in the body.", "id")),
            (Some(url), _) => url.clone(),
            (None, _) => fresh(),
        };
        super::validate::check(&value)?;
        let key = Key::new(found, id);
        let text = std::str::from_utf8(bytes).map_err(Error::internal)?;
        let json = with_id(text, &key).map_err(Error::internal)?;
        value["id"] = Value::from(key.id.as_str());
        Ok(Self {
            key,
            json: json.into(),
            value,
        })
    }

    /// The same with every absolute reference to this server (whose FHIR API is at `base`) written relative, as all of
    /// the record is: `Patient/1`.
    ///
    /// # Errors
    /// `Internal` where the text is no JSON (it was checked when it came in).
    pub fn relative_to(mut self, base: &str) -> Result<Self> {
        let own = |text: &str| relative(text, base).filter(|below| local(below).is_some());
        let text = strings(&self.json, |member, text| {
            own(text).filter(|_| member == "reference")
        });
        if let Cow::Owned(text) = text {
            self.value = serde_json::from_str(&text).map_err(Error::internal)?;
            self.json = text.into();
        }
        Ok(self)
    }

    /// The text to store as version `version` of `at`: everything as it was but `meta.versionId` and `meta.lastUpdated`.
    ///
    /// # Errors
    /// `Internal` where the text is no JSON object (it was checked when it came in).
    pub fn stamped(&self, version: i64, at: OffsetDateTime) -> Result<String> {
        stamp(&self.json, version, at).map_err(Error::internal)
    }
}

/// The instant as FHIR `instant`, in UTC with milliseconds.
#[must_use]
pub fn instant(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.to_offset(time::UtcOffset::UTC)
        .format(format)
        .unwrap_or_default()
}

/// Milliseconds since 1970 as a FHIR instant; `None` for 0, which stands for never.
#[must_use]
pub fn moment(at: i64) -> Option<String> {
    let nanos = i128::from(at) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    at.filter(|at| *at > OffsetDateTime::UNIX_EPOCH)
        .map(instant)
}

/// The version in an ETag of ours.
#[must_use]
pub fn version(etag: &str) -> Option<i64> {
    let text = etag.trim();
    let text = text.strip_prefix("W/").unwrap_or(text);
    number(text.strip_prefix('"')?.strip_suffix('"')?)
}

/// A version as we write it: `3`, neither `03` nor `+3`.
#[must_use]
pub fn number(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

fn with_id(text: &str, key: &Key) -> serde_json::Result<String> {
    let members = Members::of(text)?;
    let mut out = String::with_capacity(text.len() + 64);
    let _ = write!(
        out,
        "{{\"resourceType\":\"{}\",\"id\":\"{}\"",
        key.kind, key.id
    );
    for (name, raw) in &members.0 {
        if name != "resourceType" && name != "id" {
            let _ = write!(out, ",{}:{}", serde_json::to_string(name)?, raw.get());
        }
    }
    out.push('}');
    Ok(out)
}

fn stamp(text: &str, version: i64, at: OffsetDateTime) -> serde_json::Result<String> {
    let members = Members::of(text)?;
    let mut out = String::with_capacity(text.len() + 96);
    let mut comma = '{';
    let meta = |out: &mut String, old: &str| -> serde_json::Result<()> {
        let _ = write!(
            out,
            "\"meta\":{{\"versionId\":\"{version}\",\"lastUpdated\":\"{}\"",
            instant(at)
        );
        for (name, raw) in &Members::of(old)?.0 {
            if name != "versionId" && name != "lastUpdated" {
                let _ = write!(out, ",{}:{}", serde_json::to_string(name)?, raw.get());
            }
        }
        out.push('}');
        Ok(())
    };
    for (name, raw) in &members.0 {
        out.push(comma);
        comma = ',';
        if name == "meta" {
            meta(&mut out, raw.get())?;
            continue;
        }
        let _ = write!(out, "{}:{}", serde_json::to_string(name)?, raw.get());
        if name == "id" && members.get("meta").is_none() {
            out.push(',');
            meta(&mut out, "{}")?;
        }
    }
    out.push('}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn stamping_changes_meta_alone() {
        let text = r#"{"resourceType":"Observation","meta":{"profile":["p"],"versionId":"9"},"status":"final","code":{"text":"x"},"valueQuantity":{"value": 1.10}}"#;
        let id = Id::new("a").expect("id");
        let r = Resource::received(text.as_bytes(), Some("Observation"), None, || id)
            .expect("resource");
        assert_eq!(r.value["id"], "a");
        let stamped = r
            .stamped(3, datetime!(2026-07-18 10:03:00.5 UTC))
            .expect("text");
        assert_eq!(
            stamped,
            r#"{"resourceType":"Observation","id":"a","meta":{"versionId":"3","lastUpdated":"2026-07-18T10:03:00.500Z","profile":["p"]},"status":"final","code":{"text":"x"},"valueQuantity":{"value": 1.10}}"#
        );
    }

    #[test]
    fn etags() {
        assert_eq!(version("W/\"3\""), Some(3));
        assert_eq!(version("\"3\""), Some(3));
        for bad in [
            "3", "W/3", "W/\"0\"", "W/\"-1\"", "W/\"a\"", "W/\"+3\"", "W/\"03\"", "\"\"", "",
        ] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_id_of_the_url_rules() {
        let id = Id::new("a").expect("id");
        let get = |text: &str| {
            Resource::received(text.as_bytes(), Some("Patient"), Some(&id), || id.clone())
        };
        assert!(get(r#"{"resourceType":"Patient","id":"a"}"#).is_ok());
        for bad in [
            r#"{"resourceType":"Patient","id":"b"}"#,
            r#"{"resourceType":"Patient"}"#,
            r#"{"resourceType":"Group","id":"a"}"#,
            r#"{"id":"a"}"#,
            r#"{"resourceType":"Patient","id":".."}"#,
            "[]",
            "7",
        ] {
            assert!(get(bad).is_err(), "{bad}");
        }
    }
}
