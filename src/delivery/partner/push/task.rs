//! Where a referral stands: told to the other side.

use std::collections::HashMap;

use reqwest::Method;

use super::Push;
use crate::delivery::partner::bundle;
use crate::delivery::partner::remote::Ask;
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::interaction::partner::flows;
use crate::interaction::partner::packet::Outgoing;
use crate::mapping::exchange::{self, Flow, digest, moved, standing};
use crate::store::partner::link::Link;

impl Push<'_> {
    /// Moves their Task as ours moved, unless theirs moved meanwhile: then that is fetched first.
    pub(super) async fn task(&mut self, one: &Outgoing) -> Result<(), Trouble> {
        let Some(link) = self.links.get(one.key()).cloned() else {
            return Ok(());
        };
        let organization = self
            .access
            .caller()
            .map(|c| format!("Organization/{}", c.organization));
        let owner = one.value["owner"]["reference"].as_str().map(str::to_owned);
        // Of a step that is the partner's, we tell nobody but who asked.
        if (organization == owner) != exchange::is_of_requester(&one.value) {
            return Ok(());
        }
        let ours = standing(&one.value);
        let mark = digest(&ours);
        if *link.sent == *mark || *link.received == *mark {
            return Ok(());
        }
        let reply = self.read(&link).await?;
        let theirs = standing(&reply.body);
        let version = bundle::version(&reply.etag, &reply.body);
        let mut after = Link {
            sent: mark.as_str().into(),
            version: version.as_str().into(),
            ..link.clone()
        };
        if theirs == ours {
            return self.note(vec![after]).await;
        }
        let seen = [&*link.sent, &*link.received].contains(&&*digest(&theirs));
        let first = link.sent.is_empty() && link.received.is_empty();
        if !seen && !first && flows(&self.remote.partner.receives).contains(&Flow::Referral) {
            return Err(Failure::Stale.trouble("the Task moved there: it is fetched first"));
        }
        self.noted(&[one]).await?;
        let mut named = self.entry(one, &HashMap::new())?.value();
        if one.value["lastModified"].is_string() {
            named["lastModified"] = one.value["lastModified"].clone();
        }
        let body = moved(&reply.body, &named).to_string();
        let mut ask = Ask {
            body: Some(body),
            headers: vec![("prefer", "return=minimal")],
        };
        if !version.is_empty() {
            ask.headers.push(("if-match", &version));
        }
        let path = format!("Task/{}", link.there);
        let reply = self.remote.at(Method::PUT, &path, ask).await?;
        if !matches!(reply.status, 200 | 201) {
            return Err(Trouble::refused(&reply));
        }
        after.version = bundle::version(&reply.etag, &reply.body).into();
        self.note(vec![after]).await
    }
}
