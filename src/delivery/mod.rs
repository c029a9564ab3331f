//! What leaves the service other than in an answer: files of exports, and notifications of subscriptions.
//!
//! Knows how a call is made, signed and judged. What is told to whom is decided in `interaction::subscription`; each
//! notification is asked for there, under what its subscriber may see at that moment.

mod backoff;
pub mod courier;
pub mod files;
mod hosts;
pub mod partner;
mod send;
pub mod settle;
pub mod signature;

use std::sync::OnceLock;

use tokio::sync::Notify;
use url::Url;

use crate::error::Result;
use crate::net::{self, Lookup, PlainHttp, guard, is_here};
use hosts::Hosts;

/// What notifications are sent with.
#[derive(Debug, Default)]
pub struct Sends {
    /// Set where endpoints may be on this machine, over plain HTTP and without being registered: a demonstration.
    local: OnceLock<()>,
    http: OnceLock<reqwest::Client>,
    sequencer: Notify,
    courier: Notify,
    partner: Notify,
    hosts: Hosts,
    partners: partner::Kept,
}

impl Sends {
    /// Lets endpoints be on this machine. For a demonstration and for tests: a client could reach whatever listens there.
    pub fn allow_local(&self) {
        self.local.get_or_init(|| ());
    }

    fn plain(&self) -> PlainHttp {
        match self.local.get() {
            Some(()) => PlainHttp::Loopback,
            None => PlainHttp::Never,
        }
    }

    /// Whether the URL is on this machine and that is allowed.
    #[must_use]
    pub fn is_local(&self, url: &Url) -> bool {
        self.local.get().is_some() && is_here(url)
    }

    /// The URL, where it may be called.
    ///
    /// # Errors
    /// Why it may not.
    pub fn judge(&self, url: &str) -> std::result::Result<Url, &'static str> {
        guard(url, self.plain())
    }

    fn http(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let client = net::client(self.plain(), Lookup::system())?;
        Ok(self.http.get_or_init(|| client))
    }

    /// So many happenings were put into the outbox.
    pub fn put(&self, happenings: usize) {
        if happenings > 0 {
            self.wake_sequencer();
        }
    }

    /// Something was put into the outbox.
    pub fn wake_sequencer(&self) {
        self.sequencer.notify_one();
    }

    /// An episode was changed: partners may have to be told.
    pub fn wake_partners(&self) {
        self.partner.notify_one();
    }

    /// Something may be sent.
    pub fn wake_courier(&self) {
        self.courier.notify_one();
    }
}
