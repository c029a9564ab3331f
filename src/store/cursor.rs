//! Opaque cursors: where a page ended, and of which list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::kap::base::Id;

/// The last row of a page: its sort value and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Of which list.
    list: String,
    /// Sort value; 0 where the order is by id alone.
    pub value: i64,
    pub id: String,
}

impl Cursor {
    /// A cursor of the list that `identity` describes.
    pub fn new(identity: &str, value: i64, id: &str) -> Self {
        Self {
            list: fingerprint(identity),
            value,
            id: id.to_owned(),
        }
    }

    /// As text for a URL.
    pub fn print(&self) -> String {
        let fields = format!("{}.{}.{}", self.list, self.value, self.id);
        URL_SAFE_NO_PAD.encode(fields)
    }

    /// Reads a cursor of the list that `identity` describes.
    ///
    /// # Errors
    /// `Invalid` where the text is no cursor or one of another list.
    pub fn parse(text: &str, identity: &str) -> Result<Self> {
        let refuse = || Error::new(Kind::Invalid, "This cursor belongs to another search.");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let fields = String::from_utf8(bytes).map_err(|_| refuse())?;
        let mut parts = fields.splitn(3, '.');
        let (list, value, id) = (parts.next(), parts.next(), parts.next());
        let cursor = list.zip(value).zip(id).and_then(|((list, value), id)| {
            Some(Self {
                list: list.into(),
                value: value.parse().ok()?,
                id: Id::new(id)?.to_string(),
            })
        });
        cursor
            .filter(|c| c.list == fingerprint(identity))
            .ok_or_else(refuse)
    }
}

fn fingerprint(identity: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(identity)[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_list() {
        let cursor = Cursor::new("Observation?code=x", -5, "a.b-c");
        let text = cursor.print();
        assert_eq!(
            Cursor::parse(&text, "Observation?code=x").expect("own"),
            cursor
        );
        assert!(Cursor::parse(&text, "Observation?code=y").is_err());
        assert!(Cursor::parse("rubbish!", "Observation?code=x").is_err());
        assert!(Cursor::parse("", "Observation?code=x").is_err());
        for id in ["", "a\0b", "a' or 1=1", &"x".repeat(65)] {
            let text = Cursor::new("Observation?code=x", 0, id).print();
            assert!(Cursor::parse(&text, "Observation?code=x").is_err(), "{id}");
        }
    }
}
