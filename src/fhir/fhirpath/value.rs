//! What FHIRPath finds: elements of a resource, and values that are computed.

use std::borrow::Cow;
use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde_json::Value;

use super::eval::Fault;
use super::temporal::{Form, Temporal};
use crate::fhir::definitions::{self, Type};

/// An element as it stands in a resource.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// `None` for a primitive that has extensions alone.
    pub value: Option<&'a Value>,
    /// Of a primitive: its id and extensions.
    pub beside: Option<&'a Value>,
    /// Its type: `Quantity`, `string`, `Patient.contact`.
    pub kind: &'a str,
    /// The type itself, where it is none of the primitives.
    pub own: Option<&'static Type>,
}

/// One thing that an expression finds.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    Node(Node<'a>),
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Cow<'a, str>),
    Time(Temporal),
    Quantity(Decimal, Cow<'a, str>),
}

impl<'a> Node<'a> {
    /// A resource as it stands; `None` where it is of no type that R4 knows.
    #[must_use]
    pub fn resource(value: &'a Value) -> Option<Self> {
        let kind = value.get("resourceType")?.as_str()?;
        let own = definitions::resource(kind)?;
        Some(Self::of(value, own))
    }

    /// An object of that type.
    #[must_use]
    pub const fn of(value: &'a Value, own: &'static Type) -> Self {
        Self {
            value: Some(value),
            beside: None,
            kind: own.name,
            own: Some(own),
        }
    }

    fn child(
        value: Option<&'a Value>,
        beside: Option<&'a Value>,
        kind: &'static definitions::Kind,
    ) -> Self {
        if kind.name == "Resource"
            && let Some(found) = value.and_then(Self::resource)
        {
            return found;
        }
        // Of a resource of no known type the id is read all the same.
        let own = match kind.name {
            "Resource" => definitions::named("Element"),
            _ => kind.of(),
        };
        Self {
            value,
            beside,
            kind: kind.name,
            own,
        }
    }

    /// The elements of that name.
    pub fn named(self, name: &str, out: &mut Vec<Item<'a>>) {
        let Some(own) = self.own else {
            // Beside a primitive stand its id and extensions.
            let beside = self.beside.and_then(|beside| beside.get(name));
            if let (Some(found), Some(element)) = (beside, definitions::named("Element"))
                && let Some((_, kind)) = element.json(name)
            {
                spread(Some(found), None, kind, out);
            }
            return;
        };
        let (Some(element), Some(Value::Object(members))) = (own.path(name), self.value) else {
            return;
        };
        if !element.choice {
            if let [kind] = &element.kinds[..] {
                let beside = match kind.of() {
                    None => members.get(&element.beside),
                    Some(_) => None,
                };
                spread(members.get(name), beside, kind, out);
            }
            return;
        }
        for (member, value) in members {
            let (plain, beside) = match member.strip_prefix('_') {
                Some(plain) => (plain, true),
                None => (member.as_str(), false),
            };
            let Some((_, kind)) = own.json(plain).filter(|(found, _)| found.name == name) else {
                continue;
            };
            if !beside {
                spread(Some(value), members.get(&format!("_{member}")), kind, out);
            } else if !members.contains_key(plain) {
                spread(None, Some(value), kind, out);
            }
        }
    }

    /// All of its elements, in their order.
    pub fn children(self, out: &mut Vec<Item<'a>>) {
        if self.own.is_none() {
            for name in ["id", "extension"] {
                self.named(name, out);
            }
            return;
        }
        let (Some(own), Some(Value::Object(members))) = (self.own, self.value) else {
            return;
        };
        for (member, value) in members {
            let (plain, beside) = match member.strip_prefix('_') {
                Some(plain) => (plain, true),
                None => (member.as_str(), false),
            };
            let Some((_, kind)) = own.json(plain) else {
                continue;
            };
            if beside {
                if !members.contains_key(plain) {
                    spread(None, Some(value), kind, out);
                }
            } else if kind.of().is_none() && kind.name != "Resource" {
                spread(Some(value), members.get(&format!("_{member}")), kind, out);
            } else {
                spread(Some(value), None, kind, out);
            }
        }
    }

