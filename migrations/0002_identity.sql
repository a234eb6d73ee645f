-- Who may sign in, their sessions, and the record of what they changed.
create table users (
    user_id uuid primary key,
    username text not null,
    email text,
    password_hash text not null,
    is_admin boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create unique index users_username on users (lower(username));
create unique index users_email on users (lower(email)) where email is not null;

-- Only the SHA-256 of a token is kept.
create table sessions (
    token_hash bytea primary key check (length(token_hash) = 32),
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    address text,
    user_agent text
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

-- Failed sign-ins per account and per address, shared by every API process.
create table sign_in_failures (
    subject text primary key,
    failures integer not null,
    last_failed_at timestamptz not null,
    blocked_until timestamptz not null
);

create table audit_log (
    audit_id bigint generated always as identity primary key,
    recorded_at timestamptz not null default clock_timestamp(),
    actor_id uuid references users on delete set null,
    action text not null,
    resource text not null,
    resource_id text,
    reason text,
    before jsonb,
    after jsonb,
    address text,
    trace_id text
);
create index audit_log_resource on audit_log (resource, resource_id, audit_id);
create index audit_log_actor on audit_log (actor_id, audit_id);
