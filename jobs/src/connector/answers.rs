//! What comes of asking one provider about many symbols, kept as it comes: who stops waiting loses
//! only what is not there yet.

use futures::{StreamExt, stream::FuturesUnordered};

use super::flaw::Failure;
use crate::external::ExternalError;

/// Calls of one provider at once.
const AT_ONCE: usize = 4;
/// So many calls without an answer, and it is asked about no further symbol.
const LOST: usize = 2;

/// The answers so far.
#[derive(Debug)]
pub(super) struct Answers<T> {
    /// By symbol; those that the provider does not know may be left out.
    pub(super) by_symbol: Vec<(String, Result<T, Failure>)>,
    /// Whether each symbol took a call of its own.
    pub(super) one_by_one: bool,
    /// Why it was not asked about the others.
    pub(super) given_up: Option<String>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { by_symbol: Vec::new(), one_by_one: false, given_up: None }
    }
}

impl<T> Answers<T> {
    /// Asks about each of `symbols` by a call of its own, a few at once, until that is in vain.
    pub(super) async fn one_by_one<'a, F>(&mut self, symbols: &'a [String], ask: impl Fn(&'a str) -> F)
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.one_by_one = true;
        let question = |symbol: &'a String| {
            let answer = ask(symbol);
            async move { (symbol.clone(), answer.await) }
        };
        let mut rest = symbols.iter();
        let mut under_way: FuturesUnordered<_> = rest.by_ref().take(AT_ONCE).map(question).collect();
        let mut lost = 0;
        while let Some((symbol, answer)) = under_way.next().await {
            if let Err(failure) = &answer
                && is_lost(failure)
            {
                lost += 1;
                self.given_up = (lost >= LOST).then(|| format!("given up: {}", failure.told()));
            }
            self.by_symbol.push((symbol, answer));
            if self.given_up.is_none() {
                under_way.extend(rest.next().map(question));
            }
        }
    }
}

/// Returns whether the provider said nothing about the symbol: it may say nothing about others, too.
fn is_lost(failure: &Failure) -> bool {
    matches!(failure, Failure::Call(error) if !matches!(error, ExternalError::Refused { .. }))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn symbols(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("S{number:02}")).collect()
    }

    type Fails = fn() -> Failure;

    fn silent() -> Failure {
        Failure::Call(ExternalError::Unknown { reason: "no answer".to_owned() })
    }

    fn refused() -> Failure {
        Failure::Call(ExternalError::Refused { status: 404, body: "no such symbol".to_owned() })
    }

    #[tokio::test]
    async fn one_lost_answer_costs_nobody_else_theirs_and_two_end_the_asking() {
        let cases: [(&[&str], Fails, bool); 3] = [
            (&["S01"], silent, false),
            (&["S01", "S02"], silent, true),
            (&["S01", "S02", "S03"], refused, false),
        ];
        for (bad, failure, ends) in cases {
            let symbols = symbols(20);
            let mut answers = Answers::default();
            let ask = |symbol| async move { if bad.contains(&symbol) { Err(failure()) } else { Ok(()) } };
            answers.one_by_one(&symbols, ask).await;
            assert_eq!(answers.given_up.is_some(), ends, "{bad:?}: {answers:?}");
            let asked = answers.by_symbol.len();
            assert!(if ends { asked <= AT_ONCE + LOST } else { asked == 20 }, "{bad:?}: {answers:?}");
        }
    }

    #[tokio::test]
    async fn who_stops_waiting_keeps_what_came() {
        let symbols = symbols(6);
        let mut answers = Answers::default();
        let ask = |symbol| async move {
            if symbol == "S01" {
                std::future::pending::<()>().await;
            }
            Ok(())
        };
        assert_eq!(answers.one_by_one(&symbols, ask).now_or_never(), None, "one of them never answers");
        let mut came: Vec<_> = answers.by_symbol.iter().map(|(symbol, _)| symbol.as_str()).collect();
        came.sort_unstable();
        assert_eq!(came, ["S00", "S02", "S03", "S04", "S05"]);
    }
}
