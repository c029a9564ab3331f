//! The episode: EpisodeOfCare with the whole phase history, a Flag per hold, and the organizations.

use fhir_sdk::r4b::codes::{EpisodeOfCareStatus, FlagStatus};
use fhir_sdk::r4b::resources::{
    EpisodeOfCare, EpisodeOfCareDiagnosis, EpisodeOfCareStatusHistory, Flag,
};
use fhir_sdk::r4b::types::{Extension, ExtensionValue, Identifier as FhirIdentifier};

use super::build::{
    Frame, Parts, actor, concept, derived, finish, hl7_concept, identifier, kap, kap_parts, local,
    must, own_identifier, patient, period, reference, role, some, start, with_text,
};
use super::codes::{namespace, structure};
use super::contact::tolerant;
use super::directory::{read_organization, write_organization, write_team};
use super::label::{Class, labels};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source};
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::base::Identifier;
use crate::kap::fact::Header;
use crate::kap::people::{MemberRole, Organization};
use crate::kap::{Episode, Fact, Phase, PhaseEntry};

/// EpisodeOfCare first, then the holds, the organizations, the team.
pub fn write(x: &Header, e: &Episode) -> Vec<Resource> {
    let mut out = vec![finish(Ok(episode_of_care(x, e)))];
    out.extend(holds(x, e));
    for org in [Some(&x.practice), Some(&x.partner), x.pharmacy.as_ref()]
        .into_iter()
        .flatten()
    {
        out.extend(write_organization(org));
    }
    if !e.care_team.is_empty() {
        out.push(write_team(e, None));
    }
    out
}

fn episode_of_care(x: &Header, e: &Episode) -> EpisodeOfCare {
    let text = Html::new()
        .p("Ketamine-assisted psychotherapy episode")
        .fact("Phase", x.phase.code())
        .list(
            x.phase_history
                .iter()
                .map(|p| format!("{} {}", p.from, p.phase)),
        );
    let security = labels(Class::Clinical, &[], Labels::NONE, None, e);
    let profile = [structure("kap-episode-of-care")];
    let frame = Frame::new(x.id.as_str(), &profile, security, &text, e).extend(extensions(x));
    let ever = |n: usize| was_active(&x.phase_history[..n]);
    let mut eoc = must(
        start!(EpisodeOfCare, frame)
            .status(status(x.phase, ever(x.phase_history.len())))
            .patient(patient(e))
            .build(),
    );
    eoc.identifier = identifiers(x);
    eoc.status_history = some(status_history(x));
    eoc.r#type = some([concept([local("kap-episode-type", "kap")])]);
    eoc.diagnosis = some(diagnoses(e));
    eoc.managing_organization = Some(reference("Organization", &x.practice.id));
    let start = x.phase_history.first().map(|p| p.from);
    let last = x.phase_history.last().filter(|_| is_terminal(x.phase));
    eoc.period = start.map(|from| period(Some(from), last.map(|p| p.from)));
    eoc.referral_request = some(
        e.referrals
            .iter()
            .map(|r| reference("ServiceRequest", &r.id)),
    );
    let lead = e
        .care_team
        .iter()
        .find(|m| m.role == MemberRole::LeadTherapist);
    eoc.care_manager = lead.map(|m| role(&m.id));
    if !e.care_team.is_empty() {
        eoc.team = some([reference("CareTeam", derived(&e.episode_id, "team"))]);
    }
    eoc
}

fn identifiers(x: &Header) -> Vec<Option<FhirIdentifier>> {
    if x.business_identifiers.is_empty() {
        return some([own_identifier("episode", &x.id)]);
    }
    some(x.business_identifiers.iter().map(identifier))
}

