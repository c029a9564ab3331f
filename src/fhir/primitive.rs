//! The forms of FHIR's primitive types (<https://hl7.org/fhir/R4/datatypes.html#primitive>).

use serde_json::Value;

use super::interval::Interval;
use super::narrative;
use crate::kap::base::Id;

/// Most bytes of a string, and of a code or an address, which are looked up.
const LONGEST: usize = 1024 * 1024;
const LONGEST_NAME: usize = 2048;

/// What is wrong with `value` as a primitive of type `kind`, as a sentence; `None` where nothing is.
#[must_use]
pub fn fault(kind: &str, value: &Value) -> Option<String> {
    if kind == "xhtml" {
        let text = value.as_str().unwrap_or_default();
        return narrative::check(text).err().map(str::to_owned);
    }
    if fits(kind, value) {
        return None;
    }
    let hint = match kind {
        "dateTime" => {
            ": a date, or a time with seconds and offset such as 2026-07-18T10:03:00-07:00"
        }
        "instant" => ": a time with seconds and offset, such as 2026-07-18T10:03:00-07:00",
        "date" => ": YYYY, YYYY-MM or YYYY-MM-DD",
        "code" => ": no blanks but single ones within",
        "uri" | "url" | "canonical" => ": no blanks",
        _ => "",
    };
    Some(format!("This is no FHIR {kind}{hint}."))
}

fn fits(kind: &str, value: &Value) -> bool {
    let whole = |least: i64| {
        let number = value.as_i64();
        number.is_some_and(|n| i32::try_from(n).is_ok() && n >= least)
    };
    match kind {
        "boolean" => value.is_boolean(),
        "decimal" => value.is_number(),
        "integer" => whole(i32::MIN.into()),
        "unsignedInt" => whole(0),
        "positiveInt" => whole(1),
        // A contained resource of a type that this service does not take.
        _ if value.is_object() => kind.starts_with(|c: char| c.is_ascii_uppercase()),
        _ => value.as_str().is_some_and(|text| says(kind, text)),
    }
}

fn says(kind: &str, text: &str) -> bool {
    if text.is_empty() || text.len() > LONGEST {
        return false;
    }
    let date = |text: &str| !text.contains('T') && text.parse::<Interval>().is_ok();
    match kind {
        "date" => date(text),
        "dateTime" => date(text) || instant(text),
        "instant" => instant(text),
        "time" => time(text),
        "code" => text.len() <= LONGEST_NAME && text.split(' ').all(is_word),
        "id" => Id::new(text).is_some(),
        "uri" | "url" | "canonical" => text.len() <= LONGEST_NAME && is_word(text),
        "oid" => text.strip_prefix("urn:oid:").is_some_and(numbers),
        "uuid" => text.strip_prefix("urn:uuid:").is_some_and(uuid),
        "base64Binary" => base64(text),
        _ => true,
    }
}

fn instant(text: &str) -> bool {
    let Some((date, clock)) = text.split_once('T') else {
        return false;
    };
    let zone = clock.find(['Z', '+', '-']);
    let seconds =
        zone.is_some_and(|at| clock[..at].split('.').next().is_some_and(|c| c.len() == 8));
    date.len() == 10 && seconds && text.parse::<Interval>().is_ok()
}

fn time(text: &str) -> bool {
    format!("2000-01-01T{text}Z").parse::<Interval>().is_ok() && text.get(5..6) == Some(":")
}

/// Text without blanks and without characters that cannot be seen.
fn is_word(text: &str) -> bool {
    let hidden = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    !text.is_empty() && !text.contains(hidden)
}

fn numbers(text: &str) -> bool {
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    text.contains('.') && text.split('.').all(number)
}

fn uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let plain = |b: u8| matches!(b, b'-' | b'0'..=b'9' | b'a'..=b'f');
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(plain)
}

fn base64(text: &str) -> bool {
    let mut bytes = text.bytes().filter(|b| !b.is_ascii_whitespace());
    let mut count = 0_usize;
    let plain = bytes.all(|b| {
        count += 1;
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
    });
    plain && count > 0 && count.is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_has_its_form() {
        let good = [
            ("boolean", json!(true)),
            ("integer", json!(-5)),
            ("positiveInt", json!(1)),
            ("date", json!("2026-07")),
            ("dateTime", json!("2026")),
            ("dateTime", json!("2026-07-18T10:03:00.25-07:00")),
            ("instant", json!("2026-07-18T10:03:00Z")),
            ("time", json!("10:03:00")),
            ("code", json!("entered in error")),
            ("id", json!("a-1.b")),
            ("uri", json!("urn:oid:1.2")),
            ("oid", json!("urn:oid:1.2.0")),
            (
                "uuid",
                json!("urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a01"),
            ),
            ("base64Binary", json!("aGVs bG8=")),
            ("string", json!(" ")),
        ];
        let bad = [
            ("boolean", json!("true")),
            ("integer", json!(1.5)),
            ("integer", json!(2_147_483_648_i64)),
            ("unsignedInt", json!(-1)),
            ("positiveInt", json!(0)),
            ("decimal", json!("1.0")),
            ("date", json!("2026-07-18T10:03:00Z")),
            ("date", json!("0000-01-01")),
            ("dateTime", json!("2026-07-18T10:03:00")),
            ("dateTime", json!("2026-07-18T10:03Z")),
            ("dateTime", json!("2026-07-18T10:03:00+15:00")),
            ("instant", json!("2026-07-18")),
            ("time", json!("10:03")),
            ("time", json!("25:00:00")),
            ("code", json!(" a")),
            ("code", json!("a  b")),
            ("code", json!("a\u{200b}")),
            ("id", json!("..")),
            ("uri", json!("a b")),
            ("uri", json!("a".repeat(2049))),
            ("oid", json!("urn:oid:1")),
            ("uuid", json!("6f2c1c7e")),
            ("base64Binary", json!("abc")),
            ("string", json!("")),
            ("string", json!(7)),
        ];
        for (kind, value) in good {
            assert_eq!(fault(kind, &value), None, "{kind} {value}");
        }
        for (kind, value) in bad {
            assert!(fault(kind, &value).is_some(), "{kind} {value}");
        }
    }
}
