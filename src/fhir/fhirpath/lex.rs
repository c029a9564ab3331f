//! The words of a FHIRPath expression (<http://hl7.org/fhirpath/N1/#lexical-elements>).

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name, or a word such as `and`.
    Name(String),
    /// A name in backticks, which is no keyword.
    Quoted(String),
    Text(String),
    Number(String),
    /// A date, time or both, without its `@`.
    Time(String),
    /// `%resource`, without its `%`.
    External(String),
    /// `$this`, without its `$`.
    Special(String),
    Symbol(&'static str),
}

const SYMBOLS: &[&str] = &[
    "<=", ">=", "!=", "!~", ".", ",", "(", ")", "[", "]", "{", "}", "=", "~", "<", ">", "+", "-",
    "*", "/", "|", "&",
];

/// The words of `text`.
///
/// # Errors
/// Where a character cannot begin a word, or a text does not end.
pub fn words(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = blank(rest)? {
            rest = after;
            continue;
        }
        let (token, after) = match first {
            '\'' => quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after))?,
            '`' => quoted(rest, '`').map(|(text, after)| (Token::Quoted(text), after))?,
            '@' => {
                let (word, after) = split(&rest[1..], |c| {
                    c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '+' | '.')
                });
                // A path may follow, as in @2020-01-01.toString().
                let end = word
                    .find(|c: char| c.is_ascii_lowercase())
                    .and_then(|at| word[..at].rfind('.'));
                let word = end.map_or(word, |end| &word[..end]);
                (
                    Token::Time(word.to_owned()),
                    end.map_or(after, |end| &rest[1 + end..]),
                )
            }
            '%' => external(&rest[1..])?,
            '$' => {
                let (word, after) = split(&rest[1..], is_name);
                (Token::Special(word.to_owned()), after)
            }
            c if c.is_ascii_digit() => number(rest),
            c if c.is_ascii_alphabetic() || c == '_' => {
                let (word, after) = split(rest, is_name);
                (Token::Name(word.to_owned()), after)
            }
            c => {
                let found = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = found.ok_or_else(|| format!("'{c}' cannot stand here."))?;
                (Token::Symbol(symbol), &rest[symbol.len()..])
            }
        };
        out.push(token);
        rest = after;
    }
    Ok(out)
}

/// What follows a blank or a comment that `rest` begins with.
fn blank(rest: &str) -> Result<Option<&str>, String> {
    if rest.starts_with(char::is_whitespace) {
        return Ok(Some(rest.trim_start()));
    }
    if rest.starts_with("//") {
        return Ok(Some(rest.split_once('\n').map_or("", |(_, after)| after)));
    }
    if let Some(inside) = rest.strip_prefix("/*") {
        let end = inside.split_once("*/");
        return end
            .map(|(_, after)| Some(after))
            .ok_or_else(|| "A comment does not end.".into());
    }
    Ok(None)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn split(text: &str, within: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !within(c)).unwrap_or(text.len()))
}

fn number(text: &str) -> (Token, &str) {
    let digit = |c: char| c.is_ascii_digit();
    let (_, after) = split(text, digit);
    let fraction = after
        .strip_prefix('.')
        .filter(|rest| rest.starts_with(digit));
    let after = fraction.map_or(after, |rest| split(rest, digit).1);
    let number = &text[..text.len() - after.len()];
    (Token::Number(number.to_owned()), after)
}

fn external(text: &str) -> Result<(Token, &str), String> {
    for mark in ['`', '\'', '"'] {
        if text.starts_with(mark) {
            return quoted(text, mark).map(|(name, after)| (Token::External(name), after));
        }
    }
    let (word, after) = split(text, |c| is_name(c) || c == '-');
    if word.is_empty() {
        return Err("A name follows a '%'.".into());
    }
    Ok((Token::External(word.to_owned()), after))
}

/// The text between two marks, and what follows it.
fn quoted(text: &str, mark: char) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut letters = text[mark.len_utf8()..].char_indices();
    while let Some((at, c)) = letters.next() {
        if c == mark {
            return Ok((out, &text[mark.len_utf8() + at + c.len_utf8()..]));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let (_, escaped) = letters.next().ok_or("A text ends in a '\\'.")?;
        out.push(match escaped {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'u' => {
                let code: String = letters.by_ref().take(4).map(|(_, c)| c).collect();
                let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                code.ok_or("Four hexadecimal digits of a character follow '\\u'.")?
            }
            other => other,
        });
    }
    Err(format!("A text that begins with {mark} does not end."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let found = words("a.`div` != 'it\\'s' // no\n and @2020-01-01T10:00:00Z>%`ext-x` + 1.50")
            .expect("words");
        let name = |text: &str| Token::Name(text.into());
        assert_eq!(
            found,
            [
                name("a"),
                Token::Symbol("."),
                Token::Quoted("div".into()),
                Token::Symbol("!="),
                Token::Text("it's".into()),
                name("and"),
                Token::Time("2020-01-01T10:00:00Z".into()),
                Token::Symbol(">"),
                Token::External("ext-x".into()),
                Token::Symbol("+"),
                Token::Number("1.50".into()),
            ]
        );
    }

    #[test]
    fn what_is_no_word_is_refused() {
        for bad in ["'open", "`open", "#", "/* open", "%", "'\\u00g0'"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
