//! What may be there although nobody here knows: a try whose answer never came.

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

impl Push<'_> {
    /// Looks through what is there of the patient for what may have been sent before: some servers say that they find a type's
    /// records by identifier and do not, and a conditional create makes a second one there.
    pub(super) async fn recall(&mut self, packet: &Packet) -> Result<(), Trouble> {
        let mut wanted: HashMap<String, Vec<&Outgoing>> = HashMap::new();
        for one in packet.records.iter().filter(|one| !one.theirs) {
            let kind = &*one.key().kind;
            if !self.links.contains_key(one.key())
                && kind != "Patient"
                && self.abilities.can(kind, "search-type")
                && self.abilities.finds(kind, "patient")
            {
                wanted.entry(kind.to_owned()).or_default().push(one);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let patient = packet
            .records
            .iter()
            .find(|one| &*one.key().kind == "Patient");
        let Some(patient) = patient else {
            return Ok(());
        };
        if !self.links.contains_key(patient.key())
            && !self.found(patient.key(), &patient.value).await?
        {
            return Ok(());
        }
        let there = self.links[patient.key()].there.clone();
        for (kind, all) in wanted {
            self.look_through(&kind, &there, &all).await?;
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
        let own: HashMap<(String, String), &Outgoing> = all
            .iter()
            .map(|one| (exchange::identifier(one.key(), &one.value, &here), *one))
            .collect();
        let base = self.remote.partner.base.clone();
        let mut url = format!("{base}/{kind}?patient={patient}&_count=100");
        let mut seen = BTreeSet::new();
        let mut met: HashMap<Key, Link> = HashMap::new();
        for _ in 0..PAGES {
            let reply = self.remote.call(Method::GET, &url, Ask::default()).await?;
            if reply.status != 200 {
                return Err(Trouble::refused(&reply));
            }
            let entries = reply.body["entry"].as_array().into_iter().flatten();
            for there in entries.map(|entry| &entry["resource"]) {
                meet(kind, there, &own, &mut met)?;
            }
            let links = reply.body["link"].as_array().into_iter().flatten();
            let mut links = links.filter(|link| link["relation"] == "next");
            let Some(link) = links.find_map(|link| link["url"].as_str()) else {
                break;
            };
            url = next(&base, link)?;
            if !seen.insert(url.clone()) {
                return Err(Failure::NotFhir.trouble("a search leads in a circle"));
            }
        }
        let Some(first) = met.keys().next().cloned() else {
            return Ok(());
        };
        let value = all
            .iter()
            .find(|one| *one.key() == first)
            .map(|one| &one.value);
        if let Some(value) = value
            && !self.found(&first, value).await?
        {
            let partner = self.remote.partner;
            tracing::warn!(
                partner = &*partner.id,
                kind,
                "records are not found there by identifier"
            );
            self.remote.app.sends.partners.keep_unfound(partner, kind);
        }
        self.note(met.into_values().collect()).await
    }
}

/// Keeps a record there that is one of `own`.
///
/// # Errors
/// Where a second one is the same.
fn meet(
    kind: &str,
    there: &Value,
    own: &HashMap<(String, String), &Outgoing>,
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
    if met.insert(one.key().clone(), link).is_some() {
        let text = format!("several records there are this {kind}");
        return Err(Failure::Refused.trouble(&text));
    }
    Ok(())
}
