//! Agreements: treatment consents, and privacy consents in the shape of IHE Privacy Consent on FHIR.

use fhir_sdk::r4b::codes::{ConsentProvisionType, ConsentState};
use fhir_sdk::r4b::resources::{
    Consent as FhirConsent, ConsentPolicy, ConsentProvision, ConsentProvisionActor, ConsentSource,
};
use fhir_sdk::r4b::types::{Coding as FhirCoding, ExtensionValue, Reference};

use super::build::{
    Frame, Parts, coding_of, concept, date_time, day_period, finish, hl7_concept, kap, kap_parts,
    local, must, own_identifier, patient, reference, role, some, start, words,
};
use super::codes::{
    ACT_CODE, ACT_REASON, CONFIDENTIALITY, LOINC, PARTICIPATION, PCF_CONSENT, structure,
};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::fhir::resource::Resource;
use crate::kap::consent::{
    Consent, ConsentKind, ConsentStatus, DayPeriod, PrivacyRule, RuleType, Signer, SignerType,
};
use crate::kap::{Day, Episode, Fact, Id};

/// Levels of v3-Confidentiality; every other label is a sensitivity of v3-ActCode.
const LEVELS: &[&str] = &["U", "L", "M", "N", "R", "V"];

/// The Consent.
pub fn write(x: &Consent, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .fact("Agreement", x.kind.code())
        .fact("Status", x.status.code())
        .maybe("Signed", x.signed_at.map(|t| t.to_string()))
        .maybe("Note", x.note.as_deref());
    let private = is_privacy(x.kind);
    let profiles = if private {
        vec![PCF_CONSENT.to_owned(), structure("kap-privacy-consent")]
    } else {
        vec![structure("kap-treatment-consent")]
    };
    let topics = x
        .topics
        .iter()
        .map(|t| kap("kap-consent-topic", ExtensionValue::Code(t.clone())));
    let day = x.signed_at.map(|t| Day(t.0.date()));
    let frame = Frame::clinical(x.id.as_str(), &profiles, day, &text, e)
        .extend([kap(
            "kap-consent-kind",
            ExtensionValue::Coding(local("kap-consent-kind", x.kind.code())),
        )])
        .extend(topics)
        .extend(kap_parts("kap-consent", own_parts(x)));
    let scope = if private {
        hl7_concept("consentscope", "patient-privacy", "Privacy Consent")
    } else {
        hl7_concept("consentscope", "treatment", "Treatment")
    };
    let b = start!(FhirConsent, frame)
        .status(state(x.status))
        .scope(scope)
        .category(some([concept(category(x.kind))]));
    let mut c = must(b.build());
    c.identifier = some([own_identifier("consent", &x.id)]);
    c.patient = Some(patient(e));
    c.date_time = x.signed_at.map(date_time);
    c.performer = some(x.signers.iter().map(signer));
    c.organization = some([reference("Organization", &e.organizations.practice.id)]);
    let form = x
        .document_id
        .as_ref()
        .map(|id| reference("DocumentReference", id));
    c.source = form.map(ConsentSource::Reference);
    // R4 invariant ppc-1 asks for a policy or a policy rule.
    match &x.policy_uri {
        Some(uri) => c.policy = some([must(ConsentPolicy::builder().uri(uri.clone()).build())]),
        None => c.policy_rule = Some(words("Consent policy of the practice")),
    }
    c.provision = provision(x, e);
    vec![finish(Ok(c))]
}

const fn is_privacy(kind: ConsentKind) -> bool {
    use ConsentKind::{Part2Sud, PrivacyDisclosure, PsychotherapyNotes};
    matches!(kind, PrivacyDisclosure | PsychotherapyNotes | Part2Sud)
}

const fn state(status: ConsentStatus) -> ConsentState {
    match status {
        ConsentStatus::Draft => ConsentState::Draft,
        ConsentStatus::Active => ConsentState::Active,
        ConsentStatus::Revoked | ConsentStatus::Expired => ConsentState::Inactive,
        ConsentStatus::NotObtained => ConsentState::Proposed,
        ConsentStatus::EnteredInError => ConsentState::EnteredInError,
    }
}

