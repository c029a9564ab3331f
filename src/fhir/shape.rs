//! Less than the whole of a resource, where a client asks for that: `_summary` and `_elements`
//! (<https://hl7.org/fhir/R4/search.html#summary>, <https://hl7.org/fhir/R4/search.html#elements>).
//!
//! It is cut out of what the caller sees already, so it can tell nothing more. What stays, stays byte for byte; required
//! and modifier elements always stay; the copy says of itself that it is a part (`SUBSETTED`), and so cannot be written back.

mod cut;
mod table;

use std::collections::BTreeSet;

use super::resource::Stored;
use crate::error::{Error, Kind, Result};

/// What of each resource is asked for; the default is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    summary: Option<Summary>,
    elements: Vec<Named>,
}

/// The value of `_summary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// What the definitions mark as the summary.
    True,
    /// The narrative.
    Text,
    /// All but the narrative.
    Data,
    /// How many there are: of a search only.
    Count,
    /// The whole.
    False,
}

/// A name of `_elements`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    /// Of resources of this type; of the matches, whatever they are, where it is not said.
    kind: Option<String>,
    element: String,
}

/// Which elements stay.
#[derive(Clone, Debug)]
enum Pick<'a> {
    Summary,
    Text,
    Data,
    Only(BTreeSet<&'a str>),
}

impl Summary {
    const ALL: [(&'static str, Self); 5] = [
        ("true", Self::True),
        ("text", Self::Text),
        ("data", Self::Data),
        ("count", Self::Count),
        ("false", Self::False),
    ];

    fn parse(word: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(own, _)| *own == word);
        found
            .map(|(_, own)| own)
            .ok_or_else(|| invalid("_summary is one of true, text, data, count, false."))
    }

    fn word(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, own)| *own == self);
        found.map_or("false", |(word, _)| word)
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}

impl Shape {
    /// Takes `_summary` or `_elements`; `false` where it is another parameter.
    ///
    /// # Errors
    /// `Invalid` where the value is none of theirs, or where one contradicts the other.
    pub fn take(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "_summary" => self.summary = Some(Summary::parse(value)?),
            "_elements" => {
                let names = value.split(',').map(str::trim);
                self.elements.extend(names.map(Named::parse));
            }
            _ => return Ok(false),
        }
        let whole = matches!(self.summary, None | Some(Summary::False | Summary::Count));
        if !whole && !self.elements.is_empty() {
            return Err(invalid(
                "Ask for a _summary or for _elements, not for both.",
            ));
        }
        Ok(true)
    }

    /// What is asked for.
    #[must_use]
    pub const fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// Takes the names out that are none of an element and gives them back: those of another type's resources than `kinds`
    /// know none, and those that `hidden` says are not there for whoever asks.
    pub fn unknown(&mut self, kinds: &[&str], hidden: &dyn Fn(&str, &str) -> bool) -> Vec<String> {
        let known = |kind: &str, name: &str| table::has(kind, name) && !hidden(kind, name);
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.elements)
            .into_iter()
            .partition(|Named { kind, element }| match kind {
                Some(kind) => known(kind, element),
                None => kinds.iter().any(|kind| known(kind, element)),
            });
        self.elements = kept;
        gone.iter().map(Named::print).collect()
    }

    /// The parameters of this shape, for links.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        let summary = self.summary.map(|s| ("_summary".into(), s.word().into()));
        let names: Vec<String> = self.elements.iter().map(Named::print).collect();
        let elements = (!names.is_empty()).then(|| ("_elements".into(), names.join(",")));
        summary.into_iter().chain(elements).collect()
    }

    /// Whether it is the whole that is asked for.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.summary, None | Some(Summary::False | Summary::Count))
            && self.elements.is_empty()
    }

    /// What is asked for of the resource `text` of type `kind`, one of the matches or one that comes along with them;
    /// `None` where that is the whole.
    ///
    /// # Errors
    /// `Internal` where the text is no JSON object.
    pub fn of(&self, kind: &str, is_match: bool, text: &str) -> Result<Option<String>> {
        let Some(pick) = self.pick(kind, is_match) else {
            return Ok(None);
        };
        cut::subset(kind, text, &pick)
            .map(Some)
            .map_err(Error::internal)
    }

    /// The row with what is asked for of it.
    ///
    /// # Errors
    /// As [`Shape::of`].
    pub fn told(&self, row: Stored, is_match: bool) -> Result<Stored> {
        let Some(text) = &row.body else {
            return Ok(row);
        };
        Ok(match self.of(&row.key.kind, is_match, text)? {
            None => row,
            Some(part) => Stored {
                body: Some(part.into()),
                ..row
            },
        })
    }

    fn pick(&self, kind: &str, is_match: bool) -> Option<Pick<'_>> {
        match self.summary {
            Some(Summary::True) => return Some(Pick::Summary),
            Some(Summary::Text) => return Some(Pick::Text),
            Some(Summary::Data) => return Some(Pick::Data),
            None | Some(Summary::Count | Summary::False) => {}
        }
        let of = self.elements.iter().filter(|named| match &named.kind {
            Some(own) => own == kind,
            None => is_match,
        });
        let names: BTreeSet<&str> = of.map(|named| named.element.as_str()).collect();
        (!names.is_empty()).then_some(Pick::Only(names))
    }
}

impl Named {
    fn parse(text: &str) -> Self {
        let kind = text
            .split_once('.')
            .filter(|(kind, _)| kind.starts_with(|c: char| c.is_ascii_uppercase()));
        let (kind, element) = kind.map_or((None, text), |(kind, rest)| (Some(kind), rest));
        Self {
            kind: kind.map(str::to_owned),
            element: element.to_owned(),
        }
    }

    fn print(&self) -> String {
        let Self { kind, element } = self;
        kind.as_ref()
            .map_or_else(|| element.clone(), |kind| format!("{kind}.{element}"))
    }
}

#[cfg(test)]
mod tests;
