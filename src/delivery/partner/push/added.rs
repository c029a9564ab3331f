//! What this side has to say of a record of theirs: it is added to what theirs says now, and takes nothing of it back.

use std::collections::HashMap;

use reqwest::Method;

use super::Push;
use crate::delivery::partner::bundle;
use crate::delivery::partner::remote::Ask;
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::fhir::merge::merge_text;
use crate::interaction::partner::packet::Outgoing;
use crate::mapping::exchange::{self, digest};
use crate::store::partner::link::Link;

impl Push<'_> {
    /// Adds to each of their records what was added here.
    pub(super) async fn added(&mut self, all: Vec<&Outgoing>) -> Result<(), Trouble> {
        let mut refused = None;
        for one in all {
            if let Err(trouble) = self.add(one).await {
                refused.get_or_insert(trouble);
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Adds to their record what was added here, where it does not say so already.
    async fn add(&mut self, one: &Outgoing) -> Result<(), Trouble> {
        let Some(link) = self.links.get(one.key()).cloned() else {
            return Ok(());
        };
        for last in [false, true] {
            let reply = self.read(&link).await?;
            let ours = self.entry(one, &HashMap::new())?.value();
            let whole = exchange::completed(&link.key.kind, &reply.body, &ours);
            let mut after = Link {
                version: bundle::version(&reply.etag, &reply.body).into(),
                sent: one.digest.as_str().into(),
                ..link.clone()
            };
            if digest(&whole) == digest(&reply.body) {
                return self.note(vec![after]).await;
            }
            self.noted(&[one]).await?;
            let text = merge_text(&reply.body, &whole, &reply.text);
            let (text, _) = text.map_err(|_| Failure::NotFhir.trouble("a record is no JSON"))?;
            let mut ask = Ask {
                body: Some(text),
                headers: vec![("prefer", "return=minimal")],
            };
            if !after.version.is_empty() {
                ask.headers.push(("if-match", &after.version));
            }
            let path = format!("{}/{}", link.key.kind, link.there);
            let reply = self.remote.at(Method::PUT, &path, ask).await?;
            if matches!(reply.status, 409 | 412) && !last {
                continue;
            }
            if !matches!(reply.status, 200 | 201) {
                return Err(Trouble::refused(&reply));
            }
            after.version = bundle::version(&reply.etag, &reply.body).into();
            return self.note(vec![after]).await;
        }
        Ok(())
    }
}
