//! The questionnaires of the service, which are part of the program: searched like records, and the same for everybody
//! whose role may search them.

use std::sync::{Arc, LazyLock};

use super::audit;
use super::definitions;
use super::paging::Pages;
use super::search::tell_ignored;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::Result;
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::index::{IndexEntry, extract};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{After, SearchQuery, Total};
use crate::kap::Id;
use crate::store::view::tokens;

/// The type of what is searched here.
pub const TYPE: &str = "Questionnaire";

struct Form {
    row: Stored,
    entries: Vec<IndexEntry>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let texts = definitions::of_kind(TYPE);
    texts.filter_map(form).collect()
});

fn form(text: &str) -> Option<Form> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let entries = extract(TYPE, &value);
    let row = Stored {
        key: Key::new(TYPE, Id::new(value["id"].as_str()?)?),
        version: 1,
        at: 0,
        patient: None,
        episode: None,
        owner: Id::default(),
        author: Id::default(),
        labels: 0,
        lowered: 0,
        body: Some(Arc::from(text)),
        redacted: None,
    };
    Some(Form { row, entries })
}

/// The searchset of a search that was read already. Nothing comes along with questionnaires.
///
/// # Errors
/// `Invalid` or `Gone` for a cursor that is not this list's, or whose time is over.
pub fn search(
    app: &App,
    access: &Access,
    mut query: SearchQuery,
    ignored: &[String],
) -> Result<String> {
    query.include.clear();
    let pages = Pages::of_search(app, access, &mut query)?;
    let covered = |form: &&Form| access.covers(Interaction::Search, TYPE, &tokens(&form.entries));
    let mut found: Vec<&Form> = FORMS
        .iter()
        .filter(|form| query.matches(&form.entries))
        .filter(covered)
        .collect();
    let id = |form: &Form| form.row.key.id.clone();
    found.sort_by(|a, b| {
        let (of_a, of_b) = (id(a), id(b));
        let (a, b) = ((of_a.as_str(), &*a.entries), (of_b.as_str(), &*b.entries));
        query.sort.compare(TYPE, a, b)
    });
    let count = query.page.count as usize;
    let total = (query.page.total == Total::Accurate || count == 0)
        .then(|| i64::try_from(found.len()).unwrap_or(i64::MAX));
    // They never change, so that a page goes on behind the last one's last.
    let start = query.page.after.as_ref().map_or(0, |after| {
        let last = found.iter().position(|form| id(form).as_str() == after.id);
        last.map_or(found.len(), |last| last + 1)
    });
    let left = &found[start..];
    let page = &left[..left.len().min(count)];
    let last = page.last().filter(|_| left.len() > count);
    let last = last.map(|form| After::number(0, id(form).to_string()));
    audit::searched(access, page.iter().map(|form| &form.row));
    let base = app.fhir_base();
    let url = format!("{base}/{TYPE}");
    let mut links = vec![("self", format!("{url}?{}", query.print()))];
    let next = pages.next(&query, last.as_ref())?;
    links.extend(next.map(|next| ("next", format!("{url}?{next}"))));
    let mut set = Searchset::new(&base, total, &links);
    for form in page {
        set.push(&query.shape.told(form.row.clone(), true)?, Mode::Match);
    }
    tell_ignored(&mut set, ignored);
    Ok(set.finish())
}
