//! The directory (organizations, clinicians) and the care team.
//!
//! A clinician is a Practitioner and a PractitionerRole of the directory, shared by all episodes. What he or
//! she is to one episode stands in its CareTeam, from which a member is read.

use fhir_sdk::r4b::codes::{CareTeamStatus, EndpointStatus};
use fhir_sdk::r4b::resources::{
    CareTeam, CareTeamParticipant, Endpoint, Organization as FhirOrganization, Practitioner,
    PractitionerQualification, PractitionerRole,
};
use fhir_sdk::r4b::types::{Extension, Identifier, Reference};

use super::build::{
    self, Frame, Parts, coding, coding_of, concept, derived, finish, hl7_concept, kap_parts, local,
    must, own_identifier, patient, reference, role, some, start, words,
};
use super::codes::{NUCC, hl7, structure, us_core};
use super::label::{Class, labels, normal};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source};
use super::terms;
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::people::{Licence, Member, MemberRole, Organization, OrganizationType};
use crate::kap::{Episode, Fact};

use super::contact::{npi, read_npi, read_signed_name, read_telecom, signed_name, telecom};

/// The Organization (US Core), with an Endpoint where it has a FHIR server.
pub fn write_organization(x: &Organization) -> Vec<Resource> {
    let security = || vec![normal()];
    let text = Html::new().p(&x.name);
    let kind = Parts::new()
        .code("kind", Some(x.kind))
        .code("timezone", x.timezone.as_ref());
    let profile = [us_core("us-core-organization")];
    let frame = Frame::of_directory(x.id.as_str(), &profile, security(), &text)
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
    let frame = Frame::of_directory(id.as_str(), &[], security(), &Html::new().p(url));
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

/// Practitioner, PractitionerRole (US Core), and the team with this member.
pub fn write_member(x: &Member, e: &Episode) -> Vec<Resource> {
    let security = labels(Class::General, &[], Labels::NONE, None, e);
    let text = Html::new().p(&x.name);
    let profile = [us_core("us-core-practitioner")];
    let frame = Frame::new(x.id.as_str(), &profile, security, &text, e);
    let mut p = must(start!(Practitioner, frame).build());
    let number = x
        .npi
        .as_ref()
        .map_or_else(|| own_identifier("member", &x.id), |n| npi(n));
    p.identifier = some([number]);
    p.active = Some(true);
    p.name = some([signed_name(&x.name)]);
    p.qualification = some(x.licences.iter().map(licence));

    let team = write_team(e, Some(x));
    vec![finish(Ok(p)), member_role(x, &text, e), team]
}

/// US Core wants to know how to reach a role (pd-1): its telecom, or else the endpoint of its organization.
/// Where there is neither, the role does not claim to be of US Core.
fn member_role(x: &Member, text: &Html, e: &Episode) -> Resource {
    let id = derived(&x.id, "role");
    let organizations = &e.organizations;
    let mut all = [&organizations.practice, &organizations.partner]
        .into_iter()
        .chain(&organizations.pharmacy);
    let endpoint = all
        .find(|o| o.id == x.organization_id && o.endpoint.is_some())
        .map(|o| reference("Endpoint", derived(&o.id, "fhir")));
    let profile = us_core("us-core-practitionerrole");
    let reachable = endpoint.is_some() || !x.telecom.is_empty();
    let profiles: Vec<String> = reachable.then_some(profile).into_iter().collect();
    let security = labels(Class::General, &[], Labels::NONE, None, e);
    let frame = Frame::new(id.as_str(), &profiles, security, text, e);
    let mut r = must(start!(PractitionerRole, frame).build());
    r.endpoint = some(endpoint.filter(|_| x.telecom.is_empty()));
    r.active = Some(true);
    r.practitioner = Some(reference("Practitioner", &x.id));
    r.organization = Some(reference("Organization", &x.organization_id));
    r.code = some([role_concept(x.role)]);
    r.specialty = some(x.taxonomy.as_ref().map(|t| concept([coding(t)])));
    r.telecom = some(x.telecom.iter().map(telecom));
    finish(Ok(r))
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
