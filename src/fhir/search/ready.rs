//! What a search needs to know beyond its own words: what time it is, what value sets hold, what is indexed.

use super::{Filter, Include, Presence, SearchQuery, SortBy, Test, Token, Way};
use crate::fhir::parameter::{self, Parameter};

/// Knows the codes of a value set by its URL.
type Codes<'c> = &'c dyn Fn(&str) -> Option<Vec<Token>>;

impl SearchQuery {
    /// The same for `now` (milliseconds since 1970): `ap` of a date takes a tenth of the time from it to now on either side.
    #[must_use]
    pub fn around(mut self, now: i64) -> Self {
        self.widen(now);
        self
    }

    fn widen(&mut self, now: i64) {
        for test in self.filters.iter_mut().map(|f| &mut f.test) {
            match test {
                Test::Date(dates) => dates.iter_mut().for_each(|d| d.widen(now)),
                Test::Pair(pairs) => pairs.iter_mut().for_each(|p| p.widen(now)),
                _ => {}
            }
        }
        let chained = self.chains.iter_mut().flat_map(|c| &mut c.others);
        chained.for_each(|other| other.widen(now));
    }

    /// The same with value sets as the lists of their codes.
    ///
    /// # Errors
    /// The URL of the first value set that `codes` does not know.
    pub fn expand(mut self, codes: Codes<'_>) -> std::result::Result<Self, String> {
        self.list(codes)?;
        Ok(self)
    }

    fn list(&mut self, codes: Codes<'_>) -> std::result::Result<(), String> {
        for filter in &mut self.filters {
            filter.list(codes)?;
        }
        let mut chained = self.chains.iter_mut().flat_map(|c| &mut c.others);
        chained.try_for_each(|other| other.list(codes))
    }

    /// The parameters, filters, keys of the order and what is followed to other records, whose values are not in an index of
    /// `version` as they are now.
    #[must_use]
    pub fn newer_than(&self, version: i64) -> Vec<&'static str> {
        let filters = self.filters.iter().filter(|f| f.since() > version);
        let mut out: Vec<&'static str> = filters.map(|f| f.parameter.name).collect();
        let keys = self.sort.0.iter().filter_map(|key| match key.by {
            SortBy::Parameter(p) => Some(p),
            _ => None,
        });
        let along = self.include.iter().flat_map(Include::parameters);
        let links = self.chains.iter().map(|chain| match chain.way {
            Way::To(p) | Way::From(p) => p,
        });
        let within = self
            .within
            .iter()
            .flat_map(|w| w.parameters.iter().copied());
        let all = keys.chain(along).chain(links).chain(within);
        out.extend(all.filter(|p| p.since > version).map(|p| p.name));
        let chained = self.chains.iter().flat_map(|c| &c.others);
        out.extend(chained.flat_map(|other| other.newer_than(version)));
        out
    }
}

impl Filter {
    fn list(&mut self, codes: Codes<'_>) -> std::result::Result<(), String> {
        let Test::In(presence, urls) = &self.test else {
            return Ok(());
        };
        let mut all = Vec::new();
        for url in urls {
            all.extend(codes(url).ok_or_else(|| url.clone())?);
        }
        self.test = match presence {
            Presence::Present => Test::Token(all),
            Presence::Missing => Test::NotToken(all),
        };
        Ok(())
    }
}

impl Include {
    /// The parameters that are followed.
    fn parameters(&self) -> impl Iterator<Item = &'static Parameter> {
        let all = self.from.iter();
        all.flat_map(|from| {
            let names = from.params.iter();
            names.filter_map(|p| parameter::find(from.kind, p.indexed))
        })
    }
}

impl Filter {
    /// The name under which is indexed what stands there without a value to compare, where it is asked whether anything
    /// does: R4's `:missing` "usually equates to not having the relevant element in the resource"
    /// (<https://hl7.org/fhir/R4/search.html#modifiers>). What a reference of an unknown type refers to is not of the
    /// `target` that a parameter is limited to.
    #[must_use]
    pub fn also(&self) -> Option<&'static str> {
        let parameter = self.parameter;
        let compared = parameter.target.is_some()
            || parameter.parts.is_some()
            || parameter.name.starts_with('_');
        match self.test {
            Test::Missing(_) if !compared => Some(parameter.beside),
            _ => None,
        }
    }

    /// The version of the index since which the values are there that are asked for.
    fn since(&self) -> i64 {
        let since = self.parameter.since;
        if self.also().is_some() {
            // The first that has what stands there without a value.
            since.max(3)
        } else if self.param() == self.parameter.indexed {
            since
        } else {
            // The first that has what modifiers look at.
            since.max(2)
        }
    }
}
