//! What the rules find: rule, severity, subject and one sentence each; and how a finding gets on the record.

use super::Context;
use crate::kap::Episode;
use crate::kap::base::{Coding, Id, Instant};
use crate::kap::readiness::BlockingReason;
use crate::kap::safety::{DetectedIssue, IssueSeverity, IssueStatus};

/// HL7 v3 ActCode: codes of findings and of what was done about them.
pub(super) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// Something that a rule found, before it is on the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kap) struct Finding {
    /// A code of `kap-rule`, or the id of an invariant that has none.
    pub rule: &'static str,
    /// HL7 v3 ActCode and its display.
    pub code: (&'static str, &'static str),
    pub severity: IssueSeverity,
    pub subject: Id,
    pub at: Instant,
    pub text: &'static str,
}

pub(super) const OBSERVED: (&str, &str) = ("OBSA", "Observation Alert");
/// The code of a clinician's own concern about suicide.
pub(super) const CONCERN: (&str, &str) = OBSERVED;
const TIMING: (&str, &str) = ("TIME", "timing detected issue");
const COMPLY: (&str, &str) = ("COMPLY", "Compliance Alert");

impl Finding {
    /// A finding about an observation.
    pub fn observed(
        rule: &'static str,
        subject: &Id,
        at: Instant,
        severity: IssueSeverity,
        text: &'static str,
    ) -> Self {
        Self::new(rule, OBSERVED, severity, subject, at, text)
    }

    /// The name from which the finding's id is derived: a request that finds it twice finds it once.
    fn name(&self) -> String {
        format!("issue.{}.{}.{}", self.rule, self.code.0, self.subject)
    }

    fn new(
        rule: &'static str,
        code: (&'static str, &'static str),
        severity: IssueSeverity,
        subject: &Id,
        at: Instant,
        text: &'static str,
    ) -> Self {
        Self {
            rule,
            code,
            severity,
            subject: subject.clone(),
            at,
            text,
        }
    }
}

pub(super) fn early_maintenance(subject: &Id, at: Instant) -> Finding {
    let text = "Maintenance began before the plan's minimum of dosing sessions.";
    Finding::new("KAP-INV-01", COMPLY, IssueSeverity::Low, subject, at, text)
}

pub(super) fn units_left(subject: &Id, at: Instant) -> Finding {
    let text = "The episode was discontinued with units on hand: record what became of them.";
    let (rule, moderate) = ("KAP-RULE-INVENTORY", IssueSeverity::Moderate);
    Finding::new(rule, COMPLY, moderate, subject, at, text)
}

pub(super) fn other_route(subject: &Id, at: Instant) -> Finding {
    let text = "A dose was given by another route than the prescription names.";
    Finding::new("KAP-INV-06", COMPLY, IssueSeverity::High, subject, at, text)
}

pub(super) fn unmeasured_course(subject: &Id, at: Instant) -> Finding {
    let text = "The episode was completed without a final measure after the last dose.";
    Finding::new("KAP-INV-24", COMPLY, IssueSeverity::Low, subject, at, text)
}

/// There is another open episode of the same patient (domain reference §2.3, first row).
pub(super) fn duplicate(other: &Id, at: Instant) -> Finding {
    let text = "Another KAP episode of this patient is open at this practice: one of the two is to be ended.";
    let (code, high) = (("DUPTHPY", "Duplicate Therapy Alert"), IssueSeverity::High);
    Finding::new("KAP-INV-01", code, high, other, at, text)
}

pub(super) fn below_age(subject: &Id, at: Instant) -> Finding {
    let text = "The patient is below the age that the medical partner accepts: it declines the referral, or defers \
                with partner-age-limit; it cannot clear.";
    let (code, high) = (("AGE", "Age Alert"), IssueSeverity::High);
    Finding::new("KAP-RULE-MINOR", code, high, subject, at, text)
}

pub(super) fn large_supply(subject: &Id, at: Instant) -> Finding {
    let text = "The supply is for more sessions than the policy has it.";
    let moderate = IssueSeverity::Moderate;
    Finding::new("KAP-RULE-SUPPLY", COMPLY, moderate, subject, at, text)
}

