//! Facts: whatever they break, they are stored and flagged.

use super::*;

/// A dose that is told of a session which is in no state to have one: stored, and flagged by `rule`.
fn flagged(rule: &str, change: impl FnOnce(&mut Desk, &Id)) {
    let (mut desk, session) = ready();
    change(&mut desk, &session);
    dose(&mut desk, &session, 200, NOW).expect("a fact is never refused");
    let issue = desk.flag(rule).expect(rule);
    assert!(issue.implicated.len() == 1 && issue.is_open(), "{issue:?}");
    let given = desk.session(&session).first_dose_at();
    assert_eq!(given, Some(t(NOW)));
}

#[test]
fn a_dose_past_a_gate_is_stored_and_flagged() {
    let without = |consent: &'static str| {
        move |d: &mut Desk, _: &Id| d.episode.consents.retain(|c| c.id != id(consent))
    };
    flagged("KAP-INV-02", |d, _| {
        d.episode.clearances[0].settings_allowed = vec![Setting::InPerson];
    });
    flagged("KAP-INV-03", |d, _| {
        d.episode.clearances[0].conditions[1].satisfied_at = None;
    });
    flagged("KAP-INV-04", without("con-0001"));
    flagged("KAP-INV-05", without("con-0002"));
    flagged("KAP-INV-06", |d, _| {
        d.episode.prescriptions[1].valid_until = day("2026-07-31");
    });
    flagged("KAP-RULE-CHAPERONE", |d, _| {
        d.episode.related_persons[0].telecom.clear();
    });
    flagged("KAP-INV-18", |d, _| {
        d.episode
            .screenings
            .retain(|s| s.instrument != "C-SSRS-SCREEN");
    });
    flagged("KAP-INV-22", |d, s| d.session(s).therapist_presence = None);
    flagged("KAP-INV-30", |d, _| {
        d.episode.prescriptions[1].drug.code = "2119365".into();
    });
    flagged("KAP-RULE-LOCATION", |d, s| {
        d.session(s).patient_location = None;
    });
    flagged("KAP-INV-34", |d, s| d.session(s).emergency_plan = None);
    flagged("KAP-RULE-INTEGRATION", |d, _| {
        d.episode.sessions.retain(|s| s.id != id("ses-0010"));
    });
}

#[test]
fn a_dose_that_broke_nothing_is_flagged_for_nothing_but_the_missing_start() {
    let (mut desk, session) = ready();
    let before = desk.episode.detected_issues.len();
    dose(&mut desk, &session, 200, NOW).expect("stored");
    assert_eq!(desk.episode.detected_issues.len(), before + 1);
    assert_eq!(
        desk.flag("KAP-INV-01").expect("unstarted").code.code,
        "COMPLY"
    );
}

#[test]
fn a_dose_that_is_told_late_is_judged_by_the_phase_of_its_time() {
    let (mut desk, session) = ready();
    desk.now = t("2026-08-01T12:00:00-07:00");
    desk.practice(Command::Hold(step("prac-ther-01", "reaction at home")))
        .expect("held");
    dose(&mut desk, &session, 200, NOW).expect("stored");
    assert!(desk.flag("KAP-INV-26").is_none(), "it was given before");
    dose(&mut desk, &session, 100, "2026-08-01T12:00:00-07:00").expect("stored");
    assert!(desk.flag("KAP-INV-26").is_some(), "it was given during");
}
