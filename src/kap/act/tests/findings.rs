//! Findings, and what clinicians say to them.

use super::*;

/// A mitigation with this action, at this time, by this person.
pub(super) fn mitigate(
    desk: &mut Desk,
    side: Side,
    rule: &str,
    action: &str,
    at: &str,
    by: &str,
) -> Result<Id> {
    let issue = desk.flag(rule).expect(rule).id.clone();
    let m = json!({"action": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": action},
        "at": at, "by": by});
    let body = body(&m);
    desk.run(side, Command::MitigateIssue { issue, body })
}

fn allergic() -> (Desk, Id) {
    let (mut desk, session) = ready();
    let a = json!({"text": "ketamine: hives", "noKnown": false});
    desk.practice(Command::AddAllergy(body(&a)))
        .expect("a fact is stored");
    (desk, session)
}

#[test]
fn inv_20_a_reported_allergy_warns_and_a_confirmed_one_blocks() {
    let (mut desk, session) = allergic();
    assert!(desk.warned(&session, "KAP-INV-20"));
    assert!(!desk.rules(&session).contains(&"KAP-INV-20"));
    // What the therapist says of it decides nothing.
    mitigate(
        &mut desk,
        Side::Practice,
        "KAP-RULE-ALLERGY",
        "2",
        NOW,
        "prac-ther-01",
    )
    .expect("noted");
    assert!(desk.warned(&session, "KAP-INV-20"));
    mitigate(
        &mut desk,
        Side::Partner,
        "KAP-RULE-ALLERGY",
        "8",
        NOW,
        "prac-pres-01",
    )
    .expect("confirmed");
    assert!(desk.rules(&session).contains(&"KAP-INV-20"));
    let standing = desk.episode.standing(desk.now, &desk.policy);
    let reason = standing.blocking_reasons.first().expect("a reason");
    assert_eq!(
        (reason.rule, &*reason.resolve_by),
        ("KAP-INV-20", &["prescriber"][..])
    );
    refused(start(&mut desk, &session), Kind::Conflict, "KAP-INV-20");
    let decide = Command::DecideClearance(body(&course::clear()));
    refused(desk.partner(decide), Kind::Conflict, "KAP-INV-20");
}

#[test]
fn inv_20_the_newest_word_of_the_prescriber_rules() {
    let (mut desk, session) = allergic();
    mitigate(
        &mut desk,
        Side::Partner,
        "KAP-RULE-ALLERGY",
        "13",
        NOW,
        "prac-pres-01",
    )
    .expect("confirmed");
    let later = "2026-08-01T09:59:00-07:00";
    desk.now = t(later);
    mitigate(
        &mut desk,
        Side::Partner,
        "KAP-RULE-ALLERGY",
        "1",
        later,
        "prac-pres-01",
    )
    .expect("refuted");
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
    desk.partner(Command::DecideClearance(body(&course::clear())))
        .expect("cleared");
    // A further record of the allergy is a further finding.
    let a = json!({"text": "Ketamine", "noKnown": false});
    desk.practice(Command::AddAllergy(body(&a)))
        .expect("stored");
    assert!(desk.warned(&session, "KAP-INV-20"));
}

#[test]
fn inv_20_a_dose_in_spite_of_a_confirmed_allergy_is_stored_and_flagged() {
    let (mut desk, session) = allergic();
    mitigate(
        &mut desk,
        Side::Partner,
        "KAP-RULE-ALLERGY",
        "8",
        NOW,
        "prac-pres-01",
    )
    .expect("confirmed");
    dose(&mut desk, &session, 200, NOW).expect("a fact is never refused");
    assert_eq!(desk.flag("KAP-INV-20").expect("flagged").code.code, "ALGY");
}

/// A PHQ-9 whose ninth item is above 0, told at `at`.
fn thoughts(desk: &mut Desk, at: &str) {
    let o = json!({"instrument": "PHQ-9", "scoreCoding": {"system": "http://loinc.org", "code": "44261-6"},
        "at": at, "score": 9, "item9": 1});
    desk.practice(Command::AddOutcome(body(&o)))
        .expect("stored");
}

fn review(desk: &mut Desk, at: &str, by: &str) {
    let side = if by == "prac-pres-01" {
        Side::Partner
    } else {
        Side::Practice
    };
    mitigate(desk, side, "KAP-RULE-SI-ITEM9", "2", at, by).expect("noted");
}

