//! How a subscription stands after an attempt: when the next one is, and when there is none. Pure but for the chance that
//! spreads attempts.

use super::backoff;
use super::send::{Meaning, Sent};
use crate::mapping::topic;
use crate::store::subscription::{NEVER, Settled, State, Subscription, rests_until};

/// So long attempts may fail before the subscription is in error, milliseconds: 72 hours.
const WINDOW: i64 = 72 * 60 * 60 * 1000;
/// Handshakes that may fail.
const HANDSHAKES: i64 = 3;
/// Milliseconds between attempts of what somebody must hear at once (domain reference §9).
const ALERT: [i64; 5] = [0, 10_000, 30_000, 60_000, 120_000];

/// What is to be written.
#[derive(Debug)]
pub struct Next {
    pub state: State,
    /// A code; empty where all is well.
    pub reason: &'static str,
    pub settled: Settled,
}

/// How `s` stands after something was sent at `now`. `last` is the number of the last event that was in it; `chance` is
/// 0 to 1,000,000.
pub(super) fn after(
    s: &Subscription,
    sent: &Sent,
    last: Option<i64>,
    (now, chance): (i64, i64),
) -> Next {
    match sent.meaning {
        Meaning::Arrived => Next {
            state: State::Active,
            reason: "",
            settled: Settled {
                acked: last.unwrap_or(s.acked),
                due_at: rests_until(s, now),
                more_at: now,
                told_at: now,
                ..still(s)
            },
        },
        Meaning::Gone => ended(s, State::Off, "gone", now),
        Meaning::Blocked => ended(s, State::Error, "blocked", now),
        Meaning::Failed { why, after } => {
            let reason = if why == "busy" || why == "broken" {
                "failing"
            } else {
                why
            };
            let failing_for = now - since(s, now);
            // What will not be better by itself is given up sooner.
            let weighed = if why == "refused" {
                failing_for * 2
            } else {
                failing_for
            };
            let handshake = s.state == State::Requested && s.attempt + 1 >= HANDSHAKES;
            if weighed > WINDOW || handshake {
                return ended(s, State::Error, reason, now);
            }
            let pause = pause(s, chance);
            let at = now + after.map_or(pause, |after| after.max(pause));
            Next {
                state: s.state,
                reason: "",
                settled: Settled {
                    due_at: at,
                    more_at: at,
                    attempt: s.attempt + 1,
                    failing_since: since(s, now),
                    ..still(s)
                },
            }
        }
    }
}

/// Nothing is to be done, and nothing fails.
fn still(s: &Subscription) -> Settled {
    Settled {
        acked: s.acked,
        due_at: NEVER,
        more_at: NEVER,
        attempt: 0,
        failing_since: 0,
        told_at: s.told_at,
        lease_until: 0,
    }
}

fn ended(s: &Subscription, state: State, reason: &'static str, now: i64) -> Next {
    Next {
        state,
        reason,
        settled: Settled {
            attempt: s.attempt + 1,
            failing_since: since(s, now),
            ..still(s)
        },
    }
}

fn since(s: &Subscription, now: i64) -> i64 {
    match s.failing_since {
        0 => now,
        since => since,
    }
}

/// Milliseconds until the next attempt: any time below a bound that grows (full jitter); a first failure is tried again at
/// once.
fn pause(s: &Subscription, chance: i64) -> i64 {
    let step = usize::try_from(s.attempt).unwrap_or(usize::MAX);
    if topic::named(&s.topic).is_some_and(|topic| topic.alert) {
        return ALERT[step.min(ALERT.len() - 1)];
    }
    backoff::pause(s.attempt, chance)
}

#[cfg(test)]
mod tests;
