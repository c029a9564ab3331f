//! Which JSON forms are which values of the practice.

use serde_json::Value;

use super::build::{LOZENGE, TROCHE};
use super::read::{FromNode, Node};
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
    // A Quantity stands for its number, for extensions that carry a unit.
    Decimal, "a number", n => match n.value() {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Object(_) => n.get("value")?.to().ok(),
        _ => None,
    };
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
