//! Narrative as XHTML that a browser may show (<https://hl7.org/fhir/R4/narrative.html>, txt-1 and txt-2): a small,
//! strict reader. What is sent is stored as it is or refused, never rewritten.

#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col",
    "colgroup", "dd", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "img", "li", "ol", "p", "pre", "q", "samp", "small", "span", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
];
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellpadding", "cellspacing",
    "char", "charoff", "charset", "cite", "class", "colspan", "compact", "coords", "dir", "frame",
    "headers", "height", "href", "hreflang", "hspace", "id", "lang", "longdesc", "name", "nowrap",
    "rel", "rev", "rowspan", "rules", "scope", "shape", "span", "src", "start", "style", "summary",
    "tabindex", "title", "type", "valign", "value", "vspace", "width", "xml:lang",
];
const XHTML: &str = "http://www.w3.org/1999/xhtml";
const DEEPEST: usize = 32;
const LONGEST: usize = 256 * 1024;

type Checked<T> = Result<T, &'static str>;

/// Whether `div` is one well-formed `<div>` of plain XHTML with some content.
///
/// # Errors
/// The first thing that is wrong, as a sentence.
pub fn check(div: &str) -> Checked<()> {
    if div.len() > LONGEST {
        return Err("A narrative has at most 256 KiB (txt-1).");
    }
    let mut open: Vec<&str> = Vec::new();
    let (mut rest, mut content, mut begun) = (div.trim(), false, false);
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            return Err("A narrative is one <div> and nothing beside it (txt-1).");
        };
        let (before, tag) = rest.split_at(at);
        text(before)?;
        content |= !before.trim().is_empty();
        if begun == open.is_empty() || (!begun && content) {
            return Err("A narrative is one <div> and nothing beside it (txt-1).");
        }
        let end = end_of(tag)?;
        let (tag, after) = (&tag[1..end], &tag[end + 1..]);
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return Err("The elements of a narrative must be closed in their order (txt-1).");
            }
        } else {
            let (tag, closed) = tag
                .strip_suffix('/')
                .map_or((tag, false), |tag| (tag, true));
            let name = element(tag, begun)?;
            content |= name == "img";
            if !closed {
                open.push(name);
            }
            if open.len() > DEEPEST {
                return Err("A narrative is at most 32 elements deep (txt-1).");
            }
        }
        begun = true;
        rest = after;
    }
    match (begun && open.is_empty(), content) {
        (false, _) => Err("The elements of a narrative must be closed in their order (txt-1)."),
        (true, false) => Err("A narrative has some content (txt-2)."),
        (true, true) => Ok(()),
    }
}

/// Where the tag that `text` begins with ends: the next `>` outside quotes.
fn end_of(text: &str) -> Checked<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices().skip(1) {
        match (quote, c) {
            (None, '>') => return Ok(i),
            (_, '<') => break,
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), _) if q == c => quote = None,
            _ => {}
        }
    }
    Err("A tag of the narrative has no end (txt-1).")
}

/// The name of a start tag whose element and attributes are allowed; `within` the root or the root itself.
fn element(tag: &str, within: bool) -> Checked<&str> {
    let (name, mut rest) = tag
        .find(char::is_whitespace)
        .map_or((tag, ""), |at| tag.split_at(at));
    if !ELEMENTS.contains(&name) {
        return Err(
            "A narrative has elements of plain text, tables, lists, links and images alone (txt-1).",
        );
    }
    let mut namespace = within;
    while !rest.trim_start().is_empty() {
        let (own, value, after) = attribute(rest)?;
        text(value)?;
        match own {
            "xmlns" if value == XHTML => namespace = true,
            "href" if !is_link(value) => {
                return Err(
                    "A link of a narrative goes to http, https, mailto or a place in it (txt-1).",
                );
            }
            "src" if !is_image(value) => {
                return Err(
                    "An image of a narrative is contained or a PNG, JPEG or GIF in it (txt-1).",
                );
            }
            "style" if !is_style(value) => {
                return Err("A style of a narrative loads and runs nothing (txt-1).");
            }
            own if ATTRIBUTES.contains(&own) => {}
            _ => {
                return Err(
                    "A narrative has attributes of layout, links and images alone (txt-1).",
                );
            }
        }
        rest = after;
    }
    if !within && (name != "div" || !namespace) {
        return Err("A narrative is a <div xmlns=\"http://www.w3.org/1999/xhtml\"> (txt-1).");
    }
    Ok(name)
}

