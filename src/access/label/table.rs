//! The security codes that are known, with their bits.

use super::{ACT_CODE, ACT_REASON, CONFIDENTIALITY, Labels as L, OBSERVATION_VALUE};

/// A code.
#[expect(
    clippy::struct_field_names,
    reason = "FHIR calls it the code of a Coding"
)]
#[derive(Debug)]
pub(super) struct Code {
    pub system: &'static str,
    pub code: &'static str,
    /// None where the code protects nothing by itself; [`L::UNKNOWN`] where nothing can cover it.
    pub bits: L,
    /// The published display, where this service writes the code.
    pub display: &'static str,
}

/// The closed codes that are laws and refrains, not sensitivities.
pub(super) const CLOSED_LAWS: &[&str] = &[
    "Title38Section7332",
    "CommonRule",
    "NOLIST",
    "NOMOU",
    "NOORGPOL",
    "NORDSCLW",
    "NOVIP",
    "ORCON",
];

const fn c(system: &'static str, code: &'static str, bits: L, display: &'static str) -> Code {
    Code {
        system,
        code,
        bits,
        display,
    }
}

/// Sensitivity, law or refrain.
const fn act(code: &'static str, bits: L, display: &'static str) -> Code {
    c(ACT_CODE, code, bits, display)
}

/// A sensitivity or refrain of HL7 that no consent of ours can name: it closes the row.
const fn closed(code: &'static str) -> Code {
    c(ACT_CODE, code, L::UNKNOWN, "")
}

/// An obligation, mark or notice: kept, and for the receiver to obey.
const fn kept(code: &'static str) -> Code {
    c(ACT_CODE, code, L::NONE, "")
}

const fn reason(code: &'static str) -> Code {
    c(ACT_REASON, code, L::NONE, "")
}

