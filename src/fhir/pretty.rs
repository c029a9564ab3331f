//! JSON laid out for people (`_pretty`, <https://hl7.org/fhir/R4/http.html#general>): only the blanks between the tokens
//! change, so numbers keep their digits and text its escapes.

/// The same JSON with a line for each element.
#[must_use]
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut tokens = json.chars().peekable();
    while let Some(c) = tokens.next() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while tokens.next_if(char::is_ascii_whitespace).is_some() {}
                let empty = tokens.next_if(|end| matches!(end, '}' | ']'));
                if let Some(end) = empty {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn only_blanks_change() {
        let text = r#"{"a":[1.10, {"b":"x, \"y\": {\\"}],"c":{ },"d":[]}"#;
        let laid = pretty(text);
        assert_eq!(
            laid,
            "{\n  \"a\": [\n    1.10,\n    {\n      \"b\": \"x, \\\"y\\\": {\\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}\n"
        );
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("json");
        assert_eq!(value(text), value(&laid));
    }
}
