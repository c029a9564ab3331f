//! Names to addresses, with the addresses judged before anything connects to them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::PlainHttp;
use super::address::{is_loopback, is_public};
use super::guard::is_local_name;

type Ask = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// What knows the addresses of a name.
#[derive(Clone)]
pub(crate) struct Lookup(Arc<Ask>);

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup")
    }
}

impl Lookup {
    /// The resolver of the system.
    pub(crate) fn system() -> Self {
        Self(Arc::new(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        }))
    }

    /// A resolver that answers each name as `answer` says.
    #[cfg(test)]
    pub(crate) fn told(answer: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |name| {
            let found = answer(&name);
            Box::pin(async move { Ok(found) })
        }))
    }
}

/// A resolver that refuses a name of which any address must not be called: mixed answers are a trick.
pub(super) struct Filtered {
    plain: PlainHttp,
    lookup: Lookup,
}

impl Filtered {
    pub(super) fn new(plain: PlainHttp, lookup: Lookup) -> Self {
        Self { plain, lookup }
    }
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let may = judge(&name, self.plain);
        let found = (self.lookup.0)(name);
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() || !found.iter().all(|ip| may(*ip)) {
                return Err(super::REFUSED.into());
            }
            // The port is the URL's.
            let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Which addresses `name` may have.
fn judge(name: &str, plain: PlainHttp) -> fn(IpAddr) -> bool {
    if plain == PlainHttp::Loopback && is_local_name(name) {
        is_loopback
    } else {
        is_public
    }
}

#[cfg(test)]
mod tests;
