//! The results of a sweep: one row a combination.

use domain::grid::Figures;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::parts;

/// The result of one combination, as a part stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The combination's number.
    pub cell: i32,
    /// Its parameters, a JSON object.
    pub parameters: Value,
    /// Its figures.
    pub figures: Figures,
    /// What it is ranked by, higher is better.
    pub score: Option<f64>,
}

/// Stores the results of part `number` and marks it as done; `false`, when it was already, or
/// the sweep is not running any more: the caller drops the transaction then.
pub async fn finish_part(
    conn: &mut PgConnection,
    id: Uuid,
    number: i32,
    outcomes: &[Outcome],
) -> sqlx::Result<bool> {
    let column = |of: fn(&Outcome) -> Option<f64>| outcomes.iter().map(of).collect::<Vec<_>>();
    let plain = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).collect::<Vec<_>>();
    let count = |of: fn(&Outcome) -> usize| {
        outcomes.iter().map(|one| i32::try_from(of(one)).unwrap_or(i32::MAX)).collect::<Vec<_>>()
    };
    let cells: Vec<i32> = outcomes.iter().map(|one| one.cell).collect();
    let parameters: Vec<Value> = outcomes.iter().map(|one| one.parameters.clone()).collect();
    let open: Vec<bool> = outcomes.iter().map(|one| one.figures.open).collect();
    sqlx::query!(
        "insert into sweep_results (sweep_id, cell, parameters, total_return, sharpe, max_drawdown, calmar,
                                    trades, winning, open_at_end, score)
         select $1, cell, parameters, total_return, sharpe, max_drawdown, calmar, trades, winning,
                open_at_end, score
           from unnest($2::int[], $3::jsonb[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
                       $8::int[], $9::int[], $10::bool[], $11::float8[])
             as one (cell, parameters, total_return, sharpe, max_drawdown, calmar, trades, winning,
                     open_at_end, score)
         on conflict (sweep_id, cell) do nothing",
        id,
        &cells,
        &parameters,
        &plain(|one| one.figures.total_return),
        &column(|one| one.figures.sharpe) as &[Option<f64>],
        &plain(|one| one.figures.max_drawdown),
        &column(|one| one.figures.calmar) as &[Option<f64>],
        &count(|one| one.figures.trades),
        &count(|one| one.figures.winning),
        &open,
        &column(|one| one.score) as &[Option<f64>]
    )
    .execute(&mut *conn)
    .await?;
    parts::close(conn, id, number).await
}

/// Gives every combination its rank, from 1: the highest score first, undefined ones last, ties
/// by number, that is by parameters.
pub async fn rank(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update sweep_results as result
            set rank = ranked.rank
           from (select cell, row_number() over (order by score desc nulls last, cell)::int as rank
                   from sweep_results
                  where sweep_id = $1) as ranked
          where result.sweep_id = $1
            and result.cell = ranked.cell",
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A stored result.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Ranked {
    /// From 1.
    pub rank: i32,
    pub parameters: Value,
    /// Fraction.
    pub total_return: f64,
    pub sharpe: Option<f64>,
    /// Zero or negative, fraction.
    pub max_drawdown: f64,
    pub calmar: Option<f64>,
    pub trades: i32,
    pub winning: i32,
    /// Whether a position is open at the end.
    pub open_at_end: bool,
    /// What it is ranked by, higher is better.
    pub score: Option<f64>,
}

/// Returns ranked results after rank `after`, best first; none until the sweep is done.
pub async fn results_page(
    conn: &mut PgConnection,
    id: Uuid,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<Ranked>> {
    sqlx::query_as!(
        Ranked,
        r#"select rank as "rank!", parameters, total_return, sharpe, max_drawdown, calmar, trades, winning,
                  open_at_end, score
             from sweep_results
            where sweep_id = $1
              and rank > $2
            order by rank
            limit $3"#,
        id,
        after,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns every ranked result, best first.
pub async fn outcomes(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Ranked>> {
    results_page(conn, id, 0, i64::MAX).await
}
