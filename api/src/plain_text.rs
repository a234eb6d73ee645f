//! Text from people that other people's browsers will show.

/// Returns `text` without HTML tags and control characters (line breaks and tabs stay),
/// trimmed. What is left can't open a tag; a plain `a < b` survives.
///
/// Reads each character once, whatever the text: callers needn't fear its length.
pub fn plain(text: &str) -> String {
    strip(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))).trim().to_owned()
}

/// Removes what HTML reads as a tag; of a tag that never closes, only the `<`.
///
/// The output is a stack: a `>` takes back everything from the outermost open tag on, and
/// what comes next is judged by what it then stands behind.
fn strip(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut open = None;
    for c in chars {
        match open {
            Some(at) if c == '>' => {
                out.truncate(at);
                open = None;
                continue;
            }
            None if starts_tag(c) && out.ends_with('<') => open = Some(out.len() - 1),
            _ => {}
        }
        out.push(c);
    }
    if open.is_none() {
        return out;
    }
    // From the end: a `<` that goes makes its neighbour the next one's follower.
    let mut kept = Vec::with_capacity(out.len());
    for c in out.chars().rev() {
        if c != '<' || !kept.last().is_some_and(|next| starts_tag(*next)) {
            kept.push(c);
        }
    }
    kept.iter().rev().collect()
}

fn starts_tag(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')
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
            ("<<<b>i>u>x", "x"),
            ("<a<<b", "ab"),
            ("tab\tand\u{7}bell", "tab\tandbell"),
        ] {
            assert_eq!(plain(sent), expected, "{sent}");
        }
    }

    #[test]
    fn a_megabyte_of_hostile_text_is_read_once() {
        let many = |unit: &str| unit.repeat(1_000_000 / unit.len());
        for sent in [
            many("<") + &many("b>"),
            many("<a"),
            many("<b>"),
            many("<<b>"),
            many("<x<y>"),
            many("<").repeat(2) + "b>" + &many("c"),
            many("< "),
        ] {
            let mut read = 0;
            let kept = strip(sent.chars().inspect(|_| read += 1));
            assert_eq!(read, sent.chars().count());
            assert!(kept.len() <= sent.len());
            assert!(!kept.contains("<a") && !kept.contains("<b") && !kept.contains("<x"));
        }
    }

    proptest! {
        #[test]
        fn nothing_opens_a_tag_and_twice_is_as_once(text in "[<>/!a-c \\PC]{0,40}") {
            let once = plain(&text);
            let opens = once.char_indices().any(|(at, c)| c == '<' && once[at + 1..].starts_with(starts_tag));
            prop_assert!(!opens, "{once}");
            prop_assert_eq!(plain(&once), once);
        }
    }
}
