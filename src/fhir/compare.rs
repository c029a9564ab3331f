//! How text is compared in a search.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most bytes of a value that are compared.
const LONGEST: usize = 512;

/// The part of `text` that is compared: no database takes keys of any length, and no two names differ only that late.
#[must_use]
pub fn indexed(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `text` without case and accents, for comparison.
#[must_use]
pub fn fold(text: &str) -> String {
    let bare = text.nfkd().filter(|c| !is_combining_mark(*c));
    bare.flat_map(char::to_lowercase).collect()
}

/// How each word of `text` sounds: its American Soundex code, the first letter and three digits.
#[must_use]
pub fn sounds(text: &str) -> Vec<String> {
    let folded = fold(text);
    let words = folded.split(|c: char| !c.is_ascii_alphabetic() && c != '\'' && c != '\u{2019}');
    words.filter_map(soundex).collect()
}

fn soundex(word: &str) -> Option<String> {
    const fn digit(letter: char) -> char {
        match letter {
            'b' | 'f' | 'p' | 'v' => '1',
            'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
            'd' | 't' => '3',
            'l' => '4',
            'm' | 'n' => '5',
            'r' => '6',
            _ => '0',
        }
    }
    let mut letters = word.chars().filter(char::is_ascii_alphabetic);
    let first = letters.next()?;
    let (mut code, mut last) = (String::from(first), digit(first));
    for letter in letters {
        let sound = digit(letter);
        if sound != '0' && sound != last && code.len() < 4 {
            code.push(sound);
        }
        // h and w do not part two letters of one sound; vowels do.
        if !matches!(letter, 'h' | 'w') {
            last = sound;
        }
    }
    Some(format!("{code:0<4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_alike_have_one_code() {
        for (a, b) in [
            ("Robert", "Rupert"),
            ("Ashcraft", "Ashcroft"),
            ("Smith", "Smyth"),
            ("Müller", "Mueller"),
            ("O'Brien", "OBrien"),
        ] {
            assert_eq!(sounds(a), sounds(b), "{a} {b}");
        }
        assert_eq!(sounds("Robert Tymczak"), ["r163", "t522"]);
        assert_eq!(sounds("Lee"), ["l000"]);
        assert!(sounds("123 ?").is_empty());
    }

    #[test]
    fn ligatures_and_wide_letters_fold_to_plain_ones() {
        assert_eq!(fold("ﬁscher Ａｎｎａ Núñez"), "fischer anna nunez");
    }
}
