//! Whole stories that go on in the other service.

use kap_fhir::demo::player::Play;
use kap_fhir::demo::script::script;

use super::*;
use crate::scenarios::{self, Case, stage::Stage};

both!(
    a_remote_course_goes_on_elsewhere,
    a_clinic_course_goes_on_elsewhere,
    a_course_under_way_is_told,
    doses_are_told_later,
);

async fn a_remote_course_goes_on_elsewhere(db: Db) {
    goes_on(db, scenarios::FIRST).await;
}

async fn a_clinic_course_goes_on_elsewhere(db: Db) {
    goes_on(db, scenarios::CLINIC).await;
}

/// A course that was played in the practice's service, told whole.
async fn a_course_under_way_is_told(db: Db) {
    let case = scenarios::SECOND;
    let here = Stage::performed(db, case).await;
    let there = Stage::set(db, case).await;
    let whole = Parcel::of(here.app.as_party(Party::Practice)).await;
    let sender = there.app.as_party(Party::Practice);
    let answer = post(sender, "/fhir", &whole.bundle()).await.expect(200);
    assert!(statuses(&answer).iter().all(|s| s == "201"), "{answer}");
    agree(&here, &there, &here.played.episode).await;
    here.end().await;
    there.end().await;
}

/// Doses that come after the rest are judged by the rules, and are the same doses.
async fn doses_are_told_later(db: Db) {
    let case = scenarios::FIRST;
    let here = Stage::performed(db, case).await;
    let there = Stage::set(db, case).await;
    let whole = Parcel::of(here.app.as_party(Party::Practice)).await;
    let first = whole.without(&["MedicationAdministration"]);
    let sender = there.app.as_party(Party::Practice);
    post(sender, "/fhir", &first.bundle()).await.expect(200);
    let answer = post(sender, "/fhir", &whole.bundle()).await.expect(200);
    for (sent, status) in whole.0.iter().zip(statuses(&answer)) {
        let is_there = first.0.contains(sent);
        assert_eq!(status, if is_there { "200" } else { "201" }, "{sent}");
    }
    let by_practice = here.app.as_party(Party::Practice);
    let told = shown(by_practice, &here.played.episode).await;
    let known = shown(sender, &here.played.episode).await;
    agreed(&told["sessions"], &known["sessions"]);
    here.end().await;
    there.end().await;
}

/// Up to the referral in the practice's service; from there on in the partner's.
async fn goes_on(db: Db, case: Case) {
    let (here, there) = (Stage::set(db, case).await, Stage::set(db, case).await);
    let steps = script(&here.episode);
    let first = steps.iter().find(|step| step.party == Party::Partner);
    let from = first.expect("the partner's first step").at;
    let mut play = here.play();
    play.until(from).await.expect("every step is taken");
    let played = play.played;
    let parcel = Parcel::of(here.app.as_party(Party::Partner)).await;
    let sender = there.app.as_party(Party::Practice);
    post(sender, "/fhir", &parcel.bundle()).await.expect(200);
    agree(&here, &there, &played.episode).await;

    let rest = steps.into_iter().filter(|step| step.at >= from).collect();
    let mut play = Play::of(rest, &there.app.callers, "elsewhere");
    play.played = played;
    play.rest(|_, _| {}).await.expect("every step is taken");
    assert_eq!(play.played.phase, here.episode.phase.code());
    here.end().await;
    there.end().await;
}

async fn agree(here: &Stage, there: &Stage, episode: &str) {
    let by_practice = |stage: &Stage| stage.app.as_party(Party::Practice).clone();
    let (one, two) = (
        shown(&by_practice(here), episode).await,
        shown(&by_practice(there), episode).await,
    );
    agreed(&one, &two);
}
