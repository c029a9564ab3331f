//! Patient, clinicians, organizations and the people beside the patient.
//!
//! A clinician is a Practitioner and a PractitionerRole of the directory, shared by all episodes. What he or
//! she is to one episode stands in its CareTeam, from which a member is read.

use fhir_sdk::r4b::codes::{
    AddressUse, AdministrativeGender, CareTeamStatus, ContactPointSystem, ContactPointUse,
    EndpointStatus,
};
use fhir_sdk::r4b::resources::{
    CareTeam, CareTeamParticipant, Endpoint, Organization as FhirOrganization,
    Patient as FhirPatient, PatientCommunication, Practitioner, PractitionerQualification,
    PractitionerRole, RelatedPerson as FhirRelatedPerson,
};
use fhir_sdk::r4b::types::{
    Address as FhirAddress, ContactPoint, Extension, ExtensionValue, HumanName, Identifier,
    Reference,
};

use super::build::{
    self, Frame, Parts, actor, code, coding, coding_of, concept, date, date_time, derived, finish,
    hl7_concept, identifier, kap, kap_parts, local, must, own_identifier, patient, reference, role,
    some, start, words,
};
use super::codes::{IDENTIFIER_TYPE, NPI, NUCC, hl7, structure, us_core};
use super::label::{Class, labels};
use super::narrative::Html;
use super::read::{Facts, FromNode, Node, Read, Source, one};
use super::terms;
use crate::fhir::resource::Resource;
use crate::kap::base::{Address, PersonName, Telecom, TelecomSystem, TelecomUse};
use crate::kap::people::{
    Gender, LegalAuthority, Licence, Member, MemberRole, Organization, OrganizationType, Patient,
    ProxyAccess, RelatedPerson, RelatedRole,
};
use crate::kap::{Episode, Fact};

const BIRTH_SEX: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";
const PRONOUNS: &str = "http://hl7.org/fhir/StructureDefinition/individual-pronouns";
const INTERPRETER: &str = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired";
const LANGUAGE: &str = "urn:ietf:bcp:47";

// --- patient -------------------------------------------------------------------------------------

/// The Patient (US Core).
pub fn write_patient(x: &Patient, e: &Episode) -> Vec<Resource> {
    let name = format!("{} {}", x.name.given.join(" "), x.name.family);
    let text = Html::new()
        .p(name.trim())
        .fact("Born", x.birth_date.to_string());
    let security = labels(Class::General, &[], &[], None, e);
    let frame = Frame::new(
        x.id.as_str(),
        &[us_core("us-core-patient")],
        security,
        &text,
        e,
    );
    let mut p = must(start!(FhirPatient, frame.extend(patient_extensions(x))).build());
    p.identifier = some(x.identifiers.iter().map(identifier));
    p.active = Some(true);
    p.name = some([human_name(&x.name)]);
    p.telecom = some(x.telecom.iter().map(telecom));
    p.gender = Some(code(
        x.administrative_gender.code(),
        AdministrativeGender::Unknown,
    ));
    p.birth_date = Some(date(x.birth_date));
    p.address = some(x.address.iter().map(address));
    p.communication = some(x.preferred_language.iter().map(|tag| {
        let language = concept([coding_of(LANGUAGE, tag, None)]);
        must(
            PatientCommunication::builder()
                .language(language)
                .preferred(true)
                .build(),
        )
    }));
    let doctors = e
        .care_team
        .iter()
        .filter(|m| m.role == MemberRole::PrimaryCare);
    p.general_practitioner = some(doctors.map(|m| role(&m.id)));
    p.managing_organization = Some(reference("Organization", &e.organizations.practice.id));
    vec![finish(Ok(p))]
}

fn patient_extensions(x: &Patient) -> Vec<Extension> {
    let mut out = vec![];
    let sex = x.birth_sex.clone().map(ExtensionValue::Code);
    out.extend(sex.map(|v| build::extension(BIRTH_SEX, v)));
    if let Some(text) = &x.pronouns {
        let value = build::extension(
            "value",
            ExtensionValue::CodeableConcept(words(text.clone())),
        );
        out.push(must(
            Extension::builder()
                .url(PRONOUNS.to_owned())
                .extension(vec![value])
                .build(),
        ));
    }
    let interpreter = x.interpreter_required.map(ExtensionValue::Boolean);
    out.extend(interpreter.map(|v| build::extension(INTERPRETER, v)));
    let veteran = x.veteran.map(ExtensionValue::Boolean);
    out.extend(veteran.map(|v| kap("kap-patient-veteran", v)));
    out
}

