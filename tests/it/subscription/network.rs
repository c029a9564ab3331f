//! The network between the service and a receiver breaks in every way that it can.

use std::time::Duration;

use kap_fhir::demo::script::Party;

use super::{everything, subscribed, to};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::FIRST;
use crate::hook::Hook;
use crate::proxy::{Behaviour, Proxy};

both!(what_is_told_survives_the_network);

/// The events as a receiver keeps them: each number once. What is told again says the same, and no number is passed over.
fn kept(arrived: &[(i64, String)]) -> Vec<(i64, String)> {
    let mut kept: Vec<(i64, String)> = vec![];
    for event in arrived {
        let last = kept.last().map_or(0, |(n, _)| *n);
        if event.0 <= last {
            assert!(kept.contains(event), "{event:?} of {arrived:?}");
        } else {
            assert_eq!(event.0, last + 1, "{arrived:?}");
            kept.push(event.clone());
        }
    }
    kept
}

async fn what_is_told_survives_the_network(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let (far, near) = (Hook::open().await, Hook::open().await);
    let proxy = Proxy::start(far.address()).await;
    let through = format!("{}/hook", proxy.url());
    subscribed(practice, &to("kap-dosing-session", &through), &far).await;
    subscribed(practice, &to("kap-dosing-session", &near.url()), &near).await;
    // What was open is closed, so that each of the next calls meets one of these.
    proxy.set(Behaviour::Refuse).await;
    proxy.next([
        Behaviour::Reset,
        Behaviour::ResetAfter(0),
        Behaviour::ResetAfter(20),
        Behaviour::Reset,
        Behaviour::Drip {
            bytes: 7,
            every: Duration::from_millis(5),
        },
        Behaviour::Latency(Duration::from_millis(100)),
    ]);
    app.play(&episode).await;
    proxy.set(Behaviour::Pass).await;
    let all = everything(&app, &near).await;
    let comes = async |wanted: usize| {
        for _ in 0..3000 {
            if kept(&far.arrived()).len() >= wanted {
                return;
            }
            app.app.clock.advance(time::Duration::milliseconds(500));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{wanted} do not come: {:?}", far.arrived());
    };
    comes(all.len()).await;
    assert_eq!(kept(&far.arrived()), all);
    assert!(far.arrived().len() > all.len(), "an answer was lost");
    assert!(proxy.connections() > 3);
    app.stop().await;
}
