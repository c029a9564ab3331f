//! Random facts for property tests: a seed gives one value, so that a failure can be repeated.

use crate::kap::base::{
    Address, Coding, Day, Decimal, Id, Identifier, Instant, PersonName, Quantity, Telecom,
    TelecomSystem, TelecomUse,
};
use crate::kap::clearance::{
    Clearance, ClearanceCondition, ConditionScope, Decision, DeferralReason, VitalLimits,
    VitalParameters,
};
use crate::kap::consent::{
    Consent, ConsentKind, ConsentStatus, DayPeriod, PrivacyRule, RuleType, Signer, SignerType,
};
use crate::kap::consultation::{
    Allergy, Answer, ClinicalStatus, Criticality, DisclosureWish, HomeMedicine, Problem,
    ProblemCategory, ScoreRange, Screening, ScreeningItem, TreatmentResistance, VerificationStatus,
};
use crate::kap::dosing::{Setting, Timing};
use crate::kap::fact::Header;
use crate::kap::medication::{
    Dispense, DispenseStatus, InventoryEntry, InventoryReason, Prescription, PrescriptionStatus,
    Route, Shipment, Strength, Supply,
};
use crate::kap::people::{
    Gender, LegalAuthority, Licence, Member, MemberRole, Organization, OrganizationType, Patient,
    ProxyAccess, RelatedPerson, RelatedRole,
};
use crate::kap::preparation::{
    Cadence, GoalTarget, Intention, IntentionCategory, SessionRange, Sharing, TreatmentPlan,
};
use crate::kap::referral::{Priority, Referral, ReferralStatus, TaskEvent, TaskStatus};
use crate::kap::{Phase, PhaseEntry};

/// `few` cases, or as many as `PROPTEST_CASES` asks for.
pub fn cases(few: u32) -> proptest::test_runner::Config {
    const UNASKED: u32 = 256;
    let asked = proptest::test_runner::Config::default();
    match asked.cases {
        UNASKED => proptest::test_runner::Config::with_cases(few),
        _ => asked,
    }
}

/// A source of random values (SplitMix64).
#[derive(Debug)]
pub struct Gen(u64);