pub(super) fn pdmp_missing(subject: &Id, at: Instant) -> Finding {
    let text = "No check of the prescription monitoring programme is recorded.";
    Finding::new("KAP-INV-32", COMPLY, IssueSeverity::Low, subject, at, text)
}

pub(super) fn discrepancy(subject: &Id, at: Instant) -> Finding {
    let text = "The units on hand differ from the ledger.";
    let (rule, high) = ("KAP-RULE-INVENTORY", IssueSeverity::High);
    Finding::new(rule, COMPLY, high, subject, at, text)
}

pub(super) fn unstarted(subject: &Id, at: Instant) -> Finding {
    let text = "A dose was given in a session that had not been started.";
    Finding::new("KAP-INV-01", COMPLY, IssueSeverity::High, subject, at, text)
}

pub(super) fn out_of_order(subject: &Id, at: Instant, severity: IssueSeverity) -> Finding {
    let text =
        "A time lies before one that it follows: start, dose, reading at the end, discharge, end.";
    Finding::new("KAP-INV-23", TIMING, severity, subject, at, text)
}

pub(super) fn unmeasured(subject: &Id, at: Instant) -> Finding {
    let text = "A dosing session ended without the readings that are required during it.";
    let (rule, moderate) = ("KAP-RULE-VITALS-MISSING", IssueSeverity::Moderate);
    Finding::new(rule, OBSERVED, moderate, subject, at, text)
}

/// The patient left though the gate would have refused it (KAP-INV-14).
pub(super) fn undischarged(subject: &Id, at: Instant) -> Finding {
    let text = "The patient left a dosing session without a discharge that meets its criteria or a documented exception.";
    Finding::new("KAP-INV-14", COMPLY, IssueSeverity::High, subject, at, text)
}

pub(super) fn over_dose(subject: &Id, at: Instant) -> Finding {
    let text = "The session's dose is above the maximum of prescription or clearance.";
    let code = ("DOSEH", "High Dose Alert");
    Finding::new("KAP-INV-07", code, IssueSeverity::High, subject, at, text)
}

pub(super) fn short(subject: &Id, at: Instant) -> Finding {
    let text = "The time from first dose to discharge was short.";
    Finding::new("KAP-INV-14", TIMING, IssueSeverity::Low, subject, at, text)
}

pub(super) fn late_integration(subject: &Id, at: Instant) -> Finding {
    let text = "The integration session came later after the dose than the target.";
    let rule = "KAP-RULE-INTEGRATION";
    Finding::new(rule, TIMING, IssueSeverity::Low, subject, at, text)
}

/// A clinician is concerned, whatever the screeners say (KAP-INV-19).
pub(super) fn concern(subject: &Id, at: Instant) -> Finding {
    let text = "A clinician is concerned about suicide: a safety review is due the same day.";
    Finding::new(
        "KAP-INV-19",
        CONCERN,
        IssueSeverity::High,
        subject,
        at,
        text,
    )
}

/// The finding for a warning under which dosing started.
pub(super) fn warned(warning: &BlockingReason, subject: &Id, at: Instant) -> Finding {
    let text = "Dosing started under a warning of the readiness check.";
    let (rule, moderate) = (named(warning.rule), IssueSeverity::Moderate);
    Finding::new(rule, COMPLY, moderate, subject, at, text)
}

