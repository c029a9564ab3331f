//! Sections and lines that several documents share.

mod clearance;
pub mod doses;
pub mod findings;
pub mod measures;

pub use clearance::{clearance, fallen, limits, successor};

use super::words::{Words, plain, problem};
use super::{Empty, Section, entry};
use crate::kap::consultation::{
    Allergy, Criticality, HomeMedicine, Problem, ProblemCategory, VerificationStatus,
};
use crate::kap::preparation::{Intention, IntentionCategory, Sharing};
use crate::mapping::narrative::Html;

/// What is said where an answer is missing.
pub const NOT_RECORDED: &str = "not recorded";

fn problem_row(p: &Problem) -> [String; 4] {
    let kind = match (p.kap_indication, p.category) {
        (true, _) => "KAP indication",
        (_, ProblemCategory::HealthConcern) => "health concern",
        _ => "problem",
    };
    let status = match p.verification_status {
        VerificationStatus::Confirmed => p.clinical_status.to_string(),
        doubt => format!("{} ({doubt})", p.clinical_status),
    };
    let since = p.onset.clone();
    [
        problem(p),
        kind.into(),
        status,
        since.unwrap_or_else(|| NOT_RECORDED.into()),
    ]
}

/// Problem list (11450-4).
pub fn problems(words: &Words<'_>) -> Section {
    let stand = || {
        let all = words.episode.problems.iter();
        all.filter(|p| p.verification_status != VerificationStatus::EnteredInError)
    };
    let html = Html::new().table(
        &["Problem", "Kind", "Status", "Since"],
        stand().map(problem_row),
    );
    let entries = stand().map(|p| entry("Condition", &p.id, "")).collect();
    Section::new("11450-4", "Problems", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}

/// What the prescriber says of a medicine around dosing: `hold at least 24 h before dosing (72 h preferred)`.
pub fn around_dosing(m: &HomeMedicine) -> String {
    let preferred = m.hold_preferred_hours;
    let preferred = preferred.map(|h| format!(" ({h} h preferred)"));
    let hold = m.hold_before_hours.map(|h| {
        format!(
            "hold at least {h} h before dosing{}",
            preferred.unwrap_or_default()
        )
    });
    // "hold" alone says nothing that the hours do not say.
    let instruction = m.kap_instruction.clone();
    let instruction = instruction.filter(|text| hold.is_none() || text != "hold");
    let said: Vec<String> = instruction.into_iter().chain(hold).collect();
    if said.is_empty() {
        NOT_RECORDED.into()
    } else {
        said.join("; ")
    }
}

/// Home medicines (10160-0).
pub fn medicines(words: &Words<'_>) -> Section {
    let stand = || {
        let all = words.episode.medications.iter();
        all.filter(|m| m.status != "entered-in-error")
    };
    let rows = stand().map(|m| {
        let last = m.last_taken_at.map(|at| words.stamp(at));
        [
            m.text.clone(),
            m.status.clone(),
            around_dosing(m),
            last.unwrap_or_else(|| NOT_RECORDED.into()),
        ]
    });
    let head = ["Medicine", "Status", "Around dosing", "Last taken"];
    let html = Html::new().table(&head, rows);
    let entries = stand();
    let entries = entries
        .map(|m| entry("MedicationRequest", &m.id, ""))
        .collect();
    Section::new("10160-0", "Home medicines", html, entries).or_none(
        words,
        "none reported",
        Empty::NilKnown,
    )
}

fn allergy(a: &Allergy) -> String {
    let reaction = a.reaction.as_ref();
    // The words often say the reaction already.
    let reaction = reaction.filter(|r| !a.text.to_lowercase().contains(&r.to_lowercase()));
    let grave = a.criticality == Some(Criticality::High);
    let mut text = a.text.clone();
    if let Some(reaction) = reaction {
        text = format!("{text}: {reaction}");
    }
    if grave {
        text.push_str(" (HIGH criticality)");
    }
    text
}

/// Allergies (48765-2).
pub fn allergies(words: &Words<'_>) -> Section {
    let html = Html::new().list(words.episode.allergies.iter().map(allergy));
    let entries = words.episode.allergies.iter();
    let entries = entries
        .map(|a| entry("AllergyIntolerance", &a.id, ""))
        .collect();
    Section::new("48765-2", "Allergies", html, entries).or_none(
        words,
        "not asked yet",
        Empty::NotAsked,
    )
}

/// Goals that the patient shares (61146-7).
pub fn goals(words: &Words<'_>) -> Section {
    // An intention is the patient's own; only a measurable target belongs in a document.
    let shared = |i: &&Intention| {
        i.sharing != Sharing::PracticeOnly && i.category == IntentionCategory::OutcomeTarget
    };
    let shared = || words.episode.intentions.iter().filter(shared);
    let html = Html::new().list(shared().map(|i| i.text.clone()));
    let entries = shared().map(|i| entry("Goal", &i.id, "")).collect();
    Section::new("61146-7", "Goals", html, entries).or_none(
        words,
        "no shared goal",
        Empty::Unavailable,
    )
}

/// The care team (85847-2).
pub fn team(words: &Words<'_>) -> Section {
    let rows = words.episode.care_team.iter().map(|m| {
        let numbers: Vec<String> = m.telecom.iter().map(|t| t.value.clone()).collect();
        let contact = if numbers.is_empty() {
            NOT_RECORDED.into()
        } else {
            numbers.join(", ")
        };
        let place = words.organization(&m.organization_id);
        [
            m.name.clone(),
            plain(m.role.code()),
            place.unwrap_or_else(|| "outside practice and partner".into()),
            contact,
        ]
    });
    let html = Html::new().table(&["Name", "Role", "Organization", "Contact"], rows);
    let entries = words.episode.care_team.iter();
    let entries = entries.map(|m| entry("Practitioner", &m.id, "")).collect();
    Section::new("85847-2", "Care team", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}

/// Adds what was tried before, for each indication.
pub fn tried(mut html: Html, words: &Words<'_>) -> Html {
    for p in words.indications() {
        let Some(resistance) = p.treatment_resistance.as_ref() else {
            continue;
        };
        let failed = resistance.adequate_trials_failed;
        html = html
            .fact(&problem(p), format!("{failed} adequate trials failed"))
            .list(&resistance.trials)
            .fact(
                "Psychotherapy tried",
                super::words::yes_no(resistance.psychotherapy_tried),
            );
    }
    html
}

/// Earlier treatment (47519-4): failed trials of the indications.
pub fn earlier_treatment(words: &Words<'_>) -> Section {
    let html = tried(Html::new(), words);
    let resisting = words.indications();
    let resisting = resisting.filter(|p| p.treatment_resistance.is_some());
    let entries = resisting.map(|p| entry("Condition", &p.id, "")).collect();
    Section::new("47519-4", "Earlier treatment", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}

/// The indications, in a few words.
pub fn indications(words: &Words<'_>) -> String {
    let all: Vec<String> = words.indications().map(problem).collect();
    if all.is_empty() {
        "not stated".into()
    } else {
        all.join(", ")
    }
}