/// Reads a Patient.
pub fn read_patient<'v>(node: Node<'v>, _: &Source<'v>) -> Facts {
    let pronouns = node
        .each("extension")
        .find(|x| x.text("url") == Some(PRONOUNS));
    let pronouns = pronouns.and_then(|x| x.parts("value").next()?.any_value());
    let language = node
        .each("communication")
        .find_map(|c| c.get("language")?.codings().next());
    let patient = Patient {
        id: node.id()?,
        identifiers: tolerant(node, "identifier"),
        name: read_name(node)?,
        birth_date: node.req("birthDate")?,
        administrative_gender: node.code("gender", Gender::from_code)?,
        birth_sex: node.ext_url(BIRTH_SEX).map(Node::to).transpose()?,
        pronouns: pronouns.and_then(|c| c.text("text")).map(str::to_owned),
        telecom: read_telecom(node),
        address: node.get("address").map(read_address),
        preferred_language: language.and_then(|c| c.text("code")).map(str::to_owned),
        interpreter_required: node.ext_url(INTERPRETER).map(Node::to).transpose()?,
        veteran: node.ext_value("kap-patient-veteran")?,
    };
    one(Fact::Patient(patient), node)
}

// --- organizations -------------------------------------------------------------------------------

/// The Organization (US Core), with an Endpoint where it has a FHIR server.
pub fn write_organization(x: &Organization, e: &Episode) -> Vec<Resource> {
    let security = || labels(Class::General, &[], &[], None, e);
    let text = Html::new().p(&x.name);
    let kind = Parts::new()
        .code("kind", Some(x.kind))
        .code("timezone", x.timezone.as_ref());
    let profile = [us_core("us-core-organization")];
    let frame = Frame::new(x.id.as_str(), &profile, security(), &text, e)
        .extend(kap_parts("kap-organization-kind", kind));
    let mut org = must(start!(FhirOrganization, frame).build());
    org.identifier = some(x.npi.as_ref().map(|n| npi(n)));
    org.active = Some(true);
    org.name = Some(x.name.clone());
    let provider = hl7_concept("organization-type", "prov", "Healthcare Provider");
    let taxonomy = x.taxonomy.as_ref().map(|t| concept([coding(t)]));
    org.r#type = some([provider].into_iter().chain(taxonomy));
    let Some(url) = &x.endpoint else {
        return vec![finish(Ok(org))];
    };
    let id = derived(&x.id, "fhir");
    org.endpoint = some([reference("Endpoint", &id)]);
    let frame = Frame::new(id.as_str(), &[], security(), &Html::new().p(url), e);
    let rest = coding_of(
        &hl7("endpoint-connection-type"),
        "hl7-fhir-rest",
        Some("HL7 FHIR"),
    );
    let endpoint = start!(Endpoint, frame)
        .status(EndpointStatus::Active)
        .connection_type(rest)
        .payload_type(some([words("FHIR R4 resources")]))
        .managing_organization(reference("Organization", &x.id))
        .address(url.clone());
    vec![finish(Ok(org)), finish(endpoint.build())]
}

/// Reads an Organization and its Endpoint.
pub fn read_organization<'v>(node: Node<'v>, source: &Source<'v>) -> Read<Organization> {
    let kind = node.ext("kap-organization-kind").ok_or_else(|| {
        node.missing(&format!(
            "extension('{}')",
            structure("kap-organization-kind")
        ))
    })?;
    let endpoint = node.get("endpoint").and_then(|r| source.follow(r));
    let mut types = node.each("type").flat_map(Node::codings);
    let part = kind.part_code("kind", OrganizationType::from_code)?;
    Ok(Organization {
        id: node.id()?,
        name: node.req("name")?,
        npi: read_npi(node),
        kind: part.ok_or_else(|| kind.missing("extension('kind')"))?,
        endpoint: endpoint.and_then(|n| n.text("address")).map(str::to_owned),
        timezone: kind.part("timezone")?,
        taxonomy: types
            .find(|c| c.text("system") == Some(NUCC))
            .map(Node::to)
            .transpose()?,
    })
}

// --- clinicians ----------------------------------------------------------------------------------

