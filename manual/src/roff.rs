//! Text for man(7) pages.

/// A text in prose. A line that begins with a dot or an apostrophe would be a macro.
pub fn prose(text: &str) -> String {
    let mut roff = String::new();
    for char in text.chars() {
        match char {
            '\\' => roff += "\\e",
            '\'' => roff += "\\(aq",
            '`' => roff += "\\(ga",
            '^' => roff += "\\(ha",
            '~' => roff += "\\(ti",
            '"' => roff += "\\(dq",
            char if char.is_ascii() => roff.push(char),
            char => roff += &format!("\\[u{:04X}]", char as u32),
        }
    }
    roff
}

/// A text that a reader types: its hyphens are minus signs.
pub fn code(text: &str) -> String {
    prose(text).replace('-', "\\-")
}

/// `text` in a font: `B` or `I`.
pub fn font(font: char, text: &str) -> String {
    format!("\\f{font}{text}\\fR")
}

/// A line of input.
pub fn line(text: &str) -> String {
    let escape = if text.starts_with('.') { "\\&" } else { "" };
    format!("{escape}{text}\n")
}
