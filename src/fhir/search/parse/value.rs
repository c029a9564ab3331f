//! Reads the value of a parameter that resources must meet.

use super::{invalid, printable};
use crate::error::{Error, Result};
use crate::fhir::compare::{fold, indexed, sounds};
use crate::fhir::index::local;
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::quantity::QuantityTest;
use crate::fhir::search::{
    DateTest, PairTest, Part, Prefix, Presence, ReferenceTest, Test, TextMatch, Token, UriMatch,
};

/// More do not fit into a query in most systems; no statement grows beyond what a database takes.
const MAX_VALUES: usize = 300;

/// What the values ask of the parameter under this modifier.
pub(super) fn test(kind: &str, parameter: &Parameter, modifier: &str, value: &str) -> Result<Test> {
    use ParameterKind as K;
    if modifier == "missing" {
        return missing(parameter, value).map(Test::Missing);
    }
    let values = split(value, ',');
    if values.len() > MAX_VALUES {
        return Err(invalid(format!("At most {MAX_VALUES} values are allowed.")));
    }
    let test = match parameter.kind {
        K::Token => tokens(kind, parameter, modifier, &values)?,
        K::Date if modifier.is_empty() => {
            let dates = values.iter().map(|v| date(parameter.name, v));
            Some(Test::Date(dates.collect::<Result<_>>()?))
        }
        K::Text if parameter.name == "phonetic" => phonetic(modifier, &values)?,
        K::Text => texts(modifier, &values),
        K::Reference => references(parameter, modifier, &values)?,
        K::Uri => uris(modifier, &values),
        K::Quantity | K::Number if modifier.is_empty() => {
            let all = values.iter().map(|v| quantity(parameter, v));
            Some(Test::Quantity(all.collect::<Result<_>>()?))
        }
        K::Composite if modifier.is_empty() => {
            let all = values.iter().map(|v| pair(parameter, v));
            Some(Test::Pair(all.collect::<Result<_>>()?))
        }
        K::Date | K::Quantity | K::Number | K::Composite => None,
    };
    test.ok_or_else(|| unsupported(parameter, modifier))
}

/// A parameter does not take this modifier.
pub(super) fn unsupported(parameter: &Parameter, modifier: &str) -> Error {
    invalid(format!(
        "The modifier ':{}' is not supported on '{}'.",
        printable(modifier),
        parameter.name
    ))
}

fn plain<'v>(values: &'v [&str]) -> impl Iterator<Item = String> + 'v {
    values.iter().map(|v| unescape(v))
}

fn folded(values: &[&str]) -> Vec<String> {
    let all = plain(values).map(|v| indexed(&fold(&v)).to_owned());
    all.collect()
}

fn tokens(
    kind: &str,
    parameter: &Parameter,
    modifier: &str,
    values: &[&str],
) -> Result<Option<Test>> {
    let one = |value: &&str| token(value).map(|token| stated(kind, parameter, token));
    let all = || values.iter().map(one).collect::<Result<_>>();
    let is_id = parameter.name == "_id";
    Ok(Some(match modifier {
        "" => Test::Token(all()?),
        "not" if !is_id => Test::NotToken(all()?),
        "in" if !is_id => Test::In(Presence::Present, plain(values).collect()),
        "not-in" if !is_id => Test::In(Presence::Missing, plain(values).collect()),
        "text" if !parameter.name.starts_with('_') => Test::Says(folded(values)),
        "of-type" if !parameter.name.starts_with('_') => {
            let all = values.iter().map(|v| of_type(v));
            Test::OfType(all.collect::<Result<_>>()?)
        }
        _ => return Ok(None),
    }))
}

/// `system|code|value`: the type of an identifier and its value.
fn of_type(value: &str) -> Result<PairTest> {
    let parts: Vec<String> = split(value, '|').into_iter().map(unescape).collect();
    match &parts[..] {
        [system, code, value] if ![system, code, value].iter().any(|p| p.is_empty()) => {
            let exactly = |system: &str, code: &str| Token {
                system: Some(indexed(system).to_owned()),
                code: Some(indexed(code).to_owned()),
            };
            Ok(PairTest {
                first: exactly(system, code),
                second: Part::Token(exactly("", value)),
            })
        }
        _ => Err(invalid(
            "A value of ':of-type' is written system|code|value, the first two of the identifier's type.",
        )),
    }
}

