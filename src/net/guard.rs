//! Which URLs of others this service will call.

use std::net::IpAddr;

use url::{Host, Url};

use super::PlainHttp;
use super::address::{is_loopback, is_public};

/// Longest URL that is called.
const MAX_BYTES: usize = 2048;

/// Checks a URL before it is registered and before each call.
pub(crate) fn guard(text: &str, plain: PlainHttp) -> Result<Url, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("The URL is longer than 2048 bytes.");
    }
    let url = Url::parse(text).map_err(|_| "The URL is not absolute.")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("The URL must have no user, password or fragment.");
    }
    // Judged after parsing: `0x7f.1` and `127.1` are other spellings of 127.0.0.1.
    let host = url.host().ok_or("The URL must have a host.")?;
    if matches!(host, Host::Domain(name) if name.ends_with('.')) {
        return Err("The URL's host must not end in a dot.");
    }
    let (here, public) = place(&host);
    match (url.scheme(), plain) {
        ("https", PlainHttp::Never) if public => Ok(url),
        ("https", PlainHttp::Loopback) if here || public => Ok(url),
        ("http", PlainHttp::Loopback) if here => Ok(url),
        ("https", _) => Err("The URL must not name a private, local or reserved address."),
        _ => Err("The URL must be https."),
    }
}

/// Whether the URL's host is this machine.
pub(super) fn is_here(url: &Url) -> bool {
    url.host().is_some_and(|host| place(&host).0)
}

/// Whether the host is this machine, and whether it may be of the public Internet: for a name, as far as it tells.
fn place(host: &Host<&str>) -> (bool, bool) {
    let of = |ip: IpAddr| (is_loopback(ip), is_public(ip));
    match *host {
        Host::Domain(name) => (is_local_name(name), !is_local_name(name)),
        Host::Ipv4(ip) => of(ip.into()),
        Host::Ipv6(ip) => of(ip.into()),
    }
}

/// Whether the name is of this machine by convention (RFC 6761 §6.3).
pub(super) fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
