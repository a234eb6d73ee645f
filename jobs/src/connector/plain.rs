//! Text of others, made harmless: no markup, no control characters, and not too long.

/// The longest headline and the longest summary, in characters.
pub(super) const HEADLINE: usize = 300;
pub(super) const SUMMARY: usize = 1500;

const ENTITIES: [(&str, &str); 6] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];

/// Returns `text` without tags and control characters, on one line, of at most `most` characters.
pub(super) fn text(text: &str, most: usize) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        kept.push_str(&rest[..begin]);
        kept.push(' ');
        // A tag begins with a letter, a slash or an exclamation mark; else it is a sign.
        let tag = rest[begin + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match rest[begin..].find('>').filter(|_| tag) {
            Some(end) => rest = &rest[begin + end + 1..],
            None => rest = &rest[begin + 1..],
        }
    }
    kept.push_str(rest);
    for (entity, sign) in ENTITIES {
        kept = kept.replace(entity, sign);
    }
    let words = kept.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().take(most).collect()
}

/// Returns `text` made harmless, `None` when nothing is left.
pub(super) fn optional(given: Option<&str>, most: usize) -> Option<String> {
    given.map(|given| text(given, most)).filter(|text| !text.is_empty())
}

/// Returns an address that leads to the web, and nothing else.
pub(super) fn url(given: Option<&str>) -> Option<String> {
    let given = given?.trim();
    let good = (given.starts_with("https://") || given.starts_with("http://"))
        && given.len() <= 2000
        && !given.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"".contains(c));
    good.then(|| given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_words_stay() {
        for (given, expected) in [
            ("<p>Apple &amp; <b>others</b></p>", "Apple & others"),
            ("up\u{0}\n\tagain", "up again"),
            ("P/E < 10 and > 3", "P/E 10 and > 3"),
            ("<script>alert(1)</script>x", "alert(1) x"),
            ("&lt;b&gt;", "<b>"),
            ("<unclosed", "unclosed"),
        ] {
            assert_eq!(text(given, 100), expected, "{given:?}");
        }
        assert_eq!(text("äöü", 2), "äö");
        assert_eq!(optional(Some(" <br> "), 9), None);
    }

    #[test]
    fn only_addresses_of_the_web_are_kept() {
        assert_eq!(url(Some(" https://x.example/a ")).as_deref(), Some("https://x.example/a"));
        for bad in ["javascript:alert(1)", "https://x y", "", "data:text/html,x", "https://\"x"] {
            assert_eq!(url(Some(bad)), None, "{bad}");
        }
    }
}
