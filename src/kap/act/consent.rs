//! Agreements: given, and taken back.

use super::body::Step;
use super::{Context, Side, not_permitted, put, refuse};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::consent::{Consent, ConsentKind, ConsentStatus, RuleType, SignerType};
use crate::kap::people::{RelatedPerson, RelatedRole};

impl Consent {
    /// Whether the agreement holds at `at`, a moment of the local day `day`.
    #[must_use]
    pub fn holds(&self, at: Instant, day: super::super::Day) -> bool {
        let signed = self.signed_at.is_some_and(|s| s <= at);
        let taken_back = match (self.status, self.revoked_at) {
            (ConsentStatus::Active, None) => false,
            // Before it was taken back it held: late entry is judged at its own time.
            (ConsentStatus::Active | ConsentStatus::Revoked, Some(back)) => back <= at,
            (ConsentStatus::Expired, _) => self.expires.is_none(),
            _ => true,
        };
        let within = self.expires.is_none_or(|last| day <= last);
        let period = self
            .period
            .as_ref()
            .is_none_or(|p| p.start.is_none_or(|s| s <= day) && p.end.is_none_or(|e| day <= e));
        signed && !taken_back && within && period
    }
}

impl Episode {
    /// The agreement of this kind that holds at `at`.
    #[must_use]
    pub fn consent(&self, kind: ConsentKind, at: Instant) -> Option<&Consent> {
        let day = self.calendar().day(at);
        let mut found = self.consents.iter().rev().filter(|c| c.kind == kind);
        found.find(|c| c.holds(at, day))
    }

    /// A consent to disclosure that was withdrawn by `at` and not given anew (KAP-INV-31). The consents to the treatment
    /// itself are asked for by gates of their own.
    pub(in crate::kap) fn withdrawn(&self, at: Instant) -> Option<ConsentKind> {
        let back = |c: &&Consent| {
            let kind = matches!(
                c.kind,
                ConsentKind::PrivacyDisclosure | ConsentKind::Part2Sud
            );
            kind && c.status == ConsentStatus::Revoked && c.revoked_at.is_none_or(|t| t <= at)
        };
        let mut kinds = self.consents.iter().filter(back).map(|c| c.kind);
        kinds.find(|kind| self.consent(*kind, at).is_none())
    }

    /// Whether a privacy consent lets the practice tell the partner, for treatment.
    #[must_use]
    pub fn may_tell_partner(&self, at: Instant) -> bool {
        let Some(consent) = self.consent(ConsentKind::PrivacyDisclosure, at) else {
            return false;
        };
        let partner = &self.organizations.partner.id;
        let names = |rule: &super::super::consent::PrivacyRule| {
            rule.recipients.is_empty() || rule.recipients.contains(partner)
        };
        let whole = |rule: &super::super::consent::PrivacyRule| {
            rule.security_labels.is_empty() && rule.data_classes.is_empty()
        };
        let treat = |p: &[String]| p.is_empty() || p.iter().any(|x| x == "TREAT");
        let permits = |r: &&super::super::consent::PrivacyRule| {
            r.kind == RuleType::Permit && names(r) && treat(&r.purposes)
        };
        let denied = consent
            .exceptions
            .iter()
            .any(|r| r.kind == RuleType::Deny && r.recipients.contains(partner) && whole(r));
        let root = consent.root == Some(RuleType::Permit);
        !denied && (root || consent.exceptions.iter().any(|r| permits(&r)))
    }

    /// The guardian who may sign: authority verified.
    #[must_use]
    pub fn guardian(&self, id: &Id) -> Option<&RelatedPerson> {
        let verified = |p: &RelatedPerson| {
            let basis = p.legal_authority.as_ref();
            p.kap_roles.contains(&RelatedRole::Guardian)
                && basis.is_some_and(|l| l.verified_at.is_some())
        };
        self.related_persons
            .iter()
            .find(|p| &p.id == id && verified(p))
    }

