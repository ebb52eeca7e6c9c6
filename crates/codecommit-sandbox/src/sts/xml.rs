//! Just enough XML to answer with.

/// The namespace of STS.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[derive(Debug, Clone)]
pub(crate) struct Element {
    name: String,
    content: String,
}

impl Element {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), content: String::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        for character in text.chars() {
            match character {
                '&' => self.content.push_str("&amp;"),
                '<' => self.content.push_str("&lt;"),
                '>' => self.content.push_str("&gt;"),
                '"' => self.content.push_str("&quot;"),
                other => self.content.push(other),
            }
        }
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        for Element { name, content } in children {
            self.content.push_str(&format!("<{name}>{content}</{name}>\n"));
        }
        self
    }

    pub(crate) fn into_document(self) -> String {
        let Self { name, content } = self;
        format!("<{name} xmlns=\"{NAMESPACE}\">\n{content}</{name}>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn text_is_escaped() {
        let document = Element::new("A").children([Element::new("B").text("<x> & \"y\"")]).into_document();
        assert!(document.contains("<B>&lt;x&gt; &amp; &quot;y&quot;</B>"), "{document}");
        assert!(document.starts_with("<A xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"));
    }
}
