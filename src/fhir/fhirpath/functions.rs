//! The functions of FHIRPath (<http://hl7.org/fhirpath/N1/#functions>) and those that FHIR adds
//! (<https://hl7.org/fhir/R4/fhirpath.html#functions>).

use std::borrow::Cow;

use serde_json::Value;

use super::eval::{Context, Fault, Found, distinct, eval, holds, one, spend};
use super::parse::{Expr, Literal};
use super::strings;
use super::value::{Item, Node, truth};
use crate::fhir::definitions;

macro_rules! functions {
    ($($function:ident $name:literal $least:literal..=$most:literal,)*) => {
        /// A function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $($function,)* }

        /// The function of that name.
        pub(super) fn known(name: &str, arguments: usize) -> Result<Function, String> {
            let (function, fits) = match name {
                $($name => (Function::$function, ($least..=$most).contains(&arguments)),)*
                _ => return Err(format!("The function {name}() is not known here.")),
            };
            if fits {
                return Ok(function);
            }
            Err(format!("{name}() has another number of arguments."))
        }
    };
}

functions! {
    Empty "empty" 0..=0,
    Exists "exists" 0..=1,
    All "all" 1..=1,
    AllTrue "allTrue" 0..=0,
    AnyTrue "anyTrue" 0..=0,
    AllFalse "allFalse" 0..=0,
    AnyFalse "anyFalse" 0..=0,
    SubsetOf "subsetOf" 1..=1,
    SupersetOf "supersetOf" 1..=1,
    Count "count" 0..=0,
    Distinct "distinct" 0..=0,
    IsDistinct "isDistinct" 0..=0,
    Where "where" 1..=1,
    Select "select" 1..=1,
    Repeat "repeat" 1..=1,
    OfType "ofType" 1..=1,
    Is "is" 1..=1,
    As "as" 1..=1,
    Single "single" 0..=0,
    First "first" 0..=0,
    Last "last" 0..=0,
    Tail "tail" 0..=0,
    Skip "skip" 1..=1,
    Take "take" 1..=1,
    Intersect "intersect" 1..=1,
    Exclude "exclude" 1..=1,
    Union "union" 1..=1,
    Combine "combine" 1..=1,
    Iif "iif" 2..=3,
    ToInteger "toInteger" 0..=0,
    ToDecimal "toDecimal" 0..=0,
    ToText "toString" 0..=0,
    IndexOf "indexOf" 1..=1,
    Substring "substring" 1..=2,
    StartsWith "startsWith" 1..=1,
    EndsWith "endsWith" 1..=1,
    Contains "contains" 1..=1,
    Upper "upper" 0..=0,
    Lower "lower" 0..=0,
    Replace "replace" 2..=2,
    Length "length" 0..=0,
    ToChars "toChars" 0..=0,
    Children "children" 0..=0,
    Descendants "descendants" 0..=0,
    Trace "trace" 1..=2,
    Not "not" 0..=0,
    HasValue "hasValue" 0..=0,
    GetValue "getValue" 0..=0,
    Resolve "resolve" 0..=0,
    Extension "extension" 1..=1,
}

fn yes<'a>(answer: bool) -> Vec<Item<'a>> {
    vec![Item::Bool(answer)]
}

/// A type as `ofType(Quantity)` names it.
fn type_name(arguments: &[Expr]) -> &str {
    match arguments {
        [Expr::Literal(Literal::Text(name))] => name,
        _ => "",
    }
}

/// Whether each item, as `$this`, meets the condition.
fn judged<'a>(
    items: &[Item<'a>],
    condition: &'a Expr,
    context: &Context<'a>,
) -> Result<Vec<Option<bool>>, Fault> {
    let each = items.iter().enumerate().map(|(index, item)| {
        let context = Context { index, ..*context };
        truth(&eval(condition, std::slice::from_ref(item), &context)?)
    });
    each.collect()
}

