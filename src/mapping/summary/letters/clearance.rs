//! Document B: the decision, on what it rests, and within which limits dosing may happen (LOINC 34788-0).

use super::super::parts::{self, findings, measures};
use super::super::words::{Words, term};
use super::super::{Document, Draft, Empty, Section, entry, plan};
use super::referral;
use crate::kap::clearance::{Clearance, Decision};
use crate::kap::dosing::Session;
use crate::mapping::narrative::Html;

pub(in crate::mapping::summary) fn draft<'a>(
    words: &Words<'a>,
    clearance: &'a Clearance,
) -> Draft<'a> {
    let words = &words.up_to(clearance.decided_at);
    let session = clearance.evaluation_session_id.as_ref();
    let session = session.and_then(|id| words.session(id));
    let mut draft = Draft::new(
        ("34788-0", "Psychiatry Consult note"),
        "KAP medical clearance",
        lead(words, clearance),
        sections(words, clearance, session),
        &clearance.decided_by,
    )
    .of(session);
    draft.attested = Some(clearance.decided_at);
    draft.superseded = parts::successor(words, clearance).is_some();
    draft.replaces = clearance.supersedes.as_ref().map(|old| {
        let clearance = old.clone();
        Document::Clearance { clearance }.id(words.episode)
    });
    draft
}

/// First sentence: the decision, by whom, how long; before it, that it does not stand any more.
pub fn lead(words: &Words<'_>, clearance: &Clearance) -> String {
    let until = match (clearance.valid_until, clearance.review_by) {
        (Some(day), _) => format!(", valid {} to {day}", clearance.effective_from),
        (None, Some(day)) => format!(", review by {day}"),
        (None, None) => String::new(),
    };
    let no_dosing = match clearance.decision {
        Decision::Cleared | Decision::ClearedWithConditions => "",
        Decision::Deferred | Decision::NotCleared => " – NO DOSING",
    };
    let fallen = parts::fallen(words, clearance).map(|why| format!("{why}. "));
    format!(
        "{}{}{no_dosing}: decided {} by {}{until}.",
        fallen.unwrap_or_default(),
        term("kap-clearance-decision", clearance.decision.code()),
        words.stamp(clearance.decided_at),
        words.name(&clearance.decided_by)
    )
}

fn sections(words: &Words<'_>, clearance: &Clearance, session: Option<&Session>) -> Vec<Section> {
    let referrals = words.episode.referrals.iter();
    // The decision answers the last referral before it.
    let referral = referrals
        .filter(|r| r.requested_at <= clearance.decided_at)
        .max_by_key(|r| r.requested_at);
    let mut sections: Vec<Section> = referral
        .into_iter()
        .map(|r| referral::reason(words, r))
        .collect();
    sections.extend([
        history(words, session),
        parts::problems(words),
        parts::medicines(words),
        parts::allergies(words),
        measures::scores(words),
        measures::vital_signs(words, session.into_iter().flat_map(|s| &s.vitals)),
        assessment(words, clearance),
        plan::of_clearance(words, clearance),
        findings::section(words),
    ]);
    sections
}

/// In short: when the patient was seen, what came of it, what was tried before.
fn history(words: &Words<'_>, session: Option<&Session>) -> Section {
    let html = Html::new()
        .maybe("Evaluated", session.map(|s| words.stamp(s.start)))
        .maybe("By", session.map(|s| words.name(&s.lead_id)))
        .maybe("Summary", session.and_then(|s| s.clinical_summary.as_ref()));
    let html = parts::tried(html, words);
    let seen = session.into_iter().map(|s| entry("Encounter", &s.id, ""));
    let indications = words.indications();
    let entries = seen.chain(indications.map(|p| entry("Condition", &p.id, "")));
    let entries = entries.collect();
    Section::new("10164-2", "History of present illness", html, entries).or_none(
        words,
        "no evaluation session recorded",
        Empty::Unavailable,
    )
}

fn assessment(words: &Words<'_>, clearance: &Clearance) -> Section {
    let rationale = clearance.rationale_summary.as_ref();
    let html = Html::new().p(lead(words, clearance)).maybe(
        "Rationale",
        rationale.filter(|_| clearance.rationale_restricted != Some(true)),
    );
    let entries = vec![entry("ClinicalImpression", &clearance.id, "")];
    Section::new("51848-0", "Assessment", html, entries)
}
