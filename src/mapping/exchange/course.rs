//! The steps of a course that people take: a hold and its end, maintenance, the end. Everything else follows from facts, which
//! each side has or is told.

use fhir_sdk::r4b::types::ExtensionValue;
use serde_json::Value;

use crate::kap::{Phase, PhaseEntry};
use crate::mapping::build::{concept, kap, local};
use crate::mapping::codes::is_structure;
use crate::mapping::episode::{read_phase, status, was_active};
use crate::mapping::read::Node;

const HISTORY: &str = "kap-phase-history";
const NOW: &str = "kap-episode-phase";

/// Adds to a course there the steps that were taken here since the last one that both know, as far as it can still take them:
/// a hold that is in force however late, anything else only after what was done there last. The end of an administrative hold
/// ends no other hold. A course that has ended there stays as it is.
pub(super) fn stepped(there: &mut Value, here: &Value) {
    let (ours, theirs) = (steps(here), steps(there));
    let mut known: Vec<PhaseEntry> = theirs.into_iter().map(|(entry, _)| entry).collect();
    let Some(last) = known.last().cloned() else {
        return;
    };
    let both = |(step, _): &(PhaseEntry, &Value)| known.iter().any(|other| is_same(step, other));
    let since = ours.iter().rposition(both).unwrap_or_default();
    let mut now = last.clone();
    let mut more = vec![];
    for (i, pair) in ours.windows(2).enumerate().skip(since) {
        let [(before, _), (step, said)] = pair else {
            continue;
        };
        let in_force = step.phase == Phase::DosingHold && i + 2 == ours.len();
        let late = step.from < last.from && !in_force;
        let over = now.phase.is_terminal() && !now.phase.may_become(step.phase);
        let other = before.is_administrative() && !now.is_administrative();
        if is_taken(before.phase, step) && !late && !over && !other && step.phase != now.phase {
            more.push((*said).clone());
            now = step.clone();
            known.push(step.clone());
        }
    }
    if !more.is_empty() {
        write(there, here, more, (now.phase, &known));
    }
}

/// The steps of a course, each with the extension that says it.
fn steps(course: &Value) -> Vec<(PhaseEntry, &Value)> {
    let all = course["extension"].as_array().into_iter().flatten();
    let entries = all.filter(|one| is(one, HISTORY));
    entries
        .filter_map(|one| Some((read_phase(Node::new(one)).ok()?, one)))
        .collect()
}

fn is(extension: &Value, name: &str) -> bool {
    extension["url"]
        .as_str()
        .is_some_and(|url| is_structure(url, name))
}

/// Whether somebody took the step, rather than that it followed from a fact.
fn is_taken(before: Phase, step: &PhaseEntry) -> bool {
    use Phase as P;
    let from = matches!(before, P::DosingHold | P::Maintenance);
    let taken = match step.phase {
        P::DosingHold | P::Maintenance => true,
        P::DosingActive => from,
        to => to.is_terminal() && to != P::NotCleared,
    };
    taken && step.by.as_str() != "system"
}

/// Whether a step there is this one: where it came late, it was taken after what had been done there.
fn is_same(step: &PhaseEntry, there: &PhaseEntry) -> bool {
    let late = there.from > step.from && there.reason == step.reason;
    there.phase == step.phase && there.by == step.by && (there.from == step.from || late)
}

