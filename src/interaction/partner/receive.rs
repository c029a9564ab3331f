//! Taking in what a partner's system holds: the rules are those of everybody, asked as the partner's client. What does not
//! fit is kept for review.

use serde_json::{Value, json};

use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::merge::merge_text;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::interaction::condition;
use crate::interaction::write::{self, Created};
use crate::mapping::exchange::{self, URI, identifiers, is_shared, moved, standing};
use crate::store::partner::Partner;
use crate::store::partner::link::Link;
use crate::store::partner::review::{self, Review};

/// Ingredients of a medicine that are looked at.
const INGREDIENTS: usize = 20;

/// A record of theirs, with its references as they are named here.
#[derive(Clone, Debug)]
pub struct Received {
    pub kind: String,
    /// Its id there.
    pub there: String,
    pub text: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is this record here, which says the same already.
    Known(Key),
    /// It is this record here, which was written.
    Written(Key),
}

impl Taken {
    /// The record here.
    #[must_use]
    pub fn key(self) -> Key {
        match self {
            Self::Known(key) | Self::Written(key) => key,
        }
    }
}

/// The record here that a record of theirs is, by what identifies it: an address here, or an identifier that one record has.
///
/// # Errors
/// Those of the store.
pub async fn known(app: &App, access: &Access, kind: &str, value: &Value) -> Result<Option<Key>> {
    let base = app.fhir_base();
    for (system, named) in identifiers(value) {
        let here = exchange::address(&system, &named, &base);
        if let Some(key) = here.filter(|k| *k.kind == *kind) {
            let there = app.store.view(access).lookup(&key).await?;
            if there.is_some_and(|row| is_same(&row, value)) {
                return Ok(Some(key));
            }
        }
        let found = condition::matching(app, access, kind, &criteria(&system, &named)).await;
        match found {
            Ok((_, rows)) => {
                if let [row] = &*rows
                    && is_same(row, value)
                {
                    return Ok(Some(row.key.clone()));
                }
            }
            // A type that is not searched here by what identifies it.
            Err(error) if matches!(error.kind, Kind::Forbidden | Kind::NotSupported) => {
                return Ok(None);
            }
            // What nothing can be searched by identifies nothing here.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::TooLarge) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether a person here may be the one there: a number that a family shares makes nobody another.
fn is_same(here: &Stored, there: &Value) -> bool {
    let born = here.value().map(|value| value["birthDate"].clone());
    &*here.key.kind != "Patient" || born.as_ref() == Some(&there["birthDate"])
}

/// The search for whatever bears an identifier.
#[must_use]
pub fn criteria(system: &str, named: &str) -> String {
    let token = format!("{}|{}", escaped(system), escaped(named));
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.append_pair("identifier", &token).finish()
}

/// A part of a token parameter (<https://hl7.org/fhir/R4/search.html#escaping>).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | ',' | '|' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Writes a record of theirs, as a new one or over the one that it is; `None` where it is nothing to take over: a Task of
/// theirs that is no referral.
///
/// # Errors
/// What the rules refuse: `Invalid`, `Unprocessable`, `Forbidden`, `NotFound`, `Conflict`; those of the store.
pub async fn take(
    app: &App,
    access: &Access,
    partner: &Partner,
    one: &Received,
    link: Option<&Link>,
) -> Result<Option<Taken>> {
    let value: Value = serde_json::from_str(&one.text)
        .map_err(|_| Error::new(Kind::Invalid, "The record is no JSON.").issue_code("structure"))?;
    let known = match link {
        Some(link) => Some(link.key.clone()),
        None => known(app, access, &one.kind, &value).await?,
    };
    let old = match &known {
        Some(key) => app.store.view(access).lookup(key).await?,
        None => None,
    };
    if let (None, Some(old)) = (link, &old) {
        alone(app, partner, one, &old.key).await?;
    }
    if is_shared(&one.kind) {
        let Some(old) = old else {
            return if exchange::is_referral(&value) {
                Err(unsent(&one.kind))
            } else {
                Ok(None)
            };
        };
        return task(app, access, &old, &value).await.map(Some);
    }
    // Of what was sent from here it is a copy, which may be an old one.
    let theirs = |old: &Stored| {
        access
            .caller()
            .is_some_and(|c| c.organization == old.author)
    };
    if let Some(old) = old.as_ref().filter(|old| !theirs(old)) {
        return Ok(Some(Taken::Known(old.key.clone())));
    }
    let medicines = medicines(app, access, &value).await?;
    if let Some((at, text)) = exchange::unread(&one.kind, &value, &medicines) {
        let error = Error::new(Kind::Unprocessable, text).issue_code("required");
        return Err(error.at(format!("{}.{at}", one.kind)));
    }
    if let Some(old) = old {
        return over(app, access, &old, &one.text, &value).await.map(Some);
    }
    let id = app.clock.uuid().to_string();
    let fresh = crate::kap::Id::new(id).unwrap_or_default();
    let new = Resource::received(one.text.as_bytes(), Some(&one.kind), None, || fresh.clone())?;
    let address = format!("{}/{}/{}", partner.base, one.kind, one.there);
    let unless = criteria(URI, &address);
    match write::create(app, access, new, Some(&unless)).await? {
        Created::New(row) => Ok(Some(Taken::Written(row.key))),
        Created::Known(row) => Ok(Some(Taken::Known(row.key))),
    }
}

/// The Medication here that a record names, and those here that it is made of.
async fn medicines(app: &App, access: &Access, value: &Value) -> Result<Vec<Value>> {
    let of = json!({ "of": [value["medicationReference"], value["contained"]] });
    let mut wanted = exchange::named(&of, &app.fhir_base());
    wanted.retain(|key| &*key.kind == "Medication");
    let mut found: Vec<Value> = vec![];
    // Of itself, and of what it is made of: a compound of compounds is named by its own code.
    for depth in 0..2 {
        let mut parts = vec![];
        for key in wanted {
            let row = app.store.view(access).lookup(&key).await?;
            let Some(medicine) = row.and_then(|row| row.value()) else {
                continue;
            };
            if depth == 0 {
                let of = json!({ "of": medicine["ingredient"] });
                parts.extend(exchange::named(&of, &app.fhir_base()));
            }
            found.push(medicine);
        }
        wanted = parts;
        wanted.retain(|key| &*key.kind == "Medication");
        wanted.truncate(INGREDIENTS);
    }
    Ok(found)
}

/// Two records there cannot be one here.
async fn alone(app: &App, partner: &Partner, one: &Received, key: &Key) -> Result<()> {
    let keys = std::slice::from_ref(key);
    let links = app.store.links(&app.tenant, &partner.id, keys).await?;
    if links
        .get(key)
        .is_none_or(|known| *known.there == *one.there)
    {
        return Ok(());
    }
    let text = "It bears the identifier of another record there: two cannot be one here.";
    let error = Error::new(Kind::Unprocessable, text).issue_code("duplicate");
    Err(error.at(format!("{}.identifier", one.kind)))
}

fn unsent(kind: &str) -> Error {
    let text = "This Task is none that was sent from here: it moves nothing.";
    Error::new(Kind::Unprocessable, text)
        .issue_code("not-found")
        .at(kind)
}

/// A Task of ours moves as theirs did. Where theirs went several steps since it was looked at, ours goes them one by one.
async fn task(app: &App, access: &Access, old: &Stored, theirs: &Value) -> Result<Taken> {
    let (_, value) = whole(old)?;
    if standing(&value) == standing(theirs) {
        return Ok(Taken::Known(old.key.clone()));
    }
    let refused = match step(app, access, &old.key, theirs).await {
        Err(error) if error.kind == Kind::Conflict => error,
        done => return done,
    };
    let from = value["status"].as_str().unwrap_or_default();
    let to = theirs["status"].as_str().unwrap_or_default();
    let between = exchange::between(from, to);
    if between.is_empty() {
        return Err(refused);
    }
    for status in between {
        let mut on_the_way = theirs.clone();
        on_the_way["status"] = (*status).into();
        for name in ["businessStatus", "statusReason", "output"] {
            if let Some(all) = on_the_way.as_object_mut() {
                all.shift_remove(name);
            }
        }
        step(app, access, &old.key, &on_the_way).await?;
    }
    step(app, access, &old.key, theirs).await
}

async fn step(app: &App, access: &Access, key: &Key, theirs: &Value) -> Result<Taken> {
    let old = app.store.view(access).read(key).await?;
    let (text, value) = whole(&old)?;
    written(app, access, &old, &text, &value, &moved(&value, theirs)).await
}

/// A record of theirs over what came before of it.
async fn over(
    app: &App,
    access: &Access,
    old: &Stored,
    text: &str,
    value: &Value,
) -> Result<Taken> {
    let (_, was) = whole(old)?;
    let new = exchange::completed(&old.key.kind, value, &was);
    if exchange::digest(&was) == exchange::digest(&new) {
        return Ok(Taken::Known(old.key.clone()));
    }
    written(app, access, old, text, value, &new).await
}

async fn written(
    app: &App,
    access: &Access,
    old: &Stored,
    text: &str,
    was: &Value,
    value: &Value,
) -> Result<Taken> {
    let (mut base, mut new) = (was.clone(), value.clone());
    base["id"] = Value::Null;
    new["id"] = old.key.id.as_str().into();
    let (text, _) = merge_text(&base, &new, text).map_err(Error::internal)?;
    let (kind, id) = (&*old.key.kind, &old.key.id);
    let new = Resource::received(text.as_bytes(), Some(kind), Some(id), || id.clone())?;
    let row = write::update(app, access, new, Some(old.version)).await?;
    Ok(Taken::Written(row.key))
}

fn whole(old: &Stored) -> Result<(std::sync::Arc<str>, Value)> {
    let both = old.body.clone().zip(old.value());
    both.ok_or_else(|| Error::internal("a record without a body"))
}

/// Whether the record is to be looked at by somebody: what is no fault of it is tried again.
#[must_use]
pub fn is_refused(error: &Error) -> bool {
    match error.kind {
        Kind::Internal | Kind::Unavailable | Kind::Timeout | Kind::TooMany => false,
        // Somebody else wrote at the same moment.
        Kind::PreconditionFailed => error.code != Some("version-conflict"),
        _ => true,
    }
}

/// What was refused, in words for whoever sent it.
#[must_use]
pub fn reason(error: &Error) -> String {
    let said = |issue: &Issue| match &issue.at {
        Some(at) => format!("{at}: {}", issue.text),
        None => issue.text.clone(),
    };
    let all: Vec<String> = error.issues.iter().take(10).map(said).collect();
    all.join(" ")
}

/// Keeps what does not fit.
///
/// # Errors
/// Those of the store.
pub async fn keep(app: &App, partner: &Partner, review: &Review) -> Result<()> {
    let step = review::put(&app.tenant, &partner.id, review);
    match app.store.write("keep for review", vec![step]).await? {
        Ok(()) => Ok(()),
        Err(conflict) => Err(Error::internal(conflict.guard)),
    }
}
