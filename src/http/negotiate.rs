//! What form a body has and what form the answer may have: media types, `_format`, `Prefer`
//! (<https://hl7.org/fhir/R4/http.html#mime-type>).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use super::extract::single;
use crate::error::{Error, Kind, Result};
use crate::fhir::pretty::pretty;
use crate::fhir::search::Handling;

/// Media types of a FHIR body.
pub const FHIR: &[&str] = &["application/fhir+json", "application/json"];
/// Media type of a JSON Patch (RFC 6902).
pub const JSON_PATCH: &str = "application/json-patch+json";
/// Media types that the answer may have.
const ANSWERS: &[&str] = &[
    "application/fhir+json",
    "application/json",
    "text/json",
    "json",
];
/// What `fhirVersion` calls R4.
const VERSIONS: &[&str] = &["4.0", "4.0.1"];

/// A media type with its parameters, both in lower case.
struct Media {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';');
        let lower = |text: &str| text.trim().to_ascii_lowercase();
        let essence = lower(parts.next().unwrap_or_default());
        let parameter = |part: &str| {
            let (name, value) = part.split_once('=')?;
            Some((lower(name), lower(value.trim().trim_matches('"'))))
        };
        Self {
            // A `+` that was not escaped in a query arrives as a blank.
            essence: essence.replace(' ', "+"),
            parameters: parts.filter_map(parameter).collect(),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn is_r4(&self) -> bool {
        self.get("fhirversion")
            .is_none_or(|v| VERSIONS.contains(&v))
    }
}

/// Checks that the body is plain UTF-8 of one of these media types.
///
/// # Errors
/// `UnsupportedMediaType`, naming what is accepted.
pub fn media(headers: &HeaderMap, accepted: &[&str]) -> Result<()> {
    let refuse = |text: String| Err(Error::new(Kind::UnsupportedMediaType, text));
    let given = Media::parse(single(headers, &header::CONTENT_TYPE)?.unwrap_or_default());
    if !accepted.contains(&given.essence.as_str()) {
        return refuse(format!(
            "The body must be of type {}.",
            accepted.join(" or ")
        ));
    }
    if given
        .get("charset")
        .is_some_and(|c| !matches!(c, "utf-8" | "utf8"))
    {
        return refuse("The body must be UTF-8.".to_owned());
    }
    if !given.is_r4() {
        return refuse("The body must be FHIR R4 (fhirVersion=4.0).".to_owned());
    }
    match single(headers, &header::CONTENT_ENCODING)? {
        None | Some("identity") => Ok(()),
        Some(_) => refuse("The body must come without a Content-Encoding.".to_owned()),
    }
}

/// What is said of a `return` that was heeded (RFC 7240 §3).
#[must_use]
pub fn applied(headers: &HeaderMap) -> Option<&'static str> {
    Some(match returned(headers)? {
        Return::Nothing => "return=minimal",
        Return::Outcome => "return=OperationOutcome",
        Return::Resource => "return=representation",
    })
}

/// Whether the body is a JSON Patch.
#[must_use]
pub fn is_json_patch(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok());
    given.is_some_and(|text| Media::parse(text).essence == JSON_PATCH)
}

/// Refuses a request whose answer may not be FHIR JSON. `_format` in the query overrides the header.
///
/// # Errors
/// `NotAcceptable`; `Invalid` where `_format` stands twice.
pub fn json_wanted(headers: &HeaderMap, query: Option<&str>) -> Result<()> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut formats = pairs
        .filter(|(name, _)| name == "_format")
        .map(|(_, value)| value);
    match (formats.next(), formats.next()) {
        (Some(_), Some(_)) => Err(Error::new(Kind::Invalid, "_format stands twice.")),
        (Some(format), None) => wanted(is_answer(&Media::parse(&format))),
        (None, _) => wanted(accepts(headers)),
    }
}

/// The answer laid out for people where the query asks for that (`_pretty=true`).
#[must_use]
pub fn laid_out(query: Option<&str>, json: String) -> String {
    if is_pretty(query) {
        pretty(&json)
    } else {
        json
    }
}

/// Whether the query asks for an answer that is laid out for people.
#[must_use]
pub fn is_pretty(query: Option<&str>) -> bool {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.any(|(name, value)| name == "_pretty" && value == "true")
}

fn wanted(fits: bool) -> Result<()> {
    if fits {
        return Ok(());
    }
    let text = "This service answers in application/fhir+json; fhirVersion=4.0.";
    Err(Error::new(Kind::NotAcceptable, text))
}

fn is_answer(media: &Media) -> bool {
    ANSWERS.contains(&media.essence.as_str()) && media.is_r4()
}

