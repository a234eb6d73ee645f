-- Autonomous trading: agents and their cycles, decisions, what they are made from, and by whom.

-- A user's agent; its row is its only switch. The kill switch is the user's in risk_settings.
create table agent_status (
    user_id uuid primary key references users on delete cascade,
    is_running boolean not null default false,
    is_paused boolean not null default false,
    -- autonomous: entries of approved candidates are sent; semi-auto: each needs an approval; manual: nothing
    -- is sent and no exit is made without being asked for.
    mode text not null default 'autonomous' check (mode in ('autonomous', 'semi-auto', 'manual')),
    interval_s integer not null default 60 check (interval_s between 5 and 86400),
    -- When the next cycle is due; moved on in the transaction that enqueues it.
    next_cycle_at timestamptz,
    last_cycle_at timestamptz,
    last_heartbeat timestamptz,
    consecutive_errors integer not null default 0,
    last_error text,
    last_error_at timestamptz,
    -- A decision below this is kept, but not acted on.
    min_confidence numeric not null default 0.6 check (min_confidence between 0 and 1),
    max_decisions_per_day integer not null default 200 check (max_decisions_per_day > 0),
    max_orders_per_day integer not null default 20 check (max_orders_per_day > 0),
    min_order_limit integer not null default 10 check (min_order_limit between 1 and 100),
    max_order_limit integer not null default 50 check (max_order_limit between 1 and 100),
    dynamic_order_limit integer not null default 10,
    market_condition text not null default 'neutral'
        check (market_condition in ('bullish', 'bearish', 'neutral', 'volatile', 'uncertain')),
    ai_confidence_score numeric not null default 0.5,
    last_market_analysis timestamptz,
    auto_start_enabled boolean not null default false,
    auto_execute_trades boolean not null default false,
    conservative_mode boolean not null default false,
    started_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    check (min_order_limit <= max_order_limit)
);
create index agent_status_due on agent_status (next_cycle_at) where is_running and not is_paused;

-- One run of run_cycle: there is never a second one for a tick.
create table cycles (
    -- The id of the job.
    cycle_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    tick timestamptz not null,
    mode text not null,
    status text not null default 'running' check (status in ('running', 'done', 'stopped', 'failed')),
    -- The step before which it was stopped, and by what.
    stopped_before text,
    stop_reason text,
    universe text[] not null default '{}',
    analysed integer not null default 0,
    decided integer not null default 0,
    ordered integer not null default 0,
    exited integer not null default 0,
    -- What was left out, and why: [{symbol, reason}].
    skipped jsonb not null default '[]',
    error text,
    trace_id text,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    unique (user_id, tick)
);
create index cycles_recent on cycles (user_id, started_at desc);