/// Practitioner, PractitionerRole (US Core), and the team with this member.
pub fn write_member(x: &Member, e: &Episode) -> Vec<Resource> {
    let security = || labels(Class::General, &[], &[], None, e);
    let text = Html::new().p(&x.name);
    let profile = [us_core("us-core-practitioner")];
    let frame = Frame::new(x.id.as_str(), &profile, security(), &text, e);
    let mut p = must(start!(Practitioner, frame).build());
    let number = x
        .npi
        .as_ref()
        .map_or_else(|| own_identifier("member", &x.id), |n| npi(n));
    p.identifier = some([number]);
    p.active = Some(true);
    p.name = some([signed_name(&x.name)]);
    p.qualification = some(x.licences.iter().map(licence));

    let id = derived(&x.id, "role");
    let profile = [us_core("us-core-practitionerrole")];
    let mut r = must(
        start!(
            PractitionerRole,
            Frame::new(id.as_str(), &profile, security(), &text, e)
        )
        .build(),
    );
    r.active = Some(true);
    r.practitioner = Some(reference("Practitioner", &x.id));
    r.organization = Some(reference("Organization", &x.organization_id));
    r.code = some([role_concept(x.role)]);
    r.specialty = some(x.taxonomy.as_ref().map(|t| concept([coding(t)])));
    r.telecom = some(x.telecom.iter().map(telecom));
    let team = write_team(e, Some(x));
    vec![finish(Ok(p)), finish(Ok(r)), team]
}

/// The CareTeam of the episode; `member` stands in it even where the episode does not yet hold it.
pub fn write_team(e: &Episode, member: Option<&Member>) -> Resource {
    let others = e
        .care_team
        .iter()
        .filter(|m| member.is_none_or(|x| x.id != m.id));
    let members: Vec<&Member> = others.chain(member).collect();
    let text = Html::new().list(members.iter().map(|m| format!("{}: {}", m.role, m.name)));
    let id = derived(&e.episode_id, "team");
    let frame = Frame::clinical(
        id.as_str(),
        &[us_core("us-core-careteam"), structure("kap-careteam")],
        None,
        &text,
        e,
    );
    let mut team = must(start!(CareTeam, frame).build());
    team.status = Some(CareTeamStatus::Active);
    team.subject = Some(patient(e));
    let practice = reference("Organization", &e.organizations.practice.id);
    team.managing_organization = some([practice]);
    let people = e.related_persons.iter().map(|p| {
        let roles = p
            .kap_roles
            .iter()
            .map(|r| local("kap-participant-role", r.code()));
        participant(concept(roles), reference("RelatedPerson", &p.id), None)
    });
    team.participant = some(members.iter().map(|m| member_participant(m)).chain(people));
    finish(Ok(team))
}

fn member_participant(m: &Member) -> CareTeamParticipant {
    let own = Parts::new()
        .code("role", Some(m.role))
        .code("sharing", m.sharing.as_ref());
    participant(
        role_concept(m.role),
        role(&m.id),
        kap_parts("kap-member", own),
    )
}

fn participant(
    role: fhir_sdk::r4b::types::CodeableConcept,
    member: Reference,
    own: Option<Extension>,
) -> CareTeamParticipant {
    let b = CareTeamParticipant::builder()
        .role(some([role]))
        .member(member);
    must(b.extension(own.into_iter().collect()).build())
}

/// Reads the members out of a CareTeam, with their directory entries.
pub fn read_team<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let mut facts = vec![];
    for p in node.each("participant") {
        let Some(own) = p.ext("kap-member") else {
            continue;
        };
        let reference = p.need("member")?;
        let role = source.follow(reference).ok_or_else(|| {
            reference.issue(
                "not-found",
                "The PractitionerRole of this member is not at hand.",
            )
        })?;
        let person = role.get("practitioner").and_then(|r| source.follow(r));
        let person = person.ok_or_else(|| {
            role.issue("not-found", "The Practitioner of this role is not at hand.")
        })?;
        let kind = own.part_code("role", MemberRole::from_code)?;
        let specialty = role
            .coding_in("specialty", NUCC)
            .or_else(|| role.each("specialty").flat_map(Node::codings).next());
        let member = Member {
            id: person.id()?,
            name: read_signed_name(person)?,
            role: kind.ok_or_else(|| own.missing("extension('role')"))?,
            taxonomy: specialty.map(Node::to).transpose()?,
            organization_id: role
                .ref_id("organization")
                .ok_or_else(|| role.missing("organization"))?,
            npi: read_npi(person),
            licences: person
                .each("qualification")
                .filter_map(read_licence)
                .collect(),
            telecom: read_telecom(role),
            sharing: own.part("sharing")?,
        };
        facts.push((
            Fact::Member(member),
            vec![node.key()?, role.key()?, person.key()?],
        ));
    }
    Ok(facts)
}

