//! What a search needs to know beyond its own words: what time it is, what value sets hold, what is indexed.

use super::{Include, Presence, SearchQuery, SortBy, Test, Token};
use crate::fhir::parameter;

impl SearchQuery {
    /// The same for `now` (milliseconds since 1970): `ap` of a date takes a tenth of the time from it to now on either side.
    #[must_use]
    pub fn around(mut self, now: i64) -> Self {
        let tests = self.filters.iter_mut().map(|f| &mut f.test);
        for test in tests {
            match test {
                Test::Date(dates) => dates.iter_mut().for_each(|d| d.widen(now)),
                Test::Pair(pairs) => pairs.iter_mut().for_each(|p| p.widen(now)),
                _ => {}
            }
        }
        self
    }

    /// The same with value sets as the lists of their codes.
    ///
    /// # Errors
    /// The URL of the first value set that `codes` does not know.
    pub fn expand(
        mut self,
        codes: &dyn Fn(&str) -> Option<Vec<Token>>,
    ) -> std::result::Result<Self, String> {
        for filter in &mut self.filters {
            let Test::In(presence, urls) = &filter.test else {
                continue;
            };
            let mut all = Vec::new();
            for url in urls {
                all.extend(codes(url).ok_or_else(|| url.clone())?);
            }
            filter.test = match presence {
                Presence::Present => Test::Token(all),
                Presence::Missing => Test::NotToken(all),
            };
        }
        Ok(self)
    }

    /// The parameters, filters and keys of the order, whose values are not in an index of `version` as they are now.
    pub fn newer_than(&self, version: i64) -> impl Iterator<Item = &'static str> {
        let filters = self.filters.iter().filter(move |f| f.since() > version);
        let keys = self.sort.0.iter().filter_map(|key| match key.by {
            SortBy::Parameter(p) => Some(p),
            _ => None,
        });
        let keys = keys.filter(move |p| p.since > version);
        let along = self.include.iter().filter_map(|include| match include {
            Include::Forward { parameter, .. } => parameter::find(self.kind, parameter),
            Include::Reverse { kind, parameter } => parameter::find(kind, parameter),
        });
        let along = along.filter(move |p| p.since > version);
        let names = filters.map(|f| f.parameter.name);
        names.chain(keys.chain(along).map(|p| p.name))
    }
}