impl Gen {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flip().then(|| make(self))
    }

    pub fn many<T>(&mut self, min: u64, max: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n = min + self.below(max - min + 1);
        (0..n).map(|_| make(self)).collect()
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let n = u64::try_from(all.len()).unwrap_or(1);
        all[usize::try_from(self.below(n)).unwrap_or(0)]
    }

    fn letters(&mut self, alphabet: &str, min: u64, max: u64) -> String {
        let all: Vec<char> = alphabet.chars().collect();
        self.many(min, max, |g| g.one_of(&all))
            .into_iter()
            .collect()
    }

    /// Words with everything that markup and JSON must escape.
    pub fn text(&mut self) -> String {
        self.letters("abcXYZ 019<>&\"'\\/äß–{}\n", 1, 24)
    }

    pub fn word(&mut self) -> String {
        self.letters("abcdefghij-", 1, 12)
    }

    /// No other one of this source: a number that does not come again is a part of it.
    pub fn id(&mut self) -> Id {
        let text = format!("r{:x}{}", self.next(), self.letters("abcXYZ019-.", 0, 47));
        Id::new(text).unwrap_or_default()
    }

    pub fn small(&mut self) -> u32 {
        u32::try_from(self.below(400)).unwrap_or(0)
    }

    pub fn positive(&mut self) -> u32 {
        self.small() + 1
    }

    pub fn int(&mut self) -> i64 {
        i64::try_from(self.below(2_000_000)).unwrap_or(0) - 1_000_000
    }

    /// At most 15 digits (what a JSON number keeps), without trailing zeros (which it does not keep).
    pub fn decimal(&mut self) -> Decimal {
        let digits = i64::try_from(self.below(2_000_000_000_000)).unwrap_or(0) - 1_000_000_000_000;
        let scale = u32::try_from(self.below(9)).unwrap_or(0);
        Decimal(rust_decimal::Decimal::new(digits, scale).normalize())
    }

    pub fn instant(&mut self) -> Instant {
        let seconds = i64::try_from(self.below(3_000_000_000)).unwrap_or(0);
        let quarters = i32::try_from(self.below(96)).unwrap_or(0) - 47;
        let nanos = if self.flip() {
            0
        } else {
            self.below(1000) * 1_000_000
        };
        let offset =
            time::UtcOffset::from_whole_seconds(quarters * 900).unwrap_or(time::UtcOffset::UTC);
        let utc = time::OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let nanos = i64::try_from(nanos).unwrap_or(0);
        Instant((utc + time::Duration::nanoseconds(nanos)).to_offset(offset))
    }

    pub fn day(&mut self) -> Day {
        Day(self.instant().0.date())
    }

    pub fn coding(&mut self) -> Coding {
        Coding {
            system: format!("http://example.org/{}", self.word()),
            code: self.word(),
            display: self.maybe(Self::text),
        }
    }

    /// With its code: a unit without one comes back with it (but for lozenges).
    pub fn quantity(&mut self) -> Quantity {
        let (unit, system, code) = if self.flip() {
            ("lozenge", None, None)
        } else {
            ("mg", Some("http://unitsofmeasure.org"), Some("mg"))
        };
        Quantity {
            value: self.decimal(),
            unit: unit.to_owned(),
            system: system.map(str::to_owned),
            code: code.map(str::to_owned),
        }
    }

    fn identifier(&mut self) -> Identifier {
        let system = format!("http://example.org/{}", self.word());
        Identifier {
            kind: self.maybe(Self::word),
            system,
            value: self.text(),
        }
    }

    fn name(&mut self) -> PersonName {
        PersonName {
            family: self.text(),
            given: self.many(0, 3, Self::text),
        }
    }

    fn telecom(&mut self) -> Telecom {
        Telecom {
            system: self.one_of(TelecomSystem::ALL),
            value: self.text(),
            usage: self.maybe(|g| g.one_of(TelecomUse::ALL)),
        }
    }

    fn address(&mut self) -> Address {
        Address {
            line: self.many(0, 2, Self::text),
            city: self.maybe(Self::text),
            state: self.maybe(Self::text),
            postal_code: self.maybe(Self::text),
            country: self.maybe(Self::text),
        }
    }

    pub fn patient(&mut self) -> Patient {
        Patient {
            id: self.id(),
            identifiers: self.many(1, 3, Self::identifier),
            name: self.name(),
            birth_date: self.day(),
            administrative_gender: self.one_of(Gender::ALL),
            birth_sex: self.maybe(Self::word),
            pronouns: self.maybe(Self::text),
            telecom: self.many(0, 3, Self::telecom),
            address: self.maybe(Self::address),
            preferred_language: self.maybe(Self::word),
            interpreter_required: self.maybe(Self::flip),
            veteran: self.maybe(Self::flip),
        }
    }

    pub fn organization(&mut self) -> Organization {
        Organization {
            id: self.id(),
            name: self.text(),
            npi: self.maybe(Self::word),
            kind: self.one_of(OrganizationType::ALL),
            endpoint: self.maybe(Self::word),
            timezone: self.maybe(Self::word),
            taxonomy: self.maybe(Self::taxonomy),
        }
    }

    fn taxonomy(&mut self) -> Coding {
        Coding {
            system: "http://nucc.org/provider-taxonomy".into(),
            ..self.coding()
        }
    }

    pub fn member(&mut self) -> Member {
        Member {
            id: self.id(),
            name: self.text(),
            role: self.one_of(MemberRole::ALL),
            taxonomy: self.maybe(Self::taxonomy),
            organization_id: self.id(),
            npi: self.maybe(Self::word),
            licences: self.many(0, 2, |g| Licence {
                state: g.word(),
                number: g.word(),
                expires: g.maybe(Self::day),
            }),
            telecom: self.many(0, 2, Self::telecom),
            sharing: self.maybe(Self::word),
        }
    }

    pub fn related_person(&mut self) -> RelatedPerson {
        RelatedPerson {
            id: self.id(),
            name: self.name(),
            relationship: self.many(1, 3, Self::coding),
            kap_roles: self.many(1, 3, |g| g.one_of(RelatedRole::ALL)),
            is_adult: self.maybe(Self::flip),
            legal_authority: self.maybe(|g| LegalAuthority {
                basis: g.word(),
                verified_at: g.maybe(Self::instant),
                verified_by: g.maybe(Self::id),
                document_id: g.maybe(Self::id),
            }),
            telecom: self.many(0, 2, Self::telecom),
            proxy_access: self.maybe(|g| ProxyAccess {
                level: g.word(),
                excludes: g.many(0, 3, Self::word),
            }),
        }
    }

    pub fn header(&mut self) -> Header {
        let history = self.many(1, 8, |g| PhaseEntry {
            phase: g.one_of(Phase::ALL),
            from: g.instant(),
            by: g.id(),
            reason: g.maybe(Self::text),
        });
        Header {
            id: self.id(),
            business_identifiers: self.many(0, 2, Self::identifier),
            synthetic: true,
            phase: self.one_of(Phase::ALL),
            phase_history: history,
            previous_episode_id: self.maybe(Self::id),
            practice: self.organization(),
            partner: self.organization(),
            pharmacy: self.maybe(Self::organization),
        }
    }

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

    pub fn prescription(&mut self) -> Prescription {
        Prescription {
            id: self.id(),
            status: self.one_of(PrescriptionStatus::ALL),
            intent: Some("order".into()),
            authored_on: self.instant(),
            prescriber_id: self.id(),
            reason_condition_id: self.maybe(Self::id),
            clearance_id: self.maybe(Self::id),
            drug: self.coding(),
            drug_text: self.text(),
            compounded: self.flip(),
            controlled_substance_schedule: self.maybe(|g| g.one_of(&["II", "III"]).to_owned()),
            form: self.maybe(Self::coding),
            strength: self.maybe(|g| Strength {
                numerator: g.quantity(),
                denominator: g.quantity(),
            }),
            route: self.coding(),
            dosage_text: self.text(),
            units_per_session: self.maybe(Self::small),
            booster_units_allowed: self.maybe(Self::small),
            max_mg_per_session: self.decimal(),
            quantity: self.maybe(Self::quantity),
            sessions_supplied: self.maybe(Self::small),
            repeats_allowed: self.maybe(Self::small),
            valid_until: self.day(),
            pharmacy_id: self.maybe(Self::id),
            external_rx_number: self.maybe(Self::text),
            pdmp_checked_at: self.maybe(Self::instant),
            epcs_transmitted: self.maybe(Self::flip),
            record_only: true,
            supply: self.maybe(|g| g.one_of(Supply::ALL)),
            status_reason: self.maybe(Self::text),
        }
    }

    pub fn dispense(&mut self) -> Dispense {
        Dispense {
            id: self.id(),
            prescription_id: self.id(),
            status: self.one_of(DispenseStatus::ALL),
            pharmacy_id: self.maybe(Self::id),
            quantity: self.quantity(),
            mg_per_unit: self.decimal(),
            sessions_supplied: self.maybe(Self::positive),
            prepared_at: self.maybe(Self::instant),
            shipment: self.maybe(|g| Shipment {
                carrier: Some(g.text()),
                tracking_number: g.maybe(Self::text),
                shipped_at: g.maybe(Self::instant),
                delivered_at: g.maybe(Self::instant),
                signature_required: g.maybe(Self::flip),
                destination: g.maybe(Self::word),
            }),
            lot: self.maybe(Self::text),
            beyond_use_date: self.maybe(Self::day),
            received_confirmed_by: self.maybe(Self::id),
        }
    }

    pub fn inventory(&mut self) -> InventoryEntry {
        InventoryEntry {
            id: self.id(),
            at: self.instant(),
            reason: self.one_of(InventoryReason::ALL),
            units: self.decimal(),
            mg_per_unit: self.decimal(),
            by: self.id(),
            witness_id: self.maybe(Self::id),
            note: self.maybe(Self::text),
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
