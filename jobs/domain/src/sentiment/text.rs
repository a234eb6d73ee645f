//! One article, one score.

use super::lexicon::{self, Word};

/// Words before one that may negate it.
const NEGATION_REACH: usize = 3;
/// "not good" is bad, but less so than "bad" is.
const NEGATED: f64 = -0.7;
/// The headline says it more clearly.
const HEADLINE: f64 = 2.0;
/// So much valence makes a full score.
const FULL_SCORE: f64 = 4.0;
/// So many telling words make a full confidence.
const FULL_CONFIDENCE: f64 = 4.0;

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextScore {
    /// -1 to 1; 0 when nothing is known.
    pub score: f64,
    /// 0 to 1; 0 when no word of it is known.
    pub confidence: f64,
    /// How many words told something.
    pub telling: usize,
}

/// Scores a headline and what follows it.
pub fn score(headline: &str, summary: &str) -> TextScore {
    let (head, first) = valence(headline);
    let (body, rest) = valence(summary);
    let telling = first + rest;
    TextScore {
        score: ((head * HEADLINE + body) / FULL_SCORE).clamp(-1.0, 1.0),
        confidence: (telling as f64 / FULL_CONFIDENCE).min(1.0),
        telling,
    }
}

/// Returns the sum of what the words of `text` say, and how many say something.
fn valence(text: &str) -> (f64, usize) {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let words: Vec<Word> = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(lexicon::look_up)
        .collect();
    let (mut sum, mut telling) = (0.0, 0);
    for (index, word) in words.iter().enumerate() {
        let Word::Valence(valence) = word else { continue };
        let before = &words[index.saturating_sub(NEGATION_REACH)..index];
        let strength = match before.last() {
            Some(Word::Degree(factor)) => *factor,
            _ => 1.0,
        };
        let negations = before.iter().filter(|word| matches!(word, Word::Negation)).count();
        let sign = if negations % 2 == 1 { NEGATED } else { 1.0 };
        sum += valence * strength * sign;
        telling += 1;
    }
    (sum, telling)
}
