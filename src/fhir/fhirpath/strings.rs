//! The functions on texts, and those that convert (<http://hl7.org/fhirpath/N1/#string-manipulation>).

use rust_decimal::Decimal;

use super::eval::{Context, Fault, Found, eval, one};
use super::functions::Function;
use super::parse::Expr;
use super::value::Item;

/// What `function` finds on the one text among `items`: nothing where there is none.
pub(super) fn call<'a>(
    function: Function,
    items: &[Item<'a>],
    arguments: &'a [Expr],
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    let Some(item) = one(items)?.and_then(Item::system) else {
        return Ok(Vec::new());
    };
    if let Function::ToInteger | Function::ToDecimal | Function::ToText = function {
        return Ok(converted(function, &item).into_iter().collect());
    }
    let Item::Text(text) = item else {
        return Err(Fault("A function of texts is asked of what is no text."));
    };
    let mut said = Vec::new();
    for argument in arguments {
        match one(&eval(argument, focus, context)?)?.and_then(Item::system) {
            Some(found) => said.push(found),
            None if said.is_empty() => return Ok(Vec::new()),
            None => {}
        }
    }
    Ok(on_text(function, &text, &said))
}

fn converted<'a>(function: Function, item: &Item<'a>) -> Option<Item<'a>> {
    let text = item.text();
    match (function, item) {
        (Function::ToText, _) => text.map(|text| Item::Text(text.into())),
        (_, Item::Bool(yes)) if function == Function::ToInteger => Some(Item::Int((*yes).into())),
        (_, Item::Bool(yes)) => Some(Item::Decimal(Decimal::from(u8::from(*yes)))),
        (Function::ToInteger, Item::Decimal(_)) => None,
        (Function::ToInteger, _) => text?.parse().ok().map(Item::Int),
        _ => text?.parse().ok().map(Item::Decimal),
    }
}

fn on_text<'a>(function: Function, text: &str, said: &[Item<'a>]) -> Vec<Item<'a>> {
    use Function as F;
    let owned = |text: String| vec![Item::Text(text.into())];
    let number = |n: usize| vec![Item::Int(i64::try_from(n).unwrap_or(i64::MAX))];
    let whole = |item: &Item<'a>| match item {
        Item::Int(n) => Some(*n),
        _ => None,
    };
    match (function, said) {
        (F::StartsWith, [Item::Text(part)]) => vec![Item::Bool(text.starts_with(&**part))],
        (F::EndsWith, [Item::Text(part)]) => vec![Item::Bool(text.ends_with(&**part))],
        (F::Contains, [Item::Text(part)]) => vec![Item::Bool(text.contains(&**part))],
        (F::IndexOf, [Item::Text(part)]) => match text.find(&**part) {
            Some(at) => number(text[..at].chars().count()),
            None => vec![Item::Int(-1)],
        },
        (F::Replace, [Item::Text(part), Item::Text(by)]) => owned(text.replace(&**part, by)),
        (F::Substring, [start, rest @ ..]) => {
            let Some(start) = whole(start).and_then(|n| usize::try_from(n).ok()) else {
                return Vec::new();
            };
            if start >= text.chars().count() {
                return Vec::new();
            }
            let length = rest.first().and_then(whole);
            let length = length.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(0));
            owned(text.chars().skip(start).take(length).collect())
        }
        (F::Upper, _) => owned(text.to_uppercase()),
        (F::Lower, _) => owned(text.to_lowercase()),
        (F::Length, _) => number(text.chars().count()),
        (F::ToChars, _) => text
            .chars()
            .map(|c| Item::Text(c.to_string().into()))
            .collect(),
        _ => Vec::new(),
    }
}
