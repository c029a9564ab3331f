//! Generators of sessions and what belongs to them, for property tests that shrink.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::kap::base::{Address, Coding, Day, Decimal, Id, Instant, Quantity};
use crate::kap::consultation::ScoreRange;
use crate::kap::dosing::{
    ChaperoneCheck, Checklist, Discharge, DischargeException, Disposition, Dose, DoseKind,
    DoseLevel, DoseStatus, Dosing, DosingOutcome, Effects, EmergencyPlan, EncounterClass,
    Environment, HoldFollowed, Override, Participant, PatientLocation, PresenceMode, Reason,
    Session, SessionStatus, SessionType, Setting, Severity, SideEffect, TherapistPresence, Timing,
    Transport, Vitals, VitalsSource,
};
use crate::kap::follow_up::{Communication, FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::integration::{Action, ActionStatus, Integration, IntegrationSummary};
use crate::kap::measure::Outcome;
use crate::kap::safety::{
    Actuality, AdverseEvent, Alert, Causality, DetectedIssue, EventOutcome, IssueSeverity,
    IssueStatus, Mitigation, Seriousness,
};

pub fn id() -> impl Strategy<Value = Id> {
    "[a-z][a-z0-9-]{2,10}|[a-z][a-zA-Z0-9.-]{63}"
        .prop_map(|text| Id::new(text).expect("a legal id"))
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}[a-z]",
        Just("é < & > \"\n 2026-01-02".to_owned()),
        Just("2026-01-02".to_owned()),
    ]
}

pub fn code() -> impl Strategy<Value = String> {
    "[a-z][a-z-]{0,10}[a-z]"
}

pub fn coding() -> impl Strategy<Value = Coding> {
    (
        select(vec!["http://snomed.info/sct", "http://loinc.org"]),
        "[1-9][0-9]{5,8}",
        of(text()),
    )
        .prop_map(|(system, code, display)| Coding {
            system: system.into(),
            code,
            display,
        })
}

pub fn instant() -> impl Strategy<Value = Instant> {
    (
        1_500_000_000_000_i64..1_900_000_000_000,
        -14 * 4..=14 * 4_i32,
    )
        .prop_map(|(ms, quarter)| {
            let utc = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
            let offset = time::UtcOffset::from_whole_seconds(quarter * 900).expect("in range");
            Instant(utc.expect("in range").to_offset(offset))
        })
}

pub fn day() -> impl Strategy<Value = Day> {
    (0_i64..20_000).prop_map(|n| "1990-01-01".parse::<Day>().expect("a day").plus_days(n))
}

pub fn decimal() -> impl Strategy<Value = Decimal> {
    (0_i64..1_000_000, 0_u32..4)
        .prop_map(|(n, scale)| Decimal(rust_decimal::Decimal::new(n, scale).normalize()))
}

