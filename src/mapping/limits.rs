//! A patient's own limits of vital signs, as extensions of a clearance.
//!
//! Each limit is one `kap-clearance-vital-parameter` (domain reference, appendix A). What is said of the
//! measuring as a whole stands in `kap-clearance-vitals`; a partner may give it with each limit instead.

use fhir_sdk::r4b::types::{Duration, Extension, ExtensionValue};

use super::build::{Parts, coding_of, concept, exact, kap_parts, must, ucum};
use super::codes::{LOINC, UCUM};
use super::read::{Node, Read};
use super::value::{Minutes, measured_in};
use crate::kap::Decimal;
use crate::kap::clearance::{VitalLimits, VitalParameters};
use crate::kap::dosing::Timing;

const SYSTOLIC: (&str, &str, &str) = ("8480-6", "Systolic blood pressure", "mm[Hg]");
const DIASTOLIC: (&str, &str, &str) = ("8462-4", "Diastolic blood pressure", "mm[Hg]");
const HEART_RATE: (&str, &str, &str) = ("8867-4", "Heart rate", "/min");
const SATURATION: (&str, &str, &str) = (
    "59408-5",
    "Oxygen saturation in Arterial blood by Pulse oximetry",
    "%",
);

/// The extensions that state these limits.
pub fn extensions(x: &VitalParameters) -> Vec<Extension> {
    let own = Parts::new()
        .code("source", x.source.as_ref())
        .count("recheckAfterMinutes", x.recheck_after_minutes)
        .count("maxRechecks", x.max_rechecks)
        .count("maxAgeMinutesPreDose", x.max_age_minutes_pre_dose);
    let own = x
        .required_timings
        .iter()
        .fold(own, |p, t| p.code("requiredTiming", Some(t)));
    let mut out: Vec<Extension> = kap_parts("kap-clearance-vitals", own).into_iter().collect();
    for (timing, limits) in [
        (Timing::PreDose, &x.pre_dose),
        (Timing::EndOfSession, &x.end_of_session),
    ] {
        let Some(l) = limits else { continue };
        let rows = [
            (SYSTOLIC, l.systolic_min, l.systolic_max),
            (DIASTOLIC, l.diastolic_min, l.diastolic_max),
            (HEART_RATE, l.heart_rate_min, l.heart_rate_max),
        ];
        out.extend(
            rows.into_iter()
                .filter_map(|(vital, min, max)| parameter(Some(timing), vital, min, max, x)),
        );
    }
    out.extend(parameter(None, SATURATION, x.spo2_min, None, x));
    out
}

fn parameter(
    timing: Option<Timing>,
    (code, display, unit): (&str, &str, &str),
    min: Option<Decimal>,
    max: Option<Decimal>,
    x: &VitalParameters,
) -> Option<Extension> {
    if min.is_none() && max.is_none() {
        return None;
    }
    let pre_dose = timing == Some(Timing::PreDose);
    let quantity = |n: Option<Decimal>| n.map(|n| ExtensionValue::Quantity(ucum(n, unit)));
    let minutes = |n: Option<u32>| {
        n.filter(|_| pre_dose)
            .map(|n| ExtensionValue::Duration(duration(n)))
    };
    let rechecks = x.max_rechecks.filter(|n| pre_dose && *n > 0);
    let concept = concept([coding_of(LOINC, code, Some(display))]);
    let parts = Parts::new()
        .code("timing", timing)
        .value("code", Some(ExtensionValue::CodeableConcept(concept)))
        .value("min", quantity(min))
        .value("max", quantity(max))
        .value("recheckAfter", minutes(x.recheck_after_minutes))
        .value("maxRechecks", rechecks.map(super::build::positive))
        .value("maxAge", minutes(x.max_age_minutes_pre_dose));
    kap_parts("kap-clearance-vital-parameter", parts)
}

fn duration(minutes: u32) -> Duration {
    let b = Duration::builder()
        .value(exact(i64::from(minutes).into()))
        .unit("min".to_owned());
    must(b.system(UCUM.to_owned()).code("min".to_owned()).build())
}

/// Reads the limits of a clearance; `None` where it states none.
pub fn read(node: Node<'_>) -> Read<Option<VitalParameters>> {
    let mut x = VitalParameters::default();
    let mut any = false;
    for p in node.exts("kap-clearance-vital-parameter") {
        any = true;
        read_parameter(p, &mut x)?;
    }
    if let Some(own) = node.ext("kap-clearance-vitals") {
        any = true;
        x.source = own.part("source")?;
        x.recheck_after_minutes = own.part("recheckAfterMinutes")?;
        x.max_rechecks = own.part("maxRechecks")?;
        x.max_age_minutes_pre_dose = own.part("maxAgeMinutesPreDose")?;
        let timings = own.parts("requiredTiming").filter_map(Node::any_value);
        x.required_timings = timings
            .map(|t| t.as_code(Timing::from_code))
            .collect::<Read<_>>()?;
    }
    Ok(any.then_some(x))
}

fn read_parameter(p: Node<'_>, x: &mut VitalParameters) -> Read<()> {
    let code = p.parts("code").next().and_then(Node::any_value);
    let code = code.and_then(|c| {
        c.codings()
            .find(|c| c.text("system") == Some(LOINC))?
            .text("code")
    });
    let unit = [SYSTOLIC, DIASTOLIC, HEART_RATE, SATURATION]
        .into_iter()
        .find(|(known, ..)| code == Some(*known));
    // A limit that is not understood must not be passed over in silence.
    let unknown = || p.issue("code-invalid", "No limit of this vital sign is known.");
    let (_, _, unit) = unit.ok_or_else(unknown)?;
    let bound = |name| {
        let bounds = p.parts(name).filter_map(Node::any_value);
        bounds.map(|n| measured_in(n, unit)).next().transpose()
    };
    let (min, max) = (bound("min")?, bound("max")?);
    let timing = p.part_code("timing", Timing::from_code)?;
    let minutes = |name| -> Read<Option<u32>> {
        let n: Option<Minutes> = p.part(name)?;
        Ok(n.and_then(|n| n.0.0.try_into().ok()))
    };
    x.recheck_after_minutes = x.recheck_after_minutes.or(minutes("recheckAfter")?);
    x.max_age_minutes_pre_dose = x.max_age_minutes_pre_dose.or(minutes("maxAge")?);
    x.max_rechecks = x.max_rechecks.or(p.part("maxRechecks")?);
    if code == Some(SATURATION.0) {
        x.spo2_min = min;
        return Ok(());
    }
    let limits = match timing {
        Some(Timing::PreDose) => &mut x.pre_dose,
        Some(Timing::EndOfSession) => &mut x.end_of_session,
        _ => return Err(p.issue("value", "A limit is for pre-dose or end-of-session.")),
    };
    let l = limits.get_or_insert_with(VitalLimits::default);
    match code {
        Some(c) if c == SYSTOLIC.0 => (l.systolic_min, l.systolic_max) = (min, max),
        Some(c) if c == DIASTOLIC.0 => (l.diastolic_min, l.diastolic_max) = (min, max),
        Some(c) if c == HEART_RATE.0 => (l.heart_rate_min, l.heart_rate_max) = (min, max),
        _ => return Err(unknown()),
    }
    Ok(())
}