fn texts(modifier: &str, values: &[&str]) -> Option<Test> {
    let how = match modifier {
        "" => TextMatch::Starts,
        "contains" => TextMatch::Contains,
        "exact" => {
            let all = plain(values).map(|v| indexed(&v).to_owned());
            return Some(Test::Text(TextMatch::Exact, all.collect()));
        }
        _ => return None,
    };
    Some(Test::Text(how, folded(values)))
}

/// The sounds of the words that are asked for, any of which is enough.
fn phonetic(modifier: &str, values: &[&str]) -> Result<Option<Test>> {
    if !modifier.is_empty() {
        return Ok(None);
    }
    let all: Vec<String> = plain(values).flat_map(|v| sounds(&v)).collect();
    if all.is_empty() {
        return Err(invalid("'phonetic' takes a name in Latin letters."));
    }
    Ok(Some(Test::Text(TextMatch::Exact, all)))
}

fn references(parameter: &Parameter, modifier: &str, values: &[&str]) -> Result<Option<Test>> {
    if parameter.canonical {
        let all = || plain(values).map(|v| indexed(&v).to_owned()).collect();
        return Ok(match modifier {
            "" => Some(Test::Canonical(UriMatch::Whole, all())),
            "below" => Some(Test::Canonical(UriMatch::Below, all())),
            _ => None,
        });
    }
    Ok(match modifier {
        "identifier" => {
            let all = values.iter().map(|v| token(v));
            Some(Test::Identifier(all.collect::<Result<_>>()?))
        }
        kind if kind.is_empty() || parameter::kinds().any(|k| k == kind) => {
            let kind = (!kind.is_empty()).then_some(kind);
            let all = plain(values).map(|v| reference(parameter, kind, &v));
            Some(Test::Reference(all.collect()))
        }
        _ => None,
    })
}

fn uris(modifier: &str, values: &[&str]) -> Option<Test> {
    let all = plain(values);
    match modifier {
        "" => {
            let all = all.map(|v| indexed(&v).to_owned());
            Some(Test::Uri(UriMatch::Whole, all.collect()))
        }
        "below" => {
            let all = all.map(|v| indexed(&v).to_owned());
            Some(Test::Uri(UriMatch::Below, all.collect()))
        }
        "above" => {
            let all = all.flat_map(|v| above(&v));
            Some(Test::Uri(UriMatch::Whole, all.collect()))
        }
        _ => None,
    }
}

/// The URI, and each one above it.
fn above(uri: &str) -> Vec<String> {
    let path = uri.find("://").map_or(0, |at| at + 3);
    let ends = uri.match_indices('/').map(|(at, _)| at);
    let ends = ends.filter(|at| *at > path).flat_map(|at| [at, at + 1]);
    let mut all: Vec<String> = ends
        .chain([uri.len()])
        .map(|end| indexed(&uri[..end]).to_owned())
        .collect();
    all.dedup();
    all
}

/// `[prefix]number` or `[prefix]number|system|code`, both of which may be empty.
fn quantity(parameter: &Parameter, value: &str) -> Result<QuantityTest> {
    let parts: Vec<String> = split(value, '|').into_iter().map(unescape).collect();
    let (number, system, code) = match &parts[..] {
        [number] => (number, "", ""),
        [number, system, code] if parameter.kind == ParameterKind::Quantity => {
            (number, system.as_str(), code.as_str())
        }
        _ => return Err(no_quantity(parameter)),
    };
    let (prefix, number) = prefixed(number);
    QuantityTest::new(prefix, number, system, code).ok_or_else(|| no_quantity(parameter))
}

fn no_quantity(parameter: &Parameter) -> Error {
    let unit = match parameter.kind {
        ParameterKind::Number => "",
        _ => ", or number|system|code, or number||unit",
    };
    invalid(format!(
        "'{}' takes a number, after one of {LIST} or nothing{unit}.",
        parameter.name
    ))
}

