//! Language tags: BCP 47 (<https://www.rfc-editor.org/rfc/rfc5646#section-2.1>), to which R4 limits the languages of resources,
//! attachments and people.

/// Tags that were registered before there was a grammar, and do not follow it.
const IRREGULAR: [&str; 17] = [
    "en-gb-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-be-fr",
    "sgn-be-nl",
    "sgn-ch-de",
];

/// Whether the text is a language tag. Which subtags are registered is not asked, but for this: no language has four letters
/// or more.
pub fn is_tag(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    if IRREGULAR.contains(&&*text) {
        return true;
    }
    let parts: Vec<&str> = text.split('-').collect();
    let plain = |part: &&str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if !parts.iter().all(plain) {
        return false;
    }
    match &parts[..] {
        ["x", rest @ ..] => !rest.is_empty(),
        [language, rest @ ..] => is_letters(language, 2..=3) && follows(after_language(rest)),
        [] => false,
    }
}

fn is_letters(part: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
}

/// What stands after extended languages (three at most), script and region.
fn after_language<'p>(mut parts: &'p [&'p str]) -> &'p [&'p str] {
    let mut skip = |most: usize, fits: &dyn Fn(&str) -> bool| {
        let count = parts
            .iter()
            .take(most)
            .take_while(|part| fits(part))
            .count();
        parts = &parts[count..];
    };
    skip(3, &|part| is_letters(part, 3..=3));
    skip(1, &|part| is_letters(part, 4..=4));
    skip(1, &|part| {
        is_letters(part, 2..=2) || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()))
    });
    parts
}

/// Variants, then extensions, then what is private; none of them twice.
fn follows(parts: &[&str]) -> bool {
    let variant =
        |part: &&&str| part.len() >= 5 || (part.len() == 4 && part.as_bytes()[0].is_ascii_digit());
    let count = parts.iter().take_while(variant).count();
    let (variants, mut rest) = parts.split_at(count);
    let mut seen: Vec<&str> = Vec::new();
    for (n, one) in variants.iter().enumerate() {
        if variants[..n].contains(one) {
            return false;
        }
    }
    while let [singleton, more @ ..] = rest {
        if singleton.len() != 1 || more.is_empty() {
            return false;
        }
        if *singleton == "x" {
            return true;
        }
        let count = more.iter().take_while(|part| part.len() >= 2).count();
        if count == 0 || seen.contains(singleton) {
            return false;
        }
        seen.push(singleton);
        rest = &more[count..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_a_tag() {
        for tag in [
            "en",
            "EN",
            "de-CH",
            "de-CH-1996",
            "zh-Hant-TW",
            "es-419",
            "sl-rozaj-biske",
            "zh-cmn-Hans-CN",
            "haw",
            "sgn-US",
            "en-a-bbb-x-a-ccc",
            "x-whatever",
            "i-klingon",
            "en-GB-oed",
            "de-a-value",
            "ar-afb",
            "az-Latn-x-latn",
        ] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in [
            "",
            "e",
            "english",
            "engl",
            "en_US",
            "en-",
            "-en",
            "en--US",
            "de-419-DE",
            "a-DE",
            "ar-a-aaa-b-bbb-a-ccc",
            "en-a",
            "x",
            "de-1996-1996",
            "en US",
            "en-USAA-US-XX",
            "12",
            "en-toolonglong",
            "fr-x",
        ] {
            assert!(!is_tag(text), "{text}");
        }
    }
}