fn accepts(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let mut asked = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter(|text| !text.trim().is_empty())
        .map(Media::parse)
        .peekable();
    let refused = |q: &str| q.parse::<f32>().is_ok_and(|q| q <= 0.0);
    asked.peek().is_none()
        || asked.any(|media| {
            let any = matches!(&*media.essence, "*/*" | "application/*");
            (any || is_answer(&media)) && !media.get("q").is_some_and(refused)
        })
}

/// What the answer to a write holds (`Prefer: return=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    Nothing,
    Resource,
    Outcome,
}

/// The preference for the answer to a write, where one is stated that is known.
#[must_use]
pub fn returned(headers: &HeaderMap) -> Option<Return> {
    match &*preferred(headers, "return")? {
        "minimal" => Some(Return::Nothing),
        "representation" => Some(Return::Resource),
        "operationoutcome" => Some(Return::Outcome),
        _ => None,
    }
}

/// What is to be done with search parameters that are not known.
#[must_use]
pub fn handling(headers: &HeaderMap) -> Handling {
    match preferred(headers, "handling").as_deref() {
        Some("strict") => Handling::Strict,
        _ => Handling::Lenient,
    }
}

/// The answer, with the `handling` that it was made under where one was asked for: of another word than these nothing is said,
/// because an unknown preference is passed over (RFC 7240 §2).
#[must_use]
pub fn heeded(mut response: Response, headers: &HeaderMap) -> Response {
    let value = match preferred(headers, "handling").as_deref() {
        Some("strict") => "handling=strict",
        Some("lenient") => "handling=lenient",
        _ => return response,
    };
    let name = HeaderName::from_static("preference-applied");
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}

/// Whether the answer may come later (RFC 7240 `respond-async`).
#[must_use]
pub fn asynchronous(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// The value of a preference (RFC 7240), in lower case; of several the first.
fn preferred(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all("prefer").iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(own, _)| own.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static(name);
        let value = |v: &&str| HeaderValue::from_str(v).expect("a header");
        values.iter().map(|v| (name.clone(), value(v))).collect()
    }

    fn status(result: Result<()>) -> u16 {
        result.map_or_else(|error| error.status(), |()| 200)
    }

    #[test]
    fn the_answer_must_be_acceptable() {
        for (accept, expected) in [
            ("", 200),
            ("application/fhir+json", 200),
            ("Application/JSON; charset=utf-8", 200),
            ("text/html, */*;q=0.1", 200),
            ("application/fhir+json;fhirVersion=4.0", 200),
            ("application/fhir+json; fhirVersion=\"4.0\"", 200),
            ("application/fhir+json; fhirVersion=3.0", 406),
            ("application/fhir+json;q=0", 406),
            ("*/*;q=0.0", 406),
            ("application/fhir+xml", 406),
            ("text/html", 406),
            ("garbage", 406),
        ] {
            let headers = with("accept", &[accept]);
            assert_eq!(status(json_wanted(&headers, None)), expected, "{accept}");
        }
        let xml = with("accept", &["application/fhir+xml"]);
        assert_eq!(status(json_wanted(&xml, Some("a=1&_format=json"))), 200);
        let any = HeaderMap::new();
        for (query, expected) in [
            ("_format=application/fhir%2Bjson", 200),
            ("_format=application/fhir+json", 200),
            ("_format=xml", 406),
            ("_format=", 406),
            ("_format=json&_format=json", 400),
        ] {
            assert_eq!(status(json_wanted(&any, Some(query))), expected, "{query}");
        }
    }

    #[test]
    fn a_body_is_plain_utf_8_of_r4() {
        for (given, expected) in [
            ("application/fhir+json", 200),
            ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 200),
            ("application/fhir+json; charset=latin1", 415),
            ("application/fhir+json; fhirVersion=5.0", 415),
            ("application/fhir+json, application/json", 415),
            ("text/plain", 415),
        ] {
            let headers = with("content-type", &[given]);
            assert_eq!(status(media(&headers, FHIR)), expected, "{given}");
        }
        let mut headers = with("content-type", &["application/json"]);
        headers.extend(with("content-encoding", &["gzip"]));
        assert_eq!(status(media(&headers, FHIR)), 415);
    }

    #[test]
    fn preferences_are_read_as_they_may_be_written() {
        for text in [
            "handling=strict",
            "HANDLING = \"Strict\"",
            "return=minimal, handling=strict",
        ] {
            assert_eq!(
                handling(&with("prefer", &[text])),
                Handling::Strict,
                "{text}"
            );
        }
        for text in ["handling=lenient", "handling=foo", "strict", "handling", ""] {
            assert_eq!(
                handling(&with("prefer", &[text])),
                Handling::Lenient,
                "{text}"
            );
        }
        let both = with("prefer", &["respond-async", "return=OperationOutcome; x=y"]);
        assert_eq!(returned(&both), Some(Return::Outcome));
        assert_eq!(returned(&with("prefer", &["return=everything"])), None);
    }
}
