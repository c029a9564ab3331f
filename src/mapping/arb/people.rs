//! Patients, organizations and teams, and the head of an episode.

use super::Gen;
use crate::kap::base::{
    Address, Coding, Identifier, PersonName, Telecom, TelecomSystem, TelecomUse,
};
use crate::kap::fact::Header;
use crate::kap::people::{
    Gender, LegalAuthority, Licence, Member, MemberRole, Organization, OrganizationType, Patient,
    ProxyAccess, RelatedPerson, RelatedRole,
};
use crate::kap::{Phase, PhaseEntry};

impl Gen {
    fn identifier(&mut self) -> Identifier {
        let system = format!("http://example.org/{}", self.word());
        Identifier {
            kind: self.maybe(Self::word),
            system,
            value: self.text(),
        }
    }

    fn name(&mut self) -> PersonName {
        PersonName {
            family: self.text(),
            given: self.many(0, 3, Self::text),
        }
    }

    fn telecom(&mut self) -> Telecom {
        Telecom {
            system: self.one_of(TelecomSystem::ALL),
            value: self.text(),
            usage: self.maybe(|g| g.one_of(TelecomUse::ALL)),
        }
    }

    fn address(&mut self) -> Address {
        Address {
            line: self.many(0, 2, Self::text),
            city: self.maybe(Self::text),
            state: self.maybe(Self::text),
            postal_code: self.maybe(Self::text),
            country: self.maybe(Self::text),
        }
    }

    pub fn patient(&mut self) -> Patient {
        Patient {
            id: self.id(),
            identifiers: self.many(1, 3, Self::identifier),
            name: self.name(),
            birth_date: self.day(),
            administrative_gender: self.one_of(Gender::ALL),
            birth_sex: self.maybe(Self::word),
            pronouns: self.maybe(Self::text),
            telecom: self.many(0, 3, Self::telecom),
            address: self.maybe(Self::address),
            preferred_language: self.maybe(Self::word),
            interpreter_required: self.maybe(Self::flip),
            veteran: self.maybe(Self::flip),
        }
    }

    pub fn organization(&mut self) -> Organization {
        Organization {
            id: self.id(),
            name: self.text(),
            npi: self.maybe(Self::word),
            kind: self.one_of(OrganizationType::ALL),
            endpoint: self.maybe(Self::word),
            timezone: self.maybe(Self::word),
            taxonomy: self.maybe(Self::taxonomy),
        }
    }

    fn taxonomy(&mut self) -> Coding {
        Coding {
            system: "http://nucc.org/provider-taxonomy".into(),
            ..self.coding()
        }
    }

    pub fn member(&mut self) -> Member {
        Member {
            id: self.id(),
            name: self.text(),
            role: self.one_of(MemberRole::ALL),
            taxonomy: self.maybe(Self::taxonomy),
            organization_id: self.id(),
            npi: self.maybe(Self::word),
            licences: self.many(0, 2, |g| Licence {
                state: g.word(),
                number: g.word(),
                expires: g.maybe(Self::day),
            }),
            telecom: self.many(0, 2, Self::telecom),
            sharing: self.maybe(Self::word),
        }
    }

    pub fn related_person(&mut self) -> RelatedPerson {
        RelatedPerson {
            id: self.id(),
            name: self.name(),
            relationship: self.many(1, 3, Self::coding),
            kap_roles: self.many(1, 3, |g| g.one_of(RelatedRole::ALL)),
            is_adult: self.maybe(Self::flip),
            legal_authority: self.maybe(|g| LegalAuthority {
                basis: g.word(),
                verified_at: g.maybe(Self::instant),
                verified_by: g.maybe(Self::id),
                document_id: g.maybe(Self::id),
            }),
            telecom: self.many(0, 2, Self::telecom),
            proxy_access: self.maybe(|g| ProxyAccess {
                level: g.word(),
                excludes: g.many(0, 3, Self::word),
            }),
        }
    }

    pub fn header(&mut self) -> Header {
        let history = self.many(1, 8, |g| PhaseEntry {
            phase: g.one_of(Phase::ALL),
            from: g.instant(),
            by: g.id(),
            reason: g.maybe(Self::text),
        });
        Header {
            id: self.id(),
            business_identifiers: self.many(0, 2, Self::identifier),
            synthetic: true,
            phase: self.one_of(Phase::ALL),
            phase_history: history,
            previous_episode_id: self.maybe(Self::id),
            practice: self.organization(),
            partner: self.organization(),
            pharmacy: self.maybe(Self::organization),
        }
    }
}