    pub(super) fn take_consent(&mut self, consent: Consent, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if let Some(old) = self.consents.iter().find(|c| c.id == consent.id) {
            let revoked = consent.status == ConsentStatus::Revoked;
            if revoked && old.status == ConsentStatus::Active {
                let step = Step {
                    at: consent.revoked_at,
                    by: self.patient.id.clone(),
                    reason: consent.note.clone(),
                };
                return self.revoke_consent(&consent.id.clone(), step, ctx);
            }
            if old.status == ConsentStatus::Revoked && consent.status == ConsentStatus::Active {
                let text = "A consent that was withdrawn is not taken up again: record a new one.";
                return Err(super::conflict("KAP-INV-31", text));
            }
        }
        // Whom the practice tells what is its own to say: no recipient grants itself anything. A withdrawal anybody may
        // record who treats the patient.
        let discloses = matches!(
            consent.kind,
            ConsentKind::PrivacyDisclosure | ConsentKind::Part2Sud
        );
        if discloses && ctx.actor.side != Side::Practice {
            return Err(not_permitted(
                "A consent to disclosure is recorded by the practice, whose records it opens.",
            ));
        }
        self.check_consent(&consent, ctx)?;
        let id = consent.id.clone();
        put(&mut self.consents, consent, |x| &x.id);
        Ok(id)
    }

    fn check_consent(&self, consent: &Consent, ctx: &Context) -> Result<()> {
        let mut issues = vec![];
        let rule = rule_of(consent.kind);
        let signed = !matches!(
            consent.status,
            ConsentStatus::Draft | ConsentStatus::NotObtained | ConsentStatus::EnteredInError
        );
        if let Some(at) = consent.signed_at {
            ctx.past(at, "/signedAt")?;
        }
        if signed && consent.signed_at.is_none() {
            issues.push(super::issue(
                rule,
                "/signedAt",
                "A signed consent says when.",
            ));
        }
        if signed && consent.signers.is_empty() {
            issues.push(super::issue(
                rule,
                "/signers",
                "A signed consent has a signer.",
            ));
        }
        for (n, signer) in consent.signers.iter().enumerate() {
            if !self.known(&signer.id) {
                let text = "The signer is neither patient, related person nor member.";
                issues.push(super::issue(rule, &format!("/signers/{n}/id"), text));
            }
        }
        let related = |s: &super::super::consent::Signer| s.kind == SignerType::RelatedPerson;
        let guardian = matches!(
            consent.kind,
            ConsentKind::GuardianEvaluation | ConsentKind::GuardianTreatment
        );
        if signed && guardian && !consent.signers.iter().any(related) {
            let text = "A guardian's consent is signed by a related person.";
            issues.push(super::issue("KAP-INV-12", "/signers", text));
        }
        refuse(issues)
    }

    pub(super) fn revoke_consent(&mut self, id: &Id, body: Step, ctx: &Context) -> Result<Id> {
        if ctx.actor.side == Side::Pharmacy {
            return Err(not_permitted("A pharmacy keeps no consents."));
        }
        let at = ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        let found = self.consents.iter_mut().find(|c| &c.id == id);
        let consent = found.ok_or_else(Error::not_found)?;
        if consent.status != ConsentStatus::Active {
            let text = format!("The consent is {}, not active.", consent.status);
            return Err(super::ruled(Kind::Conflict, "KAP-INV-31", text).code("state-conflict"));
        }
        consent.status = ConsentStatus::Revoked;
        consent.revoked_at = Some(at);
        if body.reason.is_some() {
            consent.note = body.reason;
        }
        let kind = consent.kind;
        let care = !matches!(
            kind,
            ConsentKind::PsychotherapyNotes | ConsentKind::Recording | ConsentKind::Touch
        );
        if care {
            self.hold_automatically(at, format!("consent withdrawn: {kind}"));
        }
        Ok(id.clone())
    }
}

fn rule_of(kind: ConsentKind) -> &'static str {
    match kind {
        ConsentKind::Telehealth => "KAP-INV-05",
        ConsentKind::GuardianEvaluation
        | ConsentKind::GuardianTreatment
        | ConsentKind::AssentEvaluation
        | ConsentKind::AssentTreatment => "KAP-INV-12",
        _ => "KAP-INV-04",
    }
}
