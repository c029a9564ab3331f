//! Changing strings in the text of a resource and nothing else: all other bytes stay as they were received.

use std::borrow::Cow;

/// `text`, which is valid JSON, with those strings replaced for which `change` gives another one. `change` gets the name
/// of the member whose value the string is (empty where it stands in a list) and the string.
#[must_use]
pub fn strings(text: &str, mut change: impl FnMut(&str, &str) -> Option<String>) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut member = Cow::Borrowed("");
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                let end = end_of(text, at);
                let string = read(&text[at..end]);
                if is_name(&text[end..]) {
                    member = string;
                } else if let Some(new) = change(&member, &string) {
                    out.push_str(&text[copied..at]);
                    out.push_str(&serde_json::Value::from(new).to_string());
                    copied = end;
                }
                at = end;
            }
            b'{' | b'[' | b',' => {
                member = Cow::Borrowed("");
                at += 1;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Where the string that begins at `start` ends, its quotes included.
fn end_of(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

fn read(quoted: &str) -> Cow<'_, str> {
    if quoted.contains('\\') {
        return Cow::Owned(serde_json::from_str(quoted).unwrap_or_default());
    }
    Cow::Borrowed(quoted.trim_matches('"'))
}

fn is_name(rest: &str) -> bool {
    rest.trim_start().starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(text: &str) -> Cow<'_, str> {
        strings(text, |member, string| {
            (member == "a" && string.starts_with('x')).then(|| string.to_uppercase())
        })
    }

    #[test]
    fn only_the_chosen_strings_change() {
        let text = r#"{ "a" : "x\u0031" ,"b":["x",{"a":"x\"y"}], "xa":"x","c":{"a":1.10,"d":"x"},"a" :  "é"}"#;
        assert_eq!(
            shout(text),
            r#"{ "a" : "X1" ,"b":["x",{"a":"X\"Y"}], "xa":"x","c":{"a":1.10,"d":"x"},"a" :  "é"}"#
        );
        for same in [
            r#"{"a":["x"],"b":"x"}"#,
            r#"{"b":{"a":null},"c":"x"}"#,
            "7",
            r#""x""#,
            "",
        ] {
            assert!(
                matches!(shout(same), Cow::Borrowed(t) if t == same),
                "{same}"
            );
        }
    }
}
