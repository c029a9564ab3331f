//! Document A: what the partner needs to evaluate, and nothing more (LOINC 57143-0).

use super::super::parts::{self, measures};
use super::super::words::{Words, plain, said, term};
use super::super::{Draft, Empty, Entry, Section, entry};
use crate::kap::consent::ConsentStatus;
use crate::kap::consultation::{Screening, ScreeningItem};
use crate::kap::dosing::SessionType;
use crate::kap::referral::Referral;
use crate::mapping::narrative::Html;

/// The screening form of the practice; its questions on pregnancy and substance use stand in sections of their own.
const FORM: &str = "KAP-SCREEN";
const PREGNANCY_FORM: &str = "KAP-PREGNANCY";
const PREGNANCY: &str = "pregnancy";
const SUBSTANCE_USE: &str = "substance-use";

pub(in crate::mapping::summary) fn draft<'a>(
    words: &Words<'a>,
    referral: &'a Referral,
) -> Draft<'a> {
    let words = &words.up_to(referral.requested_at);
    let sections = [
        Some(reason_and_agreements(words, referral)),
        Some(complaint(words)),
        Some(parts::problems(words)),
        Some(parts::medicines(words)),
        Some(parts::allergies(words)),
        pregnancy(words),
        substance_use(words),
        Some(results(words)),
        Some(parts::earlier_treatment(words)),
        Some(parts::team(words)),
    ];
    let mut draft = Draft::new(
        ("57143-0", "Mental health Referral note"),
        "KAP referral packet",
        lead(words, referral),
        sections.into_iter().flatten().collect(),
        &referral.requester_id,
    );
    draft.attested = Some(referral.requested_at);
    draft
}

/// First sentence: what is asked of whom, how soon, and why.
pub fn lead(words: &Words<'_>, referral: &Referral) -> String {
    format!(
        "Referral for {} ({}) of {} from {} to {}; indication: {}.",
        said(&referral.service),
        referral.priority,
        words.day(referral.requested_at),
        words.name(&referral.requester_id),
        words.name(&referral.performer_org_id),
        parts::indications(words)
    )
}

/// Reason for referral (42349-1).
pub fn reason(words: &Words<'_>, referral: &Referral) -> Section {
    let setting = referral.desired_setting;
    let setting = setting.map(|s| term("kap-session-setting", s.code()));
    let route = referral.desired_route.map(|r| r.to_string());
    let html = Html::new()
        .p(lead(words, referral))
        .maybe("Desired setting", setting)
        .maybe("Desired route", route);
    let mut entries = vec![entry("ServiceRequest", &referral.id, "")];
    entries.extend(words.indications().map(|p| entry("Condition", &p.id, "")));
    Section::new("42349-1", "Reason for referral", html, entries)
}

/// The reason, with the agreements on which the referral rests.
fn reason_and_agreements(words: &Words<'_>, referral: &Referral) -> Section {
    let agreed = || {
        let all = words.episode.consents.iter();
        all.filter(|c| c.status != ConsentStatus::EnteredInError)
    };
    let rows = agreed().map(|c| {
        let signed = c.signed_at.map(|at| words.stamp(at));
        [
            term("kap-consent-kind", c.kind.code()),
            plain(c.status.code()),
            signed.unwrap_or_else(|| "not signed".into()),
        ]
    });
    let mut section = reason(words, referral);
    section.html = section.html.table(&["Agreement", "State", "Signed"], rows);
    let consents = agreed().map(|c| entry("Consent", &c.id, ""));
    section.entries.extend(consents);
    section
}

fn complaint(words: &Words<'_>) -> Section {
    let session = words.held(SessionType::Consultation).last();
    let html = Html::new()
        .maybe("Seen", session.map(|s| words.stamp(s.start)))
        .maybe("Summary", session.and_then(|s| s.clinical_summary.as_ref()));
    let entries = session
        .into_iter()
        .map(|s| entry("Encounter", &s.id, ""))
        .collect();
    Section::new("46239-0", "Chief complaint", html, entries).or_none(
        words,
        "no consultation recorded",
        Empty::Unavailable,
    )
}

/// The answers of `form` that `wanted` picks, each form under its day, and the forms.
fn answered(
    words: &Words<'_>,
    mut html: Html,
    form: &str,
    wanted: impl Fn(&ScreeningItem) -> bool,
) -> (Html, Vec<Entry>) {
    let mut entries = vec![];
    for screening in words
        .episode
        .screenings
        .iter()
        .filter(|s| s.instrument == form)
    {
        let items: Vec<_> = screening.items.iter().filter(|i| wanted(i)).collect();
        if items.is_empty() {
            continue;
        }
        html = html.p(heading(words, screening)).list(
            items
                .iter()
                .map(|i| format!("{} {}", measures::question(i), measures::answer(i))),
        );
        entries.push(entry("QuestionnaireResponse", &screening.id, ""));
    }
    (html, entries)
}

fn heading(words: &Words<'_>, screening: &Screening) -> String {
    let day = measures::taken(screening).map(|at| words.day(at));
    format!(
        "Answers of {}:",
        day.unwrap_or_else(|| "an unknown day".into())
    )
}

/// Pregnancy (10162-6): only where it was asked.
fn pregnancy(words: &Words<'_>) -> Option<Section> {
    let (html, mut entries) = answered(words, Html::new(), PREGNANCY_FORM, |_| true);
    let (html, more) = answered(words, html, FORM, |i| i.link_id == PREGNANCY);
    entries.extend(more);
    (!entries.is_empty()).then(|| Section::new("10162-6", "Pregnancy", html, entries))
}

/// Substance use (29762-2): only where it was asked.
fn substance_use(words: &Words<'_>) -> Option<Section> {
    let (html, mut entries) = measures::substance_scores(words, Html::new());
    let (html, more) = answered(words, html, FORM, |i| i.link_id == SUBSTANCE_USE);
    entries.extend(more);
    (!entries.is_empty()).then(|| Section::new("29762-2", "Substance use", html, entries))
}

/// Scores, and the answers of the screening form.
fn results(words: &Words<'_>) -> Section {
    let (html, mut entries) = measures::scores_of(words);
    let elsewhere = |i: &ScreeningItem| matches!(&*i.link_id, PREGNANCY | SUBSTANCE_USE);
    let (html, more) = answered(words, html, FORM, |i| !elsewhere(i));
    entries.extend(more);
    measures::results(words, html, entries)
}
