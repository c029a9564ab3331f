//! Pages of a search (<https://hl7.org/fhir/R4/http.html#paging>).

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::trouble::{Failure, Trouble};

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

/// The URL of a next page: it is of the same server, and below its base.
pub(super) fn next(base: &str, link: &str) -> Result<String, Trouble> {
    let base = Url::parse(&format!("{base}/")).ok();
    let url = base.as_ref().and_then(|base| base.join(link).ok());
    match (base, url) {
        (Some(base), Some(url)) if base.origin() == url.origin() && below(&base, &url) => {
            Ok(url.into())
        }
        _ => Err(Failure::Blocked.trouble("a next page is of another server")),
    }
}

/// Whether a URL is the base or below it: on a host that several share, the rest is of others.
fn below(base: &Url, url: &Url) -> bool {
    let base = base.path();
    url.path().starts_with(base) || url.path() == base.trim_end_matches('/')
}
