//! Sends an episode to a partner's server: what is new as creates that create nothing twice, what changed over what it has,
//! in one transaction where the server has transactions.

mod added;
mod call;
mod doubt;
mod known;
mod sorted;
mod task;

use std::collections::{BTreeSet, HashMap, HashSet};

use self::sorted::Sorted;
use super::ability::Abilities;
use super::bundle::Entry;
use super::remote::Remote;
use super::trouble::{Failure, Trouble};
use crate::access::Access;
use crate::fhir::resource::Key;
use crate::interaction::partner::packet::{Outgoing, Packet, named, noted, packet};
use crate::mapping::exchange::{self, digest, is_sent_once, is_shared, standing};
use crate::store::partner as rows;
use crate::store::partner::link::{self, Link};
use crate::store::partner::work::Work;

/// Types without which nothing was told.
const NEEDED: &[&str] = &["Patient", "ServiceRequest", "Task"];

/// What became of sending.
#[derive(Debug)]
pub(super) struct Pushed {
    /// The version of the episode up to which everything was sent.
    pub(super) version: i64,
    /// What the server has no place for.
    pub(super) said: String,
    /// Whether anything was looked at: else what was in doubt is.
    pub(super) told: bool,
}

/// Sends what of the episode was not sent yet; `None` where the partner sees nothing of it.
pub(super) async fn push(
    remote: &Remote<'_>,
    access: &Access,
    work: &Work,
) -> Result<Option<Pushed>, Trouble> {
    let packet = packet(remote.app, access, remote.partner, &work.episode).await?;
    let Some(packet) = packet else {
        return Ok(None);
    };
    if packet.records.is_empty() {
        return Ok(Some(Pushed {
            version: packet.version,
            said: String::new(),
            told: false,
        }));
    }
    let abilities = remote.abilities().await?;
    let mut push = Push::of(remote, access, abilities, &packet).await?;
    push.singly =
        [Failure::Broken.code(), Failure::Unauthorized.code()].contains(&&*work.standing.reason);
    // A service of this kind finds what identifies a record.
    if !push.abilities.is_alike {
        push.recall(&packet, work.in_doubt).await?;
    }
    push.send(&packet).await?;
    if let Some(kind) = NEEDED.iter().find(|kind| push.placeless.contains(**kind)) {
        return Err(Failure::Refused.trouble(&format!("its statement has no place for {kind}")));
    }
    let unfound = remote.app.sends.partners.unfound(remote.partner);
    let said = [
        ("not taken there", &push.placeless),
        ("not found there by identifier", &unfound),
    ];
    let said = said.into_iter().filter(|(_, kinds)| !kinds.is_empty());
    let said = said.map(|(what, kinds)| {
        let kinds: Vec<&str> = kinds.iter().map(|kind| &**kind).collect();
        format!("{what}: {}", kinds.join(" "))
    });
    Ok(Some(Pushed {
        version: packet.version,
        said: said.collect::<Vec<_>>().join("; "),
        told: true,
    }))
}

/// Records that nothing is known of.
#[derive(Default)]
struct Met<'o> {
    unknown: Vec<&'o Outgoing>,
    /// They are there.
    tasks: Vec<&'o Outgoing>,
    changed: Vec<&'o Outgoing>,
}

struct Push<'a> {
    remote: &'a Remote<'a>,
    access: &'a Access,
    abilities: Abilities,
    links: HashMap<Key, Link>,
    placeless: BTreeSet<String>,
    /// Types of which it is known what is there of the patient.
    looked: BTreeSet<String>,
    /// Types of which it is not, and which are not found by identifier.
    unseen: BTreeSet<String>,
    /// Whether the server broke down at all of it together the last time.
    singly: bool,
    /// What was first refused, while the rest goes on.
    refused: Option<Trouble>,
    /// What is not there because of that.
    missing: HashSet<Key>,
}