fn role_concept(role: MemberRole) -> fhir_sdk::r4b::types::CodeableConcept {
    match terms::display("kap-participant-role", role.code()) {
        Some(_) => concept([local("kap-participant-role", role.code())]),
        None => words(role.code()),
    }
}

fn licence(x: &Licence) -> PractitionerQualification {
    let number = must(Identifier::builder().value(x.number.clone()).build());
    let issuer = must(Reference::builder().display(x.state.clone()).build());
    let b = PractitionerQualification::builder()
        .identifier(some([number]))
        .code(words("State licence to practise"))
        .issuer(issuer);
    let mut out = must(b.build());
    out.period = x.expires.map(|day| build::day_period(None, Some(day)));
    out
}

fn read_licence(node: Node<'_>) -> Option<Licence> {
    let expires = node.get("period").and_then(|p| p.opt("end").ok().flatten());
    Some(Licence {
        state: node.get("issuer")?.text("display")?.to_owned(),
        number: node.get("identifier")?.text("value")?.to_owned(),
        expires,
    })
}

// --- related persons -----------------------------------------------------------------------------

/// The RelatedPerson (US Core), and the team with this person.
pub fn write_related(x: &RelatedPerson, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .p(format!("{} {}", x.name.given.join(" "), x.name.family).trim())
        .list(x.kap_roles.iter().map(|r| r.code()));
    let security = labels(Class::Clinical, &[], &[], None, e);
    let profile = [
        us_core("us-core-relatedperson"),
        structure("kap-related-person"),
    ];
    let roles = x.kap_roles.iter().map(|r| {
        kap(
            "kap-related-person-role",
            ExtensionValue::Code(r.code().to_owned()),
        )
    });
    let frame = Frame::new(x.id.as_str(), &profile, security, &text, e)
        .extend(roles)
        .extend(x.legal_authority.as_ref().and_then(|a| authority(a, e)))
        .extend(kap_parts("kap-related-person-access", related_parts(x)));
    let mut p = must(start!(FhirRelatedPerson, frame).patient(patient(e)).build());
    p.active = Some(true);
    p.relationship = some(x.relationship.iter().map(|c| concept([coding(c)])));
    p.name = some([human_name(&x.name)]);
    p.telecom = some(x.telecom.iter().map(telecom));
    vec![finish(Ok(p)), write_team(e, None)]
}

fn authority(a: &LegalAuthority, e: &Episode) -> Option<Extension> {
    let parts = Parts::new()
        .code("basis", Some(&a.basis))
        .reference("verifiedBy", a.verified_by.as_ref().map(|id| actor(id, e)))
        .value(
            "verifiedAt",
            a.verified_at
                .map(|t| ExtensionValue::DateTime(date_time(t))),
        )
        .reference(
            "document",
            a.document_id
                .as_ref()
                .map(|d| reference("DocumentReference", d)),
        );
    kap_parts("kap-legal-authority", parts)
}

fn related_parts(x: &RelatedPerson) -> Parts {
    let parts = Parts::new().flag("isAdult", x.is_adult);
    match &x.proxy_access {
        Some(access) => parts
            .code("level", Some(&access.level))
            .texts("excludes", &access.excludes),
        None => parts,
    }
}

/// Reads a RelatedPerson.
pub fn read_related<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let roles = node
        .exts("kap-related-person-role")
        .filter_map(Node::any_value);
    let roles = roles
        .map(|v| v.as_code(RelatedRole::from_code))
        .collect::<Read<Vec<_>>>()?;
    if roles.is_empty() && !node.has_profile("kap-related-person") {
        return Ok(vec![]);
    }
    let access = node.ext("kap-related-person-access");
    let level = access
        .map(|a| a.part::<String>("level"))
        .transpose()?
        .flatten();
    let excludes = access
        .map(|a| a.all_parts("excludes"))
        .transpose()?
        .unwrap_or_default();
    let authority = node
        .ext("kap-legal-authority")
        .map(|a| read_authority(a, source));
    let person = RelatedPerson {
        id: node.id()?,
        name: read_name(node)?,
        relationship: node
            .each("relationship")
            .flat_map(Node::codings)
            .map(Node::to)
            .collect::<Read<_>>()?,
        kap_roles: roles,
        is_adult: access.map(|a| a.part("isAdult")).transpose()?.flatten(),
        legal_authority: authority.transpose()?,
        telecom: read_telecom(node),
        proxy_access: level.map(|level| ProxyAccess { level, excludes }),
    };
    one(Fact::RelatedPerson(person), node)
}

