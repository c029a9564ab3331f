//! What each kind of recipient is told: the most that its role may ever see, what it is told where no consent speaks
//! (domain reference §5.4 and §5.6 rows 1 and 2), and what no consent gates. All of it is in this file.

use super::Caller;
use super::class::Classes;
use super::label::Labels;
use super::role::Role;
use crate::kap::base::codes;

codes! {
    /// Whether the law's minimum or the patient's consent opens the record where no consent is on file. The operator
    /// chooses: silence may break state law, refusal may be information blocking.
    Disclosure {
        /// Nothing flows but what a consent names; the partner learns whom it is to evaluate.
        ConsentRequired = "consent-required",
        /// Treatment by those who treat, as 45 CFR 164.506 allows it.
        FederalBaseline = "federal-baseline",
    }
}

/// Classes of data, and the labels that records of them may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Share {
    pub classes: Classes,
    pub labels: Labels,
}

const NOTHING: Share = Share {
    classes: Classes::NONE,
    labels: Labels::NONE,
};

/// What binds others than a provider, or asks for no consent.
const HARMLESS: Labels = Labels::SELF_PAY.or(Labels::NOPAT);
/// The record of a patient of any age, without topics of their own.
const ANY_AGE: Labels = Labels::ORDINARY.or(Labels::ADOL).or(HARMLESS);

/// D1 to D6: what whoever treats must know.
const HEALTH: Classes = Classes::IDENTITY
    .or(Classes::CLEARANCE)
    .or(Classes::GENERAL)
    .or(Classes::ALLERGY)
    .or(Classes::DIAGNOSIS)
    .or(Classes::SESSION)
    .or(Classes::SAFETY);
/// D0 to D8 with the course of treatment.
const TREATMENT: Classes = Classes::CALENDAR
    .or(HEALTH)
    .or(Classes::DOSING_SUMMARY)
    .or(Classes::PROGRESS)
    .or(Classes::COURSE);
const SUPPLY: Classes = Classes::PRESCRIPTION.or(Classes::SHIPMENT);
const PHARMACY: Classes = Classes::IDENTITY.or(Classes::ALLERGY).or(SUPPLY);

/// The classes that a role may ever see, of whosever records.
#[must_use]
pub const fn ceiling(role: Role) -> Classes {
    let own = match role {
        Role::PracticeTherapist => Classes::ALL.without(Classes::AUDIT),
        Role::PracticeAdmin => Classes::CALENDAR
            .or(Classes::IDENTITY)
            .or(Classes::BILLING)
            .or(Classes::SELF_PAID),
        Role::PartnerPrescriber | Role::PartnerNurse => Classes::ALL
            .without(Classes::AUDIT)
            .without(Classes::SELF_PAID)
            .without(Classes::OTHER),
        Role::Pharmacy => PHARMACY,
        Role::ExternalEhr => TREATMENT
            .or(SUPPLY)
            .or(Classes::SUBSTANCE)
            .or(Classes::PART2)
            .or(Classes::TRAUMA)
            .or(Classes::REPRODUCTION),
        Role::Integrator => TREATMENT
            .or(SUPPLY)
            .or(Classes::SUBSTANCE)
            .or(Classes::REFERRAL)
            .or(Classes::MESSAGE),
        Role::PrivacyOfficer => Classes::AUDIT.or(Classes::CONSENT).or(Classes::IDENTITY),
    };
    own.or(Classes::DIRECTORY)
}

/// D1 to D6 and D18: what whoever treats an emergency must know.
const EMERGENCY: Classes = HEALTH.or(SUPPLY);

/// The classes that a caller may ever see: in an emergency those of an emergency, and the Part 2 records that a consent
/// opens for that purpose.
#[must_use]
pub fn most(caller: &Caller) -> Classes {
    let all = ceiling(caller.role);
    if !caller.breaks_glass() {
        return all;
    }
    let needed = EMERGENCY.or(Classes::PART2).or(Classes::DIRECTORY);
    all.without(Classes::ALL.without(needed))
}

/// What a caller who breaks the glass sees of every patient, whether a consent speaks, is missing or was taken back
/// (domain reference §5.4 note 3, §5.6 row 13). A denial that the patient wrote holds all the same, and Part 2 records,
/// topics of their own (but of who the patient is) and what is very restricted stay closed.
#[must_use]
pub fn emergency(caller: &Caller) -> Share {
    let treats = matches!(
        caller.role,
        Role::ExternalEhr | Role::PartnerPrescriber | Role::PartnerNurse
    );
    if !(treats && caller.breaks_glass()) {
        return NOTHING;
    }
    Share {
        classes: EMERGENCY,
        labels: ANY_AGE.or(Labels::SUBSTANCE).or(Labels::TRAUMA),
    }
}

/// Labels of records that no consent opens to the role: an integrator is never given what is a minor's to decide (D15),
/// and every record of a minor is marked so.
#[must_use]
pub const fn never(role: Role) -> Labels {
    match role {
        Role::Integrator => Labels::ADOL,
        _ => Labels::NONE,
    }
}

/// Whether the role reads what its own organization owns, or wrote, without anybody's consent. An integrator works for
/// the practice and still needs the patient's word.
#[must_use]
pub const fn owns(role: Role) -> bool {
    !matches!(role, Role::Integrator)
}

/// Whether the role is ever told of other organizations' patients. The practice's own clients are not: an organization
/// that is told by another practice reads it as `external-ehr`.
#[must_use]
pub const fn is_told(role: Role) -> bool {
    !matches!(
        role,
        Role::PracticeTherapist | Role::PracticeAdmin | Role::PrivacyOfficer
    )
}

/// What a role with a relationship to the patient is told where no consent speaks.
#[must_use]
pub const fn defaults(disclosure: Disclosure, role: Role) -> Share {
    match (disclosure, role) {
        (Disclosure::ConsentRequired, Role::PartnerPrescriber | Role::PartnerNurse) => Share {
            classes: Classes::IDENTITY.or(Classes::REFERRAL),
            labels: ANY_AGE,
        },
        (Disclosure::FederalBaseline, Role::PartnerPrescriber | Role::PartnerNurse) => Share {
            classes: TREATMENT
                .or(SUPPLY)
                .or(Classes::SUBSTANCE)
                .or(Classes::REPRODUCTION)
                .or(Classes::REFERRAL)
                .or(Classes::MESSAGE)
                .or(Classes::CONSENT),
            labels: ANY_AGE.or(Labels::SUBSTANCE),
        },
        (Disclosure::FederalBaseline, Role::Pharmacy) => Share {
            classes: PHARMACY,
            labels: ANY_AGE,
        },
        (Disclosure::FederalBaseline, Role::ExternalEhr) => Share {
            classes: Classes::IDENTITY
                .or(Classes::GENERAL)
                .or(Classes::ALLERGY)
                .or(SUPPLY),
            labels: Labels::ORDINARY.or(HARMLESS),
        },
        _ => NOTHING,
    }
}

/// What a role with a relationship to the patient is told even where the defaults are off: the prescriber learns of
/// harm, unless the patient denied that too or took the consent back.
#[must_use]
pub const fn always(role: Role) -> Share {
    match role {
        Role::PartnerPrescriber | Role::PartnerNurse => Share {
            classes: Classes::SAFETY,
            labels: ANY_AGE,
        },
        _ => NOTHING,
    }
}
