//! What may be there although nobody here knows: what a try sent whose answer never came, and what no search by identifier
//! can tell.

use std::collections::{BTreeSet, HashMap};

use reqwest::Method;
use serde_json::Value;

use super::Push;
use crate::delivery::partner::bundle;
use crate::delivery::partner::page::next;
use crate::delivery::partner::remote::Ask;
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::fhir::resource::Key;
use crate::interaction::partner::packet::{Outgoing, Packet};
use crate::kap::Id;
use crate::mapping::exchange;
use crate::store::partner::link::Link;

/// Pages of one type that are looked through.
const PAGES: usize = 100;

/// The records of a packet by what identifies them.
type Own<'o> = HashMap<(String, String), &'o Outgoing>;

impl Push<'_> {
    /// Looks through what is there of the patient for what is not linked: after a try that may have been done, as a
    /// conditional create is only as good as the server's search by identifier, and always for types that it does not find by
    /// identifier. A type that cannot be looked through and that is known not to be found is not sent this time.
    pub(super) async fn recall(&mut self, packet: &Packet, doubt: bool) -> Result<(), Trouble> {
        let unfound = self.remote.app.sends.partners.unfound(self.remote.partner);
        let mut wanted: HashMap<String, Vec<&Outgoing>> = HashMap::new();
        for one in packet.records.iter().filter(|one| !one.theirs) {
            let kind = &*one.key().kind;
            let unsure = doubt || unfound.contains(kind) || !self.abilities.identifies(kind);
            if unsure
                && !self.links.contains_key(one.key())
                && self.abilities.creates(kind)
                && self.abilities.of_patient(kind).is_some()
            {
                wanted.entry(kind.to_owned()).or_default().push(one);
            }
        }
        if wanted.is_empty() || !self.abilities.identifies("Patient") {
            return Ok(());
        }
        let mut all = packet.records.iter().chain(packet.around.values());
        let Some(patient) = all.find(|one| &*one.key().kind == "Patient") else {
            return Ok(());
        };
        if !self.links.contains_key(patient.key())
            && !self.found(patient.key(), &patient.value).await?
        {
            // Nothing is there of somebody who is not.
            self.looked.extend(wanted.into_keys());
            return Ok(());
        }
        let there = self.links[patient.key()].there.clone();
        for (kind, all) in wanted {
            match self.look_through(&kind, &there, &all).await {
                Ok(()) => {
                    self.looked.insert(kind);
                }
                Err(trouble) if trouble.failure.is_of_one_question() => {
                    let (partner, code) = (&*self.remote.partner.id, trouble.failure.code());
                    tracing::warn!(
                        partner,
                        kind,
                        code,
                        "records there cannot be looked through"
                    );
                    // Where the server says that it finds them its word is taken, unless it is known better.
                    if unfound.contains(&kind) || !self.abilities.identifies(&kind) {
                        self.unseen.insert(kind);
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn look_through(
        &mut self,
        kind: &str,
        patient: &str,
        all: &[&Outgoing],
    ) -> Result<(), Trouble> {
        let here = self.remote.app.fhir_base();
        let named = |one: &Outgoing| exchange::identifier(one.key(), &one.value, &here);
        let own: Own<'_> = all.iter().map(|one| (named(one), *one)).collect();
        let met = self.all_of(kind, patient, &own).await?;
        let first = all.iter().find(|one| met.contains_key(one.key()));
        self.note(met.into_values().collect()).await?;
        if let Some(first) = first
            && self.abilities.identifies(kind)
        {
            // Whether it would have been found is worth a question, and no failure.
            let found = self.found(first.key(), &first.value).await;
            let (kept, partner) = (&self.remote.app.sends.partners, self.remote.partner);
            if matches!(found, Ok(false)) {
                let id = &*partner.id;
                tracing::warn!(
                    partner = id,
                    kind,
                    "records are not found there by identifier"
                );
            }
            if let Ok(found) = found {
                kept.keep_unfound(partner, kind, !found);
            }
        }
        Ok(())
    }

    /// What is there of the patient and is one of `own`.
    async fn all_of(
        &self,
        kind: &str,
        patient: &str,
        own: &Own<'_>,
    ) -> Result<HashMap<Key, Link>, Trouble> {
        let base = &self.remote.partner.base;
        let of = self.abilities.of_patient(kind).unwrap_or("patient");
        let mut url = format!("{base}/{kind}?{of}=Patient/{patient}&_count=100");
        let (mut seen, mut met) = (BTreeSet::new(), HashMap::new());
        while seen.len() < PAGES && seen.insert(url.clone()) {
            let reply = self.remote.call(Method::GET, &url, Ask::default()).await?;
            if reply.status != 200 {
                return Err(Trouble::refused(&reply));
            }
            if reply.body["resourceType"] != "Bundle" {
                return Err(Failure::NotFhir.trouble("a page of a search is no Bundle"));
            }
            let entries = reply.body["entry"].as_array().into_iter().flatten();
            for there in entries.map(|entry| &entry["resource"]) {
                meet(kind, there, own, &mut met)?;
            }
            let links = reply.body["link"].as_array().into_iter().flatten();
            let mut links = links.filter(|link| link["relation"] == "next");
            let Some(link) = links.find_map(|link| link["url"].as_str()) else {
                return Ok(met);
            };
            // A link that may not be followed is a fault of this search alone.
            let said = "a next page is of another server";
            url = next(base, link).map_err(|_| Failure::NotFhir.trouble(said))?;
        }
        Err(Failure::NotFhir.trouble("a search does not end"))
    }
}

/// Keeps a record there that is one of `own`.
///
/// # Errors
/// Where a second one is the same.
fn meet(
    kind: &str,
    there: &Value,
    own: &Own<'_>,
    met: &mut HashMap<Key, Link>,
) -> Result<(), Trouble> {
    let id = there["id"].as_str().and_then(Id::new);
    let (Some(id), true) = (id, there["resourceType"] == kind) else {
        return Ok(());
    };
    let identifiers = exchange::identifiers(there);
    let Some(one) = identifiers.iter().find_map(|named| own.get(named)) else {
        return Ok(());
    };
    let link = Link {
        key: one.key().clone(),
        there: id.as_str().into(),
        version: bundle::version("", there).into(),
        sent: "".into(),
        received: "".into(),
    };
    match met.insert(one.key().clone(), link) {
        // A page may give what another gave already.
        Some(old) if *old.there != *id.as_str() => {
            let text = format!("several records there are this {kind}");
            Err(Failure::Refused.trouble(&text))
        }
        _ => Ok(()),
    }
}
