//! Names, contact points, addresses, provider numbers: from the practice's form to FHIR's and back.

use fhir_sdk::r4b::codes::{AddressUse, ContactPointSystem, ContactPointUse};
use fhir_sdk::r4b::types::{Address as FhirAddress, ContactPoint, HumanName, Identifier};

use super::build::{code, coding_of, concept, must, some};
use super::codes::{IDENTIFIER_TYPE, NPI};
use super::read::{FromNode, Node, Read};
use crate::kap::base::{Address, PersonName, Telecom, TelecomSystem, TelecomUse};

pub(super) fn human_name(x: &PersonName) -> HumanName {
    let mut name = must(HumanName::builder().family(x.family.clone()).build());
    name.given = x.given.iter().cloned().map(Some).collect();
    name
}

pub(super) fn read_name(node: Node<'_>) -> Read<PersonName> {
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
pub(super) fn signed_name(text: &str) -> HumanName {
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

pub(super) fn read_signed_name(node: Node<'_>) -> Read<String> {
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

pub(super) fn npi(number: &str) -> Identifier {
    let b = Identifier::builder()
        .system(NPI.to_owned())
        .value(number.to_owned());
    let kind = coding_of(IDENTIFIER_TYPE, "NPI", Some("National provider identifier"));
    must(b.r#type(concept([kind])).build())
}

pub(super) fn read_npi(node: Node<'_>) -> Option<String> {
    let mut all = node.each("identifier");
    let npi = all.find(|i| i.text("system") == Some(NPI))?;
    npi.text("value").map(str::to_owned)
}

pub(super) fn telecom(x: &Telecom) -> ContactPoint {
    let b = ContactPoint::builder().value(x.value.clone());
    let mut out = must(
        b.system(code(x.system.code(), ContactPointSystem::Other))
            .build(),
    );
    out.r#use = x.usage.map(|u| code(u.code(), ContactPointUse::Old));
    out
}

/// Contact points that say how and what; others are left out.
pub(super) fn read_telecom(node: Node<'_>) -> Vec<Telecom> {
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
