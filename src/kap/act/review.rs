//! What clinicians have said to findings.

use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::people::MemberRole;
use crate::kap::safety::IssueStatus;

impl Episode {
    /// Whether `who` is a prescriber or nurse of the care team.
    pub(super) fn is_medical(&self, who: &Id) -> bool {
        let medical = |r| matches!(r, MemberRole::Prescriber | MemberRole::DosingNurse);
        self.care_team
            .iter()
            .any(|m| &m.id == who && medical(m.role))
    }
}

/// Whether a positive suicide-risk answer of `at` or before waits for a clinician (KAP-INV-19).
pub(in crate::kap) fn safety_review_due(episode: &Episode, at: Instant) -> bool {
    episode.detected_issues.iter().any(|i| {
        let risk = matches!(i.rule_id.as_str(), "KAP-RULE-SI-ITEM9" | "KAP-RULE-CSSRS");
        risk && i.identified_at <= at
            && i.status != IssueStatus::EnteredInError
            && i.mitigations.is_empty()
    })
}
