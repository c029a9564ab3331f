//! Documents A (referral), B (clearance), D (integration), E (medical follow-up) and F (episode).

use std::collections::BTreeMap;

use super::parts;
use super::words::{Words, phase, problem, route, said, term};
use super::{Section, entry, plan};
use crate::kap::clearance::Clearance;
use crate::kap::dosing::{DoseStatus, Session, SessionType};
use crate::kap::measure::Outcome;
use crate::kap::referral::Referral;
use crate::mapping::narrative::Html;

/// Adds something to a chain of optional sections.
fn with(sections: Vec<Option<Section>>) -> Vec<Section> {
    sections.into_iter().flatten().collect()
}

/// A: what the partner needs to evaluate, and nothing more.
pub fn referral(words: &Words<'_>, referral: &Referral) -> Vec<Section> {
    with(vec![
        Some(reason_for_referral(words, referral)),
        Some(complaint(words, SessionType::Consultation)),
        Some(parts::problems(words)),
        Some(parts::medicines(words)),
        Some(parts::allergies(words)),
        pregnancy(words),
        parts::substance_use(words),
        Some(parts::scores(words)),
        Some(parts::earlier_treatment(words)),
        Some(parts::team(words)),
    ])
}

/// First sentence of A.
pub fn referral_lead(words: &Words<'_>, referral: &Referral) -> String {
    let what: Vec<String> = words.indications().map(problem).collect();
    format!(
        "Referral for {} ({}) of {} from {} to {}; indication: {}.",
        said(&referral.service),
        referral.priority,
        words.day(referral.requested_at),
        words.name(&referral.requester_id),
        words.name(&referral.performer_org_id),
        if what.is_empty() {
            "not stated".into()
        } else {
            what.join(", ")
        }
    )
}

fn reason_for_referral(words: &Words<'_>, referral: &Referral) -> Section {
    let html = Html::new()
        .p(referral_lead(words, referral))
        .maybe(
            "Desired setting",
            referral
                .desired_setting
                .map(|s| term("kap-session-setting", s.code())),
        )
        .maybe(
            "Desired route",
            referral.desired_route.map(|r| r.to_string()),
        );
    let mut entries = vec![entry("ServiceRequest", &referral.id, "")];
    entries.extend(words.indications().map(|p| entry("Condition", &p.id, "")));
    Section::new("42349-1", "Reason for referral", html, entries)
}

fn complaint(words: &Words<'_>, kind: SessionType) -> Section {
    let session = words.held(kind).last();
    let html = Html::new()
        .maybe("Seen", session.map(|s| words.stamp(s.start)))
        .maybe("Summary", session.and_then(|s| s.clinical_summary.as_ref()));
    let entries = session
        .into_iter()
        .map(|s| entry("Encounter", &s.id, ""))
        .collect();
    Section::new("46239-0", "Chief complaint", html, entries)
        .or_none(words, "no consultation recorded")
}

/// Only where the form was given.
fn pregnancy(words: &Words<'_>) -> Option<Section> {
    let forms = || {
        words
            .episode
            .screenings
            .iter()
            .filter(|s| s.instrument == "KAP-PREGNANCY")
    };
    forms().next()?;
    let given = forms()
        .filter_map(|s| s.at.or(s.authored))
        .map(|at| words.day(at));
    let html =
        Html::new().list(given.map(|day| format!("Pregnancy status asked {day}: see the entry")));
    let entries = forms()
        .map(|s| entry("QuestionnaireResponse", &s.id, ""))
        .collect();
    Some(Section::new("10162-6", "Pregnancy", html, entries))
}

/// B: the decision, on what it rests, and within which limits dosing may happen.
pub fn clearance(words: &Words<'_>, clearance: &Clearance) -> Vec<Section> {
    let evaluation = clearance
        .evaluation_session_id
        .as_ref()
        .and_then(|id| words.session(id));
    let mut sections = vec![];
    if let Some(referral) = words.episode.referrals.last() {
        sections.push(reason_for_referral(words, referral));
    }
    let summary = evaluation.and_then(|s| s.clinical_summary.as_ref());
    let seen = evaluation.map(|s| words.stamp(s.start));
    let html = Html::new()
        .maybe("Evaluated", seen)
        .maybe("Summary", summary);
    let entries = evaluation
        .into_iter()
        .map(|s| entry("Encounter", &s.id, ""))
        .collect();
    sections.push(
        Section::new("10164-2", "History of present illness", html, entries)
            .or_none(words, "see the problem list"),
    );
    sections.push(parts::problems(words));
    sections.push(parts::medicines(words));
    sections.push(parts::allergies(words));
    sections.push(parts::scores(words));
    sections.push(parts::vital_signs(
        words,
        evaluation.into_iter().flat_map(|s| &s.vitals),
    ));
    let html = Html::new().p(clearance_lead(words, clearance)).maybe(
        "Rationale",
        clearance
            .rationale_summary
            .as_ref()
            .filter(|_| clearance.rationale_restricted != Some(true)),
    );
    let entries = vec![entry("ClinicalImpression", &clearance.id, "")];
    sections.push(Section::new("51848-0", "Assessment", html, entries));
    sections.push(plan::of_clearance(words, clearance));
    sections.push(parts::issues(words, None));
    sections
}

