//! Findings, and what clinicians say to them.

use super::*;
use crate::kap::safety::IssueSeverity;

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

/// Tells a score.
fn score(desk: &mut Desk, instrument: &str, at: &str, score: i64) {
    let o = json!({"instrument": instrument, "scoreCoding": {"system": "http://loinc.org", "code": "44261-6"},
        "at": at, "score": score});
    desk.practice(Command::AddOutcome(body(&o)))
        .expect("a fact is never refused");
}

#[test]
fn a_score_that_rose_by_the_policys_points_is_flagged_and_no_other() {
    let first = "2026-07-01T09:00:00-07:00";
    for (instrument, baseline, points) in [("GAD-7", 10, 5), ("PCL-5", 30, 10)] {
        let (mut desk, _) = ready();
        desk.episode
            .screenings
            .retain(|s| s.instrument != instrument);
        desk.episode.outcomes.retain(|o| o.instrument != instrument);
        score(&mut desk, instrument, first, baseline);
        score(
            &mut desk,
            instrument,
            "2026-07-20T09:00:00-07:00",
            baseline + points - 1,
        );
        assert!(desk.flag("KAP-RULE-WORSENING").is_none(), "{instrument}");
        score(
            &mut desk,
            instrument,
            "2026-07-29T09:00:00-07:00",
            baseline + points,
        );
        let flag = desk.flag("KAP-RULE-WORSENING").expect(instrument).clone();
        assert_eq!(
            (flag.severity, flag.code.code.as_str()),
            (IssueSeverity::Moderate, "OBSA")
        );
        assert_eq!(flag.implicated.len(), 1);
        // A further one joins the open finding; after a clinician's word it is a new one.
        score(
            &mut desk,
            instrument,
            "2026-07-30T09:00:00-07:00",
            baseline + points + 3,
        );
        assert_eq!(
            desk.flag("KAP-RULE-WORSENING").map(|i| i.implicated.len()),
            Some(2)
        );
        mitigate(
            &mut desk,
            Side::Practice,
            "KAP-RULE-WORSENING",
            "2",
            NOW,
            "prac-ther-01",
        )
        .expect("seen");
        score(&mut desk, instrument, NOW, baseline + points + 3);
        assert!(
            desk.flag("KAP-RULE-WORSENING")
                .is_some_and(|i| i.is_open() && i.id != flag.id)
        );
    }
}

#[test]
fn an_instrument_of_which_the_policy_is_silent_is_not_judged() {
    let (mut desk, _) = ready();
    score(&mut desk, "PAIN-NRS", "2026-07-01T09:00:00-07:00", 1);
    score(&mut desk, "PAIN-NRS", NOW, 10);
    assert!(desk.flag("KAP-RULE-WORSENING").is_none());
}

#[test]
fn a_course_is_measured_at_its_end_or_its_completion_flagged() {
    for measured in [false, true] {
        let (mut desk, _) = ready();
        let last = t("2026-07-18T10:03:00-07:00");
        desk.episode.outcomes.retain(|o| o.at < last);
        desk.episode
            .screenings
            .retain(|s| s.at.or(s.authored).is_some_and(|at| at < last));
        // An instrument that was not taken before the course says nothing of its effect.
        score(&mut desk, "PAIN-NRS", NOW, 3);
        if measured {
            score(&mut desk, "PHQ-9", NOW, 4);
        }
        settle(&mut desk);
        let done = Command::Complete(body(&json!({"by": "prac-ther-01"})));
        desk.practice(done).expect("a flag keeps from nothing");
        let flag = desk.flag("KAP-INV-24");
        assert_eq!(flag.is_none(), measured);
    }
}

