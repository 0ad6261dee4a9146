//! What must hold for what is written, whatever the text.

use proptest::prelude::*;

use super::canvas::wrap;
use super::labels::width;
use super::mermaid::{comment, escape, head};

/// Text of the signs that formats are made of, and any other.
fn any_text() -> impl Strategy<Value = String> {
    let signs = prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..12);
    prop_oneof![signs.prop_map(|signs| signs.concat()), any::<String>()]
}

const SIGNS: [&str; 24] = [
    "<", ">", "\"", "'", "&", "#", ";", "%%", "{", "}", ":", "\n", "---", "<script>", "</text>",
    "<a b=", "-->", "]]>", "\\", "`", "end", "=", "\u{202e}", "x",
];

proptest! {
    #[test]
    fn an_escaped_text_has_no_sign_of_mermaid_and_a_title_is_what_it_was(text in any_text()) {
        let signs = |c: char| "<>{}%\"'`\\&".contains(c) || c == '\n' || c == '\r';
        let escaped = escape(&text);
        let digits = |c: char| c.is_ascii_digit();
        let left = escaped.split('#').map(|part| part.trim_start_matches(digits));
        prop_assert!(!escaped.contains(signs) && !escaped.contains(':'), "{escaped}");
        prop_assert!(left.skip(1).all(|part| part.starts_with(';')), "{escaped}");
        let semicolons = escaped.matches(';').count();
        prop_assert_eq!(semicolons, escaped.matches('#').count());
        let comment = comment(&text);
        prop_assert!(!comment.contains(['{', '}', '<', '>', '%', '\n', '\r']), "{comment}");

        let head = head(&text);
        let quoted = head.strip_prefix("---\ntitle: \"").and_then(|rest| {
            rest.strip_suffix("\"\n---\nsequenceDiagram\n")
        });
        let quoted = quoted.expect("one title between the marks");
        prop_assert!(!quoted.replace("\\U", "").contains(signs), "{quoted}");
        prop_assert!(!quoted.contains(['#', ';']), "{quoted}");
        // Read as YAML reads it.
        let mut parts = quoted.split("\\U");
        let mut title = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (code, rest) = part.split_at(8);
            title.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
            title.push_str(rest);
        }
        prop_assert_eq!(title, text);
    }

    #[test]
    fn lines_have_all_of_a_text_and_fit(text in any_text(), columns in 2_usize..40) {
        let lines = wrap(&text, columns);
        prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
        let letters = |text: &str| text.replace(' ', "");
        prop_assert_eq!(letters(&lines.concat()), letters(&text));
    }
}