/// First sentence of B.
pub fn clearance_lead(words: &Words<'_>, clearance: &Clearance) -> String {
    let until = match (clearance.valid_until, clearance.review_by) {
        (Some(day), _) => format!(", valid {} to {day}", clearance.effective_from),
        (None, Some(day)) => format!(", review by {day}"),
        (None, None) => String::new(),
    };
    format!(
        "{}: decided {} by {}{until}.",
        term("kap-clearance-decision", clearance.decision.code()),
        words.stamp(clearance.decided_at),
        words.name(&clearance.decided_by)
    )
}

/// D: what an integration session leaves for the record; nothing of the talk.
pub fn integration(words: &Words<'_>, session: &Session) -> Vec<Section> {
    let summary = session
        .integration
        .as_ref()
        .and_then(|i| i.summary.as_ref());
    let answers = || vec![entry("QuestionnaireResponse", &session.id, "-integration")];
    let practices = session.integration.iter().flat_map(|i| &i.practices);
    let practices = practices.map(|code| term("kap-integration-practice", code));
    let reason = Html::new()
        .p(integration_lead(words, session))
        .maybe("Summary", session.clinical_summary.as_ref());
    let subjective = Html::new().maybe("Symptoms", summary.and_then(|s| s.symptoms.as_ref()));
    let assessment = Html::new()
        .maybe("Progress", summary.and_then(|s| s.progress.as_ref()))
        .maybe(
            "Function",
            summary.and_then(|s| s.functional_status.as_ref()),
        );
    vec![
        visit(session, reason),
        Section::new("61150-9", "Subjective", subjective, answers())
            .or_none(words, "nothing agreed for sharing"),
        Section::new("51848-0", "Assessment", assessment, answers())
            .or_none(words, "none recorded"),
        parts::goals(words),
        Section::new(
            "62387-6",
            "Interventions",
            Html::new().list(practices),
            answers(),
        )
        .or_none(words, "none recorded"),
        plan::of_integration(words, session),
        parts::scores(words),
    ]
}

/// First sentence of D.
pub fn integration_lead(words: &Words<'_>, session: &Session) -> String {
    let dosed = session
        .integrates_session_id
        .as_ref()
        .and_then(|id| words.session(id));
    let first = dosed.and_then(|s| s.dosing.as_ref()?.doses.iter().map(|d| d.at).min());
    let after = first.map(|at| {
        format!(
            ", {} h after the dose",
            session.start.minutes_since(at) / 60
        )
    });
    let which = dosed
        .and_then(|s| s.dosing.as_ref())
        .map(|d| format!(" of dosing session {}", d.sequence));
    format!(
        "Integration{} on {} with {}{}.",
        which.unwrap_or_default(),
        words.stamp(session.start),
        words.name(&session.lead_id),
        after.unwrap_or_default()
    )
}

/// Why patient and clinician met.
fn visit(session: &Session, reason: Html) -> Section {
    let entries = vec![entry("Encounter", &session.id, "")];
    Section::new("29299-5", "Reason for visit", reason, entries)
}

/// E: a medical follow-up.
pub fn follow_up(words: &Words<'_>, session: &Session) -> Vec<Section> {
    let reason = Html::new()
        .p(follow_up_lead(words, session))
        .maybe("Summary", session.clinical_summary.as_ref());
    vec![
        visit(session, reason),
        parts::medicines(words),
        parts::vital_signs(words, session.vitals.iter()),
        parts::scores(words),
        complications(words),
        parts::issues(words, None),
        plan::of_episode(words),
    ]
}

