//! The calls by which records are sent: together where the server has transactions, else and after a refusal one by one.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::json;

use super::Push;
use crate::delivery::partner::bundle::{self, Entry};
use crate::delivery::partner::remote::Ask;
use crate::delivery::partner::trouble::{Failure, Trouble};
use crate::fhir::resource::Key;
use crate::interaction::partner::packet::{Outgoing, named};
use crate::mapping::exchange::{self, digest, is_sent_once, is_shared};
use crate::store::partner::link::Link;

/// Entries of a transaction at most.
const MOST: usize = 150;
/// So many records of a type that the server breaks down at, and no more of it are sent.
const BREAKS: usize = 2;
/// So many of whatever type, while none is taken, and the server is down.
const DOWN: usize = 6;

/// Whether it is about what was sent: another record may be taken.
const fn is_refused(trouble: &Trouble) -> bool {
    matches!(trouble.failure, Failure::Refused | Failure::Stale)
}

/// Whether the server breaks down at it, or lets nobody write it: another record may be taken.
const fn is_broken(trouble: &Trouble) -> bool {
    matches!(trouble.failure, Failure::Broken | Failure::Unauthorized)
}

/// What is noted of a record that was sent while some that it names are not there.
fn lacking(one: &Outgoing, lacks: &[Key]) -> String {
    let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
    digest(&json!([one.digest, lacks]))
}