/// `first$second`.
fn pair(parameter: &Parameter, value: &str) -> Result<PairTest> {
    let refuse = || {
        invalid(format!(
            "A value of '{}' is written code$value.",
            parameter.name
        ))
    };
    let parts = parameter.parts.as_ref().ok_or_else(refuse)?;
    let values = split(value, '$');
    let &[first, second] = &values[..] else {
        return Err(refuse());
    };
    if first.is_empty() || second.is_empty() {
        return Err(refuse());
    }
    let of_kind = Parameter {
        kind: parts.kind,
        ..parameter.clone()
    };
    Ok(PairTest {
        first: token(first)?,
        second: match parts.kind {
            ParameterKind::Token => Part::Token(token(second)?),
            ParameterKind::Date => Part::Date(date(parameter.name, second)?),
            ParameterKind::Reference => {
                Part::Reference(reference(parameter, None, &unescape(second)))
            }
            ParameterKind::Quantity => Part::Quantity(quantity(&of_kind, second)?),
            _ => Part::Text(indexed(&fold(&unescape(second))).to_owned()),
        },
    })
}

fn missing(parameter: &Parameter, value: &str) -> Result<Presence> {
    match value {
        _ if matches!(parameter.name, "_id" | "_lastUpdated") => {
            Err(invalid(format!("'{}' is never missing.", parameter.name)))
        }
        "true" => Ok(Presence::Missing),
        "false" => Ok(Presence::Present),
        _ => Err(invalid("':missing' is true or false.")),
    }
}

fn token(value: &str) -> Result<Token> {
    let parts = split(value, '|');
    let part = |i: usize| parts.get(i).map(|p| indexed(&unescape(p)).to_owned());
    match (parts.len(), part(0), part(1)) {
        (1, code, _) => Ok(Token { system: None, code }),
        (2, Some(system), Some(code)) if !(system.is_empty() && code.is_empty()) => Ok(Token {
            system: Some(system),
            code: Some(code).filter(|c| !c.is_empty()),
        }),
        _ => Err(invalid(
            "A token is written code, system|code, |code or system|.",
        )),
    }
}

/// What is asked of the values as they are stated: those of the type `code` state no system, and have one all the same.
fn stated(kind: &str, parameter: &Parameter, token: Token) -> Token {
    let Token { system, code } = &token;
    let implied = system.as_deref().is_some_and(|system| {
        !system.is_empty() && parameter::implies(kind, parameter, system, code.as_deref())
    });
    Token {
        system: if implied {
            Some(String::new())
        } else {
            token.system
        },
        code: token.code,
    }
}

/// The prefixes, as errors list them.
const LIST: &str = "eq ne gt lt ge le sa eb ap";

/// The prefix of a date or number, and what comes after it.
fn prefixed(value: &str) -> (Prefix, &str) {
    const PREFIXES: [(&str, Prefix); 9] = [
        ("eq", Prefix::Eq),
        ("ne", Prefix::Ne),
        ("gt", Prefix::Gt),
        ("lt", Prefix::Lt),
        ("ge", Prefix::Ge),
        ("le", Prefix::Le),
        ("sa", Prefix::Sa),
        ("eb", Prefix::Eb),
        ("ap", Prefix::Ap),
    ];
    let mut all = PREFIXES.iter();
    let found = all.find_map(|(p, prefix)| Some((*prefix, value.strip_prefix(p)?)));
    found.unwrap_or((Prefix::Eq, value))
}

fn date(name: &str, value: &str) -> Result<DateTest> {
    let (prefix, text) = prefixed(value);
    // An unescaped '+' of an offset arrives as a blank.
    let text = text.replace(' ', "+");
    let date = text
        .parse()
        .map_err(|rule| invalid(format!("'{name}': {rule}, after one of {LIST} or nothing.")))?;
    Ok(DateTest { prefix, date })
}

fn reference(parameter: &Parameter, kind: Option<&str>, value: &str) -> ReferenceTest {
    let bare = |kind: Option<&str>, id: &str| ReferenceTest {
        kind: kind.map(str::to_owned),
        id: indexed(id).to_owned(),
    };
    match local(value) {
        Some((kind, id)) => bare(Some(kind), id),
        None => bare(kind.or(parameter.target), value),
    }
}

/// Splits at each `mark` that is not escaped; escapes stay.
fn split(value: &str, mark: char) -> Vec<&str> {
    let (mut out, mut start, mut escaped) = (Vec::new(), 0, false);
    for (i, c) in value.char_indices() {
        if c == mark && !escaped {
            out.push(&value[start..i]);
            start = i + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    out.push(&value[start..]);
    out
}

/// Takes the escapes out (FHIR R4 §3.1.1.5.7: `\$`, `\,`, `\|`, `\\`).
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}
