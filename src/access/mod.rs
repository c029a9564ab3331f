//! Who may see or do what. Pure: it decides, the store compiles the decision into SQL.
//!
//! Absence never grants: no scope, no role, no link to the patient, no data.

pub mod class;
pub mod consent;
pub mod decide;
pub mod label;
mod mask;
pub mod policy;
pub mod purpose;
pub mod redact;
pub mod role;
pub mod scope;

use std::sync::Arc;

use crate::audit::{Event, Trail, Who as Actor, event};
use crate::error::{Error, Kind, Result};
use crate::kap::base::Id;

pub use class::Classes;
pub use label::Labels;
pub use policy::Disclosure;
pub use purpose::Purposes;
pub use role::Role;
pub use scope::{Interaction, Letters, Narrowing, Scopes, Token};

/// Who is calling, as the access token says.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Client id.
    pub client: Arc<str>,
    /// The organization that the client acts for.
    pub organization: Id,
    pub role: Role,
    pub scopes: Scopes,
    /// HL7 v3 ActReason code, such as `TREAT`.
    pub purpose: Arc<str>,
    /// The token's loggable id.
    pub token: Arc<str>,
}

impl Caller {
    /// Whether the token breaks the glass: it reads what an emergency needs, and nothing else.
    #[must_use]
    pub fn breaks_glass(&self) -> bool {
        &*self.purpose == "BTG"
    }

    /// The caller as the audit names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            client: Some(self.client.clone()),
            organization: Some(self.organization.as_str().into()),
            role: Some(self.role.code().into()),
            token: Some(self.token.clone()),
            purpose: Some(self.purpose.clone()),
        }
    }
}

/// What one request may see: resolved once, then asked for every read and write.
#[derive(Clone, Debug)]
pub struct Access {
    tenant: Arc<str>,
    who: Who,
    /// The instant at which links and consents are judged, milliseconds since 1970.
    now: i64,
    disclosure: Disclosure,
    /// Where what is shown is noted; `None` where nobody waits for an answer.
    trail: Option<Arc<Trail>>,
}

#[derive(Clone, Debug)]
enum Who {
    Caller(Caller),
    /// The service itself, with the reason. Never made from a request.
    System(&'static str),
}

impl Access {
    /// The access of a caller at `now` (milliseconds since 1970).
    #[must_use]
    pub fn of(tenant: Arc<str>, caller: Caller, now: i64) -> Self {
        Self {
            tenant,
            who: Who::Caller(caller),
            now,
            disclosure: Disclosure::ConsentRequired,
            trail: None,
        }
    }

    /// The same under the operator's choice of what is told where no consent speaks; the stricter one otherwise.
    #[must_use]
    pub fn under(mut self, disclosure: Disclosure) -> Self {
        self.disclosure = disclosure;
        self
    }

    /// The service's own access, for work that no client asked for. `reason` is for the log.
    #[must_use]
    pub(crate) fn system(tenant: Arc<str>, reason: &'static str, now: i64) -> Self {
        Self {
            tenant,
            who: Who::System(reason),
            now,
            disclosure: Disclosure::ConsentRequired,
            trail: None,
        }
    }

    /// The same in another practice network.
    #[cfg(test)]
    pub(crate) fn of_tenant(mut self, tenant: Arc<str>) -> Self {
        self.tenant = tenant;
        self
    }

    /// The same, within a request whose trail this is.
    #[must_use]
    pub fn within(mut self, trail: Arc<Trail>) -> Self {
        self.trail = Some(trail);
        self
    }

    /// The practice network whose data this is.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The instant at which this access is judged, milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// What is told where no consent speaks.
    #[must_use]
    pub fn disclosure(&self) -> Disclosure {
        self.disclosure
    }

    /// The types that the caller may read; `None` where that is every type there is.
    #[must_use]
    pub fn readable(&self) -> Option<Vec<&'static str>> {
        let caller = self.caller()?;
        let every = role::every_kind().map(|(kind, _)| kind);
        let may = |kind: &&str| self.allow(Interaction::Read, kind).is_ok();
        let kinds: Vec<&'static str> = every.filter(may).collect();
        // What is no practice's to read is no type of the record: the audit trail.
        let all = role::every_kind().count() - 1;
        (caller.role != Role::PracticeTherapist || kinds.len() < all).then_some(kinds)
    }

