//! The access rule in memory, said once more and independently of the SQL that the store compiles: a property test holds
//! the two together.

use super::class::Classes;
use super::consent::{Effect, Grant};
use super::label::Labels;
use super::policy::{self, Share};
use super::purpose::Purposes;
use super::{Access, Caller, Interaction, Role, Token};
use crate::kap::base::Id;

/// What is known of a row.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub kind: &'a str,
    pub owner: &'a Id,
    pub author: &'a Id,
    pub patient: Option<&'a Id>,
    pub episode: Option<&'a Id>,
    pub class: Classes,
    pub labels: Labels,
    /// What it is found by.
    pub tokens: &'a [Token<'a>],
}

/// A part that an organization has in an episode.
#[derive(Clone, Debug)]
pub struct Link {
    pub patient: Id,
    pub episode: Id,
    pub organization: Id,
    pub from: i64,
    pub to: i64,
}

/// Why a row is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The service itself asks.
    System,
    Owner,
    Author,
    Directory,
    /// A consent permits it.
    Consent,
    /// The glass was broken.
    Emergency,
    /// No consent speaks, and the table of defaults has it.
    Default,
    /// No consent gates it.
    Always,
}

/// Why a row is not visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The scopes speak of other records of this type.
    Scope,
    /// The role never sees such a class of data, or what is labelled so.
    Role,
    /// The record is another organization's, and nothing connects this one with the patient.
    Relationship,
    /// A consent denies it, or was taken back.
    ConsentDenies,
    /// No consent permits it.
    ConsentAbsent,
}

/// Types that describe organizations, staff, products and forms: everybody's where they are of no patient.
pub const DIRECTORY: [&str; 8] = [
    "Endpoint",
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
];

/// The type that every role sees of its own organization's.
pub const SUBSCRIPTION: &str = "Subscription";

/// Whether `access` sees the row; whether its scopes have the type at all is another question. `grants` and `links` are
/// those of the row's patient. A Provenance is seen, besides, where each of its targets is: who asks this asks that of
/// each.
///
/// # Errors
/// Why it does not.
pub fn decide(
    access: &Access,
    row: &Facts<'_>,
    grants: &[Grant],
    links: &[Link],
) -> Result<Reason, Denial> {
    let Some(caller) = access.caller() else {
        return Ok(Reason::System);
    };
    let role = caller.role;
    if !within_ceiling(caller, row.class) || row.labels.meets(policy::never(role)) {
        return Err(Denial::Role);
    }
    if !access.covers(Interaction::Read, row.kind, row.tokens) {
        return Err(Denial::Scope);
    }
    if row.patient.is_none() && DIRECTORY.contains(&row.kind) {
        return Ok(Reason::Directory);
    }
    if (policy::owns(role) || row.kind == SUBSCRIPTION) && *row.owner == caller.organization {
        return Ok(Reason::Owner);
    }
    let patient = row.patient.filter(|_| policy::is_told(role));
    if policy::is_told(role) && policy::owns(role) && *row.author == caller.organization {
        return Ok(Reason::Author);
    }
    let patient = patient.ok_or(Denial::Relationship)?;
    let view = Told {
        now: access.now(),
        organization: &caller.organization,
        purpose: Purposes::own(&caller.purpose),
        row,
        grants,
    };
    if view.denied() {
        return Err(Denial::ConsentDenies);
    }
    if view.permitted() {
        return Ok(Reason::Consent);
    }
    if has(policy::emergency(caller), row) {
        return Ok(Reason::Emergency);
    }
    let related = links.iter().any(|link| {
        link.organization == caller.organization
            && link.patient == *patient
            && row.episode.is_none_or(|episode| *episode == link.episode)
            && (link.from..link.to).contains(&access.now())
    });
    if !related {
        return Err(Denial::Relationship);
    }
    if view.withdrawals().next().is_some() {
        return Err(Denial::ConsentDenies);
    }
    if has(policy::always(role), row) {
        return Ok(Reason::Always);
    }
    let off = view.holding(Effect::NoDefaults).next().is_some();
    if !off && has(policy::defaults(access.disclosure(), role), row) {
        return Ok(Reason::Default);
    }
    Err(Denial::ConsentAbsent)
}

/// A row that is not classified yet is for the practice's therapists alone.
fn within_ceiling(caller: &Caller, class: Classes) -> bool {
    policy::most(caller).meets(class)
        || (class.is_empty() && caller.role == Role::PracticeTherapist)
}

fn has(share: Share, row: &Facts<'_>) -> bool {
    share.classes.meets(row.class) && row.labels.within(share.labels)
}

/// What the patient's consents say to one organization of one row.
struct Told<'a> {
    now: i64,
    organization: &'a Id,
    purpose: Purposes,
    row: &'a Facts<'a>,
    grants: &'a [Grant],
}

impl<'a> Told<'a> {
    /// The rows that hold now and are for this organization or for everyone.
    fn holding(&self, effect: Effect) -> impl Iterator<Item = &'a Grant> {
        let (now, organization) = (self.now, self.organization);
        self.grants.iter().filter(move |g| {
            let to = g.organization.as_ref().is_none_or(|to| to == organization);
            g.effect == effect && to && (g.from..g.to).contains(&now)
        })
    }

    fn withdrawals(&self) -> impl Iterator<Item = &'a Grant> {
        let class = self.row.class;
        self.holding(Effect::Withdrawn)
            .filter(move |g| g.classes.meets(class))
    }

    fn denied(&self) -> bool {
        self.holding(Effect::Deny).any(|g| {
            let met = g.labels.is_empty() || g.labels.meets(self.row.labels);
            g.purposes.meets(self.purpose) && g.classes.meets(self.row.class) && met
        })
    }

    fn permitted(&self) -> bool {
        self.holding(Effect::Permit).any(|g| {
            let covers = self.row.labels.within(g.labels);
            let newer = self.withdrawals().all(|w| w.granted_at < g.granted_at);
            let named = g.organization.is_some();
            named
                && g.purposes.meets(self.purpose)
                && g.classes.meets(self.row.class)
                && covers
                && newer
        })
    }
}