    /// The value that a primitive, or a Quantity, is.
    fn system(self) -> Option<Item<'a>> {
        let value = self.value?;
        Some(match (self.kind, value) {
            (_, Value::Bool(yes)) => Item::Bool(*yes),
            ("decimal", Value::Number(number)) => Item::Decimal(decimal(number)?),
            (_, Value::Number(number)) => match number.as_i64() {
                Some(whole) => Item::Int(whole),
                None => Item::Decimal(decimal(number)?),
            },
            ("date" | "dateTime" | "instant", Value::String(text)) => match Temporal::literal(text)
            {
                Some(time) if self.kind == "date" => Item::Time(time),
                Some(mut time) => {
                    time.is = Form::DateTime;
                    Item::Time(time)
                }
                None => Item::Text(Cow::Borrowed(text)),
            },
            ("time", Value::String(text)) => match Temporal::time(text) {
                Some(time) => Item::Time(time),
                None => Item::Text(Cow::Borrowed(text)),
            },
            (_, Value::String(text)) => Item::Text(Cow::Borrowed(text)),
            (_, Value::Object(members)) if is_a(self.kind, "Quantity") => {
                let number = members.get("value")?.as_number()?;
                let unit = |name: &str| members.get(name).and_then(Value::as_str);
                let unit = unit("code").or_else(|| unit("unit")).unwrap_or("1");
                Item::Quantity(decimal(number)?, Cow::Borrowed(unit))
            }
            _ => return None,
        })
    }
}

fn decimal(number: &serde_json::Number) -> Option<Decimal> {
    let text = number.to_string();
    text.parse()
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

/// Adds what stands under a name: one element, or those of a list with what stands beside each.
fn spread<'a>(
    value: Option<&'a Value>,
    beside: Option<&'a Value>,
    kind: &'static definitions::Kind,
    out: &mut Vec<Item<'a>>,
) {
    let some = |value: Option<&'a Value>| value.filter(|value| !value.is_null());
    let mut add = |value: Option<&'a Value>, beside: Option<&'a Value>| {
        let (value, beside) = (some(value), some(beside));
        if value.is_some() || beside.is_some() {
            out.push(Item::Node(Node::child(value, beside, kind)));
        }
    };
    let list = |value: Option<&'a Value>| value.and_then(Value::as_array);
    match (list(value), list(beside)) {
        (None, None) => add(value, beside),
        (values, besides) => {
            let count = |all: Option<&Vec<Value>>| all.map_or(0, Vec::len);
            for n in 0..count(values).max(count(besides)) {
                let nth = |all: Option<&'a Vec<Value>>| all.and_then(|all| all.get(n));
                add(nth(values), nth(besides));
            }
        }
    }
}

/// Whether a type is another or a kind of it.
pub fn is_a(kind: &str, wanted: &str) -> bool {
    if kind == wanted {
        return true;
    }
    let resource = || definitions::resource(kind).is_some();
    match wanted {
        "string" => matches!(kind, "code" | "id" | "markdown"),
        "uri" => matches!(kind, "url" | "canonical" | "uuid" | "oid"),
        "integer" => matches!(kind, "positiveInt" | "unsignedInt"),
        "Quantity" => matches!(kind, "Age" | "Count" | "Distance" | "Duration" | "Money"),
        "Resource" => resource(),
        "DomainResource" => resource() && !matches!(kind, "Bundle" | "Binary" | "Parameters"),
        "BackboneElement" => kind.contains('.') || kind == "Timing" || kind == "Dosage",
        "Element" => !resource(),
        _ => false,
    }
}