/// The next ` name="value"` of a tag, and what follows it.
fn attribute(text: &str) -> Checked<(&str, &str, &str)> {
    let read = || {
        let text = text.strip_prefix(char::is_whitespace)?.trim_start();
        let (name, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = rest[1..].split_once(quote)?;
        Some((name.trim_end(), value, rest))
    };
    read().ok_or("An attribute of the narrative is not written name=\"value\" (txt-1).")
}

/// Character references: the five of XML and numeric ones.
fn text(text: &str) -> Checked<()> {
    for after in text.split('&').skip(1) {
        let name = after
            .split(';')
            .next()
            .filter(|name| name.len() < after.len());
        let known = name.is_some_and(|name| {
            let number = name.strip_prefix('#').unwrap_or_default();
            let hex = number.strip_prefix('x').unwrap_or_default();
            matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
                || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
                || (!hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        });
        if !known {
            return Err("A narrative has no entities but those of XML and numbers (txt-1).");
        }
    }
    Ok(())
}

/// An address that runs nothing. A scheme written with character references is refused: `&` is in none.
fn is_link(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let known = ["http://", "https://", "mailto:", "#"];
    known.iter().any(|start| lower.starts_with(start)) || !lower.contains([':', '&', '\\'])
}

fn is_image(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let known = ["data:image/png", "data:image/jpeg", "data:image/gif", "#"];
    known.iter().any(|start| lower.starts_with(start))
}

fn is_style(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let banned = [
        "url",
        "expression",
        "import",
        "javascript",
        "behavior",
        "binding",
        "\\",
        "&",
    ];
    !banned.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn div(inner: &str) -> String {
        format!("<div xmlns=\"{XHTML}\">{inner}</div>")
    }

    #[test]
    fn plain_xhtml_passes() {
        for inner in [
            "hello",
            "<p><b>At:</b> 10:03 &amp; 10:05 &#233; &#xE9;</p><br/><hr />",
            "<table class='grid'><tr><td colspan=\"2\">x</td></tr></table>",
            "<a href=\"https://x.example.org/a?b=1&amp;c=2\">x</a> <a href='Observation/1'>y</a>",
            "<img src=\"#pic\" alt=\"a &gt; b\"/>",
            "<span style=\"color: red; font-weight: bold\" title='1 > 0'>x</span>",
        ] {
            assert_eq!(check(&div(inner)), Ok(()), "{inner}");
        }
        assert_eq!(check(&format!(" {} ", div("x"))), Ok(()));
    }

    #[test]
    fn what_runs_loads_or_is_not_well_formed_is_refused() {
        for inner in [
            "",
            "  ",
            "<script>alert(1)</script>",
            "<SCRIPT>alert(1)</SCRIPT>",
            "<p onclick=\"x()\">a</p>",
            "<a href=\"javascript:alert(1)\">a</a>",
            "<a href=\" JavaScript:alert(1)\">a</a>",
            "<a href=\"java&#115;cript:alert(1)\">a</a>",
            "<a href=\"data:text/html,x\">a</a>",
            "<img src=\"https://x.example.org/pixel.png\"/>",
            "<img src=\"data:image/svg+xml,x\"/>",
            "<p style=\"background: URL(x)\">a</p>",
            "<p style=\"background: u\\72l(x)\">a</p>",
            "<iframe src=\"#a\"/>",
            "<svg/>",
            "<form>a</form>",
            "<p>a</div>",
            "<p>a",
            "a</p>",
            "<p a>a</p>",
            "<p class=x>a</p>",
            "<p class=\"x\"id=\"y\">a</p>",
            "<p class=\"x>a</p>",
            "<!-- a --><p>a</p>",
            "<![CDATA[a]]>",
            "<?php a ?>",
            "&nbsp;a",
            "a & b",
            "a &lt b",
        ] {
            assert!(check(&div(inner)).is_err(), "{inner}");
        }
        let deep = format!("{}x{}", "<b>".repeat(40), "</b>".repeat(40));
        for whole in [
            "hello".to_owned(),
            "<div>x</div>".to_owned(),
            format!("<p xmlns=\"{XHTML}\">x</p>"),
            format!("{}{}", div("x"), div("y")),
            format!("{}x", div("x")),
            format!("x{}", div("x")),
            format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", div("&a;")),
            div(&deep),
            div(&"x".repeat(LONGEST)),
        ] {
            assert!(check(&whole).is_err(), "{}", &whole[..whole.len().min(80)]);
        }
    }
}
