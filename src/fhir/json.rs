//! Strict JSON: what two parsers could read differently is refused, with the place where it stands.
//!
//! Refused beyond RFC 8259: duplicate keys, more than 64 levels, control characters but tab and line ends, more than
//! 200,000 values.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::error::{Error, Kind, Result};

const MAX_DEPTH: usize = 64;
const MAX_VALUES: usize = 200_000;

/// Parses `bytes` strictly. The value is for reading: numbers beyond 17 digits are rounded in it, the text is not.
///
/// # Errors
/// `Invalid` with a JSON pointer to the place, where one is known.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Error::new(
            Kind::Invalid,
            format!("The body is not UTF-8 (byte {}).", e.valid_up_to()),
        )
        .issue_code("structure")
    })?;
    let walk = Walk {
        path: RefCell::default(),
        failed_at: RefCell::default(),
        values: Cell::new(0),
    };
    let mut de = serde_json::Deserializer::from_str(text);
    let parsed = Strict {
        walk: &walk,
        depth: 0,
    }
    .deserialize(&mut de);
    parsed
        .and_then(|value| de.end().map(|()| value))
        .map_err(|e| refused(&e, &walk))
}

fn refused(e: &serde_json::Error, walk: &Walk) -> Error {
    let said = e.to_string();
    let text = match said.split_once(" at line ") {
        Some((what, _)) => format!(
            "Not acceptable JSON: {what} (line {}, column {}).",
            e.line(),
            e.column()
        ),
        None => format!("Not acceptable JSON: {said}."),
    };
    let error = Error::new(Kind::Invalid, text).issue_code("structure");
    match walk.failed_at.borrow().as_ref() {
        Some(at) => error.at(at.clone()),
        None => error,
    }
}

struct Walk {
    path: RefCell<String>,
    failed_at: RefCell<Option<String>>,
    values: Cell<usize>,
}

impl Walk {
    fn within<T>(&self, step: fmt::Arguments<'_>, f: impl FnOnce() -> T) -> T {
        let before = self.path.borrow().len();
        {
            let mut path = self.path.borrow_mut();
            path.push('/');
            let _ = fmt::Write::write_fmt(&mut *path, step);
        }
        let out = f();
        self.path.borrow_mut().truncate(before);
        out
    }

    fn fail<E: serde::de::Error>(&self, what: impl fmt::Display) -> E {
        self.failed_at
            .borrow_mut()
            .get_or_insert_with(|| self.path.borrow().clone());
        E::custom(what)
    }
}

#[derive(Clone, Copy)]
struct Strict<'w> {
    walk: &'w Walk,
    depth: usize,
}

impl Strict<'_> {
    fn text<E: serde::de::Error>(self, s: &str) -> std::result::Result<(), E> {
        let banned = |c: &char| *c < ' ' && !matches!(c, '\t' | '\n' | '\r');
        if let Some(c) = s.chars().find(banned) {
            let code = u32::from(c);
            let what = format!("the character U+{code:04X} is not allowed");
            return Err(self.walk.fail(what));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Value, D::Error> {
        let seen = self.walk.values.get() + 1;
        self.walk.values.set(seen);
        if seen > MAX_VALUES {
            return Err(self.walk.fail(format!("more than {MAX_VALUES} values")));
        }
        if self.depth > MAX_DEPTH {
            return Err(self.walk.fail(format!("more than {MAX_DEPTH} levels")));
        }
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> std::result::Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> std::result::Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E: serde::de::Error>(self, v: f64) -> std::result::Result<Value, E> {
        Number::from_f64(v)
            .map(Value::Number)
            .ok_or_else(|| self.walk.fail("a number out of range"))
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> std::result::Result<Value, E> {
        self.text(v)?;
        Ok(Value::String(v.to_owned()))
    }
    fn visit_string<E: serde::de::Error>(self, v: String) -> std::result::Result<Value, E> {
        self.text(&v)?;
        Ok(Value::String(v))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let inner = Strict {
            walk: self.walk,
            depth: self.depth + 1,
        };
        let mut out = Vec::new();
        loop {
            let step = out.len();
            match self
                .walk
                .within(format_args!("{step}"), || seq.next_element_seed(inner))?
            {
                Some(value) => out.push(value),
                None => return Ok(Value::Array(out)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let inner = Strict {
            walk: self.walk,
            depth: self.depth + 1,
        };
        let mut out = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.text(&key)?;
            let step = key.replace('~', "~0").replace('/', "~1");
            let value = self.walk.within(format_args!("{step}"), || {
                if out.contains_key(&key) {
                    return Err(self.walk.fail("the same key stands twice in one object"));
                }
                map.next_value_seed(inner)
            })?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

/// The members of a JSON object in their order, each with its exact text.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads the top level of an object.
    ///
    /// # Errors
    /// Where `text` is not a JSON object.
    pub fn of(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The text of member `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, raw)| raw.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(Name(key)) = map.next_key()? {
                    out.push((key, map.next_value()?));
                }
                Ok(out)
            }
        }
        struct Name<'a>(Cow<'a, str>);
        impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
                struct N;
                impl<'de> Visitor<'de> for N {
                    type Value = Cow<'de, str>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a key")
                    }
                    fn visit_borrowed_str<E: serde::de::Error>(
                        self,
                        v: &'de str,
                    ) -> std::result::Result<Self::Value, E> {
                        Ok(Cow::Borrowed(v))
                    }
                    fn visit_str<E: serde::de::Error>(
                        self,
                        v: &str,
                    ) -> std::result::Result<Self::Value, E> {
                        Ok(Cow::Owned(v.to_owned()))
                    }
                }
                d.deserialize_str(N).map(Name)
            }
        }
        d.deserialize_map(V).map(Members).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> Option<String> {
        parse(text.as_bytes())
            .err()
            .and_then(|e| e.issues[0].at.clone())
    }

    #[test]
    fn duplicate_keys_are_refused_with_their_place() {
        assert_eq!(
            pointer(r#"{"a":{"b":1,"c":[{"d":1,"d":2}]}}"#).as_deref(),
            Some("/a/c/0/d")
        );
    }

    #[test]
    fn control_characters_and_depth_are_refused() {
        for bad in ["\\u0000", "\\u0001", "\\b", "\\u001f"] {
            assert_eq!(
                pointer(&format!("{{\"a\":\"x{bad}\"}}")).as_deref(),
                Some("/a"),
                "{bad}"
            );
        }
        assert!(parse(br#"{"a":"\t\r\n\u007f"}"#).is_ok());
        let deep = "[".repeat(66) + &"]".repeat(66);
        assert!(parse(deep.as_bytes()).is_err());
        let fits = "[".repeat(64) + &"]".repeat(64);
        assert!(parse(fits.as_bytes()).is_ok());
    }

    #[test]
    fn trailing_data_bom_and_bad_utf8_are_refused() {
        for bad in [
            &b"{} {}"[..],
            b"\xef\xbb\xbf{}",
            b"\xff",
            b"{\"a\":01}",
            b"{\"a\":NaN}",
            b"",
            b"{\"a\":1,}",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn members_keep_their_text() {
        let m = Members::of(r#"{"a": 1.10 ,"b":{"c" : 2}}"#).expect("object");
        assert_eq!(m.get("a"), Some("1.10"));
        assert_eq!(m.get("b"), Some(r#"{"c" : 2}"#));
    }
}
