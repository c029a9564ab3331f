//! What happened, in order, in sentences that hold no free text.

use serde::Serialize;

use super::Episode;
use super::base::{Id, Instant};
use super::fact::Kind;
use super::ledger::given;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub at: Instant,
    /// The kind of the record, in lower-case words such as `adverse-event`.
    pub kind: &'static str,
    pub id: Id,
    pub sentence: String,
}

impl Kind {
    /// The kind's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "episode",
            Self::Consent => "consent",
            Self::Referral => "referral",
            Self::Screening => "screening",
            Self::Issue => "detected-issue",
            Self::Clearance => "clearance",
            Self::Prescription => "prescription",
            Self::Dispense => "dispense",
            Self::Inventory => "inventory",
            Self::Session => "session",
            Self::Dose => "dose",
            Self::Discharge => "discharge",
            Self::Outcome => "outcome",
            Self::AdverseEvent => "adverse-event",
            Self::FollowUp => "follow-up",
            Self::Communication => "communication",
            Self::Patient => "patient",
            Self::Member => "member",
            Self::RelatedPerson => "related-person",
            Self::Problem => "problem",
            Self::Allergy => "allergy",
            Self::HomeMedicine => "medication",
            Self::Plan => "treatment-plan",
            Self::Intention => "intention",
            Self::Vitals => "vitals",
            Self::Checklist => "checklist",
            Self::Effects => "effects",
            Self::SideEffect => "side-effect",
            Self::Integration => "integration",
        }
    }
}

struct Log(Vec<Entry>);

impl Log {
    fn add(&mut self, at: Instant, kind: Kind, id: &Id, sentence: String) {
        self.0.push(Entry {
            at,
            kind: kind.name(),
            id: id.clone(),
            sentence,
        });
    }
}

impl Episode {
    /// Everything that happened, oldest first.
    #[must_use]
    pub fn timeline(&self) -> Vec<Entry> {
        let mut log = Log(vec![]);
        for entry in &self.phase_history {
            let text = format!("The episode became {}.", entry.phase);
            log.add(entry.from, Kind::Header, &self.episode_id, text);
        }
        self.log_decisions(&mut log);
        self.log_supplies(&mut log);
        self.log_sessions(&mut log);
        self.log_findings(&mut log);
        log.0
            .sort_by(|a, b| (a.at, a.kind, &a.id).cmp(&(b.at, b.kind, &b.id)));
        log.0
    }

    fn log_decisions(&self, log: &mut Log) {
        for c in &self.consents {
            if let Some(at) = c.signed_at {
                log.add(at, Kind::Consent, &c.id, format!("{} was signed.", c.kind));
            }
            if let Some(at) = c.revoked_at {
                log.add(
                    at,
                    Kind::Consent,
                    &c.id,
                    format!("{} was withdrawn.", c.kind),
                );
            }
        }
        for r in &self.referrals {
            for e in &r.task_events {
                log.add(
                    e.at,
                    Kind::Referral,
                    &r.id,
                    format!("The referral is {}.", e.status),
                );
            }
        }
        for c in &self.clearances {
            let text = format!("The decision is {}.", c.decision);
            log.add(c.decided_at, Kind::Clearance, &c.id, text);
            if let Some(at) = c.revoked_at {
                log.add(
                    at,
                    Kind::Clearance,
                    &c.id,
                    "The clearance was revoked.".into(),
                );
            }
        }
    }

    fn log_supplies(&self, log: &mut Log) {
        for p in &self.prescriptions {
            let text = format!(
                "Prescribed, at most {} mg per session.",
                p.max_mg_per_session
            );
            log.add(p.authored_on, Kind::Prescription, &p.id, text);
        }
        for d in &self.dispenses {
            let n = d.quantity.value;
            let shipment = d.shipment.as_ref();
            if let Some(at) = shipment.and_then(|s| s.shipped_at) {
                log.add(
                    at,
                    Kind::Dispense,
                    &d.id,
                    format!("{n} units were shipped."),
                );
            }
            if let Some(at) = shipment.and_then(|s| s.delivered_at) {
                log.add(
                    at,
                    Kind::Dispense,
                    &d.id,
                    format!("{n} units were delivered."),
                );
            }
        }
        for e in &self.inventory {
            let text = format!("{} units were {}.", e.units, e.reason);
            log.add(e.at, Kind::Inventory, &e.id, text);
        }
    }

    fn log_sessions(&self, log: &mut Log) {
        for s in &self.sessions {
            let text = format!("Session: {}, {}.", s.kind, s.status);
            log.add(s.start, Kind::Session, &s.id, text);
            let Some(dosing) = &s.dosing else {
                continue;
            };
            for d in &dosing.doses {
                let text = if given(d) {
                    format!("{} mg were given ({}).", d.dose_mg, d.kind)
                } else {
                    format!("A dose is {}.", d.status)
                };
                log.add(d.at, Kind::Dose, &d.id, text);
            }
            if let Some(d) = &dosing.discharge {
                let text = format!("Discharge: {}.", d.disposition);
                log.add(d.assessed_at, Kind::Discharge, &s.id, text);
            }
        }
    }

    fn log_findings(&self, log: &mut Log) {
        for i in &self.detected_issues {
            let text = format!("{} was raised, severity {}.", i.rule_id, i.severity);
            log.add(i.identified_at, Kind::Issue, &i.id, text);
            for m in &i.mitigations {
                log.add(
                    m.at,
                    Kind::Issue,
                    &i.id,
                    format!("{} was mitigated.", i.rule_id),
                );
            }
        }
        for e in &self.adverse_events {
            let text = format!("Adverse event: {}, {}.", e.severity, e.seriousness);
            log.add(e.occurred_at, Kind::AdverseEvent, &e.id, text);
            if let Some(at) = e.resolved_at {
                let text = format!("The adverse event is {}.", e.outcome);
                log.add(at, Kind::AdverseEvent, &e.id, text);
            }
        }
        for o in &self.outcomes {
            let text = format!("{}: {}.", o.instrument, o.score);
            log.add(o.at, Kind::Outcome, &o.id, text);
        }
    }
}
