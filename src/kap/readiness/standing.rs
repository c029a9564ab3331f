//! What stands whatever the session: clearance, consents, prescription, holds (02, 04, 12, 06, 20, 19, 26, 31, 15).

use super::{EITHER, GUARDIAN, Gate, PATIENT, PRESCRIBER, THERAPIST};
use crate::kap::Phase;
use crate::kap::act::KetamineAllergy;
use crate::kap::clearance::ClearanceStatus;
use crate::kap::consent::{Consent, ConsentKind, SignerType};
use crate::kap::dosing::Session;
use crate::kap::follow_up::FollowUpStatus;
use crate::kap::medication::PrescriptionStatus;
use crate::kap::rules::Class;

impl Gate<'_> {
    /// Clearance, consents, prescription, holds: what stands whatever the session (02, 04, 12, 06, 20, 19, 26, 31, 15).
    pub(super) fn standing(&mut self, session: Option<&Session>) {
        self.clearance();
        if self.episode.is_minor(self.day) {
            self.minor();
        } else {
            self.consent();
        }
        self.prescription(session);
        self.allergy();
        self.holds();
        self.overdue();
    }

    fn clearance(&mut self) {
        if self.episode.active_clearance(self.at).is_some() {
            return;
        }
        let Some(ruling) = self.episode.ruling(self.at) else {
            return self.block(
                "KAP-INV-02",
                "clearance-missing",
                "no active clearance",
                PRESCRIBER,
            );
        };
        let status = self.episode.clearance_status(ruling, self.at);
        let (code, why) = match (ruling.decision.clears(), status) {
            (false, _) => ("clearance-missing", ruling.decision.code()),
            (true, ClearanceStatus::Expired) => ("clearance-expired", "expired"),
            (true, ClearanceStatus::Revoked) => ("clearance-missing", "revoked"),
            (true, _) => ("clearance-missing", "not yet effective"),
        };
        self.block(
            "KAP-INV-02",
            code,
            format!("no active clearance ({why})"),
            PRESCRIBER,
        );
    }

    fn consent(&mut self) {
        let Some(consent) = self.episode.consent(ConsentKind::Treatment, self.at) else {
            return self.block(
                "KAP-INV-04",
                "consent-missing",
                "treatment consent missing",
                PATIENT,
            );
        };
        let own = |c: &Consent| c.signers.iter().any(|s| s.kind == SignerType::Patient);
        if !own(consent) {
            let text = "treatment consent is not signed by the patient, who is of age";
            return self.block("KAP-INV-12", "consent-missing", text, PATIENT);
        }
        self.topics(consent);
    }

    fn topics(&mut self, consent: &Consent) {
        for topic in &self.policy.consent_topics {
            if !consent.topics.contains(topic) {
                let text = format!("treatment consent does not cover {topic}");
                self.block("KAP-INV-04", "consent-missing", text, PATIENT);
            }
        }
    }

    fn minor(&mut self) {
        let consent = self
            .episode
            .consent(ConsentKind::GuardianTreatment, self.at);
        match consent {
            None => {
                let text = "guardian treatment consent missing";
                self.block("KAP-INV-12", "consent-missing", text, GUARDIAN);
            }
            Some(consent) => self.guardian(consent),
        }
        if self
            .episode
            .consent(ConsentKind::AssentTreatment, self.at)
            .is_none()
        {
            let text = "adolescent assent missing";
            self.block("KAP-INV-12", "assent-missing", text, PATIENT);
        }
    }

    fn guardian(&mut self, consent: &Consent) {
        let mut signers = consent.signers.iter();
        match signers.find_map(|s| self.episode.guardian(&s.id)) {
            None => {
                let text = "guardian authority not verified";
                self.block("KAP-INV-12", "consent-missing", text, THERAPIST);
            }
            Some(guardian) if guardian.telecom.is_empty() => {
                self.block(
                    "KAP-INV-12",
                    "consent-missing",
                    "guardian not reachable",
                    THERAPIST,
                );
            }
            Some(_) => {}
        }
        self.topics(consent);
    }

    fn prescription(&mut self, session: Option<&Session>) {
        let rx = match session {
            Some(session) => self.episode.prescription_of(session),
            None => self.episode.active_prescription(),
        };
        let Some(rx) = rx else {
            return self.block(
                "KAP-INV-06",
                "prescription-missing",
                "no prescription",
                PRESCRIBER,
            );
        };
        if rx.status != PrescriptionStatus::Active {
            let text = format!("prescription is {}", rx.status);
            return self.block("KAP-INV-06", "prescription-missing", text, PRESCRIBER);
        }
        if rx.valid_until < self.day {
            self.block(
                "KAP-INV-06",
                "prescription-missing",
                "prescription expired",
                PRESCRIBER,
            );
        }
    }

    /// An allergy to ketamine blocks once a prescriber has confirmed it; before that it is a flag (KAP-INV-20).
    fn allergy(&mut self) {
        match self.episode.ketamine_allergy(self.at) {
            KetamineAllergy::None => {}
            KetamineAllergy::Reported => {
                let text = "a reported allergy to ketamine waits for the prescriber";
                self.warn("KAP-INV-20", text, PRESCRIBER);
            }
            KetamineAllergy::Confirmed => {
                let text = "an allergy to ketamine is confirmed by the prescriber";
                self.block("KAP-INV-20", "state-conflict", text, PRESCRIBER);
            }
        }
    }

    fn holds(&mut self) {
        match self.phase {
            Phase::Cleared
            | Phase::ClearedWithConditions
            | Phase::Preparation
            | Phase::DosingActive
            | Phase::Maintenance => {}
            Phase::DosingHold => {
                let text = "dosing is on hold";
                self.say(Class::Hold, "KAP-INV-26", "hold-active", text, EITHER);
            }
            // Without a clearance the reason is told already.
            _ if self.episode.active_clearance(self.at).is_none() => {}
            other => {
                let text = format!("the episode is {other}");
                self.block("KAP-INV-01", "state-conflict", text, THERAPIST);
            }
        }
        // Before dosing there is no hold that a prescriber could end: the withdrawal itself stands in the way.
        let early = matches!(
            self.phase,
            Phase::Cleared | Phase::ClearedWithConditions | Phase::Preparation
        );
        if let Some(kind) = self.episode.withdrawn(self.at).filter(|_| early) {
            let text = format!("the {kind} was withdrawn");
            self.say(Class::Hold, "KAP-INV-31", "consent-missing", text, PATIENT);
        }
        if self.episode.safety_review_due(self.at) {
            let text = "a sign of suicide risk waits for a clinician's safety review, of its own day or of today";
            self.say(Class::Hold, "KAP-INV-19", "hold-active", text, EITHER);
        }
        if !self.episode.has_risk_screener(self.at) {
            let text = "no suicide-risk screener was asked";
            self.say(Class::Hold, "KAP-INV-18", "hold-active", text, THERAPIST);
        }
    }

    /// Medical follow-ups that are long overdue hold new dosing (KAP-INV-15). One that the patient declined was not
    /// held either: it counts until a later one has been called for.
    fn overdue(&mut self) {
        let grace = i64::from(self.policy.follow_up.overdue_hold_days);
        let all = &self.episode.follow_ups;
        let medical = || all.iter().filter(|f| f.kind.is_medical());
        let open = medical().filter(|f| {
            let declined = f.status == FollowUpStatus::Declined;
            f.is_open() || (declined && !medical().any(|later| later.anchor > f.anchor))
        });
        let Some(late) = open.map(|f| self.day.days_since(f.due_by)).max() else {
            return;
        };
        if late >= grace {
            let text = format!("medical follow-up is {late} days overdue");
            self.say(Class::Hold, "KAP-INV-15", "hold-active", text, PRESCRIBER);
        } else if late > 0 {
            self.warn(
                "KAP-INV-15",
                format!("medical follow-up is {late} days overdue"),
                PRESCRIBER,
            );
        }
    }
}
