-- Counts a user's unfinished runs without reading the finished ones.
create index backtests_unfinished on backtests (user_id) where status in ('QUEUED', 'RUNNING');