fn read_authority<'v>(node: Node<'v>, source: &Source<'v>) -> Read<LegalAuthority> {
    let by = node.parts("verifiedBy").next().and_then(Node::any_value);
    Ok(LegalAuthority {
        basis: node.need_part("basis")?,
        verified_at: node.part("verifiedAt")?,
        verified_by: by.and_then(|r| source.actor(r)),
        document_id: node.part("document")?,
    })
}

// --- data types ----------------------------------------------------------------------------------

fn human_name(x: &PersonName) -> HumanName {
    let mut name = must(HumanName::builder().family(x.family.clone()).build());
    name.given = x.given.iter().cloned().map(Some).collect();
    name
}

fn read_name(node: Node<'_>) -> Read<PersonName> {
    let mut names = node.each("name");
    let name = names
        .find(|n| n.text("family").is_some())
        .ok_or_else(|| node.missing("name.family"))?;
    Ok(PersonName {
        family: name.req("family")?,
        given: name.all("given")?,
    })
}

/// `Robin Sampleton, LCSW` with its parts as far as they can be told apart.
fn signed_name(text: &str) -> HumanName {
    let (person, suffix) = text.split_once(',').unwrap_or((text, ""));
    let mut given: Vec<&str> = person.split_whitespace().collect();
    let family = given.pop().unwrap_or(text);
    let mut name = must(
        HumanName::builder()
            .text(text.to_owned())
            .family(family.to_owned())
            .build(),
    );
    name.given = some(given.into_iter().map(str::to_owned));
    let suffixes = suffix.split(',').map(str::trim).filter(|s| !s.is_empty());
    name.suffix = some(suffixes.map(str::to_owned));
    name
}

fn read_signed_name(node: Node<'_>) -> Read<String> {
    let name = node.need("name")?;
    if let Some(text) = name.text("text") {
        return Ok(text.to_owned());
    }
    let given = name.all::<String>("given")?;
    let family = name.opt::<String>("family")?;
    Ok(given
        .into_iter()
        .chain(family)
        .collect::<Vec<_>>()
        .join(" "))
}

fn npi(number: &str) -> Identifier {
    let b = Identifier::builder()
        .system(NPI.to_owned())
        .value(number.to_owned());
    let kind = coding_of(IDENTIFIER_TYPE, "NPI", Some("National provider identifier"));
    must(b.r#type(concept([kind])).build())
}

fn read_npi(node: Node<'_>) -> Option<String> {
    let mut all = node.each("identifier");
    let npi = all.find(|i| i.text("system") == Some(NPI))?;
    npi.text("value").map(str::to_owned)
}

fn telecom(x: &Telecom) -> ContactPoint {
    let b = ContactPoint::builder().value(x.value.clone());
    let mut out = must(
        b.system(code(x.system.code(), ContactPointSystem::Other))
            .build(),
    );
    out.r#use = x.usage.map(|u| code(u.code(), ContactPointUse::Old));
    out
}

/// Contact points that say how and what; others are left out.
fn read_telecom(node: Node<'_>) -> Vec<Telecom> {
    let read = |t: Node<'_>| {
        Some(Telecom {
            system: TelecomSystem::from_code(t.text("system")?)?,
            value: t.text("value")?.to_owned(),
            usage: t.text("use").and_then(TelecomUse::from_code),
        })
    };
    node.each("telecom").filter_map(read).collect()
}

pub(super) fn address(x: &Address) -> FhirAddress {
    let mut out = must(FhirAddress::builder().r#use(AddressUse::Home).build());
    out.line = some(x.line.iter().cloned());
    out.city.clone_from(&x.city);
    out.state.clone_from(&x.state);
    out.postal_code.clone_from(&x.postal_code);
    out.country.clone_from(&x.country);
    out
}

pub(super) fn read_address(node: Node<'_>) -> Address {
    let text = |name| node.text(name).map(str::to_owned);
    Address {
        line: node
            .each("line")
            .filter_map(Node::str)
            .map(str::to_owned)
            .collect(),
        city: text("city"),
        state: text("state"),
        postal_code: text("postalCode"),
        country: text("country"),
    }
}

/// The entries of a list that can be read; foreign ones of another form are left out.
pub(super) fn tolerant<T: FromNode>(node: Node<'_>, name: &str) -> Vec<T> {
    node.each(name).filter_map(|n| n.to().ok()).collect()
}
