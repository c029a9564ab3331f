//! The network between the two systems breaks in every way that it can.

use std::time::Duration;

use super::{THERE, exchanged, partner_at, until};
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::referred;
use crate::peer::{Habits, Ids, Peer, Registration, Time};
use crate::proxy::{Behaviour, Proxy};
use kap_fhir::interaction::partner::keys;
use kap_fhir::mapping::exchange::Flow;

both!(what_is_sent_survives_the_network);

async fn what_is_sent_survives_the_network(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let clock = app.app.clock.clone();
    let peer = Peer::start(Habits {
        ids: Ids::Uuids,
        time: Time::follows(move || clock.now()),
        ..Habits::default()
    })
    .await;
    let proxy = Proxy::start(peer.address()).await;
    let base = proxy.url();
    peer.set(|habits| habits.public = Some(base.clone()));
    partner_at(
        &app,
        &base,
        &[Flow::Referral, Flow::Sessions],
        &[Flow::Referral],
    )
    .await;
    let set = keys::published(&app.app, Some("elsewhere"))
        .await
        .expect("keys");
    peer.set(|habits| habits.token = Some(Registration::new(THERE, Some(set))));
    proxy.next([
        Behaviour::Reset,
        Behaviour::ResetAfter(40),
        Behaviour::CutBody(30),
        Behaviour::Drip {
            bytes: 512,
            every: Duration::from_millis(5),
        },
        Behaviour::Reset,
        Behaviour::Latency(Duration::from_millis(50)),
        Behaviour::CutBody(200),
    ]);
    app.play(&referred()).await;
    let there = || async {
        app.app.clock.advance(time::Duration::milliseconds(50));
        !peer.all("Task").is_empty()
    };
    until("the packet is there", there).await;
    exchanged(&app).await;
    for kind in ["Task", "ServiceRequest", "Patient", "EpisodeOfCare"] {
        assert_eq!(peer.all(kind).len(), 1, "{kind}");
    }
    let before = peer.all("Condition").len();
    // Away for a while, and silent once: it goes on by itself.
    proxy.set(Behaviour::Refuse).await;
    app.app.clock.advance(time::Duration::seconds(5));
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.set(Behaviour::Pass).await;
    proxy.next([Behaviour::BlackHole]);
    exchanged(&app).await;
    assert_eq!(peer.all("Condition").len(), before);
    assert!(proxy.connections() > 3);
    app.stop().await;
}
