//! Words to be found, in every form, and the ear that listens for them.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{PRIVATE, PUBLIC};
use crate::wire::Heard;

/// Listens to every answer.
pub struct Ear {
    pub hits: Mutex<Hits>,
    private: Needles,
    public: Needles,
}

impl Ear {
    pub fn new() -> Self {
        Self {
            hits: Mutex::default(),
            private: needles(PRIVATE),
            public: needles(PUBLIC),
        }
    }

    pub fn hear(&self, who: &str, path: &str, text: &str) {
        let mut hits = self.hits.lock().expect("lock");
        hits.heard += 1;
        for found in found(text.as_bytes(), &self.private) {
            hits.private.push(format!("{who} {path}: {found}"));
        }
        if !found(text.as_bytes(), &self.public).is_empty() {
            hits.public.push(format!("{who} {path}"));
        }
    }

    pub fn heard(&self, who: &str, path: &str, heard: &Heard) {
        self.hear(who, path, &format!("{:?} {}", heard.headers, heard.text));
    }
}

pub type Needles = Vec<(&'static str, Vec<u8>)>;

#[derive(Default)]
pub struct Hits {
    pub heard: usize,
    /// Where a private word was told.
    pub private: Vec<String>,
    /// Where the public one was.
    pub public: Vec<String>,
}

/// A word as it is, in small letters, in two-byte letters, in hex, and inside of a text in base64, with the name of
/// the form.
pub fn needles(word: &str) -> Needles {
    let wide: Vec<u8> = word.bytes().flat_map(|b| [b, 0]).collect();
    let hex = hex(word);
    let mut all = vec![
        ("as it is", word.as_bytes().to_vec()),
        ("in small letters", word.to_lowercase().into_bytes()),
        ("in two-byte letters", wide),
        ("in hex", hex.clone().into_bytes()),
        ("in capital hex", hex.to_uppercase().into_bytes()),
    ];
    for shift in 0..3 {
        // What stands before and after the word changes the letters at its ends: they are left out.
        let text = format!("{}{word}", "x".repeat(shift));
        let whole = text.len() / 3 * 4;
        let first = if shift == 0 { 0 } else { 4 };
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(&text);
            all.push(("in base64", encoded.as_bytes()[first..whole].to_vec()));
        }
    }
    all
}

pub fn hex(text: &str) -> String {
    let digits = |b| char::from_digit(b, 16).expect("a digit");
    let pair = |b: u8| [u32::from(b) / 16, u32::from(b) % 16].map(digits);
    text.bytes().flat_map(pair).collect()
}

/// The forms in which a word is there.
pub fn found(bytes: &[u8], needles: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    let there = needles.iter().filter(|(_, needle)| has(bytes, needle));
    there.map(|(form, _)| *form).collect()
}

pub fn has(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

#[test]
fn a_word_is_found_in_every_form() {
    let needles = needles(PRIVATE);
    assert!(found(b"nothing of the kind", &needles).is_empty());
    for shift in 0..6 {
        let text = format!("{}{PRIVATE}-more", "some other words ".split_at(shift).0);
        let wide: Vec<u8> = text.bytes().flat_map(|b| [b, 0]).collect();
        let hex = hex(&text);
        for bytes in [
            text.clone().into_bytes(),
            text.to_lowercase().into_bytes(),
            wide,
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            STANDARD.encode(&text).into_bytes(),
            URL_SAFE.encode(&text).into_bytes(),
        ] {
            assert!(
                !found(&bytes, &needles).is_empty(),
                "{shift}: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}
