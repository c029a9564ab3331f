//! What clinicians have said to findings, and what still waits for their word (KAP-INV-19, 20).

use super::Issue;
use super::finding::{ACT_CODE, CONCERN};
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant};
use crate::kap::dosing::Session;
use crate::kap::people::MemberRole;
use crate::kap::safety::{DetectedIssue, IssueSeverity, IssueStatus, Mitigation};

/// The action by which a prescriber says that a finding does not stand in the way: `1`, Therapy Appropriate.
const APPROPRIATE: &str = "1";

/// What is known of an allergy to ketamine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kap) enum KetamineAllergy {
    /// None, or a prescriber has said that it does not stand in the way.
    None,
    /// Reported; no prescriber has looked at it.
    Reported,
    /// A prescriber has confirmed it: there is no dosing and no clearance.
    Confirmed,
}

impl Episode {
    /// Whether `who` is a prescriber or nurse of the care team.
    pub(super) fn is_medical(&self, who: &Id) -> bool {
        let medical = |r| matches!(r, MemberRole::Prescriber | MemberRole::DosingNurse);
        self.care_team
            .iter()
            .any(|m| &m.id == who && medical(m.role))
    }

    /// Whether `who` is a clinician of the care team: anybody but a coordinator.
    pub(super) fn is_clinician(&self, who: &Id) -> bool {
        let mut team = self.care_team.iter();
        team.any(|m| &m.id == who && m.role != MemberRole::CareCoordinator)
    }

    /// What is known at `at` of an allergy to ketamine (KAP-INV-20).
    ///
    /// An allergy as it is recorded says who reported it no more than that it is true; what counts is the word of a
    /// prescriber of the partner to the finding KAP-RULE-ALLERGY. The newest one rules: the action `1` (Therapy
    /// Appropriate) says that the allergy does not stand in the way, every other action confirms it. So an action
    /// that leaves it open errs on the side of safety, and the prescriber can say so anew. A finding that was taken
    /// back says nothing.
    pub(in crate::kap) fn ketamine_allergy(&self, at: Instant) -> KetamineAllergy {
        use KetamineAllergy as A;
        let about = |i: &&DetectedIssue| {
            i.rule_id == "KAP-RULE-ALLERGY" && i.status != IssueStatus::EnteredInError
        };
        let mut out = A::None;
        for issue in self.detected_issues.iter().filter(about) {
            let said = issue.mitigations.iter();
            let last = said.filter(|m| m.at <= at && self.is_prescriber(&m.by));
            match last.max_by_key(|m| m.at) {
                Some(m) if appropriate(m) => {}
                Some(_) => return A::Confirmed,
                None => out = A::Reported,
            }
        }
        out
    }

    /// What keeps a prescriber from clearing (KAP-INV-20): a high-severity finding that no prescriber has adjudicated,
    /// and a confirmed allergy to ketamine.
    pub(super) fn unadjudicated(&self, at: Instant) -> Vec<Issue> {
        let waits = |i: &&DetectedIssue| {
            let open = !matches!(i.status, IssueStatus::EnteredInError);
            let seen = i.mitigations.iter().any(|m| self.is_prescriber(&m.by));
            i.severity == IssueSeverity::High && open && !seen
        };
        let say = |text: String| Issue {
            text,
            rule: Some("KAP-INV-20".into()),
            resolve_by: Some("prescriber".into()),
            ..Issue::default()
        };
        let waiting = self.detected_issues.iter().filter(waits);
        let mut out: Vec<Issue> = waiting
            .map(|i| {
                let (id, rule) = (&i.id, &i.rule_id);
                say(format!("The finding {id} ({rule}) waits for a prescriber."))
            })
            .collect();
        if self.ketamine_allergy(at) == KetamineAllergy::Confirmed {
            let text =
                "An allergy to ketamine is confirmed: there is no clearance while it stands.";
            out.push(say(text.into()));
        }
        out
    }
}

fn appropriate(m: &Mitigation) -> bool {
    m.action.system == ACT_CODE && m.action.code == APPROPRIATE
}

impl Episode {
    /// Whether a suicide-risk finding of `at` or before still holds dosing at `at` (KAP-INV-19).
    #[must_use]
    pub(in crate::kap) fn safety_review_due(&self, at: Instant) -> bool {
        let mut all = self.detected_issues.iter();
        all.any(|i| self.awaits_review(i, at))
    }

    /// Whether `issue` is a suicide-risk finding that no clinician has reviewed as the rule asks (KAP-INV-19).
    ///
    /// The rule asks for a *same-day* review. A review counts that a clinician of the care team documented at or after
    /// the answer, on the answer's own day; where that day went by, one on a day of dosing: the day that is asked
    /// about, or that of a session in which a dose was given. Days are the practice's. So a review of before the
    /// answer never opens the hold, nor does one of some day in between, of which the dose may be weeks away.
    pub(in crate::kap) fn awaits_review(&self, issue: &DetectedIssue, at: Instant) -> bool {
        let since = issue.identified_at;
        if !risk(issue) || issue.status == IssueStatus::EnteredInError || since > at {
            return false;
        }
        let calendar = self.calendar();
        let dosed = self.sessions.iter().filter_map(Session::first_dose_at);
        let mut days: Vec<Day> = dosed.map(|t| calendar.day(t)).collect();
        days.extend([calendar.day(since), calendar.day(at)]);
        let counts = |m: &Mitigation| {
            let then = since <= m.at && m.at <= at;
            then && self.is_clinician(&m.by) && days.contains(&calendar.day(m.at))
        };
        !issue.mitigations.iter().any(counts)
    }
}

/// Whether a finding is about the risk of suicide: an answer, a screener, or a clinician's concern.
fn risk(issue: &DetectedIssue) -> bool {
    match issue.rule_id.as_str() {
        "KAP-RULE-SI-ITEM9" | "KAP-RULE-CSSRS" => true,
        "KAP-INV-19" => issue.code.code == CONCERN.0,
        _ => false,
    }
}
