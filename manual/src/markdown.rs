//! Markdown in the macros of man(7).

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::programs::all;
use crate::roff::{code, font, line, prose};

/// The element before the text; it determines the first macro.
#[derive(Clone, Copy, PartialEq)]
pub enum Start {
    /// The heading of a section: the first paragraph needs no macro.
    Section,
    /// The tag of a tagged paragraph: the first paragraph needs no macro, the next paragraphs are indented.
    Tagged,
}

/// Converts Markdown to the macros of man(7). `doc` is the page that the links to sections lead to.
///
/// # Errors
/// The Markdown has an element that this crate does not know.
pub fn convert(doc: &str, start: Start, markdown: &str) -> Result<String, String> {
    let mut converter = Converter {
        doc,
        page: String::new(),
        text: String::new(),
        is_first: true,
        is_tagged: start == Start::Tagged,
    };
    let mut events = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    while let Some(event) = events.next() {
        converter.event(event, &mut events)?;
    }
    Ok(converter.page)
}

struct Converter<'a> {
    /// The whole page, for links to its sections.
    doc: &'a str,
    /// The finished macros.
    page: String,
    /// The text of the open paragraph, cell or heading.
    text: String,
    /// The next paragraph follows a heading or a tag.
    is_first: bool,
    /// Paragraphs are in the body of a tagged paragraph or of an item.
    is_tagged: bool,
}

impl Converter<'_> {
    fn event<'e>(
        &mut self,
        event: Event<'e>,
        events: &mut impl Iterator<Item = Event<'e>>,
    ) -> Result<(), String> {
        match event {
            Event::Text(text) => self.text += &prose(&text),
            Event::Code(text) => self.text += &font('B', &code(&text)),
            Event::SoftBreak => self.text += "\n",
            Event::Start(Tag::Emphasis) => self.text += "\\fI",
            Event::Start(Tag::Strong) => self.text += "\\fB",
            Event::End(TagEnd::Emphasis | TagEnd::Strong) => self.text += "\\fR",
            Event::Start(Tag::Link { dest_url, .. }) => {
                let before = std::mem::take(&mut self.text);
                self.until(TagEnd::Link, events)?;
                let text = std::mem::replace(&mut self.text, before);
                let link = self.link(&text, &dest_url);
                self.text += &link;
            }

            Event::Start(Tag::Paragraph) => {}
            Event::End(TagEnd::Paragraph) => self.paragraph(),

            Event::Start(Tag::Heading {
                level: HeadingLevel::H1,
                ..
            }) => {
                self.until(TagEnd::Heading(HeadingLevel::H1), events)?;
                self.text.clear();
            }
            Event::Start(Tag::Heading { .. }) => {
                let mut heading = String::new();
                while let Some(Event::Text(text) | Event::Code(text)) = events.next() {
                    heading += &text;
                }
                self.page += &format!(".SH \"{}\"\n", prose(&heading.to_uppercase()));
                self.is_first = true;
            }

            Event::Start(Tag::CodeBlock(_)) => {
                self.page += if self.is_first {
                    ".RS 4\n.EX\n"
                } else {
                    ".PP\n.RS 4\n.EX\n"
                };
                while let Some(Event::Text(text)) = events.next() {
                    for text in text.lines() {
                        self.page += &line(&code(text));
                    }
                }
                self.page += ".EE\n.RE\n";
                self.is_first = false;
            }

            Event::Start(Tag::List(None)) if self.text.is_empty() => {}
            Event::Start(Tag::Item) => {
                self.page += ".IP \\[u2022] 2\n";
                (self.is_first, self.is_tagged) = (true, true);
            }
            // Without an empty line between the items, the text of an item is no paragraph.
            Event::End(TagEnd::Item) if self.text.is_empty() => {}
            Event::End(TagEnd::Item) => self.paragraph(),
            Event::End(TagEnd::List(_)) => self.is_tagged = false,

            Event::Start(Tag::Table(columns)) if columns.len() == 2 => {}
            Event::Start(Tag::TableHead) => {
                self.until(TagEnd::TableHead, events)?;
                self.text.clear();
            }
            Event::Start(Tag::TableRow) => {
                self.page += ".TP\n";
            }
            Event::Start(Tag::TableCell) => {}
            Event::End(TagEnd::TableCell) => self.page += &line(&std::mem::take(&mut self.text)),
            Event::End(TagEnd::TableRow) => {}
            Event::End(TagEnd::Table) => self.is_first = false,

            event => return Err(format!("no man page can have {event:?}")),
        }
        Ok(())
    }

    /// Converts the events before this end.
    fn until<'e>(
        &mut self,
        end: TagEnd,
        events: &mut impl Iterator<Item = Event<'e>>,
    ) -> Result<(), String> {
        while let Some(event) = events.next() {
            if event == Event::End(end) {
                break;
            }
            if !matches!(
                event,
                Event::Start(Tag::TableCell) | Event::End(TagEnd::TableCell)
            ) {
                self.event(event, events)?;
            }
        }
        Ok(())
    }

    /// Ends a paragraph.
    fn paragraph(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.page += if self.is_tagged { ".IP\n" } else { ".PP\n" };
        }
        for text in std::mem::take(&mut self.text).lines() {
            self.page += &line(text);
        }
    }

    /// A link: to a program's page as `save(1)`, to a section by its heading, to other pages by their path.
    fn link(&self, text: &str, target: &str) -> String {
        if let Some(anchor) = target.strip_prefix('#') {
            let mut headings = self.doc.lines().filter_map(|line| line.strip_prefix("## "));
            let heading = headings
                .find(|heading| self::anchor(heading) == anchor)
                .unwrap_or(anchor);
            let section = prose(&heading.replace('`', "").to_uppercase());
            return if text == prose(heading) {
                section
            } else {
                format!("{text} (see {section})")
            };
        }
        let file = target.split('#').next().unwrap_or(target);
        let name = file.strip_suffix(".md").unwrap_or(file);
        if let Some(program) = all().into_iter().find(|program| program.name == name) {
            let page = format!("{}(1)", font('B', &code(program.page())));
            let is_name = [prose(name), font('B', &code(name))].contains(&text.to_owned());
            return match is_name {
                true => page,
                false => format!("{text} (see {page})"),
            };
        }
        if name == "ring3" {
            return format!("{}(7)", font('B', name));
        }
        let path = match target.strip_prefix("../") {
            Some(path) => path.split('#').next().unwrap_or(path).to_owned(),
            None if target.contains("://") => target.to_owned(),
            None => format!("docs/{file}"),
        };
        match self.text.ends_with('(') {
            true => format!("{text}: {}", code(&path)),
            false => format!("{text} ({})", code(&path)),
        }
    }
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |char: &char| char.is_alphanumeric() || [' ', '-', '_'].contains(char);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}
