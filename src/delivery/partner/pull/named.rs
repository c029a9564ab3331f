//! What the records that a record of theirs names are here.

use std::collections::HashMap;

use reqwest::Method;

use super::{DEPTH, Pull, TAKEN_ALONG, Theirs, news};
use crate::delivery::partner::bundle;
use crate::delivery::partner::remote::Ask;
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::fhir::resource::Key;
use crate::interaction::partner::receive::{self, Received};
use crate::mapping::exchange;
use crate::store::partner::link::{self, Link};

/// Records that one record may name.
const MOST: usize = 100;

impl Pull<'_> {
    /// A record of theirs with its references as they are here.
    pub(super) async fn received(
        &mut self,
        theirs: &Theirs<'_>,
    ) -> Result<crate::error::Result<Received>, Trouble> {
        let base = self.remote.partner.base.clone();
        if exchange::named(theirs.value, &base).len() > MOST {
            let text = format!("It names more than {MOST} records.");
            return Ok(Err(crate::error::Error::new(
                crate::error::Kind::TooLarge,
                text,
            )));
        }
        let mut found: HashMap<(String, String), Key> = HashMap::new();
        for key in exchange::named(theirs.value, &base) {
            if let Some(here) = self.here(&key.kind, key.id.as_str()).await? {
                found.insert((key.kind.to_string(), key.id.to_string()), here);
            }
        }
        let mut find = |kind: &str, id: &str| found.get(&(kind.to_owned(), id.to_owned())).cloned();
        let text = exchange::incoming((theirs.kind, theirs.id), theirs.text, &base, &mut find);
        let broken = || crate::error::Error::new(crate::error::Kind::Invalid, "It is no JSON.");
        Ok(text.ok_or_else(broken).map(|text| Received {
            kind: theirs.kind.to_owned(),
            there: theirs.id.to_owned(),
            text,
        }))
    }

    /// What a record there is here; people whom nobody knows here are taken in.
    pub(super) async fn here(&mut self, kind: &str, id: &str) -> Result<Option<Key>, Trouble> {
        let place = (kind.to_owned(), id.to_owned());
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        let (app, partner) = (self.remote.app, self.remote.partner);
        let link = app.store.linked(&app.tenant, &partner.id, kind, id).await?;
        let key = match link {
            Some(link) => Some(link.key),
            None if self.depth < DEPTH => {
                self.depth += 1;
                let found = Box::pin(self.looked_up(kind, id)).await;
                self.depth -= 1;
                found?
            }
            // It was too far away this time.
            None => return Ok(None),
        };
        self.known.insert(place, key.clone());
        Ok(key)
    }

    async fn looked_up(&mut self, kind: &str, id: &str) -> Result<Option<Key>, Trouble> {
        let (app, partner) = (self.remote.app, self.remote.partner);
        let path = format!("{kind}/{id}");
        let reply = match self.remote.at(Method::GET, &path, Ask::default()).await {
            Ok(reply) => reply,
            // What may not be read there is not known here; what could not be read for now may be whose a record is.
            Err(trouble)
                if trouble.failure.is_of_one_question()
                    && (kind != "Patient" || trouble.failure == Failure::Unauthorized) =>
            {
                return Ok(None);
            }
            Err(trouble) => return Err(trouble),
        };
        if reply.status != 200 {
            return Ok(None);
        }
        let known = receive::known(app, self.access, kind, &reply.body).await?;
        let key = match known {
            Some(key) => Some(key),
            None if TAKEN_ALONG.contains(&kind) => {
                let theirs = Theirs {
                    kind,
                    id,
                    text: &reply.text,
                    value: &reply.body,
                };
                let taken = match self.received(&theirs).await? {
                    Ok(one) => receive::take(app, self.access, partner, &one, None).await,
                    Err(error) => Err(error),
                };
                match taken {
                    Ok(taken) => taken.map(receive::Taken::key),
                    Err(error) if receive::is_refused(&error) => None,
                    Err(error) => return Err(error.into()),
                }
            }
            None => None,
        };
        if let Some(key) = &key {
            let link = Link {
                key: key.clone(),
                there: id.into(),
                version: bundle::version(&reply.etag, &reply.body).into(),
                sent: "".into(),
                received: news(kind, &reply.body).into(),
            };
            let step = link::put(&app.tenant, &partner.id, &link);
            let _ = app.store.write("partner links", vec![step]).await?;
        }
        Ok(key)
    }
}