impl Item<'_> {
    /// The same as a value, where it is one.
    #[must_use]
    pub fn system(&self) -> Option<Self> {
        match self {
            Item::Node(node) => node.system(),
            other => Some(other.clone()),
        }
    }

    /// Whether it is of the type that an expression names.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        let (space, name) = wanted.split_once('.').unwrap_or(("", wanted));
        match self {
            Item::Node(node) if space != "System" => {
                // The rules of R4 name primitives as FHIRPath's own types too: `answer is Boolean`.
                let (first, rest) = name.split_at(name.len().min(1));
                let small = || format!("{}{rest}", first.to_ascii_lowercase());
                is_a(node.kind, name)
                    || (space.is_empty() && is_system(name) && node.kind == small())
            }
            Item::Node(_) => false,
            _ if space == "FHIR" => false,
            Item::Bool(_) => name == "Boolean",
            Item::Int(_) => name == "Integer",
            Item::Decimal(_) => name == "Decimal",
            Item::Text(_) => name == "String",
            Item::Quantity(..) => name == "Quantity",
            Item::Time(time) => match time.is {
                Form::Date => name == "Date",
                Form::DateTime => name == "DateTime",
                Form::Time => name == "Time",
            },
        }
    }

    /// The text of a value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self.system()? {
            Item::Bool(yes) => yes.to_string(),
            Item::Int(n) => n.to_string(),
            Item::Decimal(n) => n.to_string(),
            Item::Text(text) => text.into_owned(),
            Item::Time(time) => time.text(),
            Item::Quantity(n, unit) => format!("{n} '{unit}'"),
            Item::Node(_) => return None,
        })
    }

    /// Whether two are equal; `None` where that cannot be said.
    #[must_use]
    pub fn equals(&self, other: &Self) -> Option<bool> {
        if let (Item::Node(a), Item::Node(b)) = (self, other)
            && let (Some(Value::Object(a)), Some(Value::Object(b))) = (a.value, b.value)
        {
            return Some(a == b);
        }
        let (Some(a), Some(b)) = (self.system(), other.system()) else {
            return Some(false);
        };
        match (&a, &b) {
            (Item::Bool(a), Item::Bool(b)) => Some(a == b),
            (Item::Text(a), Item::Text(b)) => Some(a == b),
            (Item::Time(x), Item::Time(y)) => match x.compare(*y) {
                Some(order) => Some(order == Ordering::Equal),
                None if (x.is == Form::Time) != (y.is == Form::Time) => Some(false),
                None => None,
            },
            (Item::Time(time), Item::Text(text)) | (Item::Text(text), Item::Time(time)) => {
                let other = Temporal::literal(text).or_else(|| Temporal::time(text));
                match other {
                    Some(other) => time.compare(other).map(|o| o == Ordering::Equal),
                    None => Some(false),
                }
            }
            (Item::Quantity(a, x), Item::Quantity(b, y)) => same_unit(x, y).then_some(a == b),
            _ => match (a.number(), b.number()) {
                (Some(a), Some(b)) => Some(a == b),
                _ => Some(false),
            },
        }
    }

    /// The number that it is; of a quantity none.
    #[must_use]
    pub fn number(&self) -> Option<Decimal> {
        match self.system()? {
            Item::Int(n) => Some(n.into()),
            Item::Decimal(n) => Some(n),
            _ => None,
        }
    }

    /// How two lie; `None` where that cannot be said.
    pub fn compare(&self, other: &Self) -> Result<Option<Ordering>, Fault> {
        let (Some(a), Some(b)) = (self.system(), other.system()) else {
            return Err(Fault("What is compared is no value."));
        };
        Ok(match (&a, &b) {
            (Item::Text(a), Item::Text(b)) => Some(a.cmp(b)),
            (Item::Time(a), Item::Time(b)) => a.compare(*b),
            (Item::Quantity(a, x), Item::Quantity(b, y)) if same_unit(x, y) => Some(a.cmp(b)),
            (Item::Quantity(..), Item::Quantity(..)) => None,
            (Item::Quantity(a, unit), b) if same_unit(unit, "1") => b.number().map(|b| a.cmp(&b)),
            (a, Item::Quantity(b, unit)) if same_unit(unit, "1") => a.number().map(|a| a.cmp(b)),
            _ => match (a.number(), b.number()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => return Err(Fault("Values of different kinds are compared.")),
            },
        })
    }
}

fn is_system(name: &str) -> bool {
    matches!(
        name,
        "Boolean" | "String" | "Integer" | "Decimal" | "Date" | "DateTime" | "Time"
    )
}

/// Whether two units are one: UCUM's, or a word of the calendar for what is as long.
fn same_unit(a: &str, b: &str) -> bool {
    let plain = |unit: &str| match unit {
        "week" => "wk".to_owned(),
        "day" => "d".to_owned(),
        "hour" => "h".to_owned(),
        "minute" => "min".to_owned(),
        "second" => "s".to_owned(),
        "millisecond" => "ms".to_owned(),
        other => other.to_owned(),
    };
    a == b || plain(a) == plain(b)
}

/// What a collection says as a condition: nothing where it is empty, true where it is one thing that is no boolean.
pub fn truth(items: &[Item<'_>]) -> Result<Option<bool>, Fault> {
    match items {
        [] => Ok(None),
        [one] => match one.system() {
            Some(Item::Bool(yes)) => Ok(Some(yes)),
            _ => Ok(Some(true)),
        },
        _ => Err(Fault(
            "Several values stand where one condition is expected.",
        )),
    }
}