fn category(kind: ConsentKind) -> Vec<FhirCoding> {
    let standard = match kind {
        ConsentKind::AssentEvaluation | ConsentKind::AssentTreatment => None,
        kind if is_privacy(kind) => Some(("64292-6", "Release of information consent")),
        _ => Some(("64293-4", "Procedure consent")),
    };
    let standard = standard.map(|(code, display)| coding_of(LOINC, code, Some(display)));
    standard
        .into_iter()
        .chain([local("kap-consent-kind", kind.code())])
        .collect()
}

fn own_parts(x: &Consent) -> Parts {
    Parts::new()
        .code("status", Some(x.status))
        .day("expires", x.expires)
        .at("revokedAt", x.revoked_at)
        .text("note", x.note.as_ref())
        .flag("ageAppropriateMaterials", x.age_appropriate_materials)
}

fn signer(x: &Signer) -> Reference {
    let mut out = match x.kind {
        SignerType::Patient => reference("Patient", &x.id),
        SignerType::RelatedPerson => reference("RelatedPerson", &x.id),
        SignerType::Practitioner => role(&x.id),
    };
    let capacity = x.capacity.clone().map(ExtensionValue::String);
    out.extension = capacity
        .map(|c| kap("kap-signer-capacity", c))
        .into_iter()
        .collect();
    out
}

fn provision(x: &Consent, e: &Episode) -> Option<ConsentProvision> {
    if x.root.is_none() && x.period.is_none() && x.exceptions.is_empty() {
        return None;
    }
    let mut root = must(ConsentProvision::builder().build());
    root.r#type = x.root.map(rule_type);
    root.period = x.period.as_ref().map(|p| day_period(p.start, p.end));
    root.provision = some(x.exceptions.iter().map(|r| exception(r, e)));
    Some(root)
}

const fn rule_type(x: RuleType) -> ConsentProvisionType {
    match x {
        RuleType::Permit => ConsentProvisionType::Permit,
        RuleType::Deny => ConsentProvisionType::Deny,
    }
}

fn exception(x: &PrivacyRule, e: &Episode) -> ConsentProvision {
    let own = x
        .data_classes
        .iter()
        .fold(Parts::new(), |p, c| p.code("dataClass", Some(c)));
    let own = kap_parts("kap-consent-rule", own.text("note", x.note.as_ref()));
    let b = ConsentProvision::builder().r#type(rule_type(x.kind));
    let mut out = must(b.extension(own.into_iter().collect()).build());
    out.actor = some(x.recipients.iter().map(|id| {
        let receiver = coding_of(PARTICIPATION, "IRCP", Some("information recipient"));
        let b = ConsentProvisionActor::builder().role(concept([receiver]));
        must(b.reference(recipient(id, e)).build())
    }));
    out.purpose = some(x.purposes.iter().map(|p| coding_of(ACT_REASON, p, None)));
    out.security_label = some(x.security_labels.iter().map(|l| {
        let system = if LEVELS.contains(&l.as_str()) {
            CONFIDENTIALITY
        } else {
            ACT_CODE
        };
        coding_of(system, l, None)
    }));
    out
}

/// Members as Practitioner (a rule follows the person, not the role); unknown ids are organizations.
fn recipient(id: &Id, e: &Episode) -> Reference {
    let kind = if e.care_team.iter().any(|m| m.id == *id) {
        "Practitioner"
    } else if e.related_persons.iter().any(|p| p.id == *id) {
        "RelatedPerson"
    } else if e.patient.id == *id {
        "Patient"
    } else {
        "Organization"
    };
    reference(kind, id)
}

