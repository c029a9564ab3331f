//! Episodes are kept in agreement with systems of others: what changed here is there, once, and what changed there is here.

use std::time::Duration;

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::partner::query::{self, State};
use kap_fhir::interaction::partner::{self as exchange, New, keys};
use kap_fhir::mapping::exchange::Flow;

use crate::app::TestApp;
use crate::peer::{Habits, Peer, Registration, Time};

mod alike;
mod doubt;
mod elsewhere;
mod network;
mod papers;
mod parts;
mod third;

/// Who this service is at the partner's.
pub const THERE: &str = "practice-service";

/// A partner's system at `base`, exchanged with as the partner's client.
pub async fn partner_at(app: &TestApp, base: &str, sends: &[Flow], receives: &[Flow]) {
    let client = app.logins.iter().find(|a| a.party == Party::Partner);
    let new = New {
        id: "elsewhere".into(),
        client: client.expect("a partner").client.into(),
        base: base.into(),
        client_there: THERE.into(),
        token_url: String::new(),
        scopes: "system/*.crus".into(),
        sends: sends.to_vec(),
        receives: receives.to_vec(),
        every: 5,
    };
    exchange::add(&app.app, new).await.expect("a partner");
}

/// A server of somebody else that lets this service in.
pub async fn peer(app: &TestApp, habits: Habits) -> Peer {
    let peer = server(app, habits).await;
    join(app, &peer).await;
    peer
}

/// The server, with the time of this service.
pub async fn server(app: &TestApp, mut habits: Habits) -> Peer {
    let clock = app.app.clock.clone();
    habits.time = Time::follows(move || clock.now());
    Peer::start(habits).await
}

/// Exchanges with that server, which lets this service in.
pub async fn join(app: &TestApp, peer: &Peer) {
    let sends = [Flow::Referral, Flow::Sessions, Flow::Documents];
    let receives = [
        Flow::Referral,
        Flow::Clearance,
        Flow::Prescriptions,
        Flow::Dispenses,
    ];
    join_for(app, peer, &sends, &receives).await;
}

/// The same for what goes which way.
pub async fn join_for(app: &TestApp, peer: &Peer, sends: &[Flow], receives: &[Flow]) {
    partner_at(app, &peer.base(), sends, receives).await;
    let set = keys::published(&app.app, Some("elsewhere"))
        .await
        .expect("keys");
    peer.set(|habits| habits.token = Some(Registration::new(THERE, Some(set))));
}

/// How the exchange stands.
pub async fn state(app: &TestApp) -> State {
    let mut all = query::states(&app.app).await.expect("states");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Waits until `done` says so.
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    for _ in 0..1500 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in 30 seconds: {what}");
}

/// How everything stands, for whoever reads why a test failed.
async fn told(app: &TestApp) -> String {
    let episodes = query::episodes(&app.app, "elsewhere").await;
    let reviews = query::reviews(&app.app, "elsewhere").await;
    format!("{:#?}\n{episodes:#?}\n{reviews:#?}", state(app).await)
}

/// Has everything sent and fetched, and waits until it is.
pub async fn exchanged(app: &TestApp) -> State {
    app.app.clock.advance(time::Duration::seconds(5));
    exchange::hurry(&app.app, "elsewhere")
        .await
        .expect("hurried");
    let from = state(app).await.fetching.last_success_at;
    for turn in 1..=3000 {
        let now = state(app).await;
        let fetched =
            now.fetching.last_success_at.is_some() && now.fetching.last_success_at != from;
        if fetched && is_sent(&now) {
            return now;
        }
        // The clock stands still, and what failed waits for its time, as all does where the server is left alone.
        if now.status == "failing" || turn % 50 == 0 {
            app.app.clock.advance(time::Duration::seconds(1));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the exchange does not succeed: {}", told(app).await);
}

/// Whether every episode was sent in its present version.
pub fn is_sent(now: &State) -> bool {
    let sending = &now.sending;
    sending.episodes > 0 && (sending.waiting, sending.failing) == (0, 0)
}
