//! A reading from its observations, ours or foreign ones.

use super::{DIASTOLIC, ORDER, PRESSURE, SEDATION, SIGNS, SYSTOLIC};
use crate::fhir::resource::Key;
use crate::kap::Fact;
use crate::kap::base::Id;
use crate::kap::dosing::{Timing, Vitals, VitalsSource};
use crate::mapping::build::derived;
use crate::mapping::codes::{LOINC, hl7, namespace};
use crate::mapping::read::{Facts, Node, Read, Source};
use crate::mapping::value::Minutes;

/// Reads a reading from the first of its observations; foreign vital signs are readings of their own.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if suffix_of(node).is_none() || node.get("encounter").is_none() {
        return Ok(vec![]);
    }
    let session = node.session()?;
    let id = reading_of(node)?;
    let siblings: Vec<Node<'v>> = ORDER
        .iter()
        .filter_map(|suffix| source.lookup("Observation", derived(&id, suffix).as_str()))
        .filter(|sibling| reading_of(*sibling).is_ok_and(|other| other == id))
        .collect();
    let own = node.id()?;
    let at_home = siblings.iter().any(|s| s.id().is_ok_and(|id| id == own));
    let parts = if at_home { siblings } else { vec![node] };
    if parts[0].id()? != own {
        return Ok(vec![]);
    }
    let mut vitals = whole(parts[0], id, source)?;
    let mut keys: Vec<Key> = vec![];
    for part in parts {
        take(&mut vitals, part)?;
        keys.push(part.key()?);
    }
    Ok(vec![(Fact::Vitals { session, vitals }, keys)])
}

/// Which sign an observation states, by its codes.
fn suffix_of(node: Node<'_>) -> Option<&'static str> {
    let code = node.coding_in("code", LOINC).and_then(|c| c.text("code"));
    let among = |codes: &[(&str, &str)]| {
        let mut all = node.get("code").into_iter().flat_map(Node::codings);
        all.any(|c| {
            c.text("system") == Some(LOINC) && codes.iter().any(|(x, _)| c.text("code") == Some(x))
        })
    };
    if code.is_some() && among(PRESSURE) {
        return Some("bp");
    }
    if node.local_code("code", "kap-observation") == Some(SEDATION) {
        return Some(SEDATION);
    }
    SIGNS
        .iter()
        .find(|sign| among(sign.codes))
        .map(|sign| sign.suffix)
}

fn reading_of(node: Node<'_>) -> Read<Id> {
    let own = namespace("vitals");
    let mut all = node.each("identifier");
    let found = all.find(|i| i.text("system") == Some(&own));
    match found {
        Some(identifier) => identifier.req("value"),
        None => node.id(),
    }
}

/// What belongs to the reading as a whole.
fn whole<'v>(node: Node<'v>, id: Id, source: &Source<'v>) -> Read<Vitals> {
    let timing = node.ext("kap-session-timing").and_then(Node::any_value);
    let timing = timing.and_then(|t| t.text("code").or_else(|| t.str()));
    let performer = node.get("performer");
    let is_patient = |p: &Node<'_>| p.target().is_some_and(|(kind, _)| kind == "Patient");
    let interpretation = node.coding_in("interpretation", &hl7("v3-ObservationInterpretation"));
    Ok(Vitals {
        id,
        at: node.req("effectiveDateTime")?,
        timing: timing
            .and_then(Timing::from_code)
            .unwrap_or(Timing::Unscheduled),
        systolic: None,
        diastolic: None,
        heart_rate: None,
        respiratory_rate: None,
        spo2: None,
        temperature: None,
        moaas: None,
        source: origin(node),
        device: node
            .get("device")
            .and_then(|d| d.text("display"))
            .map(str::to_owned),
        minutes_since_first_dose: node
            .ext_value::<Minutes>("kap-minutes-since-dose")?
            .and_then(|n| n.0.0.to_string().parse().ok()),
        interpretation: interpretation
            .and_then(|c| c.text("code"))
            .map(str::to_owned),
        recorded_by: performer
            .filter(|p| !is_patient(p))
            .and_then(|p| source.actor(p)),
    })
}

/// Who measured: as stated, else by the integrity label.
fn origin(node: Node<'_>) -> VitalsSource {
    let stated = node.ext("kap-vitals-source").and_then(Node::any_value);
    let stated = stated.and_then(Node::str).and_then(VitalsSource::from_code);
    let labels = || {
        node.get("meta")
            .into_iter()
            .flat_map(|m| m.each("security"))
    };
    let reported = || labels().any(|l| l.text("code") == Some("PATRPT"));
    stated.unwrap_or_else(|| {
        if reported() {
            VitalsSource::HomeDevice
        } else {
            VitalsSource::ClinicDevice
        }
    })
}

fn take(vitals: &mut Vitals, node: Node<'_>) -> Read<()> {
    match suffix_of(node) {
        Some("bp") => {
            for component in node.each("component") {
                let code = component
                    .coding_in("code", LOINC)
                    .and_then(|c| c.text("code"));
                let value = component.opt("valueQuantity")?;
                match code {
                    Some(code) if code == SYSTOLIC.0 => vitals.systolic = value,
                    Some(code) if code == DIASTOLIC.0 => vitals.diastolic = value,
                    _ => {}
                }
            }
        }
        Some(SEDATION) => vitals.moaas = node.opt("valueInteger")?,
        Some(suffix) => {
            let sign = SIGNS.iter().find(|s| s.suffix == suffix);
            if let (Some(sign), Some(q)) = (sign, node.opt("valueQuantity")?) {
                (sign.set)(vitals, q);
            }
        }
        None => {}
    }
    Ok(())
}
