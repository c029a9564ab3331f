use super::*;
use crate::kap::base::Id;
use crate::store::subscription::Content;

fn subscription(topic: &str, state: State, attempt: i64, failing_since: i64) -> Subscription {
    Subscription {
        id: Id::new("s").expect("id"),
        client: "c".into(),
        owner: "o".into(),
        role: "".into(),
        scopes: "".into(),
        purpose: "".into(),
        topic: topic.into(),
        state,
        reason: "".into(),
        filters: "".into(),
        endpoint: "".into(),
        host: "".into(),
        payload: "".into(),
        content: Content::IdOnly,
        most: 1,
        timeout: 1,
        heartbeat: 60_000,
        ends_at: NEVER,
        ring: "".into(),
        secret: "".into(),
        numbered: 9,
        acked: 4,
        due_at: 0,
        attempt,
        failing_since,
        told_at: 7,
        begun: true,
        tried: 0,
        fence: 1,
        changed_at: 0,
    }
}

fn sent(meaning: Meaning) -> Sent {
    Sent {
        status: 0,
        millis: 0,
        meaning,
    }
}

fn failed(why: &'static str, after: Option<i64>) -> Sent {
    sent(Meaning::Failed { why, after })
}

const NOW: i64 = 1_000_000_000;
const ALL: i64 = 1_000_000;

#[test]
fn what_arrived_is_counted_and_the_next_beat_is_set() {
    let s = subscription("kap-dispense", State::Active, 3, 5);
    let next = super::after(&s, &sent(Meaning::Arrived), Some(6), (NOW, ALL));
    let to = &next.settled;
    assert_eq!(
        (next.state, to.acked, to.attempt, to.failing_since),
        (State::Active, 6, 0, 0)
    );
    assert_eq!(
        (to.due_at, to.more_at, to.told_at),
        (NOW + 60_000, NOW, NOW)
    );
}

#[test]
fn pauses_grow_up_to_an_hour() {
    let bounds: Vec<i64> = (0..10)
        .map(|attempt| {
            let s = subscription("kap-dispense", State::Active, attempt, NOW);
            super::after(&s, &failed("broken", None), None, (NOW, ALL))
                .settled
                .more_at
                - NOW
        })
        .collect();
    assert_eq!(&bounds[..5], [1_000, 5_000, 15_000, 45_000, 135_000]);
    assert_eq!(bounds[9], 3_600_000);
    let s = subscription("kap-dispense", State::Active, 4, NOW);
    let half = super::after(&s, &failed("broken", None), None, (NOW, ALL / 2));
    assert_eq!(half.settled.due_at - NOW, 67_500);
    assert_eq!((half.state, half.settled.acked), (State::Active, 4));
}

#[test]
fn an_alert_is_tried_again_soon_and_keeps_its_pace() {
    let pauses: Vec<i64> = (0..7)
        .map(|attempt| {
            let s = subscription("kap-safety-alert", State::Active, attempt, NOW);
            super::after(&s, &failed("no-response", None), None, (NOW, 1))
                .settled
                .more_at
                - NOW
        })
        .collect();
    assert_eq!(
        pauses,
        [0, 10_000, 30_000, 60_000, 120_000, 120_000, 120_000]
    );
}

#[test]
fn who_says_when_is_asked_then() {
    let s = subscription("kap-dispense", State::Active, 0, 0);
    let next = super::after(&s, &failed("busy", Some(90_000)), None, (NOW, 1));
    assert_eq!(next.settled.due_at, NOW + 90_000);
}

#[test]
fn after_the_window_it_is_an_error_and_refusals_count_double() {
    let window = 72 * 3_600_000;
    let of = |why: &'static str, for_so_long: i64| {
        let s = subscription("kap-dispense", State::Active, 20, NOW - for_so_long);
        super::after(&s, &failed(why, None), None, (NOW, ALL)).state
    };
    assert_eq!(of("broken", window), State::Active);
    assert_eq!(of("broken", window + 1), State::Error);
    assert_eq!(of("refused", window / 2), State::Active);
    assert_eq!(of("refused", window / 2 + 1), State::Error);
}

#[test]
fn some_answers_end_it_at_once() {
    let s = subscription("kap-dispense", State::Active, 0, 0);
    let of = |meaning| {
        let next = super::after(&s, &sent(meaning), None, (NOW, ALL));
        (
            next.state,
            next.reason,
            next.settled.due_at,
            next.settled.acked,
        )
    };
    assert_eq!(of(Meaning::Gone), (State::Off, "gone", NEVER, 4));
    assert_eq!(of(Meaning::Blocked), (State::Error, "blocked", NEVER, 4));
}

#[test]
fn a_handshake_is_tried_three_times() {
    let of = |attempt| {
        let s = subscription("kap-dispense", State::Requested, attempt, NOW);
        super::after(&s, &failed("refused", None), None, (NOW, ALL)).state
    };
    assert_eq!(
        [of(0), of(1), of(2)],
        [State::Requested, State::Requested, State::Error]
    );
}
