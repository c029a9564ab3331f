//! Extensions: simple ones, and the parts of complex ones.

use std::num::NonZeroU32;

use fhir_sdk::r4b::types::{Extension, ExtensionValue, Reference};

use super::build::{coding, date, date_time, must, reference};
use super::codes::{WORKFLOW_EPISODE, structure};
use super::json::exact;
use crate::kap::Episode;
use crate::kap::base::{Coding, Day, Decimal, Instant};

/// A simple extension with a full URL, or the part of a complex one.
#[must_use]
pub fn extension(url: impl Into<String>, value: ExtensionValue) -> Extension {
    must(Extension::builder().url(url.into()).value(value).build())
}

/// The local extension `name` with a value.
#[must_use]
pub fn kap(name: &str, value: ExtensionValue) -> Extension {
    extension(structure(name), value)
}

/// The local complex extension `name`; `None` where it has no part.
#[must_use]
pub fn kap_parts(name: &str, parts: impl Into<Parts>) -> Option<Extension> {
    let Parts(parts) = parts.into();
    let ext = || Extension::builder().url(structure(name));
    (!parts.is_empty()).then(|| must(ext().extension(parts).build()))
}

/// `workflow-episodeOfCare`.
#[must_use]
pub fn episode_link(e: &Episode) -> Extension {
    let value = ExtensionValue::Reference(reference("EpisodeOfCare", &e.episode_id));
    extension(WORKFLOW_EPISODE, value)
}

/// The parts of a complex extension. Absent values leave no part.
#[derive(Clone, Debug, Default)]
pub struct Parts(Vec<Extension>);

impl Parts {
    /// No part yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of any type.
    #[must_use]
    pub fn value(mut self, name: &str, value: Option<ExtensionValue>) -> Self {
        self.0.extend(value.map(|v| extension(name, v)));
        self
    }

    /// A `code` part.
    #[must_use]
    pub fn code<T: ToString>(self, name: &str, code: Option<T>) -> Self {
        self.value(name, code.map(|c| ExtensionValue::Code(c.to_string())))
    }

    /// A `string` part.
    #[must_use]
    pub fn text<T: ToString>(self, name: &str, text: Option<T>) -> Self {
        self.value(name, text.map(|t| ExtensionValue::String(t.to_string())))
    }

    /// `string` parts of one name.
    #[must_use]
    pub fn texts<T: ToString>(self, name: &str, all: impl IntoIterator<Item = T>) -> Self {
        all.into_iter()
            .fold(self, |parts, t| parts.text(name, Some(t)))
    }

    /// A `boolean` part.
    #[must_use]
    pub fn flag(self, name: &str, value: Option<bool>) -> Self {
        self.value(name, value.map(ExtensionValue::Boolean))
    }

    /// An `unsignedInt` part.
    #[must_use]
    pub fn count(self, name: &str, n: Option<u32>) -> Self {
        self.value(name, n.map(ExtensionValue::UnsignedInt))
    }

    /// A `decimal` part.
    #[must_use]
    pub fn decimal(self, name: &str, n: Option<Decimal>) -> Self {
        self.value(name, n.map(|n| ExtensionValue::Decimal(exact(n))))
    }

    /// A `dateTime` part.
    #[must_use]
    pub fn at(self, name: &str, at: Option<Instant>) -> Self {
        self.value(name, at.map(|t| ExtensionValue::DateTime(date_time(t))))
    }

    /// A `date` part.
    #[must_use]
    pub fn day(self, name: &str, day: Option<Day>) -> Self {
        self.value(name, day.map(|d| ExtensionValue::Date(date(d))))
    }

    /// A `Coding` part.
    #[must_use]
    pub fn coding(self, name: &str, c: Option<&Coding>) -> Self {
        self.value(name, c.map(|c| ExtensionValue::Coding(coding(c))))
    }

    /// A `Reference` part.
    #[must_use]
    pub fn reference(self, name: &str, to: Option<Reference>) -> Self {
        self.value(name, to.map(ExtensionValue::Reference))
    }

    /// A part that has parts itself; left out where it has none.
    #[must_use]
    pub fn parts(mut self, name: &str, Parts(parts): Parts) -> Self {
        if !parts.is_empty() {
            let b = Extension::builder().url(name.to_owned()).extension(parts);
            self.0.push(must(b.build()));
        }
        self
    }
}

/// A `positiveInt` value. Zero is written as `unsignedInt`: wrong by the profile, and seen, never dropped.
#[must_use]
pub fn positive(n: u32) -> ExtensionValue {
    NonZeroU32::new(n).map_or(ExtensionValue::UnsignedInt(n), ExtensionValue::PositiveInt)
}