fn write(
    there: &mut Value,
    here: &Value,
    more: Vec<Value>,
    (phase, known): (Phase, &[PhaseEntry]),
) {
    let now = kap(
        NOW,
        ExtensionValue::CodeableConcept(concept([local(NOW, phase.code())])),
    );
    if let Some(all) = there["extension"].as_array_mut() {
        if let Some(old) = all.iter_mut().find(|one| is(one, NOW)) {
            *old = serde_json::to_value(now).unwrap_or_default();
        }
        let end = all.iter().rposition(|one| is(one, HISTORY));
        let at = end.map_or(all.len(), |end| end + 1);
        all.splice(at..at, more);
    }
    let status = status(phase, was_active(known));
    there["status"] = AsRef::<str>::as_ref(&status).into();
    let same = steps(here).last().map(|(last, _)| last.phase) == Some(phase);
    for name in ["statusHistory", "period", "text"] {
        if let Some(value) = here.get(name).filter(|_| same) {
            there[name] = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn course(steps: &[(&str, &str, &str, &str)]) -> Value {
        let history = steps.iter().map(|(phase, at, by, reason)| {
            json!({ "url": "https://kap-interop.example.org/fhir/StructureDefinition/kap-phase-history", "extension": [
                { "url": "phase", "valueCode": phase }, { "url": "at", "valueDateTime": format!("2026-04-{at}:00:00Z") },
                { "url": "by", "valueString": by }, { "url": "reason", "valueString": reason } ] })
        });
        let url = "https://kap-interop.example.org/fhir/StructureDefinition/kap-episode-phase";
        let phase = steps.last().expect("a step").0;
        let now = json!({ "url": url, "valueCodeableConcept": { "coding": [{ "code": phase }] } });
        let all: Vec<Value> = std::iter::once(now).chain(history).collect();
        json!({ "resourceType": "EpisodeOfCare", "status": "active", "extension": all })
    }

    /// Phase and hour of each step there after ours were told.
    fn told(theirs: &[(&str, &str, &str, &str)], ours: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let mut there = course(theirs);
        stepped(&mut there, &course(ours));
        let all = steps(&there);
        let now = Node::new(&there).ext(NOW).and_then(Node::any_value);
        let now = now.and_then(|now| now.codings().next()?.text("code"));
        assert_eq!(now, all.last().map(|(e, _)| e.phase.code()), "{there}");
        let said = |(e, _): &(PhaseEntry, &Value)| format!("{} {}", e.phase, e.from.0.hour());
        all.iter().map(said).collect()
    }

    const ACTIVE: (&str, &str, &str, &str) = ("dosing-active", "01T10", "t", "");
    const AUTO: (&str, &str, &str, &str) = ("dosing-hold", "02T10", "system", "an event");
    const HOLD: (&str, &str, &str, &str) = ("dosing-hold", "02T11", "md", "blood pressure");
    const END: (&str, &str, &str, &str) = ("dosing-active", "03T12", "md", "reviewed");

    #[test]
    fn a_hold_and_its_end_are_told() {
        assert_eq!(
            told(&[ACTIVE], &[ACTIVE, HOLD]),
            ["dosing-active 10", "dosing-hold 11"]
        );
        let all = ["dosing-active 10", "dosing-hold 11", "dosing-active 12"];
        assert_eq!(told(&[ACTIVE], &[ACTIVE, HOLD, END]), all);
        assert_eq!(told(&[ACTIVE, HOLD], &[ACTIVE, HOLD, END]), all);
        assert_eq!(told(&[ACTIVE, HOLD, END], &[ACTIVE, HOLD, END]), all);
    }

    #[test]
    fn what_follows_from_facts_is_not_told() {
        assert_eq!(told(&[ACTIVE], &[ACTIVE, AUTO]), ["dosing-active 10"]);
        let ended = ["dosing-active 10", "dosing-hold 10", "dosing-active 12"];
        assert_eq!(told(&[ACTIVE, AUTO], &[ACTIVE, HOLD, END]), ended);
    }

    #[test]
    fn the_end_of_an_older_hold_ends_no_newer_one() {
        let later = ("dosing-hold", "04T09", "t", "another event");
        let theirs = [ACTIVE, later];
        assert_eq!(
            told(&theirs, &[ACTIVE, HOLD, END]),
            ["dosing-active 10", "dosing-hold 9"]
        );
    }

    #[test]
    fn a_hold_that_comes_late_is_told_once() {
        let later = ("dosing-active", "02T12", "t", "");
        let theirs = [ACTIVE, later];
        assert_eq!(
            told(&theirs, &[ACTIVE, HOLD]).last().map(String::as_str),
            Some("dosing-hold 11")
        );
        let taken = ("dosing-hold", "02T12", "md", "blood pressure");
        assert_eq!(told(&[ACTIVE, later, taken], &[ACTIVE, HOLD]).len(), 3);
    }

    #[test]
    fn what_both_ended_does_not_come_back() {
        let own = ("dosing-hold", "02T10", "t", "a fever");
        let theirs = [ACTIVE, HOLD, END];
        assert_eq!(told(&theirs, &[ACTIVE, own, END]).len(), 3);
        assert_eq!(told(&[ACTIVE, AUTO, END], &theirs).len(), 3);
        // A hold that is over here is not told without its end.
        let later = ("dosing-active", "04T09", "t", "");
        assert_eq!(told(&[ACTIVE, later], &[ACTIVE, HOLD, END]).len(), 2);
    }

    #[test]
    fn the_end_of_an_administrative_hold_ends_no_other() {
        let office = ("dosing-hold", "02T11", "t", "administrative: insurance");
        let end = ("dosing-active", "02T12", "t", "paid");
        assert_eq!(told(&[ACTIVE, AUTO], &[ACTIVE, office, end]).len(), 2);
        assert_eq!(told(&[ACTIVE, office], &[ACTIVE, office, end]).len(), 3);
    }

    #[test]
    fn a_course_that_has_ended_stays_as_it_is() {
        let ended = ("withdrawn", "02T09", "t", "");
        assert_eq!(told(&[ACTIVE, ended], &[ACTIVE, HOLD, END]).len(), 2);
        assert_eq!(
            told(
                &[ACTIVE, HOLD],
                &[ACTIVE, HOLD, ("withdrawn", "05T09", "t", "")]
            )
            .len(),
            3
        );
    }
}
