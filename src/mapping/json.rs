//! The exact JSON text of a built resource.
//!
//! fhir-sdk holds decimals as `f64`. So that `0.50` is written as `0.50`, `exact` packs digits and scale of
//! a decimal into a float far outside of any clinical range, and the writer unpacks it.

use std::io;

use fhir_sdk::BuilderError;
use serde::Serialize;
use serde_json::Value;

use super::build::must;
use crate::fhir::resource::{Key, Resource};
use crate::kap::base::{Decimal, Id};

/// Writes a built resource: exact text, parsed value, key.
///
/// # Panics
/// Where the resource has no id or no JSON form: a defect of a mapping.
#[must_use]
pub fn finish<T: Serialize>(built: Result<T, BuilderError>) -> Resource {
    let text = to_json(&must(built)).expect("a built resource has a JSON form");
    let value: Value = serde_json::from_str(&text).expect("what was written is JSON");
    let part = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = Id::new(part("id")).expect("a built resource has a legal id");
    Resource {
        key: Key::new(part("resourceType"), id),
        json: text.into(),
        value,
    }
}

/// The JSON text of an fhir-sdk value, with exact decimals.
fn to_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut out = Vec::with_capacity(2048);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Exact))?;
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// Writes floats as the decimals that `exact` packed; others as short as they are.
struct Exact;

impl serde_json::ser::Formatter for Exact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, n: f64) -> io::Result<()> {
        match unpack(n) {
            Some(decimal) => write!(out, "{decimal}"),
            None => write!(out, "{n}"),
        }
    }
}

/// A primitive value as its text, with exact decimals; a string without its quotes.
#[must_use]
pub fn plain<T: Serialize>(value: &T) -> String {
    let text = to_json(value).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let inner = value.as_object().and_then(|fields| fields.values().next());
    match inner.unwrap_or(&value) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Exponents from here on mark a packed decimal; their low five bits are its scale (at most 28).
const MARK: u64 = 0x7E0;
const MANTISSA_BITS: u32 = 52;

/// A decimal on its way through fhir-sdk. Exact to 15 digits, beyond them the nearest float.
#[must_use]
pub fn exact(n: Decimal) -> f64 {
    let digits = n.0.mantissa().unsigned_abs();
    match u64::try_from(digits) {
        Ok(digits) if digits >> MANTISSA_BITS == 0 => {
            let sign = u64::from(n.0.is_sign_negative()) << 63;
            let exponent = (MARK | u64::from(n.0.scale())) << MANTISSA_BITS;
            f64::from_bits(sign | exponent | digits)
        }
        _ => n.0.to_string().parse().unwrap_or_default(),
    }
}

fn unpack(n: f64) -> Option<rust_decimal::Decimal> {
    let bits = n.to_bits();
    let exponent = (bits >> MANTISSA_BITS) & 0x7FF;
    let scale = u32::try_from(exponent & 0x1F).ok()?;
    if exponent & MARK != MARK || scale > 28 {
        return None;
    }
    let digits = i64::try_from(bits & ((1 << MANTISSA_BITS) - 1)).ok()?;
    let signed = if n.is_sign_negative() {
        -digits
    } else {
        digits
    };
    rust_decimal::Decimal::try_new(signed, scale).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::build::ucum;
    use super::*;

    proptest! {
        #[test]
        fn a_decimal_keeps_its_digits(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=28) {
            let n = Decimal(rust_decimal::Decimal::new(mantissa, scale));
            prop_assert_eq!(to_json(&exact(n)).ok(), Some(n.to_string()));
        }

        #[test]
        fn a_plain_float_is_never_taken_for_a_decimal(n in -1.0e200_f64..1.0e200) {
            prop_assert_eq!(unpack(n), None);
        }
    }

    #[test]
    fn doses_are_written_as_they_were_said() {
        for text in ["0.50", "100", "1.10", "-3", "0", "12.5"] {
            let n: Decimal = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(
                to_json(&ucum(n, "mg")).ok().as_deref(),
                Some(&*format!(
                    r#"{{"value":{text},"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}"#
                ))
            );
        }
    }
}