fn extensions(x: &Header) -> Vec<Extension> {
    let phase = concept([local("kap-episode-phase", x.phase.code())]);
    let mut out = vec![kap(
        "kap-episode-phase",
        ExtensionValue::CodeableConcept(phase),
    )];
    out.extend(x.phase_history.iter().filter_map(|p| {
        let parts = Parts::new()
            .code("phase", Some(p.phase))
            .at("at", Some(p.from))
            .text("by", Some(&p.by))
            .text("reason", p.reason.as_ref());
        kap_parts("kap-phase-history", parts)
    }));
    let organization = |name, id| {
        kap(
            name,
            ExtensionValue::Reference(reference("Organization", id)),
        )
    };
    out.push(organization("kap-partner-organization", &x.partner.id));
    let pharmacy = x
        .pharmacy
        .as_ref()
        .map(|p| organization("kap-pharmacy-organization", &p.id));
    out.extend(pharmacy);
    out.extend(x.previous_episode_id.as_ref().map(|id| {
        kap(
            "kap-previous-episode",
            ExtensionValue::Reference(reference("EpisodeOfCare", id)),
        )
    }));
    out
}

fn diagnoses(e: &Episode) -> Vec<EpisodeOfCareDiagnosis> {
    let role = || {
        with_text(
            hl7_concept("diagnosis-role", "CC", "Chief complaint"),
            "KAP indication",
        )
    };
    let treated = e.problems.iter().filter(|p| p.kap_indication).zip(1_u32..);
    let diagnosis = |(p, rank): (&crate::kap::consultation::Problem, u32)| {
        let b = EpisodeOfCareDiagnosis::builder().condition(reference("Condition", &p.id));
        let mut out = must(b.role(role()).build());
        out.rank = rank.try_into().ok();
        out
    };
    treated.map(diagnosis).collect()
}

/// The code of the episode's status.
#[must_use]
pub fn status_of(e: &Episode) -> String {
    let status = status(e.phase, was_active(&e.phase_history));
    AsRef::<str>::as_ref(&status).to_owned()
}

/// Domain reference §2.3.
pub(super) fn status(phase: Phase, ever_active: bool) -> EpisodeOfCareStatus {
    use EpisodeOfCareStatus as S;
    match phase {
        Phase::Referred | Phase::Consultation | Phase::EvaluationRequested => S::Planned,
        Phase::Deferred => S::Waitlist,
        Phase::Cleared
        | Phase::ClearedWithConditions
        | Phase::Preparation
        | Phase::DosingActive
        | Phase::Maintenance => S::Active,
        Phase::DosingHold => S::Onhold,
        Phase::Completed => S::Finished,
        Phase::Discontinued | Phase::Withdrawn if ever_active => S::Finished,
        Phase::NotCleared | Phase::Discontinued | Phase::Withdrawn => S::Cancelled,
        Phase::EnteredInError => S::EnteredInError,
    }
}

pub(super) fn was_active(history: &[PhaseEntry]) -> bool {
    history
        .iter()
        .any(|p| status(p.phase, false) == EpisodeOfCareStatus::Active)
}

const fn is_terminal(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Completed
            | Phase::Discontinued
            | Phase::Withdrawn
            | Phase::NotCleared
            | Phase::EnteredInError
    )
}

/// Phases with one status in a row are one entry; the last one is open.
fn status_history(x: &Header) -> Vec<EpisodeOfCareStatusHistory> {
    let mut spans: Vec<(EpisodeOfCareStatus, usize)> = vec![];
    for (i, entry) in x.phase_history.iter().enumerate() {
        let status = status(entry.phase, was_active(&x.phase_history[..i]));
        if spans.last().is_none_or(|(last, _)| *last != status) {
            spans.push((status, i));
        }
    }
    let from = |i: usize| x.phase_history[i].from;
    let ends = spans
        .iter()
        .skip(1)
        .map(|(_, i)| Some(from(*i)))
        .chain([None]);
    let entry = |((status, i), end): (&(EpisodeOfCareStatus, usize), _)| {
        let b = EpisodeOfCareStatusHistory::builder().status(*status);
        must(b.period(period(Some(from(*i)), end)).build())
    };
    spans.iter().zip(ends).map(entry).collect()
}

/// One Flag per hold of the history, inactive once the hold was left.
fn holds(x: &Header, e: &Episode) -> Vec<Resource> {
    let hold = |p: &&PhaseEntry| p.phase == Phase::DosingHold;
    let after = |entry: &PhaseEntry| {
        let mut later = x
            .phase_history
            .iter()
            .skip_while(|p| !std::ptr::eq(*p, entry));
        later.find(|p| p.phase != Phase::DosingHold).map(|p| p.from)
    };
    let entries = x.phase_history.iter().filter(hold).zip(1..);
    entries
        .map(|(entry, n)| flag(x, e, entry, n, after(entry)))
        .collect()
}

