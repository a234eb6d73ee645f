//! What no error and no excerpt may show, and how it is taken out of a text.

use secrecy::{ExposeSecret, SecretString};

use super::request::segment;

/// What stands in a secret's place.
const MASK: &str = "***";
/// The shortest beginning of a secret that is taken for one at the end of a text that was cut, in
/// bytes.
const BEGINNING: usize = 4;

/// The secrets that went out with a request, which a provider may repeat in its answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Adds the value of a header; of several words, such as `Bearer key`, the last one.
    pub(crate) fn add_header(&mut self, value: &SecretString) {
        self.add(value.expose_secret().split(' ').next_back().unwrap_or_default());
    }

    /// Adds a value of the query, as it is and as it is sent.
    pub(crate) fn add_query(&mut self, value: &SecretString) {
        let raw = value.expose_secret();
        self.add(raw);
        let sent = segment(raw);
        if sent != raw {
            self.add(&sent);
        }
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    fn add(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.push(secret.into());
            // The longest first: one may be part of another.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        }
    }

    /// Returns `text` with each secret in it replaced, and the beginning of one at its end, where
    /// `text` may have been cut.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.0 {
            masked = masked.replace(secret.expose_secret(), MASK);
        }
        let cut = self.0.iter().filter_map(|secret| beginning_at_end(&masked, secret.expose_secret())).max();
        if let Some(length) = cut {
            masked.truncate(masked.len() - length);
            masked.push_str(MASK);
        }
        masked
    }
}

/// Returns the length of the longest beginning of `secret` with which `text` ends.
fn beginning_at_end(text: &str, secret: &str) -> Option<usize> {
    let lengths = secret.char_indices().map(|(end, _)| end).filter(|length| *length >= BEGINNING);
    lengths.rev().find(|length| text.ends_with(&secret[..*length]))
}

/// Returns `text` as a line that the database can hold: control characters become spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_as_it_is_as_it_is_sent_and_where_it_was_cut() {
        let mut secrets = Secrets::default();
        secrets.add_header(&"Bearer headerkey".into());
        secrets.add_query(&"query/key+1".into());
        for (text, masked) in [
            ("nothing of it", "nothing of it"),
            ("Bearer headerkey!", "Bearer ***!"),
            ("query/key+1 and query%2Fkey%2B1", "*** and ***"),
            ("?api_key=query%2Fke", "?api_key=***"),
            ("?api_key=query/", "?api_key=***"),
            ("a que", "a que"),
            ("", ""),
        ] {
            assert_eq!(secrets.mask(text), masked, "{text}");
        }
        assert!(!format!("{secrets:?}").contains("key"), "{secrets:?}");
        assert_eq!(Secrets::default().mask("query/key+1"), "query/key+1");
    }

    #[test]
    fn a_longer_secret_goes_before_its_own_part() {
        let mut secrets = Secrets::default();
        secrets.add_query(&"abc".into());
        secrets.add_query(&"abcdef".into());
        assert_eq!(secrets.mask("abcdef!"), "***!");
    }

    #[test]
    fn a_line_has_no_control_characters() {
        assert_eq!(one_line("a\0b\r\nc\u{85}ä"), "a b  c ä");
    }
}
