//! The generated `text` of a resource: short XHTML that a clinician can read alone.

use fhir_sdk::r4b::codes::NarrativeStatus;
use fhir_sdk::r4b::types::Narrative;

use super::build::must;

/// A small XHTML fragment. Text is escaped; nothing else can enter it.
#[derive(Clone, Debug, Default)]
pub struct Html(String);

impl Html {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A paragraph.
    #[must_use]
    pub fn p(mut self, text: impl AsRef<str>) -> Self {
        self.element("p", text.as_ref());
        self
    }

    /// A paragraph `label: text`, with the label in bold.
    #[must_use]
    pub fn fact(mut self, label: &str, text: impl AsRef<str>) -> Self {
        self.0.push_str("<p><b>");
        escape(label, &mut self.0);
        self.0.push_str(":</b> ");
        escape(text.as_ref(), &mut self.0);
        self.0.push_str("</p>");
        self
    }

    /// As `fact`, where there is something to say.
    #[must_use]
    pub fn maybe(self, label: &str, text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => self.fact(label, text),
            None => self,
        }
    }

    /// A bulleted list; nothing where there are no items.
    #[must_use]
    pub fn list<T: AsRef<str>>(mut self, items: impl IntoIterator<Item = T>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return self;
        }
        self.0.push_str("<ul>");
        for item in items {
            self.element("li", item.as_ref());
        }
        self.0.push_str("</ul>");
        self
    }

    /// A table with one header row; nothing where there are no rows.
    #[must_use]
    pub fn table<R: AsRef<[String]>>(
        mut self,
        head: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return self;
        }
        self.0.push_str("<table><thead><tr>");
        for cell in head {
            self.element("th", cell);
        }
        self.0.push_str("</tr></thead><tbody>");
        for row in rows {
            self.0.push_str("<tr>");
            for cell in row.as_ref() {
                self.element("td", cell);
            }
            self.0.push_str("</tr>");
        }
        self.0.push_str("</tbody></table>");
        self
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// The fragment in the `div` that FHIR asks for.
    #[must_use]
    pub fn div(&self) -> String {
        format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>",
            self.0
        )
    }

    /// The fragment as a generated narrative.
    #[must_use]
    pub fn narrative(&self) -> Narrative {
        must(
            Narrative::builder()
                .status(NarrativeStatus::Generated)
                .div(self.div())
                .build(),
        )
    }

    fn element(&mut self, name: &str, text: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
        escape(text, &mut self.0);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// Escapes for XML; characters that XML 1.0 cannot hold become U+FFFD.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let html = Html::new()
            .fact("a<b", "\"x\" & <script>\u{7}")
            .list(["<i>"]);
        assert_eq!(
            html.div(),
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><b>a&lt;b:</b> &quot;x&quot; &amp; \
             &lt;script&gt;\u{fffd}</p><ul><li>&lt;i&gt;</li></ul></div>"
        );
    }

    #[test]
    fn empty_lists_and_tables_leave_nothing() {
        let none: [&str; 0] = [];
        let rows: [Vec<String>; 0] = [];
        assert_eq!(Html::new().list(none).table(&["a"], rows).0, "");
    }
}
