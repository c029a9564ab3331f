//! Elements cut out of the text of a resource; what stays, stays byte for byte.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::json::Members;

/// What an element becomes that must be there and has nothing left: HL7's extension for what is absent, `masked`.
const MASKED: &str = r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}"#;

/// An element, or an entry of a list of elements.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The names from below the resource, joined by dots: `reaction.note`. Lists have no positions, `_birthDate` is
    /// `birthDate`.
    pub path: &'a str,
    /// Its JSON.
    pub text: &'a str,
    /// The object that it stands in.
    pub among: &'a Members<'a>,
    /// The `linkId` of the nearest item around it.
    pub link: Option<&'a str>,
}

/// The resource without the elements that `cut` chooses; `None` where it chooses none. An extension, answer or the like
/// that loses its value goes; a list or an entry that is left empty goes; a single element that is left empty is masked.
///
/// # Errors
/// Where `text` is no JSON object.
pub fn pared(text: &str, cut: &dyn Fn(&Place<'_>) -> bool) -> serde_json::Result<Option<String>> {
    match object(text, "", None, cut)? {
        Left::Same => Ok(None),
        Left::Less(text) => Ok(Some(text)),
        Left::Nothing => Ok(Some("{}".to_owned())),
    }
}

/// What is left of an element.
enum Left {
    Same,
    Less(String),
    Nothing,
}

type Cut<'c> = &'c dyn Fn(&Place<'_>) -> bool;

fn object(text: &str, path: &str, link: Option<&str>, cut: Cut<'_>) -> serde_json::Result<Left> {
    let members = Members::of(text)?;
    let own: Option<String> = members
        .get("linkId")
        .and_then(|raw| serde_json::from_str(raw).ok());
    let link = own.as_deref().or(link);
    let mut out = String::with_capacity(text.len());
    let (mut less, mut values, mut lost) = (false, 0, 0);
    for (name, raw) in &members.0 {
        let bare = name.strip_prefix('_').unwrap_or(name);
        let below = if path.is_empty() {
            bare.to_owned()
        } else {
            format!("{path}.{bare}")
        };
        let place = Place {
            path: &below,
            text: raw.get(),
            among: &members,
            link,
        };
        let left = element(place, cut)?;
        let is_value = holds_value(bare, &members);
        values += usize::from(is_value);
        let kept = match &left {
            Left::Nothing => {
                less = true;
                lost += usize::from(is_value);
                continue;
            }
            Left::Less(text) => {
                less = true;
                text.as_str()
            }
            Left::Same => raw.get(),
        };
        out.push(if out.is_empty() { '{' } else { ',' });
        let _ = write!(out, "{}:{kept}", serde_json::to_string(name)?);
    }
    if !less {
        return Ok(Left::Same);
    }
    // Below the top, what was there for its value is nothing without it.
    if out.is_empty() || (!path.is_empty() && lost > 0 && lost == values) {
        return Ok(Left::Nothing);
    }
    out.push('}');
    Ok(Left::Less(out))
}

/// `value[x]`, and what an extension has in its place.
fn holds_value(name: &str, among: &Members<'_>) -> bool {
    let choice = name.strip_prefix("value");
    choice.is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()))
        || (name == "extension" && among.get("url").is_some())
}

fn element(place: Place<'_>, cut: Cut<'_>) -> serde_json::Result<Left> {
    let text = place.text.trim_start();
    if text.starts_with('[') {
        return list(place, cut);
    }
    if cut(&place) {
        return Ok(Left::Nothing);
    }
    if !text.starts_with('{') {
        return Ok(Left::Same);
    }
    let left = object(text, place.path, place.link, cut)?;
    // A value that is left empty is no value: what it stands in goes with it.
    let is_value = place
        .path
        .rsplit('.')
        .next()
        .is_some_and(|name| holds_value(name, place.among));
    Ok(match left {
        Left::Nothing if !is_value => Left::Less(MASKED.to_owned()),
        left => left,
    })
}