/// What `function` finds on `items`; arguments that are no condition are evaluated on `focus`.
pub(super) fn call<'a>(
    function: Function,
    mut items: Vec<Item<'a>>,
    arguments: &'a [Expr],
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    use Function as F;
    Ok(match (function, arguments) {
        (F::Empty, _) => yes(items.is_empty()),
        (F::Exists, []) => yes(!items.is_empty()),
        (F::Exists, [condition, ..]) => {
            yes(judged(&items, condition, context)?.contains(&Some(true)))
        }
        (F::All, [condition, ..]) => yes(judged(&items, condition, context)?
            .iter()
            .all(|answer| *answer == Some(true))),
        (F::Where, [condition, ..]) => {
            let mut keep = judged(&items, condition, context)?.into_iter();
            items.retain(|_| keep.next() == Some(Some(true)));
            items
        }
        (F::Select, [projection, ..]) => {
            let mut out = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let context = Context { index, ..*context };
                out.extend(eval(projection, std::slice::from_ref(item), &context)?);
            }
            out
        }
        (F::Repeat, [projection, ..]) => repeat(items, projection, context)?,
        (F::OfType | F::As, _) => {
            items.retain(|item| item.is(type_name(arguments)));
            items
        }
        (F::Is, _) => match one(&items)? {
            Some(item) => yes(item.is(type_name(arguments))),
            None => Vec::new(),
        },
        (F::Iif, [condition, then, rest @ ..]) => {
            match (truth(&eval(condition, &items, context)?)?, rest) {
                (Some(true), _) => eval(then, &items, context)?,
                (_, [otherwise, ..]) => eval(otherwise, &items, context)?,
                _ => Vec::new(),
            }
        }
        _ => plain(function, items, arguments, focus, context)?,
    })
}

/// The functions whose arguments are values.
fn plain<'a>(
    function: Function,
    items: Vec<Item<'a>>,
    arguments: &'a [Expr],
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    use Function as F;
    Ok(match (function, arguments) {
        (F::Trace, _) => items,
        (F::Not, _) => match truth(&items)? {
            Some(answer) => yes(!answer),
            None => Vec::new(),
        },
        (F::AllTrue | F::AnyTrue | F::AllFalse | F::AnyFalse, _) => yes(counted(function, &items)),
        (
            F::Children | F::Descendants | F::HasValue | F::GetValue | F::Resolve | F::Extension,
            _,
        ) => elements(function, &items, arguments, focus, context)?,
        (
            F::SubsetOf | F::SupersetOf | F::Intersect | F::Exclude | F::Union | F::Combine,
            [other, ..],
        ) => sets(function, items, eval(other, focus, context)?)?,
        (
            F::Count
            | F::Distinct
            | F::IsDistinct
            | F::Single
            | F::First
            | F::Last
            | F::Tail
            | F::Skip
            | F::Take,
            _,
        ) => {
            let number = match arguments {
                [n] => match one(&eval(n, focus, context)?)? {
                    Some(Item::Int(n)) => usize::try_from(*n).unwrap_or(0),
                    _ => 0,
                },
                _ => 0,
            };
            parts(function, items, number)?
        }
        _ => strings::call(function, &items, arguments, focus, context)?,
    })
}

