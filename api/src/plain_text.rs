//! Text from people that other people's browsers will show.

/// Returns `text` without HTML tags and control characters (line breaks and tabs stay),
/// trimmed. What is left can't open a tag; a plain `a < b` survives.
pub fn plain(text: &str) -> String {
    let mut kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    loop {
        let next = strip_once(&kept);
        if next == kept {
            return kept.trim().to_owned();
        }
        kept = next;
    }
}

/// Removes what HTML reads as a tag; of a tag that never closes, only the `<`.
fn strip_once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            rest = after.find('>').map_or(after, |end| &after[end + 1..]);
        } else {
            out.push('<');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_go_and_text_stays() {
        for (sent, expected) in [
            ("plain", "plain"),
            ("  two words ", "two words"),
            ("<b>bold</b>", "bold"),
            ("<script>alert(1)</script>bob", "alert(1)bob"),
            ("<scr<b>ipt>x", "ipt>x"),
            ("<<b>script>x", "x"),
            ("<img src=x onerror=alert(1)", "img src=x onerror=alert(1)"),
            ("a < b and c > d", "a < b and c > d"),
            ("<!-- hidden -->seen", "seen"),
            ("tab\tand\u{7}bell", "tab\tandbell"),
        ] {
            assert_eq!(plain(sent), expected, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn nothing_opens_a_tag_and_twice_is_as_once(text in "[<>/!a-c \\PC]{0,40}") {
            let once = plain(&text);
            let opens = once.char_indices().any(|(at, c)| c == '<' && once[at + 1..]
                .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')));
            prop_assert!(!opens, "{once}");
            prop_assert_eq!(plain(&once), once);
        }
    }
}
