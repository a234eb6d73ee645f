use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-03-02T15:00:00Z".parse().expect("a time")
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn a_text_says_what_its_words_say() {
    for (headline, summary, expected, telling) in [
        ("Apple opens a store in Graz", "", 0.0, 0),
        ("", "", 0.0, 0),
        ("Apple beats expectations", "", 1.0, 1),
        ("Shares rise", "", 0.5, 1),
        ("Shares fall", "", -0.5, 1),
        ("Shares did not rise", "", -0.35, 1),
        ("Shares didn\u{2019}t rise", "", -0.35, 1),
        ("Not, as of a while ago, did shares rise", "", 0.5, 1),
        ("Profits sharply lower", "", -0.25, 2),
        ("Slightly weaker", "", -0.25, 1),
        ("A report", "growth and strong profits", 0.75, 3),
        ("LAWSUIT, FRAUD AND BANKRUPTCY", "", -1.0, 3),
    ] {
        let scored = score(headline, summary);
        assert!(close(scored.score, expected), "{headline}: {scored:?}");
        assert_eq!((scored.telling, scored.confidence > 0.0), (telling, telling > 0), "{headline}");
    }
}

#[test]
fn markup_and_control_characters_are_no_text() {
    for (text, expected) in [
        ("<p>Shares <b>rise</b></p>", "Shares rise"),
        ("P/E < 10 and > 5", "P/E < 10 and > 5"),
        ("a\0b\n\tc", "a b c"),
        ("<script>alert(1)", "alert(1)"),
        ("<unclosed", ""),
        ("123456789", "12345678"),
    ] {
        assert_eq!(plain(text, 8.max(expected.len())), expected, "{text:?}");
    }
}

#[test]
fn newer_articles_weigh_more_and_those_of_the_future_nothing() {
    let article =
        |score, hours| Article { score, confidence: 1.0, published_at: now() - TimeDelta::hours(hours) };
    let found = aggregate(&[article(1.0, 0), article(-1.0, 24)], now()).expect("two articles");
    assert!(close(found.score, 1.0 / 3.0), "{found:?}");
    assert_eq!((found.trend, found.conflict, found.articles), (Trend::Up, true, 2));
    assert_eq!(aggregate(&[article(1.0, -1)], now()), None);
    assert_eq!(aggregate(&[Article { confidence: 0.0, ..article(1.0, 1) }], now()), None);
    let ten = aggregate(&[article(0.4, 3); 10], now()).expect("ten articles");
    assert!(close(ten.confidence, 1.0) && close(ten.score, 0.4) && !ten.conflict, "{ten:?}");
    let five = aggregate(&[article(-0.2, 3); 5], now()).expect("five articles");
    assert!(close(five.confidence, 0.5) && five.trend == Trend::Neutral, "{five:?}");
}

fn article() -> impl Strategy<Value = Article> {
    (-1.0_f64..=1.0, 0.0_f64..=1.0, 0_i64..500).prop_map(|(score, confidence, hours)| Article {
        score,
        confidence,
        published_at: now() - TimeDelta::hours(hours),
    })
}

proptest! {
    #[test]
    fn no_text_leaves_the_bounds(headline in "\\PC{0,200}", summary in "([a-z]{1,9} |beats |not |very |fraud ){0,30}") {
        let scored = score(&headline, &summary);
        prop_assert!((-1.0..=1.0).contains(&scored.score) && (0.0..=1.0).contains(&scored.confidence));
        prop_assert!(scored.confidence > 0.0 || scored.score == 0.0);
    }

    #[test]
    fn one_more_good_word_never_lowers_the_score(text in "(gain |loss |the |very |not ){0,20}") {
        // The pause keeps what comes before from negating it.
        let more = format!("{text} a b c gain");
        prop_assert!(score("", &more).score >= score("", &text).score);
    }

    #[test]
    fn the_order_of_articles_does_not_matter(mut articles in prop::collection::vec(article(), 0..20), turn in 0_usize..20) {
        let first = aggregate(&articles, now());
        let count = articles.len().max(1);
        if !articles.is_empty() {
            articles.rotate_left(turn % count);
        }
        articles.reverse();
        prop_assert_eq!(first, aggregate(&articles, now()));
        if let Some(found) = first {
            prop_assert!((-1.0..=1.0).contains(&found.score) && (0.0..=1.0).contains(&found.confidence));
        }
    }

    #[test]
    fn a_better_article_never_lowers_the_score(articles in prop::collection::vec(article(), 1..20), by in 0.0_f64..1.0) {
        let mut better = articles.clone();
        better[0].score = (better[0].score + by).min(1.0);
        let (before, after) = (aggregate(&articles, now()), aggregate(&better, now()));
        if let (Some(before), Some(after)) = (before, after) {
            prop_assert!(after.score >= before.score - 1e-9);
        }
    }
}