fn counted(function: Function, items: &[Item<'_>]) -> bool {
    let mut answers = items.iter().map(|item| match item.system() {
        Some(Item::Bool(answer)) => Some(answer),
        _ => None,
    });
    match function {
        Function::AllTrue => answers.all(|answer| answer == Some(true)),
        Function::AnyTrue => answers.any(|answer| answer == Some(true)),
        Function::AllFalse => answers.all(|answer| answer == Some(false)),
        _ => answers.any(|answer| answer == Some(false)),
    }
}

fn sets<'a>(function: Function, items: Vec<Item<'a>>, other: Vec<Item<'a>>) -> Found<'a> {
    use Function as F;
    let every = |of: &[Item<'a>], among: &[Item<'a>]| {
        for item in of {
            if !holds(among, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let kept = |wanted: bool, items: Vec<Item<'a>>| {
        let mut out = Vec::new();
        for item in items {
            if holds(&other, &item)? == wanted {
                out.push(item);
            }
        }
        Ok(out)
    };
    match function {
        F::SubsetOf => Ok(yes(every(&items, &other)?)),
        F::SupersetOf => Ok(yes(every(&other, &items)?)),
        F::Intersect => distinct(kept(true, items)?),
        F::Exclude => kept(false, items),
        F::Union => distinct(items.into_iter().chain(other)),
        _ => Ok(items.into_iter().chain(other).collect()),
    }
}

fn parts(function: Function, mut items: Vec<Item<'_>>, number: usize) -> Found<'_> {
    use Function as F;
    Ok(match function {
        F::Count => vec![Item::Int(i64::try_from(items.len()).unwrap_or(i64::MAX))],
        F::Distinct => distinct(items)?,
        F::IsDistinct => {
            let all = items.len();
            yes(distinct(items)?.len() == all)
        }
        F::Single => one(&items)?.cloned().into_iter().collect(),
        F::First => items.into_iter().take(1).collect(),
        F::Last => items.pop().into_iter().collect(),
        F::Tail => items.into_iter().skip(1).collect(),
        F::Skip => items.into_iter().skip(number).collect(),
        _ => items.into_iter().take(number).collect(),
    })
}

/// What a projection finds, and what it finds on that, until nothing is new.
fn repeat<'a>(items: Vec<Item<'a>>, projection: &'a Expr, context: &Context<'a>) -> Found<'a> {
    let (mut out, mut next) = (Vec::new(), items);
    while !next.is_empty() {
        let mut found = Vec::new();
        for item in &next {
            found.extend(eval(projection, std::slice::from_ref(item), context)?);
        }
        // Elements lie below one another, so they end; values that are computed could come again for ever.
        found.retain(|item| matches!(item, Item::Node(_)) || holds(&out, item) == Ok(false));
        out.extend(found.iter().cloned());
        spend(out.len())?;
        next = found;
    }
    Ok(out)
}

fn elements<'a>(
    function: Function,
    items: &[Item<'a>],
    arguments: &'a [Expr],
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    use Function as F;
    let mut out = Vec::new();
    match function {
        F::HasValue => {
            let value = match items {
                [Item::Node(node)] => node.own.is_none() && node.value.is_some(),
                [_] => true,
                _ => false,
            };
            return Ok(yes(value));
        }
        F::GetValue => return Ok(one(items)?.and_then(Item::system).into_iter().collect()),
        F::Children => nodes(items).for_each(|node| node.children(&mut out)),
        F::Descendants => {
            nodes(items).for_each(|node| descend(node, &mut out));
            spend(out.len())?;
        }
        F::Resolve => {
            for item in items {
                let text = match item {
                    Item::Node(Node {
                        value: Some(Value::Object(members)),
                        ..
                    }) => members
                        .get("reference")
                        .and_then(Value::as_str)
                        .map(Cow::Borrowed),
                    other => other.text().map(Cow::Owned),
                };
                let named = |text: &str| contained(text, context).or_else(|| elsewhere(text));
                out.extend(text.and_then(|text| named(&text)).map(Item::Node));
            }
        }
        _ => {
            let [url] = arguments else {
                return Ok(out);
            };
            let url = one(&eval(url, focus, context)?)?.and_then(Item::text);
            let mut found = Vec::new();
            nodes(items).for_each(|node| node.named("extension", &mut found));
            found.retain(|item| match item {
                Item::Node(Node {
                    value: Some(value), ..
                }) => value.get("url").and_then(Value::as_str) == url.as_deref(),
                _ => false,
            });
            out = found;
        }
    }
    Ok(out)
}

fn nodes<'i, 'a: 'i>(items: &'i [Item<'a>]) -> impl Iterator<Item = Node<'a>> + 'i {
    items.iter().filter_map(|item| match item {
        Item::Node(node) => Some(*node),
        _ => None,
    })
}

fn descend<'a>(node: Node<'a>, out: &mut Vec<Item<'a>>) {
    let mut below = Vec::new();
    node.children(&mut below);
    for item in below {
        out.push(item.clone());
        if let Item::Node(node) = item {
            descend(node, out);
        }
    }
}

/// The contained resource that `#id` means; what lies elsewhere is not looked up.
/// What a reference to another record leads to, as far as the reference tells: its type. The record is not at hand, so nothing
/// that is in it is found.
fn elsewhere<'a>(text: &str) -> Option<Node<'a>> {
    let plain = text.split("/_history/").next()?;
    let mut steps = plain.rsplit('/');
    let (_id, kind) = (steps.next()?, steps.next()?);
    let own = definitions::resource(kind)?;
    Some(Node {
        value: None,
        beside: None,
        kind: own.name,
        own: Some(own),
    })
}

fn contained<'a>(text: &str, context: &Context<'a>) -> Option<Node<'a>> {
    let id = text.strip_prefix('#')?;
    let root = context.root?;
    if id.is_empty() {
        return Some(root);
    }
    let all = root.value?.get("contained")?.as_array()?;
    let found = all
        .iter()
        .find(|one| one.get("id").and_then(Value::as_str) == Some(id))?;
    Node::resource(found)
}
