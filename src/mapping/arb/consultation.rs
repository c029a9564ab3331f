//! What a consultation records, and the referral that follows.

use super::Gen;
use crate::kap::base::Coding;
use crate::kap::consultation::{
    Allergy, Answer, ClinicalStatus, Criticality, DisclosureWish, HomeMedicine, Problem,
    ProblemCategory, ScoreRange, Screening, ScreeningItem, TreatmentResistance, VerificationStatus,
};
use crate::kap::dosing::Setting;
use crate::kap::medication::Route;
use crate::kap::referral::{Priority, Referral, ReferralStatus, TaskEvent, TaskStatus};

impl Gen {
    pub fn problem(&mut self) -> Problem {
        let years = [
            "2019",
            "2019-05",
            "2019-05-02",
            "childhood",
            "0999",
            "2019-13",
            "2019-5",
        ];
        Problem {
            id: self.id(),
            category: self.one_of(ProblemCategory::ALL),
            codings: self.many(1, 3, Self::coding),
            clinical_status: self.one_of(ClinicalStatus::ALL),
            verification_status: self.one_of(VerificationStatus::ALL),
            onset: self.maybe(|g| g.one_of(&years).to_owned()),
            kap_indication: self.flip(),
            sensitivity: self.many(0, 3, Self::word),
            treatment_resistance: self.maybe(|g| TreatmentResistance {
                is_treatment_resistant: g.flip(),
                adequate_trials_failed: g.small(),
                psychotherapy_tried: g.maybe(Self::flip),
                trials: g.many(0, 3, Self::text),
            }),
            disclosure: self.maybe(|g| DisclosureWish {
                requested_confidential_from: g.many(0, 2, Self::id),
                basis: g.maybe(Self::text),
            }),
            recorded_by: self.maybe(Self::id),
        }
    }

    pub fn allergy(&mut self) -> Allergy {
        Allergy {
            id: self.id(),
            coding: self.maybe(Self::coding),
            text: self.text(),
            no_known: self.flip(),
            reaction: self.maybe(Self::text),
            criticality: self.maybe(|g| g.one_of(Criticality::ALL)),
            asserted_at: self.maybe(Self::day),
        }
    }

    pub fn home_medicine(&mut self) -> HomeMedicine {
        HomeMedicine {
            id: self.id(),
            coding: self.maybe(Self::coding),
            text: self.text(),
            status: self.word(),
            class: self.maybe(Self::word),
            kap_instruction: self.maybe(Self::text),
            hold_before_hours: self.maybe(Self::small),
            hold_preferred_hours: self.maybe(Self::small),
            last_taken_at: self.maybe(Self::instant),
        }
    }

    fn item(&mut self) -> ScreeningItem {
        let answer = match self.below(4) {
            0 => Answer::Boolean(self.flip()),
            1 => Answer::Coding(self.coding()),
            2 => Answer::Integer(self.int() * 1_000_000),
            _ => Answer::Text(self.text()),
        };
        ScreeningItem {
            link_id: self.word(),
            text: self.maybe(Self::text),
            answer,
            detail: self.maybe(Self::text),
        }
    }

    pub fn screening(&mut self) -> Screening {
        let statuses = [
            "in-progress",
            "completed",
            "amended",
            "entered-in-error",
            "stopped",
        ];
        Screening {
            id: self.id(),
            instrument: self
                .one_of(&["PHQ-9", "DAST-10", "KAP-SCREEN", "Other form"])
                .to_owned(),
            panel_coding: self.maybe(Self::coding),
            score_coding: self.maybe(Self::coding),
            questionnaire: self.maybe(|g| format!("http://example.org/{}|1", g.word())),
            at: self.maybe(Self::instant),
            authored: self.maybe(Self::instant),
            author: self.maybe(Self::id),
            status: self.maybe(|g| g.one_of(&statuses).to_owned()),
            score: self.maybe(Self::decimal),
            range: self.maybe(|g| ScoreRange {
                min: g.decimal(),
                max: g.decimal(),
            }),
            timing: self.maybe(Self::word),
            reported_by: self.maybe(Self::word),
            item9: self.maybe(|g| u8::try_from(g.below(4)).unwrap_or(0)),
            items: self.many(0, 4, Self::item),
            risk_level: self.maybe(Self::word),
        }
    }

    pub fn referral(&mut self) -> Referral {
        Referral {
            id: self.id(),
            task_id: self.id(),
            requested_at: self.instant(),
            requester_id: self.id(),
            performer_org_id: self.id(),
            service: Coding {
                system: "https://kap-interop.example.org/fhir/CodeSystem/kap-service".into(),
                ..self.coding()
            },
            priority: self.one_of(Priority::ALL),
            reason_condition_ids: self.many(0, 2, Self::id),
            supporting_info_ids: self.many(0, 3, Self::id),
            desired_setting: self.maybe(|g| g.one_of(Setting::ALL)),
            desired_route: self.maybe(|g| g.one_of(Route::ALL)),
            status: self.one_of(ReferralStatus::ALL),
            task_events: self.many(1, 5, |g| TaskEvent {
                at: g.instant(),
                status: g.one_of(TaskStatus::ALL),
                business_status: g.maybe(Self::word),
                note: g.maybe(Self::text),
                by: g.maybe(Self::id),
                output_clearance_id: g.maybe(Self::id),
            }),
        }
    }
}