impl<'a> Push<'a> {
    async fn of(
        remote: &'a Remote<'a>,
        access: &'a Access,
        abilities: Abilities,
        packet: &Packet,
    ) -> Result<Self, Trouble> {
        let sent = packet.records.iter().map(|one| one.key().clone());
        let keys: Vec<Key> = sent.chain(packet.around.keys().cloned()).collect();
        let (app, partner) = (remote.app, &remote.partner.id);
        let links = app.store.links(&app.tenant, partner, &keys).await?;
        Ok(Self {
            remote,
            access,
            abilities,
            links,
            placeless: BTreeSet::new(),
            looked: BTreeSet::new(),
            unseen: BTreeSet::new(),
            singly: false,
            refused: None,
            missing: HashSet::new(),
        })
    }

    /// Sends everything; where a course was held or ended is told last, and whatever else was refused.
    async fn send(&mut self, packet: &Packet) -> Result<(), Trouble> {
        let mut sorted = self.sorted(packet).await?;
        let mut courses = std::mem::take(&mut sorted.courses);
        let done = self.records(packet, sorted).await;
        // One that was there already, from a try whose answer was lost, may be behind.
        let behind = |one: &&Outgoing| {
            let link = self.links.get(one.key());
            &*one.key().kind == "EpisodeOfCare" && link.is_some_and(|l| l.sent.is_empty())
        };
        // An episode has one course: told once.
        if self.abilities.is_alike && courses.is_empty() {
            courses.extend(packet.records.iter().filter(behind));
        }
        let told = self.added(courses).await;
        done.and(told)
    }