create table ai_decisions (
    decision_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    cycle_id uuid references cycles on delete set null,
    strategy_id uuid references strategies on delete set null,
    -- cycle: found by the agent; request: asked for by its user; exit: made to leave a position.
    origin text not null check (origin in ('cycle', 'request', 'exit')),
    symbol text not null check (symbol <> ''),
    action text not null check (action in ('buy', 'sell', 'hold')),
    confidence numeric not null check (confidence between 0 and 1),
    reasoning text not null,
    risk_level text not null check (risk_level in ('low', 'medium', 'high')),
    status text not null default 'pending' check (status in
        ('pending', 'approved', 'pending_execution', 'executed', 'filled', 'skipped', 'rejected', 'failed', 'expired')),
    skip_reason text,
    -- Share of the portfolio, 0 to 1.
    suggested_fraction numeric check (suggested_fraction > 0 and suggested_fraction <= 1),
    entry_price numeric check (entry_price > 0),
    target_price numeric check (target_price > 0),
    stop_loss numeric check (stop_loss > 0),
    trailing_stop_percent numeric check (trailing_stop_percent > 0),
    order_id uuid references orders,
    -- Whose word it is: technical, or a provider and its model.
    analyst text not null,
    model text,
    -- Analysts that were asked before and did not answer: [{analyst, reason}].
    fallbacks jsonb not null default '[]',
    -- The gates it met: [{gate, passed, message, at}], oldest first.
    gates jsonb not null default '[]',
    -- What it was made from: price, its age and source, indicators, sentiment, sources.
    market_context jsonb not null default '{}',
    metadata jsonb not null default '{}',
    approved_by uuid references users on delete set null,
    approved_at timestamptz,
    -- Decisions of a cycle are made once per symbol and window.
    window_start timestamptz not null,
    trace_id text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create unique index ai_decisions_window on ai_decisions (user_id, symbol, window_start) where origin = 'cycle';
create index ai_decisions_recent on ai_decisions (user_id, created_at desc);
create index ai_decisions_cycle on ai_decisions (cycle_id) where cycle_id is not null;
create index ai_decisions_order on ai_decisions (order_id) where order_id is not null;
-- Those that may be leaving a position.
create index ai_decisions_leaving on ai_decisions (user_id, symbol) where status in ('pending_execution', 'executed');
create index ai_decisions_open on ai_decisions (user_id, status) where status in ('pending', 'approved', 'pending_execution');

-- What the exits of a position remember; it belongs to the position opened at opened_at.
create table position_exits (
    user_id uuid not null references users on delete cascade,
    symbol text not null,
    opened_at timestamptz not null,
    highest_price numeric not null check (highest_price > 0),
    -- Take-profit steps that were taken.
    steps_taken integer not null default 0,
    stop_loss numeric check (stop_loss > 0),
    updated_at timestamptz not null default clock_timestamp(),
    primary key (user_id, symbol)
);

-- Language models: who may be asked for what, what was asked, and what it cost.
create table llm_roles (
    role text primary key,
    -- [{provider, model}], in the order in which they are asked.
    chain jsonb not null default '[]',
    max_tokens integer not null default 1024 check (max_tokens > 0),
    temperature numeric not null default 0.3 check (temperature between 0 and 2),
    is_active boolean not null default true,
    updated_at timestamptz not null default clock_timestamp()
);
create table llm_calls (
    call_id uuid primary key,
    user_id uuid references users on delete set null,
    role text not null,
    provider text not null,
    model text not null,
    status text not null check (status in ('ok', 'cached', 'invalid', 'refused', 'failed', 'skipped')),
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    -- In USD.
    cost numeric not null default 0,
    latency_ms integer,
    fallback_used boolean not null default false,
    reason text,
    error text,
    request_hash text not null,
    provider_request_id text,
    prompt jsonb,
    response jsonb,
    trace_id text,
    created_at timestamptz not null default clock_timestamp()
);
create index llm_calls_recent on llm_calls (created_at desc);
create table llm_cache (
    request_hash text primary key,
    provider text not null,
    model text not null,
    response jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
-- What was spent on a day (UTC); reserved before a call, settled after it.
create table llm_spending (
    provider text not null,
    day date not null,
    calls bigint not null default 0,
    tokens bigint not null default 0,
    cost numeric not null default 0,
    primary key (provider, day)
);

-- Connectors: whether they are asked, how they are found, what they answered.
create table connector_state (
    connector text primary key,
    enabled boolean not null default true,
    status text not null default 'unknown' check (status in ('active', 'degraded', 'inactive', 'unknown')),
    has_key boolean not null default false,
    last_checked_at timestamptz,
    last_ok_at timestamptz,
    latency_ms integer,
    last_error text,
    last_error_at timestamptz,
    changed_by uuid references users on delete set null,
    updated_at timestamptz not null default clock_timestamp()
);
create table connector_metrics (
    connector text not null,
    endpoint text not null,
    day date not null,
    total_requests bigint not null default 0,
    success_count bigint not null default 0,
    failure_count bigint not null default 0,
    rate_limit_hits bigint not null default 0,
    -- Answers that were malformed, or too old to be used.
    quarantined bigint not null default 0,
    -- Times that another connector answered in its place.
    fallback_used bigint not null default 0,
    latency_sum_ms bigint not null default 0,
    latency_max_ms integer not null default 0,
    last_error text,
    last_error_at timestamptz,
    primary key (connector, endpoint, day)
);
create table quarantined_data (
    quarantine_id uuid primary key,
    connector text not null,
    endpoint text not null,
    symbol text,
    code text not null check (code in ('malformed', 'stale', 'implausible')),
    reason text not null,
    -- The beginning of what was answered.
    excerpt text,
    created_at timestamptz not null default clock_timestamp()
);
create index quarantined_data_recent on quarantined_data (created_at desc);

-- The last usable quote of a symbol, whoever gave it.
create table market_quotes (
    symbol text primary key,
    price numeric not null check (price > 0),
    previous_close numeric check (previous_close > 0),
    open numeric,
    high numeric,
    low numeric,
    volume numeric,
    -- When it was so, at the market; and when it was asked for.
    as_of timestamptz not null,
    fetched_at timestamptz not null default clock_timestamp(),
    provider text not null,
    -- Connectors that were asked before: [{provider, reason}].
    fallbacks jsonb not null default '[]'
);
-- The last daily bars of a symbol, oldest first.
create table market_bars (
    symbol text primary key,
    dates date[] not null,
    open double precision[] not null,
    high double precision[] not null,
    low double precision[] not null,
    close double precision[] not null,
    volume double precision[] not null,
    simulated boolean not null default false,
    fetched_at timestamptz not null default clock_timestamp(),
    provider text not null,
    fallbacks jsonb not null default '[]'
);

create table news_items (
    news_id uuid primary key,
    provider text not null,
    provider_news_id text not null,
    headline text not null,
    summary text,
    source text,
    url text,
    symbols text[] not null,
    published_at timestamptz not null,
    available_at timestamptz not null,
    -- -1 to 1; null until it is scored.
    score numeric check (score between -1 and 1),
    scored_at timestamptz,
    unique (provider, provider_news_id)
);
create index news_items_symbols on news_items using gin (symbols);
create index news_items_recent on news_items (published_at desc);
create table sentiment_scores (
    sentiment_id uuid primary key,
    symbol text not null,
    source text not null,
    score numeric not null check (score between -1 and 1),
    confidence numeric not null check (confidence between 0 and 1),
    articles integer not null default 0,
    trend text not null check (trend in ('up', 'down', 'neutral')),
    explanation text not null,
    as_of timestamptz not null,
    created_at timestamptz not null default clock_timestamp()
);
create index sentiment_scores_recent on sentiment_scores (symbol, created_at desc);

create table fused_analyses (
    fused_id uuid primary key,
    symbol text not null,
    score numeric not null check (score between -1 and 1),
    signal text not null check (signal in ('bullish', 'bearish', 'neutral')),
    confidence numeric not null check (confidence between 0 and 1),
    -- How far the sources agree, 0 to 1.
    agreement numeric not null check (agreement between 0 and 1),
    quality text not null check (quality in ('excellent', 'good', 'fair', 'poor')),
    -- {source: weight}, and the sources that gave nothing: [{source, reason}].
    weights jsonb not null,
    missing jsonb not null default '[]',
    created_at timestamptz not null default clock_timestamp()
);
create index fused_analyses_recent on fused_analyses (symbol, created_at desc);
create table data_source_analysis (
    analysis_id uuid primary key,
    fused_id uuid references fused_analyses on delete cascade,
    decision_id uuid references ai_decisions on delete set null,
    symbol text not null,
    source text not null,
    analysis_type text not null,
    data jsonb not null,
    score numeric check (score between -1 and 1),
    signal text not null check (signal in ('bullish', 'bearish', 'neutral')),
    confidence numeric not null check (confidence between 0 and 1),
    reliability numeric not null check (reliability between 0 and 1),
    -- What it speaks of, and since when it could be known: only the second may gate a back-test.
    event_at timestamptz not null,
    available_at timestamptz not null,
    created_at timestamptz not null default clock_timestamp()
);
create index data_source_analysis_recent on data_source_analysis (symbol, created_at desc);
create index data_source_analysis_decision on data_source_analysis (decision_id) where decision_id is not null;
create index data_source_analysis_fused on data_source_analysis (fused_id);

-- What may be looked at.
create table universe_assets (
    symbol text primary key check (symbol <> ''),
    name text,
    exchange text,
    asset_class text not null default 'us_equity',
    tradable boolean not null default true,
    is_penny_stock boolean not null default false,
    excluded boolean not null default false,
    excluded_reason text,
    sector text,
    tier text check (tier in ('A', 'B', 'C')),
    avg_daily_volume numeric,
    -- USD a day.
    traded_value numeric,
    spread_percent numeric,
    price numeric,
    liquidity_score numeric,
    metrics_at timestamptz,
    -- Who gave the bars; `shipped`: ours, which are simulated at their end.
    metrics_source text,
    -- Fractions of 1: growth of revenue, operating margin, dilution; and debt to equity.
    revenue_growth numeric,
    operating_margin numeric,
    debt_to_equity numeric,
    dilution numeric,
    fundamentals_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
insert into universe_assets (symbol, name, exchange)
values ('AAPL', 'Apple Inc.', 'NASDAQ'),
       ('FB', 'Meta Platforms, Inc. (formerly Facebook)', 'NASDAQ'),
       ('GOOG', 'Alphabet Inc. Class C', 'NASDAQ'),
       ('IBM', 'International Business Machines Corporation', 'NYSE'),
       ('MSFT', 'Microsoft Corporation', 'NASDAQ');
-- What a user's agent may buy: only what the user approved.
create table universe_candidates (
    user_id uuid not null references users on delete cascade,
    symbol text not null references universe_assets on delete cascade,
    status text not null default 'NEW' check (status in ('NEW', 'WATCHLIST', 'APPROVED', 'REJECTED')),
    tier text not null check (tier in ('A', 'B', 'C')),
    liquidity_score numeric not null,
    growth_score numeric,
    quality_score numeric,
    score numeric not null check (score between 0 and 1),
    rationale text not null,
    -- When the agent last looked at it: rotation takes the one that waited longest.
    looked_at timestamptz,
    decided_by uuid references users on delete set null,
    decided_at timestamptz,
    trace_id text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    primary key (user_id, symbol)
);
create index universe_candidates_status on universe_candidates (user_id, status, score desc);

create table watchlists (
    watchlist_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    name text not null check (name <> ''),
    description text,
    is_default boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create index watchlists_user on watchlists (user_id, created_at);
create unique index watchlists_default on watchlists (user_id) where is_default;
create table watchlist_symbols (
    watchlist_id uuid not null references watchlists on delete cascade,
    symbol text not null check (symbol <> ''),
    notes text,
    tags text[] not null default '{}',
    added_at timestamptz not null default clock_timestamp(),
    primary key (watchlist_id, symbol)
);
