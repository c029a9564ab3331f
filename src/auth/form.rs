//! Form bodies of the OAuth endpoints: each parameter at most once (RFC 6749 §3.2).

use std::collections::BTreeMap;

use super::OAuthError;

/// Largest form that is read, bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The parameters of a form. A parameter without a value is one that was not sent.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form body.
    pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, OAuthError> {
        let refuse = |text: &str| Err(OAuthError::invalid_request(text));
        if !is_form(content_type.unwrap_or_default()) {
            return refuse("The Content-Type must be application/x-www-form-urlencoded.");
        }
        if body.len() > MAX_BYTES {
            return refuse("The body is larger than 16 KiB.");
        }
        if std::str::from_utf8(body).is_err() {
            return refuse("The body is not UTF-8.");
        }
        let mut seen = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            // The replacement character stands where a percent escape was no UTF-8.
            if [&name, &value]
                .iter()
                .any(|part| part.contains(['\u{FFFD}', '\0']))
            {
                return refuse("The body has an escape that is not UTF-8 text.");
            }
            if seen.insert(name.into_owned(), value.into_owned()).is_some() {
                return refuse("A parameter is there twice.");
            }
        }
        seen.retain(|_, value| !value.is_empty());
        Ok(Self(seen))
    }

    /// The value of parameter `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Whether `text` is the media type of a form, in UTF-8 if it names a character set.
fn is_form(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && parts.all(|p| {
            ["charset=utf-8", "charset=\"utf-8\""].contains(&p.to_ascii_lowercase().as_str())
        })
}
