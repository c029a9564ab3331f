//! The project's own definitions (profiles, extensions, code systems, value sets, search parameters, questionnaires),
//! which are part of the program and read by id.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use super::audit;
use super::criteria::parse;
use super::paging::Pages;
use super::search::tell_ignored;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::bundle::Searchset;
use crate::fhir::index::{IndexEntry, IndexValue, extract};
use crate::fhir::parameter::sort_date;
use crate::fhir::search::{After, Direction, Handling, Sort, Total};

/// The type of definitions that is searched.
pub const QUESTIONNAIRE: &str = "Questionnaire";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles/generated");

/// The texts by type, and by id within each: every read of a record asks here first, so it must cost nothing.
static BY_KIND: LazyLock<HashMap<&str, HashMap<&str, &str>>> = LazyLock::new(|| {
    let mut all: HashMap<&str, HashMap<&str, &str>> = HashMap::new();
    for file in FILES.files() {
        let name = file.path().file_stem().and_then(|stem| stem.to_str());
        let named = name.and_then(|name| name.split_once('-'));
        if let (Some((kind, id)), Some(text)) = (named, file.contents_utf8()) {
            all.entry(kind).or_default().insert(id, text);
        }
    }
    all
});

/// The definition `kind`/`id`.
///
/// # Errors
/// `NotFound` where there is none.
pub fn read(kind: &str, id: &str) -> Result<&'static str> {
    let text = BY_KIND.get(kind).and_then(|by_id| by_id.get(id));
    text.copied().ok_or_else(Error::not_found)
}

/// The types of the definitions.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    BY_KIND.keys().copied()
}

/// The entity tag of a definition: another text, another tag.
#[must_use]
pub fn etag(text: &str) -> String {
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    format!("W/\"{:016x}\"", hash.finish())
}

/// A questionnaire of the service with what it is found by.
struct Form {
    id: &'static str,
    text: &'static str,
    entries: Vec<IndexEntry>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let all = BY_KIND.get(QUESTIONNAIRE).into_iter().flatten();
    let mut all: Vec<Form> = all
        .map(|(id, text)| {
            let value = serde_json::from_str(text).unwrap_or_default();
            let entries = extract(QUESTIONNAIRE, &value);
            Form { id, text, entries }
        })
        .collect();
    all.sort_unstable_by_key(|form| form.id);
    all
});

impl Form {
    /// Its place in an order.
    fn place(&self, sort: Sort) -> (i64, &'static str) {
        let name = sort_date(QUESTIONNAIRE).filter(|_| matches!(sort, Sort::Date(_)));
        let date = |e: &IndexEntry| match e.value {
            IndexValue::Date(date) if Some(e.param) == name => Some(date.lo),
            _ => None,
        };
        (
            self.entries.iter().find_map(date).unwrap_or_default(),
            self.id,
        )
    }
}

/// The searchset for `parameters` among the questionnaires of the service.
///
/// # Errors
/// As [`super::search::search`].
pub fn search(
    app: &App,
    access: &Access,
    parameters: &[(String, String)],
    handling: Handling,
) -> Result<String> {
    access.allow(Interaction::Search, QUESTIONNAIRE)?;
    let (mut query, ignored) = parse(access, QUESTIONNAIRE, parameters, handling)?;
    query.include.clear();
    let pages = Pages::of_search(app, access, &mut query)?;
    let met = FORMS.iter().filter(|form| query.matches(&form.entries));
    let mut met: Vec<&Form> = met.collect();
    met.sort_by_key(|form| form.place(query.sort));
    let down = matches!(
        query.sort,
        Sort::Date(Direction::Down) | Sort::Updated(Direction::Down)
    );
    if down {
        met.reverse();
    }
    let counted = query.page.total == Total::Accurate || query.page.count == 0;
    let total = counted.then(|| i64::try_from(met.len()).unwrap_or(i64::MAX));
    if let Some(After { value, id }) = &query.page.after {
        let last = (*value, id.as_str());
        met.retain(|form| {
            let place = form.place(query.sort);
            if down { place < last } else { place > last }
        });
    }
    let count = query.page.count as usize;
    let next = met.get(..count).filter(|_| met.len() > count);
    let next = next.and_then(<[_]>::last).map(|form| {
        let (value, id) = form.place(query.sort);
        let id = id.to_owned();
        After { value, id }
    });
    audit::searched(access, std::iter::empty());
    let base = app.fhir_base();
    let url = format!("{base}/{QUESTIONNAIRE}");
    let mut links = vec![("self", format!("{url}?{}", query.print()))];
    let next = pages.next(&query, next.as_ref())?;
    links.extend(next.map(|next| ("next", format!("{url}?{next}"))));
    let mut set = Searchset::new(&base, total, &links);
    for form in met.iter().take(count) {
        let part = query.shape.of(QUESTIONNAIRE, true, form.text)?;
        let path = format!("{QUESTIONNAIRE}/{}", form.id);
        set.push_text(&path, part.as_deref().unwrap_or(form.text));
    }
    tell_ignored(&mut set, &ignored);
    Ok(set.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_read_by_id_and_nothing_else_is() {
        let text = read("StructureDefinition", "kap-clearance").expect("the profile");
        assert!(
            text.contains("https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance")
        );
        assert!(read("StructureDefinition", "../secret").is_err());
        assert!(read("Patient", "kap-clearance").is_err());
    }
}