/// The code of `kap-rule` by which a finding of this invariant goes, or the invariant's own id where there is none.
fn named(invariant: &'static str) -> &'static str {
    match invariant {
        "KAP-INV-08" => "KAP-RULE-INTERVAL",
        "KAP-INV-10" => "KAP-RULE-VITALS-MISSING",
        "KAP-INV-11" => "KAP-RULE-BP-PREDOSE",
        "KAP-INV-13" => "KAP-RULE-CHAPERONE",
        "KAP-INV-15" => "KAP-RULE-FUQ",
        "KAP-INV-17" => "KAP-RULE-INTEGRATION",
        "KAP-INV-33" => "KAP-RULE-LOCATION",
        other => other,
    }
}

/// The finding for a gate that a recorded dose went past: the dose is stored, and a clinician looks at it.
/// `None` where the dose itself is judged for it: what was given against the maximum, and the units left after it.
pub(super) fn breach(reason: &BlockingReason, subject: &Id, at: Instant) -> Option<Finding> {
    let judged = matches!(
        reason.code,
        "inventory-insufficient" | "dose-exceeds-maximum"
    );
    if judged {
        return None;
    }
    let code = match reason.rule {
        "KAP-INV-08" => ("DOSEIVL", "Dose-Interval Alert"),
        "KAP-INV-10" | "KAP-INV-11" => OBSERVED,
        "KAP-INV-20" => ("ALGY", "Allergy Alert"),
        _ => COMPLY,
    };
    let (rule, text) = (named(reason.rule), went_past(reason.rule));
    let high = IssueSeverity::High;
    Some(Finding::new(rule, code, high, subject, at, text))
}

/// What a dose went past, as a sentence.
fn went_past(invariant: &str) -> &'static str {
    match invariant {
        "KAP-INV-01" => "A dose was given while the episode was in no phase of dosing.",
        "KAP-INV-02" => "A dose was given without an active clearance of its setting and route.",
        "KAP-INV-03" => "A dose was given although a condition of the clearance was not met.",
        "KAP-INV-04" => "A dose was given without a treatment consent to the topics of the day.",
        "KAP-INV-05" => "A dose was given remotely without a telehealth consent.",
        "KAP-INV-06" => "A dose was given without an active, valid prescription.",
        "KAP-INV-08" => "A dose was given before the interval between sessions had passed.",
        "KAP-INV-10" => "A dose was given without recent pre-dose vital signs.",
        "KAP-INV-11" => "A dose was given while pre-dose vital signs were out of range.",
        "KAP-INV-12" => "A dose was given without the consents that the patient's age asks for.",
        "KAP-INV-13" => "A dose was given remotely without an adult chaperone on record.",
        "KAP-INV-15" => "A dose was given while a medical follow-up was long overdue.",
        "KAP-INV-18" => "A dose was given before a suicide-risk screener was asked.",
        "KAP-INV-19" => "A dose was given while a safety review was due.",
        "KAP-INV-20" => "A dose was given although an allergy to ketamine is confirmed.",
        "KAP-INV-22" => "A dose was given without a record of the therapist's presence.",
        "KAP-INV-26" => "A dose was given while dosing was on hold.",
        "KAP-INV-30" => "Esketamine was given in a remote session.",
        "KAP-INV-31" => "A dose was given after a consent was withdrawn.",
        "KAP-INV-33" => "A dose was given remotely without a record of the patient's location.",
        "KAP-INV-34" => "A dose was given remotely without a complete emergency plan.",
        _ => "A dose was given past a rule that holds dosing in this practice.",
    }
}

impl Episode {
    /// Takes a finding back that this very request has raised; one that was on record before stays.
    pub(super) fn withdraw_own(&mut self, f: &Finding, ctx: &Context) {
        let id = (ctx.ids)(&f.name());
        self.detected_issues.retain(|i| i.id != id);
    }

    /// Puts a finding on the record: once for each rule, code and subject; an open one only ever becomes more severe.
    pub(in crate::kap) fn raise(&mut self, f: Finding, ctx: &Context) {
        let id = (ctx.ids)(&f.name());
        let same = |i: &&mut DetectedIssue| {
            i.rule_id == f.rule && i.code.code == f.code.0 && i.implicated.contains(&f.subject)
        };
        if let Some(known) = self.detected_issues.iter_mut().find(same) {
            // `High` is the first of the list.
            if known.severity > f.severity && known.status == IssueStatus::Preliminary {
                known.severity = f.severity;
            }
            return;
        }
        let (code, display) = f.code;
        self.detected_issues.push(DetectedIssue {
            id,
            rule_id: f.rule.to_owned(),
            code: Coding {
                system: ACT_CODE.into(),
                code: code.into(),
                display: Some(display.into()),
            },
            severity: f.severity,
            status: IssueStatus::Preliminary,
            identified_at: f.at,
            author: Id::new("system"),
            implicated: vec![f.subject],
            detail: Some(f.text.into()),
            sensitivity: vec![],
            mitigations: vec![],
            rule_version: Some(ctx.policy.version.clone()),
        });
    }
}
