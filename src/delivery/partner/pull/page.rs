//! Pages of a search (<https://hl7.org/fhir/R4/http.html#paging>).

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) entry: Vec<PageEntry>,
    #[serde(default)]
    pub(super) link: Vec<PageLink>,
}

#[derive(Deserialize)]
pub(super) struct PageEntry {
    pub(super) resource: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
pub(super) struct PageLink {
    pub(super) relation: String,
    pub(super) url: String,
}

/// Whether a URL is the base or below it: on a host that several share, the rest is of others.
pub(super) fn below(base: &url::Url, url: &url::Url) -> bool {
    let base = base.path();
    url.path().starts_with(base) || url.path() == base.trim_end_matches('/')
}
