//! Consents, clearances, plans and intentions.

use super::Gen;
use crate::kap::clearance::{
    Clearance, ClearanceCondition, ConditionScope, Decision, DeferralReason, VitalLimits,
    VitalParameters,
};
use crate::kap::consent::{
    Consent, ConsentKind, ConsentStatus, DayPeriod, PrivacyRule, RuleType, Signer, SignerType,
};
use crate::kap::dosing::{Setting, Timing};
use crate::kap::medication::Route;
use crate::kap::preparation::{
    Cadence, GoalTarget, Intention, IntentionCategory, SessionRange, Sharing, TreatmentPlan,
};

impl Gen {
    pub fn consent(&mut self) -> Consent {
        let labels = ["N", "R", "PSY", "SUD", "PSYTHPN"];
        Consent {
            id: self.id(),
            kind: self.one_of(ConsentKind::ALL),
            status: self.one_of(ConsentStatus::ALL),
            signed_at: self.maybe(Self::instant),
            signers: self.many(0, 2, |g| Signer {
                kind: g.one_of(SignerType::ALL),
                id: g.id(),
                capacity: g.maybe(Self::word),
            }),
            topics: self.many(0, 3, Self::word),
            document_id: self.maybe(Self::id),
            expires: self.maybe(Self::day),
            revoked_at: self.maybe(Self::instant),
            note: self.maybe(Self::text),
            age_appropriate_materials: self.maybe(Self::flip),
            policy_uri: self.maybe(Self::word),
            root: self.maybe(|g| g.one_of(RuleType::ALL)),
            period: self.maybe(|g| DayPeriod {
                start: Some(g.day()),
                end: g.maybe(Self::day),
            }),
            exceptions: self.many(0, 3, |g| PrivacyRule {
                kind: g.one_of(RuleType::ALL),
                recipients: g.many(0, 2, Self::id),
                purposes: g.many(0, 2, Self::word),
                security_labels: g.many(0, 3, |g| g.one_of(&labels).to_owned()),
                data_classes: g.many(0, 2, Self::word),
                note: g.maybe(Self::text),
            }),
        }
    }

    fn limits(&mut self) -> VitalLimits {
        VitalLimits {
            systolic_max: Some(self.decimal()),
            systolic_min: self.maybe(Self::decimal),
            diastolic_max: self.maybe(Self::decimal),
            diastolic_min: self.maybe(Self::decimal),
            heart_rate_min: self.maybe(Self::decimal),
            heart_rate_max: self.maybe(Self::decimal),
        }
    }

    fn vital_parameters(&mut self) -> VitalParameters {
        VitalParameters {
            source: Some(self.word()),
            pre_dose: self.maybe(Self::limits),
            end_of_session: self.maybe(Self::limits),
            recheck_after_minutes: self.maybe(Self::small),
            max_rechecks: self.maybe(Self::small),
            required_timings: self.many(0, 3, |g| g.one_of(Timing::ALL)),
            max_age_minutes_pre_dose: self.maybe(Self::small),
            spo2_min: self.maybe(Self::decimal),
        }
    }

    /// Without the computed status.
    pub fn clearance(&mut self) -> Clearance {
        Clearance {
            id: self.id(),
            decision: self.one_of(Decision::ALL),
            status: None,
            decided_at: self.instant(),
            decided_by: self.id(),
            evaluation_session_id: self.maybe(Self::id),
            effective_from: self.day(),
            valid_until: self.maybe(Self::day),
            review_by: self.maybe(Self::day),
            settings_allowed: self.many(0, 3, |g| g.one_of(Setting::ALL)),
            routes_allowed: self.many(0, 3, |g| g.one_of(Route::ALL)),
            dose_ceiling_mg_per_session: self.maybe(Self::decimal),
            max_sessions_per7_days: self.maybe(Self::small),
            min_days_between_sessions: self.maybe(Self::small),
            vital_parameters: self.maybe(Self::vital_parameters),
            conditions: self.many(0, 3, |g| ClearanceCondition {
                id: g.id(),
                code: g.word(),
                text: g.text(),
                scope: g.one_of(ConditionScope::ALL),
                must_satisfy_before_dosing: g.flip(),
                satisfied_at: g.maybe(Self::instant),
                satisfied_by: g.maybe(Self::id),
            }),
            deferral_reasons: self.many(0, 3, |g| DeferralReason {
                code: g.word(),
                text: g.text(),
                owner: g.maybe(Self::id),
                sensitivity: g.many(0, 2, Self::word),
            }),
            basis_ids: self.many(0, 4, Self::id),
            rationale_summary: self.maybe(Self::text),
            rationale_restricted: self.maybe(Self::flip),
            supersedes: self.maybe(Self::id),
            document_id: self.maybe(Self::id),
            revoked_at: self.maybe(Self::instant),
            revoked_reason: self.maybe(Self::text),
        }
    }

    pub fn plan(&mut self) -> TreatmentPlan {
        let statuses = ["draft", "active", "on-hold", "revoked", "completed"];
        TreatmentPlan {
            id: self.id(),
            status: self.one_of(&statuses).to_owned(),
            planned_dosing_sessions: self.maybe(|g| SessionRange {
                min: g.small(),
                max: g.small(),
            }),
            dosing_cadence: self.maybe(|g| Cadence {
                every_days: g.small(),
            }),
            integration_per_dosing: self.maybe(Self::small),
            integration_target_hours: self.maybe(Self::small),
            preparation_sessions: self.maybe(Self::small),
            maintenance: self.maybe(Self::text),
            modality: self.many(0, 3, Self::text),
            setting: self.maybe(|g| g.one_of(Setting::ALL)),
            route: self.maybe(|g| g.one_of(Route::ALL)),
            dose_strategy: self.maybe(Self::text),
            goal_ids: self.many(0, 3, Self::id),
        }
    }

    /// One that is shared.
    pub fn intention(&mut self) -> Intention {
        Intention {
            id: self.id(),
            text: self.text(),
            expressed_by: self.id(),
            at: self.maybe(Self::instant),
            category: self.one_of(IntentionCategory::ALL),
            measure: self.maybe(Self::coding),
            target: self.maybe(|g| GoalTarget {
                comparator: g.maybe(|g| g.one_of(&["<", "<=", ">=", ">"]).to_owned()),
                value: g.maybe(Self::decimal),
                due_date: g.maybe(Self::day),
            }),
            sharing: self.one_of(&[Sharing::CareTeam, Sharing::All]),
        }
    }
}