impl Push<'_> {
    /// Sends these; those that were there already, as they may have been then, are given back.
    pub(super) async fn all<'o>(
        &mut self,
        mut all: Vec<&'o Outgoing>,
    ) -> Result<Vec<&'o Outgoing>, Trouble> {
        all.sort_by_key(|one| exchange::rank(&one.key().kind));
        let new: Vec<&Outgoing> = all
            .iter()
            .copied()
            .filter(|one| !self.links.contains_key(one.key()))
            .collect();
        if self.abilities.transaction && !self.may_part() {
            for some in all.chunks(MOST) {
                self.together(some).await?;
            }
        } else if self.abilities.transaction && !self.singly {
            for some in all.chunks(MOST) {
                if !self.missing.is_empty() {
                    self.apart(some).await?;
                    continue;
                }
                match self.together(some).await {
                    // What is refused of it keeps the rest from nobody.
                    Err(trouble) if is_refused(&trouble) => self.apart(some).await?,
                    done => done?,
                }
            }
        } else {
            self.apart(&all).await?;
        }
        let stays = |one: &&Outgoing| {
            let link = self.links.get(one.key());
            link.is_some_and(|link| link.sent.is_empty()) && !is_sent_once(&one.key().kind)
        };
        Ok(new.into_iter().filter(stays).collect())
    }

    /// Keeps the first refusal, so that what follows is sent all the same.
    pub(super) fn unless_refused<T>(
        &mut self,
        done: Result<T, Trouble>,
    ) -> Result<Option<T>, Trouble> {
        match done {
            Err(trouble) if is_refused(&trouble) => {
                self.refused.get_or_insert(trouble);
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    /// Whether records may come one by one: a service of this kind opens an episode with all of its first packet.
    fn may_part(&self) -> bool {
        let referred = |key: &Key| &*key.kind == "ServiceRequest";
        !self.abilities.is_alike || self.links.keys().any(referred)
    }

    /// Sends records one by one; what is refused, or broken down at, holds no other up but what cannot be without it.
    async fn apart(&mut self, all: &[&Outgoing]) -> Result<(), Trouble> {
        let (mut broken, mut taken) = (HashMap::<&str, usize>::new(), 0);
        for one in all {
            let (key, kind) = (one.key(), &*one.key().kind);
            let lacks = self.lacks(one);
            let rests = |of: &Key| {
                &*of.kind == "Patient" || (is_shared(kind) && &*of.kind == "ServiceRequest")
            };
            let too_often = broken.get(kind).is_some_and(|n| *n == BREAKS);
            if too_often || lacks.iter().any(rests) || (!lacks.is_empty() && is_sent_once(kind)) {
                self.missing.insert(key.clone());
                continue;
            }
            let mark = lacking(one, &lacks);
            if self.links.get(key).is_some_and(|link| *link.sent == *mark) {
                // As far as it can be it is there.
                continue;
            }
            let done = if self.abilities.transaction {
                self.together(&[one]).await
            } else {
                self.alone(one).await
            };
            match done {
                Ok(()) => taken += 1,
                Err(trouble) if is_refused(&trouble) => {
                    self.refused.get_or_insert(trouble);
                }
                Err(trouble) if self.singly && is_broken(&trouble) => {
                    *broken.entry(kind).or_default() += 1;
                    if taken == 0 && broken.values().sum::<usize>() == DOWN {
                        return Err(trouble);
                    }
                    self.refused.get_or_insert(trouble);
                }
                Err(trouble) => return Err(trouble),
            }
            match self.links.get(key).cloned() {
                None => {
                    self.missing.insert(key.clone());
                }
                // It names something by an identifier that is to be there: it is written over then.
                Some(link)
                    if !lacks.is_empty() && !is_shared(kind) && !self.is_drawn_up_there(one) =>
                {
                    let sent = mark.into();
                    self.note(vec![Link { sent, ..link }]).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What a record names that is not there because it was refused.
    fn lacks(&self, one: &Outgoing) -> Vec<Key> {
        let names = named(self.remote.app, one).into_iter();
        names.filter(|key| self.missing.contains(key)).collect()
    }

    /// Sends records as one transaction (<https://hl7.org/fhir/R4/http.html#transaction>).
    async fn together(&mut self, some: &[&Outgoing]) -> Result<(), Trouble> {
        if some.is_empty() {
            return Ok(());
        }
        self.noted(some).await?;
        let mut some = some.to_vec();
        let here = self.remote.app.fhir_base();
        let new = some
            .iter()
            .filter(|one| !self.links.contains_key(one.key()));
        let name = |key: &Key| bundle::name(&here, key, self.abilities.is_alike);
        let names = new
            .map(|one| (one.key().clone(), name(one.key())))
            .collect();
        for last in [false, true] {
            let entries: Result<Vec<Entry>, Trouble> =
                some.iter().map(|one| self.entry(one, &names)).collect();
            let body = bundle::transaction(&entries?, &self.remote.partner.base);
            let ask = Ask {
                body: Some(body),
                headers: vec![("prefer", "return=minimal")],
            };
            let reply = self.remote.at(Method::POST, "", ask).await?;
            if matches!(reply.status, 409 | 412) && !last {
                self.refresh(&some).await?;
                some.retain(|one| !self.is_drawn_up_there(one));
                if some.is_empty() {
                    return Ok(());
                }
                continue;
            }
            if reply.status != 200 {
                return Err(Trouble::refused(&reply));
            }
            let done = bundle::done(&reply.body);
            if done.len() != some.len() {
                return Err(Failure::NotFhir.trouble("the transaction-response has other entries"));
            }
            let mut links = vec![];
            for (one, done) in some.iter().zip(done) {
                let old = self.links.get(one.key()).map(|l| l.there.to_string());
                let there = done.id.or(old);
                let there = there.ok_or_else(|| {
                    Failure::NotFhir.trouble("the transaction-response has no location")
                })?;
                let existed = !self.links.contains_key(one.key()) && !done.is_new;
                links.push(self.sent(one, there, done.version, existed));
            }
            return self.note(links).await;
        }
        Ok(())
    }

    /// Sends one record by itself.
    async fn alone(&mut self, one: &Outgoing) -> Result<(), Trouble> {
        self.noted(&[one]).await?;
        let kind = one.key().kind.clone();
        for last in [false, true] {
            let entry = self.entry(one, &HashMap::new())?;
            let unless = entry.unless.as_ref().map(|(s, v)| bundle::criteria(s, v));
            let mut ask = Ask {
                body: Some(entry.text_there()),
                headers: vec![("prefer", "return=minimal")],
            };
            let reply = if let Some((there, version)) = &entry.there {
                if !version.is_empty() {
                    ask.headers.push(("if-match", version));
                }
                let path = format!("{kind}/{there}");
                self.remote.at(Method::PUT, &path, ask).await?
            } else {
                if let Some(unless) = &unless {
                    ask.headers.push(("if-none-exist", unless));
                }
                self.remote.at(Method::POST, &kind, ask).await?
            };
            if matches!(reply.status, 409 | 412) && !last {
                self.refresh(&[one]).await?;
                continue;
            }
            if !matches!(reply.status, 200 | 201) {
                return Err(Trouble::refused(&reply));
            }
            let old = entry.there.map(|(there, _)| there.to_string());
            let (id, version) = bundle::placed(&reply.location, &reply.etag, &kind, &reply.body);
            let there = id.or(old);
            let there = there.ok_or_else(|| Failure::NotFhir.trouble("no Location"))?;
            let existed = !self.links.contains_key(one.key()) && reply.status == 200;
            let link = self.sent(one, there, version, existed);
            return self.note(vec![link]).await;
        }
        Ok(())
    }
}
