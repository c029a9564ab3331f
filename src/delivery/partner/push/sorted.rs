//! What is to be done with each record of a packet.

use super::Push;
use crate::delivery::partner::trouble::Trouble;
use crate::interaction::partner::packet::{Outgoing, Packet};
use crate::mapping::exchange::{is_drawn_up, is_sent_once, is_shared};

/// Records by what is to be done with them.
#[derive(Default)]
pub(super) struct Sorted<'o> {
    /// They are not there yet.
    pub(super) fresh: Vec<&'o Outgoing>,
    pub(super) changed: Vec<&'o Outgoing>,
    pub(super) tasks: Vec<&'o Outgoing>,
    /// The partner wrote them; something was added here.
    pub(super) added: Vec<&'o Outgoing>,
    /// Courses of which this side has steps to tell.
    pub(super) courses: Vec<&'o Outgoing>,
}

impl Push<'_> {
    /// What is to be done with each record.
    pub(super) async fn sorted<'o>(&mut self, packet: &'o Packet) -> Result<Sorted<'o>, Trouble> {
        let mut out = Sorted::default();
        for one in &packet.records {
            let kind = &*one.key().kind;
            let link = self.links.get(one.key());
            if link.is_none() && !one.theirs && !self.abilities.creates(kind) {
                self.placeless.insert(kind.to_owned());
                continue;
            }
            let shared = is_shared(kind);
            // Another kind of server holds its own records by its own rules.
            if one.theirs && !shared && !self.abilities.is_alike {
                continue;
            }
            match link.cloned() {
                None if one.theirs => {
                    if self.found(one.key(), &one.value).await? {
                        let all = match kind {
                            _ if shared => &mut out.tasks,
                            "EpisodeOfCare" => &mut out.courses,
                            _ => &mut out.added,
                        };
                        all.push(one);
                    }
                }
                None => out.fresh.push(one),
                Some(_) if shared => out.tasks.push(one),
                Some(link) if *link.sent == *one.digest => {}
                Some(_) if kind == "EpisodeOfCare" && self.abilities.is_alike => {
                    out.courses.push(one);
                }
                Some(_) if is_sent_once(kind) && self.stays(kind) => {}
                Some(link) if one.theirs && *link.received == *one.digest => {}
                Some(_) if one.theirs => out.added.push(one),
                // It was there before it was sent: it is that service's own.
                Some(_) if self.is_drawn_up_there(one) => {}
                Some(_) => out.changed.push(one),
            }
        }
        Ok(out)
    }

    /// Whether the other side draws it up for itself once it knows of what it tells.
    pub(super) fn draws_up(&self, one: &Outgoing) -> bool {
        self.abilities.is_alike && is_drawn_up(one.key(), &one.value)
    }

    /// Whether the other side has drawn it up: that is its own, and never written over.
    pub(super) fn is_drawn_up_there(&self, one: &Outgoing) -> bool {
        let link = self.links.get(one.key());
        self.draws_up(one) && link.is_some_and(|link| link.sent.is_empty())
    }

    /// Whether what was sent once is never sent again: another service of this kind goes on with an episode by itself, and
    /// people are the partner's to keep.
    fn stays(&self, kind: &str) -> bool {
        self.abilities.is_alike || kind != "EpisodeOfCare"
    }
}