pub fn quantity(unit: &'static str) -> impl Strategy<Value = Quantity> {
    decimal().prop_map(move |value| Quantity {
        value,
        unit: unit.into(),
        system: Some("http://unitsofmeasure.org".into()),
        code: Some(unit.into()),
    })
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

prop_compose! {
    fn participant()(id in id(), role in code(), from in of(instant()), to in of(instant())) -> Participant {
        Participant { id, role, from, to }
    }
}
prop_compose! {
    fn location()(
        confirmed_at in of(instant()),
        address_ref in of(text()),
        state in "[A-Z]{2}",
        line in of(text()),
        city in of(text()),
    ) -> PatientLocation {
        let address = city.map(|city| Address {
            line: line.into_iter().collect(),
            city: Some(city),
            state: None,
            postal_code: Some("00000".into()),
            country: Some("US".into()),
        });
        PatientLocation { confirmed_at, address_ref, state: Some(state), address }
    }
}
prop_compose! {
    fn presence()(
        from in of(instant()),
        to in of(instant()),
        mode in one_of(PresenceMode::ALL),
        continuous in any::<Option<bool>>(),
    ) -> TherapistPresence {
        TherapistPresence { from, to, mode, continuous }
    }
}
prop_compose! {
    fn plan()(contact_id in of(id()), address_ref in of(text()), hospital in text(), number in of(text())) -> EmergencyPlan {
        EmergencyPlan { contact_id, address_ref, hospital: Some(hospital), local_emergency_number: number }
    }
}
prop_compose! {
    fn environment()(music in any::<Option<bool>>(), eye_shades in any::<Option<bool>>(), lighting in of(text()), position in of(text())) -> Environment {
        Environment { music, eye_shades, lighting, position }
    }
}
prop_compose! {
    fn interval_override()(by in id(), at in instant(), reason in text()) -> Override {
        Override { by, at, reason }
    }
}
prop_compose! {
    fn head()(
        sequence in 0_u32..1000,
        dose_level in one_of(DoseLevel::ALL),
        planned_dose_mg in decimal(),
        clearance_id in of(id()),
        prescription_id in of(id()),
        outcome in of(one_of(DosingOutcome::ALL)),
        converted_to in of(text()),
        interval_override in of(interval_override()),
    ) -> Dosing {
        Dosing {
            sequence, dose_level, planned_dose_mg, clearance_id, prescription_id, outcome, converted_to,
            interval_override, pre_dose_checklist: None, doses: vec![], vitals: vec![], effects: None,
            side_effects: vec![], discharge: None,
        }
    }
}
prop_compose! {
    /// A session without its parts, as `Fact::Session` holds it.
    pub fn session()(
        (id, kind, status) in (id(), one_of(SessionType::ALL), one_of(SessionStatus::ALL)),
        (start, end) in (instant(), of(instant())),
        (setting, encounter_class) in (one_of(Setting::ALL), one_of(EncounterClass::ALL)),
        (lead_id, participants) in (id(), vec(participant(), 0..3)),
        (patient_location, therapist_presence) in (of(location()), of(presence())),
        (emergency_plan, environment) in (of(plan()), of(environment())),
        (clinical_summary, topics) in (of(text()), vec(text(), 0..3)),
        (body_weight, dosing) in (of(quantity("kg")), of(head())),
        integrates_session_id in of(id()),
    ) -> Session {
        // Whether the therapist stayed is told only where presence is.
        Session {
            id, kind, status, start, end, setting, encounter_class, lead_id, participants, patient_location,
            therapist_presence, emergency_plan, environment, clinical_summary, topics, vitals: vec![],
            body_weight, dosing, integrates_session_id, integration: None,
        }
    }
}
prop_compose! {
    pub fn vitals()(
        (id, at, timing) in (id(), instant(), one_of(Timing::ALL)),
        (systolic, diastolic) in (of(quantity("mm[Hg]")), of(quantity("mm[Hg]"))),
        (heart_rate, respiratory_rate) in (of(quantity("/min")), of(quantity("/min"))),
        (spo2, temperature) in (of(quantity("%")), of(quantity("Cel"))),
        (moaas, source) in (of(0_u8..=5), one_of(VitalsSource::ALL)),
        (device, minutes) in (of(text()), of(-600_i64..600)),
        (interpretation, recorded_by) in (of(select(vec!["H", "HX", "N"])), of(id())),
    ) -> Vitals {
        Vitals {
            id, at, timing, systolic, diastolic, heart_rate, respiratory_rate, spo2, temperature, moaas, source,
            device, minutes_since_first_dose: minutes, interpretation: interpretation.map(Into::into), recorded_by,
        }
    }
}
prop_compose! {
    pub fn dose()(
        (id, at, kind, status) in (id(), instant(), one_of(DoseKind::ALL), one_of(DoseStatus::ALL)),
        (reason, mg, units) in (of((code(), of(text()))), decimal(), of(decimal())),
        (route, performer, patient) in (coding(), of(id()), any::<bool>()),
        (witness_id, hold_minutes, expectorated) in (of(id()), of(decimal()), any::<Option<bool>>()),
        (site, held_by) in (of(text()), of(id())),
    ) -> Dose {
        let not_done = status == DoseStatus::NotDone;
        Dose {
            id, at, kind, status,
            status_reason: reason.map(|(code, text)| Reason { code, text }),
            dose_mg: if not_done { Decimal::ZERO } else { mg },
            units, route,
            performer: if patient { Id::new("patient") } else { performer },
            witness_id, hold_minutes, expectorated, site, held_by,
        }
    }
}
prop_compose! {
    fn hold()(condition_id in id(), followed in any::<bool>(), note in of(text())) -> HoldFollowed {
        HoldFollowed { condition_id, followed, note }
    }
}
prop_compose! {
    fn chaperone()(related_person_id in id(), present_at in of(instant()), check in of(1_u32..60), phone_verified in any::<Option<bool>>()) -> ChaperoneCheck {
        ChaperoneCheck { related_person_id, present_at, check_in_every_minutes: check, phone_verified }
    }
}
prop_compose! {
    fn transport()(arranged in any::<bool>(), mode in of(text()), escort_id in of(id()), at in of(instant())) -> Transport {
        Transport { arranged, mode, escort_id, escort_confirmed_at: at }
    }
}
prop_compose! {
    pub fn checklist()(
        completed_at in instant(),
        completed_by in of(id()),
        yes in any::<[Option<bool>; 11]>(),
        holds_followed in vec(hold(), 0..3),
        chaperone in of(chaperone()),
        transport in of(transport()),
        lozenges_on_hand in of(decimal()),
    ) -> Checklist {
        Checklist {
            completed_at, completed_by, holds_followed, chaperone, transport, lozenges_on_hand,
            consent_reviewed: yes[0], assent_reviewed: yes[1], clearance_valid: yes[2],
            medications_reviewed: yes[3], fasting_instructions_followed: yes[4], substances_avoided: yes[5],
            pregnancy_status_reviewed: yes[6], suicidality_reviewed: yes[7], intention_reviewed: yes[8],
            emergency_plan_reviewed: yes[9], patient_location_confirmed: yes[10],
        }
    }
}
prop_compose! {
    pub fn discharge()(
        assessed_at in instant(),
        assessor_id in of(id()),
        must in any::<[bool; 5]>(),
        may in any::<[Option<bool>; 4]>(),
        adult in of(id()),
        no_driving_until in of(day()),
        disposition in one_of(Disposition::ALL),
        exception in of((of(id()), text())),
    ) -> Discharge {
        Discharge {
            assessed_at, assessor_id, oriented_x4: must[0], gait_steady: must[1], nausea_controlled: may[0],
            dissociation_resolved: must[2], suicidality_concern: must[3], vitals_within_parameters: must[4],
            hydrated_and_snack: may[1], responsible_adult_present: adult, no_driving_until, disposition,
            criteria_met: may[2], extended_observation: may[3],
            exception: exception.map(|(by, reason)| DischargeException { by, reason }),
        }
    }
}
prop_compose! {
    pub fn integration()(
        summary in of((of(text()), of(text()), of(text()), of(text()))),
        practices in vec(text(), 0..3),
        actions in vec((text(), of(day()), one_of(ActionStatus::ALL)), 0..3),
    ) -> Integration {
        Integration {
            summary: summary.map(|(symptoms, progress, functional_status, plan_updates)| IntegrationSummary {
                symptoms, progress, functional_status, plan_updates,
            }),
            practices,
            actions: actions.into_iter().map(|(text, due, status)| Action { text, due, status }).collect(),
        }
    }
}
prop_compose! {
    /// At least one of the numbers is there.
    pub fn effects()(onset in decimal(), from in of(decimal()), to in of(decimal()), end in of(decimal()), first in any::<bool>()) -> Effects {
        let some = from.or(to).or(end).is_some();
        Effects {
            onset_minutes: (first || !some).then_some(onset),
            peak_from_minutes: from, peak_to_minutes: to, resolved_minutes: end,
        }
    }
}
prop_compose! {
    pub fn side_effect()(id in id(), code in coding(), severity in one_of(Severity::ALL), onset in of(-60_i64..600), end in of(0_i64..6000), action in of(text())) -> SideEffect {
        SideEffect { id, code, severity, onset_minute: onset, resolved_minute: end, action }
    }
}
prop_compose! {
    pub fn outcome()(
        (id, instrument, score_coding) in (id(), text(), coding()),
        (at, score) in (instant(), decimal()),
        range in of((decimal(), decimal())),
        timing in of(text()),
        reported_by in of(select(vec!["patient", "therapist"])),
        item9 in of(0_u8..=3),
        questionnaire_response_id in of(id()),
    ) -> Outcome {
        Outcome {
            id, instrument, score_coding, at, score, timing, item9, questionnaire_response_id,
            range: range.map(|(min, max)| ScoreRange { min, max }),
            reported_by: reported_by.map(Into::into),
        }
    }
}
prop_compose! {
    fn mitigation()(action in coding(), at in instant(), by in id(), rationale in of(text())) -> Mitigation {
        Mitigation { action, at, by, rationale }
    }
}
prop_compose! {
    pub fn issue()(
        (id, rule, code) in (id(), select(vec!["KAP-RULE-SUD", "KAP-RULE-HTN"]), coding()),
        (severity, status) in (one_of(IssueSeverity::ALL), one_of(IssueStatus::ALL)),
        (identified_at, author) in (instant(), of(prop_oneof![id(), Just(Id::new("system").expect("an id"))])),
        (implicated, detail) in (vec(id(), 0..3), of(text())),
        sensitivity in vec(select(vec!["SUD".to_owned(), "SDV".to_owned()]), 0..2),
        mitigations in vec(mitigation(), 0..3),
        rule_version in of(text()),
    ) -> DetectedIssue {
        DetectedIssue {
            id, rule_id: rule.into(), code, severity, status, identified_at, author, implicated, detail,
            sensitivity, mitigations, rule_version,
        }
    }
}
prop_compose! {
    fn alert()(topic in Just("https://kap-interop.example.org/fhir/SubscriptionTopic/kap-safety-alert".to_owned()), at in [of(instant()), of(instant()), of(instant())], by in of(id())) -> Alert {
        Alert { topic, first_attempt_at: at[0], delivered_at: at[1], acknowledged_at: at[2], acknowledged_by: by }
    }
}
prop_compose! {
    pub fn adverse_event()(
        (id, session_id) in (id(), of(id())),
        (occurred_at, detected_at, recorded_at) in (instant(), of(instant()), instant()),
        (actuality, summary, events) in (one_of(Actuality::ALL), of(text()), vec(coding(), 1..4)),
        (seriousness, severity) in (one_of(Seriousness::ALL), one_of(Severity::ALL)),
        (expected, causality) in (of(select(vec!["expected", "unexpected"])), of(one_of(Causality::ALL))),
        (suspect, interventions) in (of(id()), vec(text(), 0..3)),
        (outcome, resolved_at, reported_by) in (one_of(EventOutcome::ALL), of(instant()), id()),
        (alert, flags) in (of(alert()), any::<[Option<bool>; 3]>()),
    ) -> AdverseEvent {
        AdverseEvent {
            id, session_id, occurred_at, detected_at, recorded_at, actuality, summary, events, seriousness,
            severity, expectedness: expected.map(Into::into), causality, suspect_administration_id: suspect,
            interventions, outcome, resolved_at, reported_by, alert, medwatch_reportable: flags[0],
            follow_up_required: flags[1], entered_in_error: flags[2],
        }
    }
}
prop_compose! {
    pub fn follow_up()(id in id(), kind in one_of(FollowUpKind::ALL), anchor in day(), due_by in day(), status in one_of(FollowUpStatus::ALL), done in of(id()), note in of(text())) -> FollowUp {
        FollowUp { id, kind, anchor, due_by, status, done_session_id: done, note }
    }
}
prop_compose! {
    pub fn communication()(
        (id, at, from, to) in (id(), instant(), id(), vec(id(), 0..3)),
        (topic, payload_ref) in (text(), of(id())),
        category in of(select(vec!["alert".to_owned(), "notification".to_owned()])),
        labels in vec(select(vec!["PSY".to_owned(), "SUD".to_owned()]), 0..2),
        redactions in vec(code(), 0..2),
        received_at in of(instant()),
    ) -> Communication {
        Communication { id, at, from, to, topic, payload_ref, category, labels, redactions, received_at }
    }
}