#[test]
fn inv_19_a_review_counts_on_the_day_of_the_answer_or_of_the_dose() {
    let evening = "2026-07-30T23:50:00-07:00";
    for (at, by, counts) in [
        ("2026-07-30T23:50:00-07:00", "prac-ther-01", true),
        ("2026-07-30T23:59:00-07:00", "prac-pres-01", true),
        // Before the answer, and on a day in between.
        ("2026-07-30T23:49:00-07:00", "prac-ther-01", false),
        ("2026-07-31T00:10:00-07:00", "prac-ther-01", false),
        // The same day of another time zone is another day here.
        ("2026-07-31T07:30:00Z", "prac-ther-01", false),
        // Nobody but a clinician reviews.
        ("2026-07-30T23:55:00-07:00", "patient", false),
        ("2026-08-01T08:00:00-07:00", "prac-ther-01", true),
        ("2026-08-01T06:59:00Z", "prac-ther-01", false),
    ] {
        let (mut desk, session) = ready();
        thoughts(&mut desk, evening);
        review(&mut desk, at, by);
        let held = desk.rules(&session).contains(&"KAP-INV-19");
        assert_eq!(held, !counts, "{at} by {by}");
        let listed = desk.episode.worklist(desk.now, &desk.policy);
        let listed = listed
            .iter()
            .any(|i| i.what == "safety review before the next dose");
        assert_eq!(listed, held, "{at} by {by}");
    }
}

#[test]
fn inv_19_a_review_of_an_earlier_answer_does_not_open_a_later_hold() {
    let (mut desk, session) = ready();
    thoughts(&mut desk, "2026-08-01T08:00:00-07:00");
    review(&mut desk, "2026-08-01T08:10:00-07:00", "prac-ther-01");
    assert!(!desk.rules(&session).contains(&"KAP-INV-19"));
    thoughts(&mut desk, "2026-08-01T09:50:00-07:00");
    assert!(desk.rules(&session).contains(&"KAP-INV-19"));
    review(&mut desk, "2026-08-01T09:57:00-07:00", "prac-ther-01");
    assert!(!desk.rules(&session).contains(&"KAP-INV-19"));
}

#[test]
fn inv_19_a_review_on_a_day_of_dosing_settles_a_late_one_for_good() {
    let (mut desk, session) = ready();
    thoughts(&mut desk, "2026-07-28T08:00:00-07:00");
    review(&mut desk, "2026-08-01T09:00:00-07:00", "prac-ther-01");
    start(&mut desk, &session).expect("reviewed today");
    dose(&mut desk, &session, 200, "2026-08-01T09:59:00-07:00").expect("dosed");
    let next = t("2026-08-20T09:00:00-07:00");
    assert!(!desk.episode.safety_review_due(next));
}

#[test]
fn inv_19_each_positive_screener_holds_and_so_does_a_concern() {
    let (mut desk, session) = ready();
    let s = json!({"instrument": "C-SSRS-SCREEN", "at": NOW, "items": [{"linkId": "/93249-1", "answer": true}]});
    for _ in 0..2 {
        desk.practice(Command::AddScreening(body(&s)))
            .expect("stored");
        assert_eq!(desk.episode.phase, Phase::DosingHold);
        mitigate(
            &mut desk,
            Side::Partner,
            "KAP-RULE-CSSRS",
            "2",
            NOW,
            "prac-pres-01",
        )
        .expect("reviewed");
        desk.partner(Command::Release(step("prac-pres-01", "reviewed")))
            .expect("released");
    }
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
    let d = json!({"at": NOW, "kind": "initial", "status": "not-done", "doseMg": 0,
        "statusReason": {"code": "acute-suicidality"},
        "route": {"system": "http://snomed.info/sct", "code": "37839007"}});
    let d = Command::RecordDose {
        session: session.clone(),
        body: body(&d),
    };
    desk.practice(d).expect("stored");
    assert!(desk.rules(&session).contains(&"KAP-INV-19"));
    mitigate(
        &mut desk,
        Side::Practice,
        "KAP-INV-19",
        "2",
        NOW,
        "prac-ther-01",
    )
    .expect("reviewed");
    assert!(!desk.rules(&session).contains(&"KAP-INV-19"));
}
