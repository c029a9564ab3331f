//! What the numbers say: scores that rise, ages below a partner's, a patient who is treated twice.

use super::findings::mitigate;
use super::*;
use crate::kap::safety::IssueSeverity;

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