/// First sentence of E.
pub fn follow_up_lead(words: &Words<'_>, session: &Session) -> String {
    let fulfils = words.episode.follow_ups.iter();
    let fulfils = fulfils.filter(|f| f.done_session_id.as_ref() == Some(&session.id));
    let kinds: Vec<String> = fulfils
        .map(|f| term("kap-followup-kind", f.kind.code()))
        .collect();
    let what = if kinds.is_empty() {
        "Medical follow-up".into()
    } else {
        kinds.join(", ")
    };
    format!(
        "{what} on {} with {}.",
        words.stamp(session.start),
        words.name(&session.lead_id)
    )
}

/// F: the whole course.
pub fn episode(words: &Words<'_>) -> Vec<Section> {
    vec![
        outcome_statement(words),
        parts::problems(words),
        parts::medicines(words),
        doses(words),
        parts::scores(words),
        complications(words),
        sessions(words),
        parts::goals(words),
        plan::of_episode(words),
    ]
}

/// First sentence of F.
pub fn episode_lead(words: &Words<'_>) -> String {
    let given = usize::try_from(words.episode.dosing_done()).unwrap_or(usize::MAX);
    let without = match words
        .held(SessionType::Dosing)
        .count()
        .saturating_sub(given)
    {
        0 => String::new(),
        n => format!(" with a dose and {n} without"),
    };
    let first = words
        .episode
        .phase_history
        .first()
        .map(|p| words.day(p.from));
    format!(
        "KAP episode since {}: {}; {given} dosing sessions{without}{}.",
        first.unwrap_or_else(|| "an unknown day".into()),
        phase(words.episode.phase).to_lowercase(),
        trend(words).map(|t| format!("; {t}")).unwrap_or_default()
    )
}

/// First and last score of each instrument that was taken more than once.
fn trend(words: &Words<'_>) -> Option<String> {
    let mut taken: Vec<_> = words.episode.outcomes.iter().collect();
    taken.sort_by_key(|o| o.at);
    let mut by: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in taken {
        by.entry(&outcome.instrument).or_default().push(outcome);
    }
    let said: Vec<String> = by
        .into_iter()
        .filter_map(|(name, scores)| match scores.as_slice() {
            [first, .., last] => Some(format!("{name} {} → {}", first.score, last.score)),
            _ => None,
        })
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn outcome_statement(words: &Words<'_>) -> Section {
    let html = Html::new().p(episode_lead(words));
    let entries = vec![entry("EpisodeOfCare", &words.episode.episode_id, "")];
    Section::new("11383-7", "Outcome", html, entries)
}

fn doses(words: &Words<'_>) -> Section {
    let mut rows = vec![];
    let mut entries = vec![];
    for session in &words.episode.sessions {
        let Some(dosing) = session.dosing.as_ref() else {
            continue;
        };
        for dose in dosing
            .doses
            .iter()
            .filter(|d| d.status != DoseStatus::EnteredInError)
        {
            let amount = match dose.status {
                DoseStatus::NotDone | DoseStatus::OnHold => "NOT GIVEN".into(),
                _ => format!("{} mg", dose.dose_mg),
            };
            let level = dosing.dose_level.to_string();
            let number = dosing.sequence.to_string();
            rows.push([
                number,
                words.stamp(dose.at),
                dose.kind.to_string(),
                amount,
                route(&dose.route),
                level,
            ]);
            entries.push(entry("MedicationAdministration", &dose.id, ""));
        }
    }
    let head = ["Session", "Local time", "Kind", "Dose", "Route", "Level"];
    let html = Html::new().table(&head, rows);
    Section::new("29549-3", "Medications administered", html, entries)
        .or_none(words, "no dose given")
}

fn complications(words: &Words<'_>) -> Section {
    let stand = || {
        words
            .episode
            .adverse_events
            .iter()
            .filter(|e| e.entered_in_error != Some(true))
    };
    let html = stand().fold(Html::new(), |html, e| parts::event(html, words, e));
    let entries = stand().map(|e| entry("AdverseEvent", &e.id, "")).collect();
    Section::new("55109-3", "Complications", html, entries).or_none(words, "none: no adverse event")
}

fn sessions(words: &Words<'_>) -> Section {
    let counts = SessionType::ALL.iter().filter_map(|kind| {
        let count = words.held(*kind).count();
        (count > 0).then(|| [term("kap-session-type", kind.code()), count.to_string()])
    });
    let html = Html::new().table(&["Session", "Held"], counts);
    let entries = SessionType::ALL.iter().flat_map(|kind| words.held(*kind));
    let entries = entries.map(|s| entry("Encounter", &s.id, "")).collect();
    Section::new("47519-4", "Sessions", html, entries).or_none(words, "no session held")
}
