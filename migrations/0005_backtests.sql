-- Back-test runs and their results.
create table backtests (
    backtest_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    strategy_id uuid references strategies on delete set null,
    job_id uuid not null,
    status text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    -- The request as sent, in the contract's shape.
    request jsonb not null,
    -- What the engine runs: a decoded, validated configuration.
    config jsonb not null,
    -- SHA-256 over everything that affects the result, the data's revision included.
    config_hash text not null,
    universe text[] not null,
    start_date date not null,
    end_date date not null,
    initial_cash numeric(20, 2) not null,
    progress smallint not null default 0 check (progress between 0 and 100),
    results_summary jsonb,
    interpretation text,
    provenance jsonb,
    error_code text,
    error_message text,
    runtime_ms integer,
    -- The earlier identical run that this one was answered from.
    reused_from uuid references backtests on delete set null,
    attempt integer,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((finished_at is not null) = (status in ('DONE', 'FAILED', 'CANCELLED')))
);
create index backtests_owner on backtests (user_id, created_at desc, backtest_id desc);
create index backtests_same_config on backtests (user_id, config_hash) where status = 'DONE';

create table backtest_equity (
    backtest_id uuid not null references backtests on delete cascade,
    seq integer not null,
    session_date date not null,
    equity numeric(20, 6) not null,
    cash numeric(20, 6) not null,
    exposure numeric(20, 6) not null,
    primary key (backtest_id, seq)
);

create table backtest_trades (
    backtest_id uuid not null references backtests on delete cascade,
    seq integer not null,
    session_date date not null,
    symbol text not null,
    side text not null check (side in ('buy', 'sell')),
    qty numeric(20, 8) not null,
    price numeric(20, 6) not null,
    pnl numeric(20, 6),
    reason text not null,
    order_type text not null,
    fees numeric(20, 6) not null,
    slippage numeric(20, 6) not null,
    position_after numeric(20, 8) not null,
    cash_after numeric(20, 6) not null,
    primary key (backtest_id, seq)
);
