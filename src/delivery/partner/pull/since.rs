//! From when on is fetched, and up to when it was.

use time::format_description::well_known::Rfc3339;

use super::{Pull, Pulled, at, words};
use crate::delivery::partner::ability::Abilities;
use crate::delivery::partner::trouble::Trouble;
use crate::mapping::exchange;

/// What is looked at again: a change that was being stored when it was asked for the last time, and clocks that differ.
const OVERLAP: time::Duration = time::Duration::minutes(5);

impl Pull<'_> {
    /// The newest change of a type that was looked at before.
    pub(super) fn before(&self, kind: &str) -> Option<String> {
        words(&self.remote.partner.since).remove(kind)
    }

    /// The same after this fetch. What claims to be of the future does not move it.
    pub(super) fn since(&self) -> String {
        let word = |(kind, newest): (&String, &String)| format!("{kind}={newest}");
        self.newest.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Nothing new was looked at of this type.
    pub(super) fn go_back(&mut self, kind: &str) {
        match self.before(kind) {
            Some(before) => self.newest.insert(kind.to_owned(), before),
            None => self.newest.remove(kind),
        };
    }

    pub(super) fn done(&self, missing: &[&str], trouble: Option<Trouble>) -> Pulled {
        let said = if missing.is_empty() {
            String::new()
        } else {
            format!("not offered there: {}", missing.join(" "))
        };
        Pulled {
            since: self.since(),
            said,
            trouble,
        }
    }

    /// The URL of the first page.
    pub(super) fn first(&self, kind: &str, abilities: &Abilities) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let timed = abilities.finds(kind, "_lastUpdated");
        if let Some(since) = self
            .before(kind)
            .and_then(|since| at(&since))
            .filter(|_| timed)
        {
            let from = (since - OVERLAP).format(&Rfc3339).unwrap_or_default();
            query.append_pair("_lastUpdated", &format!("ge{from}"));
        }
        if timed {
            query.append_pair("_sort", "_lastUpdated");
        }
        if let Some((name, values)) = exchange::narrowed(kind) {
            query.append_pair(name, &values);
        }
        query.append_pair("_count", "100");
        format!("{}/{kind}?{}", self.remote.partner.base, query.finish())
    }
}