    /// What of these is to be made there, and what is there already.
    async fn looked_for<'o>(&mut self, fresh: Vec<&'o Outgoing>) -> Result<Met<'o>, Trouble> {
        let mut out = Met::default();
        for one in fresh {
            let kind = &*one.key().kind;
            let once = self.abilities.creates_once(kind);
            let known = self.abilities.identifies(kind) || self.looked.contains(kind);
            if self.unseen.contains(kind) {
                continue;
            }
            if !once && !known {
                // What could be there twice is not sent.
                self.placeless.insert(kind.to_owned());
                continue;
            }
            let found = if once {
                Some(false)
            } else {
                let found = self.found(one.key(), &one.value).await;
                self.unless_refused(found)?
            };
            let Some(found) = found else {
                self.missing.insert(one.key().clone());
                continue;
            };
            if !found {
                out.unknown.push(one);
            } else if is_shared(kind) {
                out.tasks.push(one);
            } else if !is_sent_once(kind) {
                out.changed.push(one);
            }
        }
        Ok(out)
    }

    async fn records<'o>(&mut self, packet: &'o Packet, sorted: Sorted<'o>) -> Result<(), Trouble> {
        let Sorted {
            mut fresh,
            mut changed,
            mut tasks,
            added,
            courses: _,
        } = sorted;
        let known = [&*changed, &*added].concat();
        let outside = self.look_around(packet, &fresh, &known).await?;
        fresh.extend(outside);
        let Met {
            unknown: mut new,
            tasks: found,
            changed: behind,
        } = self.looked_for(fresh).await?;
        tasks.extend(found);
        changed.extend(behind);
        // A withdrawal does not wait for what a server may refuse.
        let (first, last): (Vec<&Outgoing>, Vec<&Outgoing>) = tasks
            .into_iter()
            .partition(|one| exchange::is_of_requester(&one.value));
        for one in first {
            let told = self.task(one).await;
            self.unless_refused(told)?;
        }
        new.extend(changed);
        // What was added to theirs is what new records are judged by there, unless it rests on them.
        let going: HashSet<&Key> = new.iter().map(|one| one.key()).collect();
        let rests = |one: &&Outgoing| {
            let names = named(self.remote.app, one);
            names.iter().any(|key| going.contains(key))
        };
        let (after, before): (Vec<&Outgoing>, Vec<&Outgoing>) = added.into_iter().partition(rests);
        // What fails of it holds nothing else up.
        if let Err(trouble) = self.added(before).await {
            self.refused.get_or_insert(trouble);
        }
        let (papers, new) = new.into_iter().partition(|one| self.draws_up(one));
        let existed = self.all(new).await?;
        let (tasks, others): (Vec<&Outgoing>, Vec<&Outgoing>) = existed
            .into_iter()
            .partition(|one| is_shared(&one.key().kind));
        self.all(others).await?;
        self.all(papers).await?;
        let told = self.added(after).await;
        self.unless_refused(told)?;
        for one in last.into_iter().chain(tasks) {
            let told = self.task(one).await;
            self.unless_refused(told)?;
        }
        if let Some(kind) = self.unseen.first() {
            let text =
                format!("{kind} is not found there by identifier, and cannot be looked through");
            return Err(Failure::Refused.trouble(&text));
        }
        self.refused.take().map_or(Ok(()), Err)
    }

    /// Keeps what the records are there.
    async fn note(&mut self, links: Vec<Link>) -> Result<(), Trouble> {
        let (app, partner) = (self.remote.app, &self.remote.partner.id);
        let steps = links.iter().map(|l| link::put(&app.tenant, partner, l));
        let mut steps: Vec<_> = steps.collect();
        let new = |l: &Link| &*l.key.kind == "Patient" && !self.links.contains_key(&l.key);
        if links.iter().any(new) {
            // What there is of them there was passed over so far.
            let mark = app.clock.uuid().to_string();
            steps.push(rows::from_the_beginning(&app.tenant, partner, &mark));
        }
        let done = app.store.write("partner links", steps).await?;
        if done.is_err() {
            return Err(Failure::Here.trouble("what was sent cannot be noted"));
        }
        for link in links {
            self.links.insert(link.key.clone(), link);
        }
        Ok(())
    }

    /// As it leaves; `names` are those of the records that go with it.
    fn entry(&self, one: &Outgoing, names: &HashMap<Key, String>) -> Result<Entry, Trouble> {
        let here = self.remote.app.fhir_base();
        let mut place = |key: &Key| {
            let link = self
                .links
                .get(key)
                .map(|l| format!("{}/{}", key.kind, l.there));
            link.or_else(|| names.get(key).cloned())
        };
        let text = exchange::outgoing(one.key(), &one.text, &here, &mut place);
        let text = if self.abilities.is_alike {
            text.and_then(|text| exchange::unmarked(&text))
        } else {
            text
        };
        let text = text.ok_or_else(|| Failure::Here.trouble("a record is no JSON"))?;
        let link = self.links.get(one.key());
        let once = self.abilities.creates_once(&one.key().kind);
        Ok(Entry {
            key: one.key().clone(),
            name: names.get(one.key()).cloned().unwrap_or_default(),
            text,
            there: link.map(|l| (l.there.clone(), l.version.clone())),
            unless: once.then(|| exchange::identifier(one.key(), &one.value, &here)),
        })
    }

    /// What is noted of a record that was sent. Of one that was there already it is not known what it says.
    fn sent(&self, one: &Outgoing, there: String, version: String, existed: bool) -> Link {
        let old = self.links.get(one.key());
        let mark = if is_shared(&one.key().kind) {
            digest(&standing(&one.value))
        } else {
            one.digest.clone()
        };
        Link {
            key: one.key().clone(),
            there: there.into(),
            version: version.into(),
            received: old.map(|l| l.received.clone()).unwrap_or_default(),
            sent: if existed { "".into() } else { mark.into() },
        }
    }

    async fn noted(&self, some: &[&Outgoing]) -> Result<(), Trouble> {
        let (app, partner) = (self.remote.app, self.remote.partner);
        noted(app, self.access, partner, some.iter().copied()).await?;
        Ok(())
    }
}
