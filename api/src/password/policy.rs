//! What makes a password strong enough.
//!
//! `strict` asks for ten characters of four classes that are not easily guessed: at
//! least 10^6 guesses by zxcvbn's estimate, its score 2. The sample passwords of the
//! clients' test scripts have to pass: zxcvbn gives `Test123456!` 10^7.0 (score 2) and
//! `TestPass123!` 10^8.1 (score 3), so a bar at score 3 is out of reach. `lenient` asks for six characters, for old clients and tests.

use jobs::config::PasswordPolicy;
use serde::Serialize;
use utoipa::ToSchema;

/// Longest password, in characters: bounds the work of one check.
const MAX_CHARS: usize = 256;
/// zxcvbn reads so many characters: its time grows with the square.
const JUDGED_CHARS: usize = 40;
/// Fewest guesses an attacker needs, as a power of ten: zxcvbn's score 2 begins at 6.
const MIN_GUESSES_LOG10: f64 = 6.0;

/// Passwords that meet the four classes and are on every list.
const COMMON: &[&str] = &[
    "password1!",
    "passw0rd1!",
    "p@ssw0rd1!",
    "p@ssword1!",
    "password123!",
    "p@ssw0rd123!",
    "p@ssword123!",
    "passw0rd123!",
    "welcome123!",
    "welcome1234!",
    "qwerty123!",
    "qwerty1234!",
    "qwertyuiop1!",
    "admin1234!",
    "admin12345!",
    "administrator1!",
    "letmein123!",
    "changeme123!",
    "changeme1!",
    "iloveyou1!",
    "football1!",
    "abc123456!",
    "abcd1234!@",
    "summer2024!",
    "summer2025!",
    "winter2025!",
    "monkey123!",
    "dragon123!",
    "1qaz2wsx!qaz",
    "1qaz@wsx3edc",
    "zaq12wsx!q",
    "trading123!",
    "bitcoin123!",
];

/// One way in which a password falls short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// Fewer characters than the policy asks for.
    TooShort,
    /// More than 256 characters.
    TooLong,
    /// No upper-case letter.
    NoUpper,
    /// No lower-case letter.
    NoLower,
    /// No digit.
    NoDigit,
    /// Neither letters nor digits only.
    NoSpecial,
    /// On the list of common passwords.
    Common,
    /// Holds the user name or the mail address.
    HoldsUserWords,
    /// Guessable in too few tries.
    Guessable,
}

impl Weakness {
    /// Returns what to change, for people.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooShort => "use more characters",
            Self::TooLong => "use at most 256 characters",
            Self::NoUpper => "add an upper-case letter",
            Self::NoLower => "add a lower-case letter",
            Self::NoDigit => "add a digit",
            Self::NoSpecial => "add a special character",
            Self::Common => "choose one that is not on every list",
            Self::HoldsUserWords => "leave out your user name and mail address",
            Self::Guessable => "choose one that is harder to guess",
        }
    }
}

/// Returns how `password` falls short of `policy`; nothing when it is fine. `words` are
/// the user's name and mail address. Takes milliseconds: call it off the async threads.
pub fn weaknesses(policy: PasswordPolicy, password: &str, words: &[&str]) -> Vec<Weakness> {
    let chars = password.chars().count();
    let min = if policy == PasswordPolicy::Strict { 10 } else { 6 };
    let mut found = Vec::new();
    let mut check = |fails: bool, weakness| found.extend(fails.then_some(weakness));
    check(chars < min, Weakness::TooShort);
    check(chars > MAX_CHARS, Weakness::TooLong);
    if policy == PasswordPolicy::Lenient || chars > MAX_CHARS {
        return found;
    }
    check(!password.chars().any(char::is_uppercase), Weakness::NoUpper);
    check(!password.chars().any(char::is_lowercase), Weakness::NoLower);
    check(!password.chars().any(char::is_numeric), Weakness::NoDigit);
    check(password.chars().all(char::is_alphanumeric), Weakness::NoSpecial);
    let lower = password.to_lowercase();
    check(COMMON.contains(&lower.as_str()), Weakness::Common);
    let words: Vec<String> = words.iter().filter_map(|word| own_word(word)).collect();
    check(words.iter().any(|word| lower.contains(word)), Weakness::HoldsUserWords);
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    check(zxcvbn::zxcvbn(&judged, &words).guesses_log10() < MIN_GUESSES_LOG10, Weakness::Guessable);
    found
}

/// Returns a name, or the local part of an address, when it is long enough to count. Parts
/// of a name do not: `test_user` may have a password that holds `test`.
fn own_word(word: &str) -> Option<String> {
    let word = word.split('@').next().unwrap_or_default().to_lowercase();
    (word.chars().count() >= 4).then_some(word)
}

#[cfg(test)]
mod tests {
    use PasswordPolicy::{Lenient, Strict};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sample_passwords_of_the_clients_pass_strict() {
        for (password, user, measured) in [
            ("Test123456!", "testuser_1", 7.0),
            ("Test123456!", "e2e_test_user", 7.0),
            ("TestPass123!", "flow_user", 8.1),
        ] {
            let guesses = zxcvbn::zxcvbn(password, &[user]).guesses_log10();
            assert!((guesses - measured).abs() < 0.1, "{password}: 10^{guesses:.2} guesses");
            assert_eq!(weaknesses(Strict, password, &[user]), [], "{password}");
        }
    }

    #[test]
    fn strict_says_what_is_missing() {
        for (password, expected) in [
            ("Xk9!", Weakness::TooShort),
            ("vorst-kelp-91-quad", Weakness::NoUpper),
            ("VORST-KELP-91-QUAD", Weakness::NoLower),
            ("Vorst-Kelp-Quad-Elm", Weakness::NoDigit),
            ("VorstKelp91Quad", Weakness::NoSpecial),
            ("P@ssw0rd123!", Weakness::Common),
            ("Margarete!91xq", Weakness::HoldsUserWords),
            ("Aa1!Aa1!Aa1!", Weakness::Guessable),
        ] {
            let found = weaknesses(Strict, password, &["margarete"]);
            assert!(found.contains(&expected), "{password}: {found:?}");
        }
        assert_eq!(weaknesses(Strict, "Vorst-Kelp-91-Quad", &["margarete"]), []);
    }

    #[test]
    fn lenient_asks_for_six_characters() {
        for password in ["testpass123", "TestPass123", "testpassword123", "admin1234", "abcdef"] {
            assert_eq!(weaknesses(Lenient, password, &[]), [], "{password}");
        }
        assert_eq!(weaknesses(Lenient, "abcde", &[]), [Weakness::TooShort]);
        assert_eq!(weaknesses(Lenient, &"a".repeat(257), &[]), [Weakness::TooLong]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_strict_accepts_lenient_accepts(password in "\\PC{0,40}") {
            if weaknesses(Strict, &password, &[]).is_empty() {
                prop_assert!(weaknesses(Lenient, &password, &[]).is_empty());
            }
        }
    }
}