fn flag(
    x: &Header,
    e: &Episode,
    entry: &PhaseEntry,
    n: u32,
    until: Option<crate::kap::Instant>,
) -> Resource {
    let reason = entry.reason.as_deref().unwrap_or("Dosing on hold");
    let text = Html::new()
        .fact("Dosing on hold", reason)
        .fact("Since", entry.from.to_string());
    let day = crate::kap::Day(entry.from.0.date());
    let id = derived(&x.id, &format!("hold-{n}"));
    let frame = Frame::clinical(id.as_str(), &[structure("kap-flag")], Some(day), &text, e);
    let phase = local("kap-episode-phase", Phase::DosingHold.code());
    let flag = start!(Flag, frame)
        .status(if until.is_some() {
            FlagStatus::Inactive
        } else {
            FlagStatus::Active
        })
        .category(some([hl7_concept("flag-category", "safety", "Safety")]))
        .code(with_text(concept([phase]), reason))
        .subject(patient(e))
        .period(period(Some(entry.from), until))
        .author(actor(&entry.by, e));
    finish(flag.build())
}

/// Reads an EpisodeOfCare with its organizations.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let Some(phase) = node.ext("kap-episode-phase").and_then(Node::any_value) else {
        let missing = node.missing("extension('kap-episode-phase')");
        return if node.has_profile("kap-episode-of-care") {
            Err(missing)
        } else {
            Ok(vec![])
        };
    };
    let mut keys = vec![node.key()?];
    let mut organization = |reference: Option<Node<'v>>| -> Read<Option<Organization>> {
        let Some(reference) = reference else {
            return Ok(None);
        };
        let found = source
            .follow(reference)
            .ok_or_else(|| reference.issue("not-found", "This organization is not at hand."))?;
        keys.push(found.key()?);
        read_organization(found, source).map(Some)
    };
    let linked = |name| node.ext(name).and_then(Node::any_value);
    let practice = organization(node.get("managingOrganization"))?;
    let partner = organization(linked("kap-partner-organization"))?;
    let pharmacy = organization(linked("kap-pharmacy-organization"))?;
    let history = node
        .exts("kap-phase-history")
        .map(read_phase)
        .collect::<Read<Vec<_>>>()?;
    let header = Header {
        id: node.id()?,
        business_identifiers: read_identifiers(node)?,
        synthetic: is_synthetic(node),
        phase: read_phase_code(phase)?,
        phase_history: history,
        previous_episode_id: node.ext_value("kap-previous-episode")?,
        practice: practice.ok_or_else(|| node.missing("managingOrganization"))?,
        partner: partner.ok_or_else(|| node.missing("extension('kap-partner-organization')"))?,
        pharmacy,
    };
    Ok(vec![(Fact::Header(header), keys)])
}

fn read_identifiers(node: Node<'_>) -> Read<Vec<Identifier>> {
    let id = node.id()?;
    let own = namespace("episode");
    let mut all: Vec<Identifier> = tolerant(node, "identifier");
    all.retain(|i| i.system != own || i.value != id.as_str());
    Ok(all)
}

fn is_synthetic(node: Node<'_>) -> bool {
    let labels = node.get("meta").map(|m| m.each("security"));
    labels.is_some_and(|mut all| all.any(|c| c.text("code") == Some("HTEST")))
}

/// The phase as the extension holds it: a concept, or (as older senders write it) a bare coding.
fn read_phase_code(value: Node<'_>) -> Read<Phase> {
    let coding = value.codings().next().unwrap_or(value);
    coding.code("code", Phase::from_code)
}

pub(super) fn read_phase(node: Node<'_>) -> Read<PhaseEntry> {
    let phase = node.part_code("phase", Phase::from_code)?;
    Ok(PhaseEntry {
        phase: phase.ok_or_else(|| node.missing("extension('phase')"))?,
        from: node.need_part("at")?,
        by: node.need_part("by")?,
        reason: node.part("reason")?,
    })
}
