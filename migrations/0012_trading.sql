-- Orders, what came of them, what is held, and the limits within which all that happens.
-- Orders, fills and positions belong to users; the account at the broker is one for all.

create table orders (
    order_id uuid primary key,
    user_id uuid not null references users,
    -- Derived from order_id once, and sent with every attempt: the broker refuses a second order.
    client_order_id text not null unique,
    broker text not null default 'alpaca',
    broker_order_id text unique,
    -- The entry that this leg came with.
    parent_order_id uuid references orders,
    -- The order that this one is to take the place of.
    replaces_order_id uuid references orders,
    symbol text not null check (symbol <> ''),
    side text not null check (side in ('buy', 'sell')),
    order_type text not null check (order_type in ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
    time_in_force text not null check (time_in_force in ('day', 'gtc', 'opg', 'cls', 'ioc', 'fok')),
    order_class text not null default 'simple' check (order_class in ('simple', 'bracket', 'oco', 'oto')),
    qty numeric check (qty > 0),
    notional numeric check (notional > 0),
    limit_price numeric check (limit_price > 0),
    stop_price numeric check (stop_price > 0),
    trail_price numeric check (trail_price > 0),
    trail_percent numeric check (trail_percent > 0),
    take_profit_limit_price numeric check (take_profit_limit_price > 0),
    stop_loss_stop_price numeric check (stop_loss_stop_price > 0),
    stop_loss_limit_price numeric check (stop_loss_limit_price > 0),
    extended_hours boolean not null default false,
    status text not null default 'pending' check (status in (
        'pending', 'submitting', 'pending_new', 'accepted', 'accepted_for_bidding', 'pending_review', 'held',
        'new', 'partially_filled', 'stopped', 'suspended', 'calculated', 'done_for_day', 'pending_cancel',
        'pending_replace', 'halted', 'filled', 'canceled', 'rejected', 'expired', 'replaced')),
    filled_qty numeric not null default 0 check (filled_qty >= 0),
    filled_avg_price numeric check (filled_avg_price > 0),
    origin text not null check (origin in ('user', 'close', 'liquidation', 'cycle', 'broker')),
    -- An exit: it may be sent while trading is being reduced.
    reduces boolean not null default false,
    strategy_id uuid references strategies on delete set null,
    decision_id uuid,
    trace_id text,
    -- The job that sends it.
    job_id uuid,
    -- Why it was refused, halted, or ended by us: a rule or code, and words.
    reject_code text,
    reject_message text,
    cancel_requested_at timestamptz,
    cancel_reason text,
    -- When an attempt last began to send it: from then on the broker may have it.
    last_sent_at timestamptz,
    submitted_at timestamptz,
    filled_at timestamptz,
    expired_at timestamptz,
    canceled_at timestamptz,
    failed_at timestamptz,
    -- When the broker last changed it, as it said.
    broker_updated_at timestamptz,
    raw jsonb,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    check (num_nonnulls(qty, notional) = 1),
    check (num_nonnulls(trail_price, trail_percent) <= 1)
);
create index orders_owner on orders (user_id, created_at desc, order_id desc);
create index orders_open on orders (user_id, symbol)
    where status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced');
create index orders_symbol on orders (symbol, created_at desc);
create index orders_parent on orders (parent_order_id) where parent_order_id is not null;
create index orders_replaces on orders (replaces_order_id) where replaces_order_id is not null;
create index orders_decision on orders (decision_id) where decision_id is not null;

-- One row for each growth of an order's filled quantity that was noticed. An exit's realized_pnl is
-- what the trade gained; null for an entry.
create table fills (
    fill_id uuid primary key,
    -- Rows are read in the order in which they were made.
    seq bigint generated always as identity unique,
    order_id uuid not null references orders,
    user_id uuid not null references users,
    symbol text not null,
    side text not null check (side in ('buy', 'sell')),
    qty numeric not null check (qty > 0),
    price numeric not null check (price > 0),
    occurred_at timestamptz not null,
    realized_pnl numeric,
    -- The position after it; below zero when short.
    position_qty numeric not null,
    source text not null check (source in ('stream', 'poll', 'ack')),
    broker_execution_id text,
    raw jsonb,
    recorded_at timestamptz not null default clock_timestamp()
);
create index fills_owner on fills (user_id, occurred_at desc, fill_id desc);
create index fills_order on fills (order_id);

-- What a user holds, by our own records; no row: nothing.
create table positions (
    user_id uuid not null references users,
    symbol text not null check (symbol <> ''),
    -- Below zero when short.
    qty numeric not null check (qty <> 0),
    avg_entry_price numeric not null check (avg_entry_price > 0),
    -- Gained since it was opened, by the parts that were closed.
    realized_pnl numeric not null default 0,
    opened_at timestamptz not null,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (user_id, symbol)
);
create index positions_symbol on positions (symbol);

-- What the broker last said about the account; one row.
create table broker_state (
    id smallint primary key default 1 check (id = 1),
    account jsonb,
    clock jsonb,
    synced_at timestamptz,
    clock_at timestamptz,
    -- Somebody reads the account since then: the others make do with what is there.
    reading_at timestamptz,
    error text,
    error_at timestamptz
);
insert into broker_state default values;

create table broker_positions (
    symbol text primary key,
    qty numeric not null,
    qty_available numeric not null,
    avg_entry_price numeric not null,
    current_price numeric,
    market_value numeric,
    cost_basis numeric not null,
    unrealized_pl numeric,
    raw jsonb not null,
    synced_at timestamptz not null default clock_timestamp()
);

create table broker_assets (
    symbol text primary key,
    -- Whether the broker knows it at all.
    known boolean not null,
    tradable boolean not null,
    fractionable boolean not null,
    shortable boolean not null,
    raw jsonb,
    synced_at timestamptz not null default clock_timestamp()
);

-- The last trade that was seen, for the price collar.
create table prices (
    symbol text primary key,
    price numeric not null check (price > 0),
    at timestamptz not null,
    seen_at timestamptz not null default clock_timestamp()
);

create table risk_settings (
    user_id uuid primary key references users on delete cascade,
    max_position_size_percent numeric not null default 10 check (max_position_size_percent > 0),
    max_total_exposure_percent numeric not null default 50 check (max_total_exposure_percent > 0),
    max_positions_count integer not null default 10 check (max_positions_count > 0),
    daily_loss_limit_percent numeric not null default 5 check (daily_loss_limit_percent > 0),
    -- Money an order may be worth; null: no such limit.
    max_notional numeric check (max_notional > 0),
    price_collar_percent numeric not null default 10 check (price_collar_percent > 0),
    duplicate_window_s integer not null default 5 check (duplicate_window_s >= 0),
    allow_short boolean not null default false,
    trading_state text not null default 'active' check (trading_state in ('active', 'reducing', 'halted')),
    kill_switch boolean not null default false,
    kill_switch_reason text,
    kill_switch_at timestamptz,
    version integer not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);

-- No new exposure for a while: of a user or of everybody, in a symbol or in all.
create table risk_locks (
    lock_id uuid primary key,
    user_id uuid references users on delete cascade,
    symbol text,
    until timestamptz not null,
    reason text not null,
    created_by uuid references users on delete set null,
    created_at timestamptz not null default clock_timestamp()
);
create index risk_locks_until on risk_locks (until);

-- The operators' own switch for everybody; one row.
create table platform_state (
    id smallint primary key default 1 check (id = 1),
    trading_state text not null default 'active' check (trading_state in ('active', 'reducing', 'halted')),
    reason text,
    changed_by uuid references users on delete set null,
    changed_at timestamptz not null default clock_timestamp()
);
insert into platform_state default values;

create table reconciliations (
    reconciliation_id uuid primary key,
    trigger text not null check (trigger in ('schedule', 'user', 'stream')),
    user_id uuid references users on delete set null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    status text not null default 'running' check (status in ('running', 'completed', 'failed')),
    broker_positions integer not null default 0,
    db_positions integer not null default 0,
    synced integer not null default 0,
    added integer not null default 0,
    removed integer not null default 0,
    conflicts jsonb not null default '[]',
    corrections jsonb not null default '[]',
    total_value numeric,
    duration_ms integer,
    error text,
    check ((finished_at is not null) = (status <> 'running'))
);
create index reconciliations_time on reconciliations (started_at desc);

-- A request that changes something is answered the same when it is sent again. The record, what the
-- request did and its answer commit together.
create table idempotency_keys (
    user_id uuid not null references users on delete cascade,
    key text not null check (key <> ''),
    method text not null,
    path text not null,
    body_hash bytea not null check (length(body_hash) = 32),
    status smallint,
    response jsonb,
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    primary key (user_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