/// The girl of the third sample, before her evaluation, at a partner that accepts patients from `least` years.
fn referred_at(least: u32) -> Desk {
    let mut desk = Desk::of(3, "2026-05-20T09:00:00-07:00");
    desk.episode.clearances.clear();
    desk.episode.phase = Phase::EvaluationRequested;
    desk.episode
        .phase_history
        .retain(|e| e.from <= t("2026-05-06T00:00:00Z"));
    for issue in &mut desk.episode.detected_issues {
        issue.mitigations.push(body(
            &json!({"action": {"system": "s", "code": "2"}, "at": "2026-05-15T09:00:00-07:00",
            "by": "prac-cap-03"}),
        ));
    }
    let partner = desk.episode.organizations.partner.id.clone();
    desk.policy.minimum_age.insert(partner, least);
    desk
}

fn cleared_from(day: &str) -> Command {
    let mut decision = course::clear();
    decision["decidedBy"] = "prac-cap-03".into();
    decision["effectiveFrom"] = day.into();
    decision["validUntil"] = "2027-06-01".into();
    Command::DecideClearance(body(&decision))
}

#[test]
fn below_the_partners_age_nobody_is_cleared_but_deferred() {
    let mut desk = referred_at(17);
    let error = desk
        .partner(cleared_from("2026-05-20"))
        .expect_err("too young");
    assert_eq!(
        (error.kind, error.issues.len()),
        (Kind::Conflict, 1),
        "{error:?}"
    );
    assert_eq!(error.issues[0].resolve_by.as_deref(), Some("prescriber"));
    assert!(error.issues[0].text.contains("partner-age-limit"));
    let deferred = json!({"decision": "deferred", "decidedBy": "prac-cap-03", "reviewBy": "2027-01-20",
        "deferralReasons": [{"code": "partner-age-limit", "text": "accepted from 17 years"}]});
    desk.partner(Command::DecideClearance(body(&deferred)))
        .expect("deferred");
    // At the limit, and from the birthday on, the age is no obstacle.
    referred_at(16)
        .partner(cleared_from("2026-05-20"))
        .expect("cleared");
    let mut desk = referred_at(17);
    refused(
        desk.partner(cleared_from("2027-01-19")),
        Kind::Conflict,
        "KAP-INV-20",
    );
    desk.partner(cleared_from("2027-01-20")).expect("cleared");
}

#[test]
fn a_referral_below_the_partners_age_is_flagged_and_not_refused() {
    for least in [16, 17] {
        let mut desk = referred_at(least);
        let referral = desk.episode.referrals[0].clone();
        desk.episode.referrals.clear();
        desk.episode.phase = Phase::Consultation;
        desk.episode.phase_history.truncate(2);
        let again = json!({"requesterId": referral.requester_id, "service": referral.service,
            "reasonConditionIds": referral.reason_condition_ids, "supportingInfoIds": referral.supporting_info_ids});
        let sent = desk
            .practice(Command::SendReferral(body(&again)))
            .expect("sent");
        let flagged = |desk: &Desk| {
            let about = |i: &&DetectedIssue| i.code.code == "AGE" && i.rule_id == "KAP-RULE-MINOR";
            desk.episode.detected_issues.iter().filter(about).count()
        };
        assert_eq!(flagged(&desk), usize::from(least == 17));
        let taken = Command::RecordReferralEvent {
            referral: sent,
            body: body(&json!({"status": "accepted"})),
        };
        desk.partner(taken).expect("the partner may answer");
        assert_eq!(flagged(&desk), usize::from(least == 17), "once");
    }
}

#[test]
fn another_open_episode_of_the_patient_is_flagged_once() {
    let (mut desk, _) = ready();
    let own = desk.episode.episode_id.clone();
    let others = [own.clone(), id("ep-other")];
    desk.with(Side::Practice, |e, ctx| e.flag_duplicates(&others, ctx));
    let flag = desk.flag("KAP-INV-01").expect("flagged");
    assert_eq!(flag.code.code, "DUPTHPY");
    assert_eq!(
        (flag.severity, &flag.implicated),
        (IssueSeverity::High, &vec![id("ep-other")])
    );
    let before = desk.episode.detected_issues.len();
    desk.with(Side::Practice, |e, ctx| e.flag_duplicates(&others, ctx));
    assert_eq!(desk.episode.detected_issues.len(), before, "once");
}
