//! JSON of others as the database can hold it.

use std::borrow::Cow;

/// A NUL as JSON writes it; the database holds it neither in a text nor in `jsonb`.
const NUL: &str = "\\u0000";
/// What stands in its place.
const REPLACEMENT: &str = "\\ufffd";

/// Returns `json` with the replacement character in the place of every escaped NUL; what is no JSON
/// stays what it is otherwise.
pub(crate) fn storable(json: &str) -> Cow<'_, str> {
    if !json.contains(NUL) {
        return Cow::Borrowed(json);
    }
    let mut kept = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        kept.push_str(before);
        if let Some(after) = escape.strip_prefix(NUL) {
            kept.push_str(REPLACEMENT);
            rest = after;
        } else {
            // An escaped backslash begins nothing.
            let length = escape.chars().take(2).map(char::len_utf8).sum();
            let (escaped, after) = escape.split_at(length);
            kept.push_str(escaped);
            rest = after;
        }
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_escaped_nul_is_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a\u0000":"\u0000b\u0000"}"#, r#"{"a\ufffd":"\ufffdb\ufffd"}"#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\\\u0000\n""#, r#""\\\ufffd\n""#),
            (r#""\u00001""#, r#""\ufffd1""#),
            (r#""\u0001""#, r#""\u0001""#),
            ("no JSON\\", "no JSON\\"),
            (r"\u0000 and \ä and \", r"\ufffd and \ä and \"),
        ] {
            assert_eq!(storable(json), expected);
        }
    }

    proptest! {
        #[test]
        fn a_text_reads_as_before_without_its_nuls(text in "[\\x00a\\\\\"u0\u{e4}]{0,40}") {
            let json = Value::from(text.as_str()).to_string();
            let read: String = serde_json::from_str(&storable(&json)).expect("it is JSON as before");
            prop_assert_eq!(read, text.replace('\0', "\u{fffd}"));
        }
    }
}