    /// The caller; `None` for the service itself.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        match &self.who {
            Who::Caller(caller) => Some(caller),
            Who::System(_) => None,
        }
    }

    /// Why the service itself is at work; `None` for a caller.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match &self.who {
            Who::Caller(_) => None,
            Who::System(reason) => Some(reason),
        }
    }

    /// Whether every record of `owner` is visible: to the service itself, and to the owner's therapists where the token's
    /// scopes let them read all that the role may.
    #[must_use]
    pub fn sees_all_of(&self, owner: &Id) -> bool {
        let Who::Caller(caller) = &self.who else {
            return true;
        };
        let read = |kind: &str, letters: Letters| {
            !letters.has(Interaction::Read) || caller.scopes.allow_all(Interaction::Read, kind)
        };
        caller.organization == *owner
            && caller.role == Role::PracticeTherapist
            && !caller.breaks_glass()
            && !redact::is_told_parts(caller.role)
            && role::every_kind().all(|(kind, _)| read(kind, caller.role.letters(kind)))
    }

    /// An event of the audit with who acts and in which request; a success until it is said to have failed.
    #[must_use]
    pub fn event(&self, kind: event::Kind) -> Event {
        match (&self.trail, &self.who) {
            (Some(trail), _) => trail.event(kind),
            (None, Who::Caller(caller)) => Event {
                who: caller.actor(),
                ..Event::new(kind)
            },
            (None, Who::System(reason)) => Event::new(kind).detail(*reason),
        }
    }

    /// The same without a trail: for what is asked beforehand and shown to nobody.
    #[must_use]
    pub fn beforehand(&self) -> Self {
        Self {
            trail: None,
            ..self.clone()
        }
    }

    /// Where what is shown is noted, to be written before it leaves.
    #[must_use]
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_deref()
    }

    /// Whether this caller may do `interaction` on resources of type `kind` at all.
    ///
    /// # Errors
    /// `Forbidden` where role or scope does not allow it; says nothing about instances.
    pub fn allow(&self, interaction: Interaction, kind: &str) -> Result<()> {
        let Who::Caller(caller) = &self.who else {
            return Ok(());
        };
        if !caller.role.allows(interaction, kind) {
            let text = format!("The role {} may not {interaction} {kind}.", caller.role);
            return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
        }
        let reads = matches!(interaction, Interaction::Read | Interaction::Search);
        if caller.breaks_glass() && !reads {
            let text = "A token for an emergency reads and does nothing else.";
            return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
        }
        if !caller.scopes.allow(interaction, kind) {
            let text = format!("The token's scopes do not allow to {interaction} {kind}.");
            return Err(Error::new(Kind::Forbidden, text).code("insufficient-scope"));
        }
        Ok(())
    }

    /// The narrowings of which a record of `kind` must meet one where the caller does `interaction` with it; `None`
    /// where the caller's scopes do not narrow it.
    #[must_use]
    pub fn narrowed(&self, interaction: Interaction, kind: &str) -> Option<Vec<&Narrowing>> {
        self.caller()?.scopes.narrowed(interaction, kind)
    }

    /// Whether the caller's scopes narrow anything.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.caller().is_some_and(|c| c.scopes.any_narrowed())
    }

    /// Whether a record of `kind` that is found by `tokens` is one of those that the caller's scopes speak of.
    #[must_use]
    pub fn covers(&self, interaction: Interaction, kind: &str, tokens: &[Token<'_>]) -> bool {
        let narrowed = self.narrowed(interaction, kind);
        narrowed.is_none_or(|any| any.iter().any(|one| one.met(kind, tokens)))
    }

    /// As [`Access::covers`], of a record that is to be written.
    ///
    /// # Errors
    /// `Forbidden` with the scopes' own words.
    pub fn check(&self, interaction: Interaction, kind: &str, tokens: &[Token<'_>]) -> Result<()> {
        if self.covers(interaction, kind, tokens) {
            return Ok(());
        }
        let narrowed = self.narrowed(interaction, kind).unwrap_or_default();
        let any: Vec<String> = narrowed.iter().map(ToString::to_string).collect();
        let text = format!(
            "The token's scopes allow to {interaction} {kind} only where {} holds, both before and after.",
            any.join(" or ")
        );
        Err(Error::new(Kind::Forbidden, text).code("insufficient-scope"))
    }
}
