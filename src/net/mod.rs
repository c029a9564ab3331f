//! Calls to others: which URLs and addresses this service will call, so that nobody can make it call its own network.
//!
//! Two fences, because each has a gap that the other closes: the URL's host is judged before a call (`guard`; an
//! address in a URL never meets a resolver), and so is each address that a name leads to (`client`; the connection is
//! made to the very addresses that were judged, so a name that changes its mind in between gains nothing).

mod address;
mod guard;
mod resolver;

use std::time::Duration;

pub(crate) use guard::guard;
pub(crate) use resolver::Lookup;

use crate::error::{Error, Result};

/// Whether plain HTTP is ever good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// HTTPS only.
    #[default]
    Never,
    /// Plain HTTP to this machine, for a demonstration.
    Loopback,
}

/// An HTTP client that follows no redirect, heeds no proxy and reaches only addresses that may be called. The URL itself
/// must have passed [`guard`].
pub(crate) fn client(plain: PlainHttp, lookup: Lookup) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(5))
        .dns_resolver(resolver::Filtered::new(plain, lookup))
        .build()
        .map_err(Error::internal)
}

/// An HTTP client for a store of the operator's own choice, which may well be in a private network: it follows no redirect and
/// waits for each piece of an answer as long as `silent` says.
pub(crate) fn store(silent: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(3).min(silent))
        .read_timeout(silent)
        .build()
        .map_err(Error::internal)
}

/// Whether the URL's host is this machine.
pub(crate) fn is_here(url: &url::Url) -> bool {
    guard::is_here(url)
}

/// What the resolver says of a name that leads where nothing is called.
pub(crate) const REFUSED: &str = "the name leads to a private, local or reserved address";

/// Why a call failed, with what was below it; without the URL. For the log.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut below = std::error::Error::source(&error);
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}
