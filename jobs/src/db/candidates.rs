//! SQL of the candidates: what a user's agent may buy, once the user approved it.

use chrono::{DateTime, Utc};
use domain::universe::{CandidateStatus, Figures, MINIMUM_SCORE, Tier, score};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    universe::{self, Asset, SHIPPED},
    word::Word,
};

/// A candidate of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Whose.
    pub user_id: Uuid,
    /// The ticker.
    pub symbol: String,
    /// What the user makes of it.
    pub status: CandidateStatus,
    /// Its class of liquidity.
    pub tier: Tier,
    /// 0 to 1.
    pub liquidity_score: Decimal,
    /// 0 to 1.
    pub growth_score: Option<Decimal>,
    /// 0 to 1.
    pub quality_score: Option<Decimal>,
    /// 0 to 1.
    pub score: Decimal,
    /// Why, for people.
    pub rationale: String,
    /// When the agent last looked at it.
    pub looked_at: Option<DateTime<Utc>>,
    /// Who set the status.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// The trace of the request that proposed it.
    pub trace_id: Option<String>,
    /// When it was first proposed.
    pub created_at: DateTime<Utc>,
    /// When any of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What [`generate`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Generated {
    /// Candidates that are new.
    pub generated: u64,
    /// Candidates that were there already and were scored again.
    pub updated: u64,
}

/// Returns up to `limit` candidates of the user, of one status if given, the best first.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    status: Option<CandidateStatus>,
    limit: i64,
) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"select user_id, symbol, status as "status: Word<CandidateStatus>", tier as "tier: Word<Tier>",
                  liquidity_score, growth_score, quality_score, score, rationale, looked_at, decided_by,
                  decided_at, trace_id, created_at, updated_at
             from universe_candidates
            where user_id = $1 and ($2::text is null or status = $2)
            order by score desc, symbol
            limit $3"#,
        user_id,
        status.map(CandidateStatus::as_str),
        limit
    )
    .fetch_all(conn)
    .await
}

/// Sets what the user makes of a candidate, and returns what it was and is; `None` when there is no
/// such candidate. `by` is who says so. No job ever calls this.
pub async fn set_status(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    to: CandidateStatus,
    by: Uuid,
) -> sqlx::Result<Option<(CandidateStatus, CandidateStatus)>> {
    let previous = sqlx::query!(
        r#"with before as (
               select user_id, symbol, status from universe_candidates
                where user_id = $1 and symbol = $2
                  for update)
           update universe_candidates c
              set status = $3, decided_by = $4, decided_at = clock_timestamp(),
                  updated_at = clock_timestamp()
             from before b
            where c.user_id = b.user_id and c.symbol = b.symbol
           returning b.status as "status: Word<CandidateStatus>""#,
        user_id,
        symbol,
        to.as_str(),
        by
    )
    .fetch_optional(conn)
    .await?;
    Ok(previous.map(|previous| (previous.status.into(), to)))
}

/// Scores every asset that may be bought and proposes those that score enough to the user.
///
/// What is a candidate already is scored again, and keeps its status and what the user decided.
pub async fn generate(
    conn: &mut PgConnection,
    user_id: Uuid,
    trace_id: Option<&str>,
) -> sqlx::Result<Generated> {
    let mut rows = Rows::default();
    for asset in universe::assets(conn).await? {
        if asset.tradable && !asset.excluded && !asset.is_penny_stock {
            rows.push(&asset);
        }
    }
    let known: Vec<bool> = sqlx::query_scalar!(
        r#"insert into universe_candidates as c
                  (user_id, symbol, tier, liquidity_score, growth_score, quality_score, score, rationale, trace_id)
           select $1, symbol, tier, liquidity, growth, quality, score, rationale, $10
             from unnest($2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[],
                         $8::text[])
               as row (symbol, tier, liquidity, growth, quality, score, rationale)
            where score >= $9
               or exists (select from universe_candidates k where k.user_id = $1 and k.symbol = row.symbol)
           on conflict (user_id, symbol) do update
              set tier = excluded.tier, liquidity_score = excluded.liquidity_score,
                  growth_score = excluded.growth_score, quality_score = excluded.quality_score,
                  score = excluded.score, rationale = excluded.rationale, updated_at = clock_timestamp()
           returning xmax::text <> '0' as "known!""#,
        user_id,
        &rows.symbol,
        &rows.tier,
        &rows.liquidity,
        &rows.growth as &[Option<Decimal>],
        &rows.quality as &[Option<Decimal>],
        &rows.score,
        &rows.rationale,
        MINIMUM_SCORE,
        trace_id
    )
    .fetch_all(conn)
    .await?;
    let updated = known.iter().filter(|known| **known).count() as u64;
    Ok(Generated { generated: known.len() as u64 - updated, updated })
}

/// Candidates in columns.
#[derive(Default)]
struct Rows {
    symbol: Vec<String>,
    tier: Vec<String>,
    liquidity: Vec<Decimal>,
    growth: Vec<Option<Decimal>>,
    quality: Vec<Option<Decimal>>,
    score: Vec<Decimal>,
    rationale: Vec<String>,
}

impl Rows {
    fn push(&mut self, asset: &Asset) {
        let tier = asset.tier;
        let figures = Figures {
            revenue_growth: asset.revenue_growth,
            operating_margin: asset.operating_margin,
            debt_to_equity: asset.debt_to_equity,
            dilution: asset.dilution,
        };
        let scored = score(&figures, tier);
        let liquidity = match asset.metrics_source.as_deref() {
            Some(SHIPPED) => " by the shipped bars, which are simulated at their end",
            Some(_) => "",
            None => " as nothing is known of its trading",
        };
        self.symbol.push(asset.symbol.clone());
        self.tier.push(tier.as_str().to_owned());
        self.liquidity.push(tier.liquidity_score());
        self.growth.push(scored.growth);
        self.quality.push(scored.quality);
        self.score.push(scored.score);
        self.rationale.push(format!("{}{liquidity}", scored.rationale));
    }
}
