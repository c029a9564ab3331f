//! Random sequences of commands.
#![expect(clippy::too_many_lines, reason = "a list of commands")]

use proptest::prelude::*;

use super::course::clear;
use super::*;

/// The `n`th of a handful of commands, and the side that gives it.
fn any_command(n: u8, session: &Id) -> (Side, Command) {
    let by = || step("prac-ther-01", "so");
    let rx = || step("prac-pres-01", "so");
    let s = || session.clone();
    let units = i64::from(n % 5) + 1;
    let entry = json!({"at": NOW, "reason": "wasted", "units": units, "mgPerUnit": 100, "by": "prac-ther-01",
        "witnessId": "prac-pres-01"});
    let (side, command) = match n % 16 {
        0 => (Side::Practice, Command::Pause(by())),
        1 => (Side::Practice, Command::Resume(by())),
        2 => (Side::Practice, Command::Hold(by())),
        3 => (Side::Partner, Command::Release(rx())),
        4 => (Side::Practice, Command::StartConsultation(by())),
        5 => (Side::Practice, Command::StartPreparation(by())),
        6 => (Side::Practice, Command::Maintain(by())),
        7 => (Side::Practice, Command::AdjustInventory(body(&entry))),
        8 => (Side::Partner, Command::DecideClearance(body(&clear()))),
        9 => (
            Side::Partner,
            Command::RevokeClearance {
                clearance: id("clr-0001"),
                body: rx(),
            },
        ),
        10 => (
            Side::Practice,
            Command::StartSession {
                session: s(),
                body: body(&json!({"by": "prac-ther-01"})),
            },
        ),
        11 => (
            Side::Practice,
            Command::CompleteSession {
                session: s(),
                body: body(&json!({"by": "prac-ther-01"})),
            },
        ),
        12 => (
            Side::Practice,
            Command::CancelSession {
                session: s(),
                body: by(),
            },
        ),
        13 => (
            Side::Practice,
            Command::RevokeConsent {
                consent: id("con-0001"),
                body: by(),
            },
        ),
        14 => (
            Side::Practice,
            Command::Complete(body(&json!({"by": "prac-ther-01"}))),
        ),
        _ if n > 250 => (Side::Practice, Command::Withdraw(by())),
        _ => (
            Side::Practice,
            Command::Discontinue(step("prac-ther-01", "")),
        ),
    };
    (side, command)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_sequence_keeps_the_machine_and_the_ledger(picks in proptest::collection::vec(any::<u8>(), 1..40)) {
        let (mut desk, session) = ready();
        for n in picks {
            let before = desk.episode.clone();
            let (side, command) = any_command(n, &session);
            if desk.run(side, command).is_err() {
                prop_assert_eq!(&desk.episode, &before);
            }
            let history = &desk.episode.phase_history;
            for pair in history.windows(2) {
                prop_assert!(pair[0].phase.may_become(pair[1].phase) && pair[0].from <= pair[1].from);
            }
            prop_assert_eq!(history.last().map(|e| e.phase), Some(desk.episode.phase));
            prop_assert!(desk.episode.ledger(desk.now).remaining() >= Decimal::ZERO);
            let again = Episode::fold(desk.episode.facts()).expect("an episode");
            prop_assert_eq!(again.phase, desk.episode.phase);
        }
    }
}
