//! What operations share: the reading of their parameters.

use std::fmt::Display;

use super::capability::TYPES;
use crate::error::{Error, Kind, Result};
use crate::fhir::interval::Interval;
use crate::fhir::search::Handling;

/// Resources per page where nothing is asked, and at most.
const COUNT: (u32, u32) = (250, 1000);
/// Parameters of every request, which are none of the operation's.
const FRAME: &[&str] = &["_format", "_pretty"];

/// The parameters of an operation.
#[derive(Clone, Debug)]
pub struct Asked {
    pairs: Vec<(String, String)>,
    /// The names that were not understood and are passed over.
    pub ignored: Vec<String>,
}

impl Asked {
    /// Those of `pairs` that the operation knows.
    ///
    /// # Errors
    /// `Invalid` where it does not know one and `handling` is strict.
    pub fn new(pairs: Vec<(String, String)>, known: &[&str], handling: Handling) -> Result<Self> {
        let (pairs, others): (Vec<_>, Vec<_>) = pairs
            .into_iter()
            .partition(|(name, _)| known.contains(&name.as_str()));
        let ignored = others.into_iter().map(|(name, _)| printable(&name));
        let ignored: Vec<String> = ignored.filter(|n| !FRAME.contains(&n.as_str())).collect();
        if let (Handling::Strict, Some(name)) = (handling, ignored.first()) {
            let text = format!(
                "The operation has no parameter {name}; it has {}.",
                known.join(", ")
            );
            return Err(invalid(text).issue_code("not-supported"));
        }
        Ok(Self { pairs, ignored })
    }

    /// The value of a parameter that stands once at most.
    ///
    /// # Errors
    /// `Invalid` where it stands twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(invalid(format!("{name} stands twice."))),
            (value, None) => Ok(value),
        }
    }

    /// Every value of a parameter.
    pub fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        let named = self.pairs.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The types that `_type` names, separated by commas or in several parameters; `None` where it is absent.
    ///
    /// # Errors
    /// `Invalid` where one of them is no type of this service.
    pub fn kinds(&self) -> Result<Option<Vec<&'static str>>> {
        let mut out = None;
        for name in self.all("_type").flat_map(|value| value.split(',')) {
            let known = TYPES.iter().find(|kind| **kind == name.trim());
            let known = known.ok_or_else(|| {
                invalid("_type names types of this service, separated by commas.")
            })?;
            let kinds: &mut Vec<&'static str> = out.get_or_insert_default();
            if !kinds.contains(known) {
                kinds.push(known);
            }
        }
        Ok(out)
    }

    /// The date or time of a parameter.
    ///
    /// # Errors
    /// `Invalid` where it is none, or stands twice.
    pub fn date(&self, name: &str) -> Result<Option<Interval>> {
        let value = self.one(name)?;
        let parsed = value.map(str::parse::<Interval>).transpose();
        parsed.map_err(|why| invalid(format!("{name}: {why}.")))
    }

    /// How many resources a page has.
    ///
    /// # Errors
    /// `Invalid` where `_count` is no positive whole number.
    pub fn count(&self) -> Result<u32> {
        let Some(value) = self.one("_count")? else {
            return Ok(COUNT.0);
        };
        let count = value.parse::<u32>().ok().filter(|n| *n > 0);
        let count = count.ok_or_else(|| invalid("_count is a whole number above zero."))?;
        Ok(count.min(COUNT.1))
    }

    /// The parameters as a query string, without the cursor.
    #[must_use]
    pub fn print(&self) -> String {
        let pairs = self.pairs.iter().filter(|(name, _)| name != "_cursor");
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }
}

/// A parameter that is wrong.
pub(super) fn invalid(text: impl Display) -> Error {
    Error::new(Kind::Invalid, text.to_string()).issue_code("value")
}

/// A name as it may be shown: short and plain.
fn printable(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, handling: Handling) -> Result<Asked> {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        Asked::new(pairs.collect(), &["_type", "_since", "_count"], handling)
    }

    #[test]
    fn what_is_not_known_is_named_or_refused() {
        let query = "_type=Patient&_typ=x&_format=json";
        let lenient = asked(query, Handling::Lenient).expect("asked");
        assert_eq!(lenient.ignored, ["_typ"]);
        assert_eq!(lenient.print(), "_type=Patient");
        assert!(asked(query, Handling::Strict).is_err());
        assert!(asked("_type=Task&_format=json", Handling::Strict).is_ok());
    }

    #[test]
    fn values_are_read_or_refused() {
        let of = |query: &str| asked(query, Handling::Strict).expect("asked");
        assert_eq!(of("").kinds().expect("kinds"), None);
        let kinds = of("_type=Patient,Task&_type=Task").kinds().expect("kinds");
        assert_eq!(kinds, Some(vec!["Patient", "Task"]));
        assert!(of("_type=Patient,Unheard").kinds().is_err());
        assert!(of("_type=").kinds().is_err());
        assert!(of("_since=yesterday").date("_since").is_err());
        assert!(of("_since=2026&_since=2026").date("_since").is_err());
        assert_eq!(of("").count().expect("count"), 250);
        assert_eq!(of("_count=5000").count().expect("count"), 1000);
        assert!(of("_count=0").count().is_err());
    }
}
