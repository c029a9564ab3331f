//! The patient, and the people beside the patient.

use fhir_sdk::r4b::codes::AdministrativeGender;
use fhir_sdk::r4b::resources::{
    Patient as FhirPatient, PatientCommunication, RelatedPerson as FhirRelatedPerson,
};
use fhir_sdk::r4b::types::{Extension, ExtensionValue};

use super::build::{
    self, Frame, Parts, actor, code, coding, coding_of, concept, date, date_time, finish,
    identifier, kap, kap_parts, must, patient, reference, role, some, start, words,
};
use super::codes::{structure, us_core};
use super::label::{Class, labels};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::people::{
    Gender, LegalAuthority, MemberRole, Patient, ProxyAccess, RelatedPerson, RelatedRole,
};
use crate::kap::{Episode, Fact};

use super::contact::{
    address, human_name, read_address, read_name, read_telecom, telecom, tolerant,
};
use super::directory::write_team;

const BIRTH_SEX: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";
const PRONOUNS: &str = "http://hl7.org/fhir/StructureDefinition/individual-pronouns";
const INTERPRETER: &str = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired";
const LANGUAGE: &str = "urn:ietf:bcp:47";

/// The Patient (US Core).
pub fn write_patient(x: &Patient, e: &Episode) -> Vec<Resource> {
    let name = format!("{} {}", x.name.given.join(" "), x.name.family);
    let text = Html::new()
        .p(name.trim())
        .fact("Born", x.birth_date.to_string());
    let security = labels(Class::General, &[], Labels::NONE, None, e);
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

/// The RelatedPerson (US Core), and the team with this person.
pub fn write_related(x: &RelatedPerson, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .p(format!("{} {}", x.name.given.join(" "), x.name.family).trim())
        .list(x.kap_roles.iter().map(|r| r.code()));
    let security = labels(Class::Clinical, &[], Labels::NONE, None, e);
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