const fn value(code: &'static str) -> Code {
    c(OBSERVATION_VALUE, code, L::NONE, "")
}

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    c(CONFIDENTIALITY, "U", L::NONE, "unrestricted"),
    c(CONFIDENTIALITY, "L", L::NONE, "low"),
    c(CONFIDENTIALITY, "M", L::NONE, "moderate"),
    c(CONFIDENTIALITY, "N", L::NONE, "normal"),
    c(CONFIDENTIALITY, "R", L::R, "restricted"),
    c(CONFIDENTIALITY, "V", L::R.or(L::V), "very restricted"),
    act("PSY", L::PSY, "psychiatry disorder information sensitivity"),
    act("MH", L::MH, "mental health information sensitivity"),
    act("BH", L::BH, "behavioral health information sensitivity"),
    act("SUD", L::SUD, "substance use disorder information sensitivity"),
    act("ETH", L::ETH, "substance abuse information sensitivity"),
    act("ETHUD", L::ETHUD, "alcohol use disorder information sensitivity"),
    act("OPIOIDUD", L::OPIOIDUD, "opioid use disorder information sensitivity"),
    act("ADOL", L::ADOL, "adolescent information sensitivity"),
    act("SDV", L::SDV, "sexual assault, abuse, or domestic violence information sensitivity"),
    act("MST", L::MST, "military sexual trauma information sensitivity"),
    act("SEX", L::SEX, "sexuality and reproductive health information sensitivity"),
    act("HIV", L::HIV, "HIV/AIDS information sensitivity"),
    act("PSYTHPN", L::NOTE, "psychotherapy note information sensitivity"),
    act("42CFRPart2", L::PART2, "42 CFR Part2"),
    act("HIPAASelfPay", L::SELF_PAY, "HIPAA self-pay"),
    act("HIPAAPsyNotes", L::NOTES_LAW, "HIPAA psychotherapy notes"),
    act("NOAUTH", L::NOAUTH, "no disclosure without subject authorization"),
    act("NORDSCLCD", L::NORDSCLCD, "no redisclosure without consent directive"),
    act("NODSCLCD", L::NODSCLCD, "no disclosure without consent directive"),
    act("NODSCLCDS", L::NODSCLCDS, "no disclosure without information subject's consent directive"),
    act("NORDSCLCDS", L::NORDSCLCDS, "no redisclosure without information subject's consent directive"),
    act("NOPAT", L::NOPAT, "no disclosure to patient, family or caregivers without attending provider's authorization"),
    act("PRS", L::PRS, "patient requested information sensitivity"),
    act("DRGIS", L::DRGIS, "drug information sensitivity"),
    act("SPI", L::SPI, "specially protected information sensitivity"),
    act("STD", L::STD, "sexually transmitted disease information sensitivity"),
    act("VIO", L::VIO, "violence information sensitivity"),
    act("GDIS", L::GDIS, "genetic disease information sensitivity"),
    closed("SCA"), closed("SICKLE"), closed("TBOO"), closed("COGN"), closed("DVD"), closed("EMOTDIS"), closed("DEMO"),
    closed("DOB"), closed("GENDER"), closed("LIVARG"), closed("MARST"), closed("RACE"), closed("REL"), closed("B"),
    closed("EMPL"), closed("LOCIS"), closed("SSP"), closed("CEL"), closed("DIA"), closed("EMP"), closed("PDS"),
    closed("PHY"), closed("Title38Section7332"), closed("CommonRule"), closed("NOLIST"), closed("NOMOU"),
    closed("NOORGPOL"), closed("NORDSCLW"), closed("NOVIP"), closed("ORCON"),
    kept("HIPAANOPP"), kept("HIPAAAuth"), kept("HIPAAROAD"), kept("NOCOLLECT"), kept("NOINTEGRATE"), kept("NOPERSISTP"),
    kept("NORELINK"), kept("NOREUSE"), kept("ANONY"), kept("AOD"), kept("AUDIT"), kept("AUDTR"), kept("CPLYCC"),
    kept("CPLYCD"), kept("CPLYJPP"), kept("CPLYOPP"), kept("CPLYOSP"), kept("CPLYPOL"), kept("DECLASSIFYLABEL"),
    kept("DEID"), kept("DELAU"), kept("DOWNGRDLABEL"), kept("DRIVLABEL"), kept("ENCRYPT"), kept("ENCRYPTR"),
    kept("ENCRYPTT"), kept("ENCRYPTU"), kept("HUAPRV"), kept("LABEL"), kept("MASK"), kept("MINEC"),
    kept("PERSISTLABEL"), kept("PRIVMARK"), kept("PROCESSINLINELABEL"), kept("PSEUD"), kept("REDACT"),
    kept("UPGRDLABEL"), kept("RedisclosureProhibitionMark"), kept("ConfidentialMark"),
    c(ACT_REASON, "HTEST", L::NONE, "test health data"),
    reason("TREAT"), reason("HPAYMT"), reason("HOPERAT"), reason("COC"), reason("ETREAT"), reason("BTG"),
    reason("PATRQT"), reason("CAREMGT"), reason("HRESCH"), reason("PUBHLTH"), reason("PATSFTY"),
    c(OBSERVATION_VALUE, "PATRPT", L::NONE, "patient reported"),
    value("CLINAST"), value("CLINRPT"), value("DEVAST"), value("DEVRPT"), value("HCPAST"), value("HCPRPT"),
    value("PACQAST"), value("PACQRPT"), value("PATAST"), value("PAYAST"), value("PAYRPT"), value("PROAST"),
    value("PRORPT"), value("SDMAST"), value("SDMRPT"), value("ABSTRED"), value("AGGRED"), value("ANONYED"),
    value("MAPPED"), value("MASKED"), value("PSEUDED"), value("REDACTED"), value("SUBSETTED"), value("SYNTAC"),
    value("TRSLT"), value("VERSIONED"), value("CRYTOHASH"), value("DIGSIG"), value("HRELIABLE"), value("RELIABLE"),
    value("UNCERTREL"), value("UNRELIABLE"),
];