/// Each entry that is an object is asked for; a list of anything else as a whole.
fn list(place: Place<'_>, cut: Cut<'_>) -> serde_json::Result<Left> {
    let entries: Vec<&RawValue> = serde_json::from_str(place.text)?;
    let objects = |raw: &&RawValue| raw.get().starts_with('{');
    if !entries.iter().all(objects) {
        return Ok(if cut(&place) {
            Left::Nothing
        } else {
            Left::Same
        });
    }
    let (mut out, mut less) = (String::new(), false);
    for raw in &entries {
        let entry = Place {
            text: raw.get(),
            ..place
        };
        let left = if cut(&entry) {
            Left::Nothing
        } else {
            object(raw.get(), place.path, place.link, cut)?
        };
        let kept = match &left {
            Left::Nothing => {
                less = true;
                continue;
            }
            Left::Less(text) => {
                less = true;
                text.as_str()
            }
            Left::Same => raw.get(),
        };
        out.push(if out.is_empty() { '[' } else { ',' });
        out.push_str(kept);
    }
    if !less {
        return Ok(Left::Same);
    }
    if out.is_empty() {
        return Ok(Left::Nothing);
    }
    out.push(']');
    Ok(Left::Less(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str, paths: &[&str]) -> Option<String> {
        pared(text, &|place| paths.contains(&place.path)).expect("json")
    }

    #[test]
    fn what_stays_stays_byte_for_byte() {
        let text = r#"{"a": 1.10 ,"note":[{"text":"x"}],"d":[{"q": {"value":1.0}, "t":"x"},{"q":2}],"_b":{"id":"1"},"b":"c"}"#;
        assert_eq!(without(text, &["none"]), None);
        assert_eq!(
            without(text, &["note", "d.t", "b"]).as_deref(),
            Some(r#"{"a":1.10,"d":[{"q":{"value":1.0}},{"q":2}]}"#)
        );
    }

    #[test]
    fn what_loses_its_value_goes_and_what_must_be_there_is_masked() {
        for (text, cut, left) in [
            (
                r#"{"extension":[{"url":"u","valueString":"x"},{"url":"w","valueCode":"k"}],"s":1}"#,
                "extension.valueString",
                r#"{"extension":[{"url":"w","valueCode":"k"}],"s":1}"#.to_owned(),
            ),
            (
                r#"{"extension":[{"url":"u","extension":[{"url":"p","valueString":"x"}]}],"s":1}"#,
                "extension.extension.valueString",
                r#"{"s":1}"#.to_owned(),
            ),
            (
                r#"{"s":1,"item":[{"linkId":"1","answer":[{"valueString":"x"}]}]}"#,
                "item.answer.valueString",
                r#"{"s":1,"item":[{"linkId":"1"}]}"#.to_owned(),
            ),
            (
                r#"{"s":1,"input":[{"type":{"text":"t"},"valueString":"x"}]}"#,
                "input.valueString",
                r#"{"s":1}"#.to_owned(),
            ),
            (
                r#"{"s":1,"description":{"text":"x"}}"#,
                "description.text",
                format!(r#"{{"s":1,"description":{MASKED}}}"#),
            ),
            (
                r#"{"s":1,"extension":[{"url":"u","valueCodeableConcept":{"text":"x"}}]}"#,
                "extension.valueCodeableConcept.text",
                r#"{"s":1}"#.to_owned(),
            ),
            (
                r#"{"s":1,"dosage":[{"text":"x"}],"valueString":"y"}"#,
                "dosage.text",
                r#"{"s":1,"valueString":"y"}"#.to_owned(),
            ),
        ] {
            assert_eq!(without(text, &[cut]), Some(left), "{text}");
        }
    }

    #[test]
    fn an_entry_knows_the_item_that_it_answers() {
        let text = r#"{"item":[{"linkId":"keep","answer":[{"valueString":"x"}]},
            {"linkId":"cut","item":[{"linkId":"inner","answer":[{"valueString":"y"}]},{"text":"q"}]}]}"#;
        let seen = std::cell::RefCell::new(vec![]);
        let cut = |place: &Place<'_>| {
            seen.borrow_mut()
                .push((place.path.to_owned(), place.link.map(str::to_owned)));
            false
        };
        assert_eq!(pared(text, &cut).expect("json"), None);
        let seen = seen.into_inner();
        let of = |path: &str, link: &str| (path.to_owned(), Some(link.to_owned()));
        assert!(seen.contains(&of("item.answer.valueString", "keep")));
        assert!(seen.contains(&of("item.item.answer.valueString", "inner")));
        assert!(seen.contains(&of("item.item.text", "cut")));
    }
}
