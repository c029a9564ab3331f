//! Findings, and what clinicians say to them.

use super::*;

/// A mitigation with this action, at this time, by this person.
fn mitigate(
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
