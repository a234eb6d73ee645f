//! What analysts say: one durable step a symbol.

use std::{collections::BTreeMap, time::Duration};

use domain::decision::Proposal;
use futures::{StreamExt, TryStreamExt, stream};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Left, Run,
    market::{Market, Price},
    skipped,
};
use crate::{
    analyst::Question,
    db::{agents::Agent, cycles::Outcome, decisions, fusion, market_cache, news, positions, strategies},
    queue::JobError,
};

/// A score that is older says nothing any more.
const FRESH: Duration = Duration::from_hours(6);
/// Headlines that an analyst is shown.
const HEADLINES: i64 = 5;

/// An analyst's answer, as the cycle keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Analysed {
    /// In what.
    pub(super) symbol: String,
    /// What it costs.
    pub(super) price: Price,
    /// The strategy that lists it.
    pub(super) strategy_id: Option<Uuid>,
    /// The proposal.
    pub(super) proposal: Proposal,
    /// Whose word it is.
    pub(super) analyst: String,
    /// The model, of a provider.
    pub(super) model: Option<String>,
    /// Who was asked before.
    pub(super) fallbacks: Value,
    /// What it was made from.
    pub(super) evidence: Value,
    /// What else it was told: sentiment and the score of all sources.
    pub(super) told: Value,
}

impl Run {
    /// Asks about each symbol that has a price; the day's cap of decisions ends it.
    pub(super) async fn analyse(
        &self,
        agent: &Agent,
        wanted: &BTreeMap<String, Option<Uuid>>,
        market: &Market,
        outcome: &mut Outcome,
    ) -> Result<Vec<Analysed>, Left> {
        let since = domain::cycle::day_start(self.tick);
        let made =
            decisions::decided_today(&mut *self.env.pool.acquire().await?, self.user_id, since).await?;
        let asked =
            wanted.iter().filter_map(|(symbol, strategy)| Some((market.prices.get(symbol)?, *strategy)));
        if made >= agent.max_decisions_per_day.into() {
            let reason = format!("the day's {} decisions are made", agent.max_decisions_per_day);
            outcome.skipped.extend(asked.map(|(price, _)| skipped(&price.symbol, reason.clone())));
            return Ok(Vec::new());
        }
        let at_once = self.env.config.cycle.analyses_at_once;
        let questions: Vec<_> =
            asked.map(|(price, strategy)| self.analyse_one(price.clone(), strategy)).collect();
        let answers: Vec<(String, Option<Analysed>)> =
            stream::iter(questions).buffered(at_once).try_collect().await?;
        let silent = answers.iter().filter(|(_, answer)| answer.is_none());
        outcome.skipped.extend(silent.map(|(symbol, _)| skipped(symbol, "no analyst answered in time")));
        let asked = answers.len();
        let analysed: Vec<Analysed> = answers.into_iter().filter_map(|(_, answer)| answer).collect();
        outcome.analysed = i32::try_from(analysed.len()).unwrap_or(i32::MAX);
        if asked > 0 && analysed.is_empty() {
            return Err(Left::Failed("no analyst answered in time".into()));
        }
        Ok(analysed)
    }

    async fn analyse_one(
        &self,
        price: Price,
        strategy_id: Option<Uuid>,
    ) -> Result<(String, Option<Analysed>), Left> {
        self.controls("analysis").await?;
        let name = format!("analysis {}", price.symbol);
        let answer = self.ctx.step(&name, || self.ask(&price, strategy_id)).await?;
        Ok((price.symbol, answer))
    }

    async fn ask(&self, price: &Price, strategy_id: Option<Uuid>) -> Result<Option<Analysed>, JobError> {
        let question = self.question(price, strategy_id).await?;
        let patience = self.env.config.cycle.analyst_timeout();
        let Ok(answer) = timeout(patience, self.env.analysts.ask(&question)).await else { return Ok(None) };
        Ok(Some(Analysed {
            symbol: price.symbol.clone(),
            price: price.clone(),
            strategy_id,
            proposal: answer.proposal,
            analyst: answer.analyst.to_owned(),
            model: answer.model,
            fallbacks: json!(answer.fallbacks),
            evidence: answer.evidence,
            told: json!({
                "sentiment": question.sentiment,
                "fused": question.fused,
                "headlines": question.headlines.len(),
                "bars": question.bars.len(),
                "lastBar": question.bars.dates.last(),
                "held": question.held,
            }),
        }))
    }

    pub(super) async fn question(
        &self,
        price: &Price,
        strategy_id: Option<Uuid>,
    ) -> Result<Question, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let symbol = &price.symbol;
        let held = positions::of_symbol(&mut conn, self.user_id, symbol).await?;
        let strategy = match strategy_id {
            Some(id) => strategies::get(&mut conn, self.user_id, id).await?,
            None => None,
        };
        Ok(Question {
            user_id: self.user_id,
            symbol: symbol.clone(),
            price: price.price,
            price_at: price.as_of,
            bars: market_cache::bars(&mut conn, symbol).await?.map(|kept| kept.series).unwrap_or_default(),
            held: held.map_or(Decimal::ZERO, |held| held.qty),
            sentiment: news::latest_score(&mut conn, symbol, FRESH).await?,
            fused: fusion::latest_score(&mut conn, symbol, FRESH).await?,
            headlines: news::headlines(&mut conn, symbol, HEADLINES).await?,
            strategy: strategy.map(|strategy| {
                json!({
                    "name": strategy.name, "type": strategy.kind, "parameters": strategy.parameters,
                    "config": strategy.config,
                })
            }),
            trace_id: self.ctx.trace_id().map(Into::into),
        })
    }
}