/// Reads a Consent of one of the two profiles.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let kind = node.ext("kap-consent-kind").and_then(Node::any_value);
    let ours = node.has_profile("kap-treatment-consent") || node.has_profile("kap-privacy-consent");
    let kind = match kind {
        Some(kind) => kind.code("code", ConsentKind::from_code)?,
        None if ours => return Err(node.missing("extension('kap-consent-kind')")),
        // Whoever wrote it: who may be told what is for us to obey.
        None if is_about_privacy(node) => ConsentKind::PrivacyDisclosure,
        None => return Ok(vec![]),
    };
    let own = node.ext("kap-consent");
    let provision = node.get("provision");
    let topics = node
        .exts("kap-consent-topic")
        .filter_map(Node::any_value)
        .map(Node::to);
    let exceptions = provision.into_iter().flat_map(|p| p.each("provision"));
    let consent = Consent {
        id: node.id()?,
        kind,
        status: read_status(node, own)?,
        signed_at: node.opt("dateTime")?,
        signers: node
            .each("performer")
            .map(|r| read_signer(r, source))
            .collect::<Read<_>>()?,
        topics: topics.collect::<Read<_>>()?,
        document_id: node.ref_id("sourceReference"),
        expires: own.map(|o| o.part("expires")).transpose()?.flatten(),
        revoked_at: own.map(|o| o.part("revokedAt")).transpose()?.flatten(),
        note: own.map(|o| o.part("note")).transpose()?.flatten(),
        age_appropriate_materials: own
            .map(|o| o.part("ageAppropriateMaterials"))
            .transpose()?
            .flatten(),
        policy_uri: node
            .get("policy")
            .and_then(|p| p.text("uri"))
            .map(str::to_owned),
        root: provision
            .and_then(|p| p.get("type"))
            .map(|t| t.as_code(RuleType::from_code))
            .transpose()?,
        period: provision
            .and_then(|p| p.get("period"))
            .map(read_period)
            .transpose()?
            .and_then(DayPeriod::bounded),
        exceptions: exceptions
            .map(|r| read_exception(r, source))
            .collect::<Read<_>>()?,
    };
    one(Fact::Consent(consent), node)
}

fn is_about_privacy(node: Node<'_>) -> bool {
    let mut codings = node.get("scope").into_iter().flat_map(|s| s.each("coding"));
    codings.any(|c| c.text("code") == Some("patient-privacy"))
}

/// The practice's status where it agrees with the native one, which wins (a partner may have changed it).
fn read_status(node: Node<'_>, own: Option<Node<'_>>) -> Read<ConsentStatus> {
    let own = own
        .map(|o| o.part_code("status", ConsentStatus::from_code))
        .transpose()?
        .flatten();
    let native = node.req::<String>("status")?;
    let read = match native.as_str() {
        "draft" => ConsentStatus::Draft,
        "active" => ConsentStatus::Active,
        "inactive" => ConsentStatus::Revoked,
        "proposed" | "rejected" => ConsentStatus::NotObtained,
        "entered-in-error" => ConsentStatus::EnteredInError,
        _ => return Err(node.issue("value", "Consent.status is not in its value set.")),
    };
    Ok(own.filter(|s| state(*s) == state(read)).unwrap_or(read))
}

fn read_signer<'v>(node: Node<'v>, source: &Source<'v>) -> Read<Signer> {
    let (kind, _) = node
        .target()
        .ok_or_else(|| node.wrong("a literal reference"))?;
    let kind = match kind {
        "Patient" => SignerType::Patient,
        "RelatedPerson" => SignerType::RelatedPerson,
        _ => SignerType::Practitioner,
    };
    let id = source
        .actor(node)
        .ok_or_else(|| node.wrong("a literal reference"))?;
    Ok(Signer {
        kind,
        id,
        capacity: node.ext_value("kap-signer-capacity")?,
    })
}

fn read_period(node: Node<'_>) -> Read<DayPeriod> {
    Ok(DayPeriod {
        start: day(node, "start")?,
        end: day(node, "end")?,
    })
}

/// A day, also out of a dateTime.
fn day(node: Node<'_>, name: &str) -> Read<Option<Day>> {
    let Some(value) = node.get(name) else {
        return Ok(None);
    };
    let text = value.str().and_then(|t| t.get(..10)).unwrap_or_default();
    text.parse()
        .map(Some)
        .map_err(|_| value.wrong("a date YYYY-MM-DD"))
}

fn read_exception<'v>(node: Node<'v>, source: &Source<'v>) -> Read<PrivacyRule> {
    let own = node.ext("kap-consent-rule");
    let codes = |name| {
        node.each(name)
            .map(|c| c.req("code"))
            .collect::<Read<Vec<String>>>()
    };
    let recipients = node
        .each("actor")
        .map(|a| source.need_actor(a, "reference"));
    Ok(PrivacyRule {
        kind: node.code("type", RuleType::from_code)?,
        recipients: recipients.collect::<Read<_>>()?,
        purposes: codes("purpose")?,
        security_labels: codes("securityLabel")?,
        data_classes: own
            .map(|o| o.all_parts("dataClass"))
            .transpose()?
            .unwrap_or_default(),
        note: own.map(|o| o.part("note")).transpose()?.flatten(),
    })
}
