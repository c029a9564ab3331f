//! What records are in a partner's system: found by their identifiers, and read.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::Push;
use crate::delivery::partner::bundle::{self, Found};
use crate::delivery::partner::remote::{Ask, Reply};
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::fhir::resource::Key;
use crate::interaction::partner::packet::{Outgoing, Packet, named};
use crate::mapping::exchange;
use crate::store::partner::link::Link;

impl Push<'_> {
    /// Finds there what the records name and what is not sent with them: the organizations, and what the partner wrote. What
    /// of it has to be sent with them is an organization of neither side that is not known there.
    pub(super) async fn look_around<'p>(
        &mut self,
        packet: &'p Packet,
        fresh: &[&Outgoing],
        changed: &[&Outgoing],
    ) -> Result<Vec<&'p Outgoing>, Trouble> {
        let mut outside = vec![];
        let app = self.remote.app;
        let of = fresh.iter().chain(changed);
        let names: BTreeSet<Key> = of.flat_map(|one| named(app, one)).collect();
        for key in names {
            let Some(one) = packet.around.get(&key) else {
                continue;
            };
            if self.links.contains_key(&key) || self.found(&key, &one.value).await? {
                continue;
            }
            let kind = &*key.kind;
            if kind == "Organization"
                && exchange::is_outside(&one.value)
                && self.abilities.creates(kind)
            {
                outside.push(one);
            }
        }
        Ok(outside)
    }

    /// Looks for a record by its identifiers; whether one record there is it.
    pub(super) async fn found(&mut self, key: &Key, value: &Value) -> Result<bool, Trouble> {
        let kind = &*key.kind;
        if !self.abilities.identifies(kind) {
            return Ok(false);
        }
        let here = self.remote.app.fhir_base();
        let mut all = vec![exchange::identifier(key, value, &here)];
        all.extend(exchange::identifiers(value));
        all.dedup();
        for (system, named) in all {
            // What came from there is known by its address there.
            let own = exchange::address(&system, &named, &self.remote.partner.base);
            let path = match own.filter(|own| *own.kind == *kind) {
                Some(own) => format!("{kind}?_id={}", own.id),
                None => format!("{kind}?{}", bundle::criteria(&system, &named)),
            };
            let reply = self.remote.at(Method::GET, &path, Ask::default()).await?;
            if reply.status != 200 {
                return Err(Trouble::refused(&reply));
            }
            let own = (system, named);
            let born = |r: &Value| kind != "Patient" || r["birthDate"] == value["birthDate"];
            let is_it = |r: &Value| {
                let address = exchange::address(&own.0, &own.1, &self.remote.partner.base);
                let here = address.is_some_and(|key| r["id"] == key.id.as_str());
                born(r) && (here || exchange::identifiers(r).contains(&own))
            };
            match bundle::found(&reply.body, kind, is_it) {
                Found::Nothing => {}
                Found::Several => {
                    let text = format!("several records there are this {kind}");
                    return Err(Failure::Refused.trouble(&text));
                }
                Found::One(there, version) => {
                    let link = Link {
                        key: key.clone(),
                        there: there.into(),
                        version: version.into(),
                        sent: "".into(),
                        received: "".into(),
                    };
                    self.note(vec![link]).await?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Reads the versions that the server has of these records now: what is ours is written over whatever became of it.
    pub(super) async fn refresh(&mut self, some: &[&Outgoing]) -> Result<(), Trouble> {
        let mut links = vec![];
        for one in some {
            if let Some(link) = self.links.get(one.key()).cloned() {
                let reply = self.read(&link).await?;
                let version = bundle::version(&reply.etag, &reply.body).into();
                let url = reply.body["content"][0]["attachment"]["url"].as_str();
                let own = url.is_none_or(|url| !url.starts_with(&self.remote.app.fhir_base()));
                let sent = if own && self.draws_up(one) {
                    // The other side drew its own up since.
                    "".into()
                } else {
                    link.sent
                };
                links.push(Link {
                    version,
                    sent,
                    ..link
                });
            }
        }
        self.note(links).await
    }

    /// Reads a record there.
    pub(super) async fn read(&self, link: &Link) -> Result<Reply, Trouble> {
        let path = format!("{}/{}", link.key.kind, link.there);
        let reply = self.remote.at(Method::GET, &path, Ask::default()).await?;
        if reply.status == 200 {
            Ok(reply)
        } else {
            Err(Trouble::refused(&reply))
        }
    }
}
