//! The people and organizations of an episode.

use serde::{Deserialize, Serialize};

use super::base::{Address, Coding, Day, Id, Identifier, Instant, PersonName, Telecom, codes};

codes! {
    /// FHIR R4 value set `administrative-gender`.
    Gender { Male = "male", Female = "female", Other = "other", Unknown = "unknown" }
}

/// The person who is treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patient {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// At least one, such as the practice's medical record number (type `MR`).
    pub identifiers: Vec<Identifier>,
    pub name: PersonName,
    pub birth_date: Day,
    pub administrative_gender: Gender,
    /// Sex at birth: `F`, `M`, `UNK`, `ASKU` or `OTH` (US Core 6.1.0 birth sex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_sex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pronouns: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<Telecom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// BCP 47 language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter_required: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veteran: Option<bool>,
}

codes! {
    /// What an organization is to the episode.
    OrganizationType {
        Practice = "psychotherapy-practice", Clinic = "clinic", Partner = "remote-prescribing-partner",
        Pharmacy = "compounding-pharmacy", External = "external-provider",
    }
}

/// A practice, medical partner, pharmacy or other provider organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub name: String,
    /// National Provider Identifier, ten digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npi: Option<String>,
    #[serde(rename = "type")]
    pub kind: OrganizationType,
    /// Base URL of the organization's own FHIR server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// IANA time zone; a practice has one, because "same day" is its local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// NUCC provider taxonomy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<Coding>,
}

/// The organizations of an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organizations {
    /// The practice that runs the episode.
    pub practice: Organization,
    /// The medical partner that decides clearance and prescribes.
    pub partner: Organization,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pharmacy: Option<Organization>,
}

codes! {
    /// What a clinician does in the episode.
    MemberRole {
        LeadTherapist = "lead-therapist", CoTherapist = "co-therapist", Prescriber = "prescriber",
        DosingNurse = "dosing-nurse", PrimaryCare = "primary-care", EstablishedTherapist = "established-therapist",
        TreatingPsychiatrist = "treating-psychiatrist", Pediatrician = "pediatrician", CareCoordinator = "care-coordinator",
    }
}

/// A licence to practise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Licence {
    /// Two-letter state.
    pub state: String,
    pub number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
}

/// A clinician of the care team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// Full name as it is signed, `Robin Sampleton, LCSW`.
    pub name: String,
    pub role: MemberRole,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<Coding>,
    pub organization_id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npi: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<Licence>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<Telecom>,
    /// `summary-with-consent` for a provider outside practice and partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<String>,
}

codes! {
    /// What a relative or friend does in the episode (code system `kap-participant-role`).
    RelatedRole {
        Guardian = "guardian", Chaperone = "chaperone", Escort = "escort",
        EmergencyContact = "emergency-contact", SupportPerson = "support-person",
    }
}

/// Why a guardian may consent for the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalAuthority {
    /// Such as `parent-of-minor` or `court-order`.
    pub basis: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<Id>,
}

/// What a guardian may see of a minor's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyAccess {
    pub level: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
}

/// A guardian, chaperone, escort or other person beside the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelatedPerson {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub name: PersonName,
    /// HL7 v3 RoleCode codings.
    pub relationship: Vec<Coding>,
    pub kap_roles: Vec<RelatedRole>,
    /// Required of a chaperone or escort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_adult: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_authority: Option<LegalAuthority>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<Telecom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_access: Option<ProxyAccess>,
}
