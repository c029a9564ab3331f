//! Which JSON forms are which values of the practice.
//!
//! An amount is never taken for its bare number: a dose of 0.2 g is 200 mg, and a pressure in kPa is refused.

use serde_json::Value;

use super::build::{LOZENGE, TROCHE};
use super::codes::UCUM;
use super::read::{FromNode, Node, Read};
use crate::kap::base::{Coding, Day, Decimal, Id, Identifier, Instant, Quantity};

macro_rules! from_node {
    ($($kind:ty, $expected:literal, $node:ident => $read:expr;)+) => {
        $(impl FromNode for $kind {
            const EXPECTED: &'static str = $expected;
            fn from_node($node: Node<'_>) -> Option<Self> { $read }
        })+
    };
}

from_node! {
    String, "text", n => n.str().map(str::to_owned);
    bool, "true or false", n => n.value().as_bool();
    u8, "a whole number from 0 to 255", n => n.value().as_u64().and_then(|x| x.try_into().ok());
    u32, "a whole number from 0 on", n => n.value().as_u64().and_then(|x| x.try_into().ok());
    i64, "a whole number", n => n.value().as_i64();
    Id, "an id", n => match n.str() {
        Some(text) => Id::new(text),
        None => n.target().and_then(|(_, id)| Id::new(id)),
    };
    Instant, "a time with seconds and offset", n => n.str()?.parse().ok();
    Day, "a date YYYY-MM-DD", n => n.str()?.parse().ok();
    Decimal, "a number", n => match n.value() {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    };
    Milligrams, "an amount in mg", n => amount(n, &[("mg", 1, 1), ("g", 1000, 1), ("ug", 1, 1000)]).map(Self);
    Minutes, "a time in min", n => amount(n, &[("min", 1, 1), ("h", 60, 1)]).map(Self);
    Coding, "a coding with system and code", n => Some(Coding {
        system: n.text("system")?.to_owned(),
        code: n.text("code")?.to_owned(),
        display: n.text("display").map(str::to_owned),
    });
    Quantity, "a quantity with value and unit", n => {
        // A count of lozenges is written without code in the practice's language.
        let counted = n.text("unit") == Some(LOZENGE) && n.text("code") == Some(TROCHE);
        let part = |name| n.text(name).filter(|_| !counted).map(str::to_owned);
        Some(Quantity {
            value: n.get("value")?.to().ok()?,
            unit: n.text("unit").or_else(|| n.text("code"))?.to_owned(),
            system: part("system"),
            code: part("code"),
        })
    };
    Identifier, "an identifier with system and value", n => Some(Identifier {
        kind: n.get("type").and_then(|t| t.codings().next()?.text("code")).map(str::to_owned),
        system: n.text("system")?.to_owned(),
        value: n.text("value")?.to_owned(),
    });
}

/// An amount of drug, in mg.
#[derive(Clone, Copy, Debug)]
pub struct Milligrams(pub Decimal);

/// A length of time, in minutes.
#[derive(Clone, Copy, Debug)]
pub struct Minutes(pub Decimal);

/// The number of a Quantity in `unit` (a UCUM code); of no other.
///
/// # Errors
/// Where it has another unit, or none.
pub fn measured_in(node: Node<'_>, unit: &str) -> Read<Decimal> {
    amount(node, &[(unit, 1, 1)]).ok_or_else(|| node.wrong(&format!("a quantity in {unit}")))
}

/// The number of a Quantity in the first of `units`: UCUM codes, and what one of each is as a fraction of the first.
/// A quantity that only bounds the number (`<`, `>`) has none.
fn amount(node: Node<'_>, units: &[(&str, i64, i64)]) -> Option<Decimal> {
    let value: Decimal = node.get("value")?.to().ok()?;
    let unit = node.text("code").or_else(|| node.text("unit"))?;
    let ucum = node.text("system").is_none_or(|system| system == UCUM);
    let known = units.iter().find(|(code, ..)| ucum && *code == unit);
    let (_, numerator, denominator) = known.filter(|_| node.get("comparator").is_none())?;
    let scaled = value.0.checked_mul((*numerator).into())?;
    Some(Decimal(scaled.checked_div((*denominator).into())?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SYSTEM: &str = "http://unitsofmeasure.org";

    fn dose(quantity: &Value) -> Option<String> {
        let read: Read<Milligrams> = Node::new(quantity).to();
        read.ok().map(|mg| mg.0.to_string())
    }

    #[test]
    fn a_dose_is_read_in_milligrams_whatever_its_unit_or_not_at_all() {
        let of = |value: f64, code: &str| json!({"value": value, "system": SYSTEM, "code": code});
        assert_eq!(dose(&of(200.0, "mg")).as_deref(), Some("200.0"));
        assert_eq!(dose(&of(0.2, "g")).as_deref(), Some("200.0"));
        assert_eq!(dose(&of(500.0, "ug")).as_deref(), Some("0.5"));
        assert_eq!(dose(&of(4.0, "mL")), None);
        assert_eq!(
            dose(&json!({"value": 200})),
            None,
            "a bare number says nothing"
        );
        assert_eq!(
            dose(&json!({"value": 200, "unit": "mg"})).as_deref(),
            Some("200")
        );
        let other = json!({"value": 2, "system": "http://snomed.info/sct", "code": "mg"});
        assert_eq!(dose(&other), None, "a code of another system");
        let at_most = json!({"value": 200, "comparator": "<", "system": SYSTEM, "code": "mg"});
        assert_eq!(dose(&at_most), None, "a bound is no amount");
    }

    #[test]
    fn a_pressure_has_one_unit() {
        let of = |code: &str| json!({"value": 21, "unit": code, "system": SYSTEM, "code": code});
        assert!(measured_in(Node::new(&of("mm[Hg]")), "mm[Hg]").is_ok());
        let refused = measured_in(Node::new(&of("kPa")), "mm[Hg]").map_err(|issue| issue.text);
        assert_eq!(
            refused,
            Err("Expected here: a quantity in mm[Hg].".to_owned())
        );
    }
}
