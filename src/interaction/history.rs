//! FHIR R4 history: <https://hl7.org/fhir/R4/http.html#history>.

use super::audit;
use super::capability::TYPES;
use super::criteria;
use super::paging::Pages;
use super::retelling::retell;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::history::history as bundle;
use crate::fhir::interval::Interval;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::Handling;
use crate::fhir::shape::{Shape, Summary};
use crate::store::view::{Span, Versions};

const DEFAULT_COUNT: u32 = 50;
const MAX_COUNT: u32 = 1000;

/// Whose history is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Of<'k> {
    Instance(&'k Key),
    Type(&'k str),
    System,
}

/// A page of the history, newest first: a Bundle. Deletions are entries without a resource.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` for a record that is missing or hidden; `Invalid` for a parameter that cannot
/// be read or, under strict handling, is unknown; `Gone` for a cursor whose time is over.
pub async fn history(
    app: &App,
    access: &Access,
    of: Of<'_>,
    parameters: &[(String, String)],
    handling: Handling,
) -> Result<String> {
    let kinds = kinds(access, of)?;
    let view = app.store.view(access);
    let (versions, path) = match of {
        Of::Instance(key) => {
            // A span without versions is empty, a record that is not there is none.
            view.lookup(key).await?.ok_or_else(Error::not_found)?;
            (Versions::Of(key), format!("{key}/_history"))
        }
        Of::Type(kind) => (Versions::OfTypes(&kinds), format!("{kind}/_history")),
        Of::System => (Versions::OfTypes(&kinds), "_history".to_owned()),
    };
    let mut asked = Asked::read(parameters, handling)?;
    asked.know(access, &kinds, handling)?;
    let pages = Pages::of(app, access, format!("{path}?{}", asked.print(None)));
    let span = Span {
        after: pages.after(asked.cursor.as_deref())?,
        ..asked.span.clone()
    };
    let past = view.past(versions, &span).await?;
    audit::versions(access, of, &past.versions);
    let rows = retell(app, access, past.versions).await?.into_iter();
    let rows: Vec<Stored> = rows
        .map(|row| asked.shape.told(row, true))
        .collect::<Result<_>>()?;
    let base = app.fhir_base();
    let link = |cursor: Option<&str>| {
        let query = asked.print(cursor);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{base}/{path}{mark}{query}")
    };
    let mut links = vec![("self", link(asked.cursor.as_deref()))];
    let next = pages.cursor(past.next.as_ref())?;
    links.extend(next.map(|cursor| ("next", link(Some(&cursor)))));
    Ok(bundle(&base, &links, &rows))
}

/// The types of which the caller may be told all versions.
fn kinds(access: &Access, of: Of<'_>) -> Result<Vec<&'static str>> {
    let kept = |kind: &&&'static str| **kind != audit::events::TYPE;
    match of {
        Of::Instance(key) => access.allow(Interaction::Read, &key.kind)?,
        Of::Type(kind) => access.allow(Interaction::Search, kind)?,
        Of::System => {}
    }
    let may = |kind: &&&'static str| access.allow(Interaction::Search, kind).is_ok();
    let found: Vec<&'static str> = match of {
        Of::Instance(key) => TYPES
            .iter()
            .filter(|kind| **kind == &*key.kind)
            .filter(kept)
            .copied()
            .collect(),
        Of::Type(asked) => TYPES
            .iter()
            .filter(|kind| **kind == asked)
            .filter(kept)
            .copied()
            .collect(),
        Of::System => TYPES.iter().filter(kept).filter(may).copied().collect(),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    if matches!(of, Of::System) {
        let text = "No scope of this token lists records of any type.";
        return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
    }
    let text = "Resources of this type have one version: there is no history of them.";
    Err(Error::new(Kind::NotFound, text).issue_code("not-supported"))
}

/// The parameters as they were sent.
#[derive(Debug)]
struct Asked {
    span: Span,
    cursor: Option<String>,
    /// What is told of each version.
    shape: Shape,
    /// What chooses versions, as it was written.
    raw: Vec<(&'static str, String)>,
}

impl Asked {
    fn read(parameters: &[(String, String)], handling: Handling) -> Result<Self> {
        let mut asked = Self {
            span: Span {
                since: None,
                at: None,
                count: DEFAULT_COUNT,
                after: None,
            },
            cursor: None,
            shape: Shape::default(),
            raw: Vec::new(),
        };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in parameters {
            if name.starts_with('_') && seen.contains(&&**name) {
                return Err(invalid(format!("{} stands twice.", printable(name))));
            }
            seen.push(name);
            asked.take(name, value, handling)?;
        }
        Ok(asked)
    }

    /// Whether what is asked of each version is there for the caller (<https://hl7.org/fhir/R4/http.html#parameters>).
    fn know(&mut self, access: &Access, kinds: &[&str], handling: Handling) -> Result<()> {
        let unknown = criteria::unknown(access, kinds, &mut self.shape);
        if handling == Handling::Strict {
            criteria::refuse("these types", &unknown)?;
        }
        if self.shape.summary() == Some(Summary::Count) {
            return Err(invalid("_summary=count is for searches.".into()).at("http._summary"));
        }
        Ok(())
    }

    fn take(&mut self, name: &str, value: &str, handling: Handling) -> Result<()> {
        if self.shape.take(name, value)? {
            return Ok(());
        }
        let date = || {
            let interval = value.parse::<Interval>();
            interval.map_err(|why| invalid(format!("{name}: {why}.")))
        };
        match name {
            "_count" => {
                let count = value.parse().ok().filter(|n| *n > 0);
                let count: u32 =
                    count.ok_or_else(|| invalid("_count is a whole number from 1 on.".into()))?;
                self.span.count = count.min(MAX_COUNT);
                self.raw.push(("_count", self.span.count.to_string()));
            }
            "_since" => {
                self.span.since = Some(date()?.lo);
                self.raw.push(("_since", value.to_owned()));
            }
            "_at" => {
                self.span.at = Some(date()?);
                self.raw.push(("_at", value.to_owned()));
            }
            "_cursor" => self.cursor = Some(value.to_owned()),
            // These are about the representation and are read elsewhere.
            "_format" | "_pretty" => {}
            _ if handling == Handling::Strict => {
                let name = printable(name);
                return Err(invalid(format!("A history has no parameter '{name}'.")));
            }
            // The self link shows what was used.
            _ => {}
        }
        Ok(())
    }

    fn print(&self, cursor: Option<&str>) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(self.raw.iter().map(|(name, value)| (*name, value)));
        out.extend_pairs(self.shape.pairs());
        if let Some(cursor) = cursor {
            out.append_pair("_cursor", cursor);
        }
        out.finish()
    }
}

fn invalid(text: String) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}

/// A name as it may be shown: short and plain.
fn printable(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect()
}
