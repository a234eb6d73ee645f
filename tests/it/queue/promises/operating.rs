//! What the queue promises of its storage, its speed and its operation.

/// In the form of [`super::PROMISES`].
pub(super) const ROWS: &str = "
# hot and cold
the hot table holds unfinished jobs only
    what_has_ended_is_cold_and_has_its_time_and_what_has_not_is_hot
finished jobs by day, retention drops a partition
    days_past_their_retention_are_dropped_whole
    a_day_whose_rows_came_before_its_partition_gets_one_with_them
no mass deletion
    nothing_deletes_or_changes_what_has_finished
counts are exact below a cap and marked above it
    above_the_cap_the_depth_is_an_estimate_and_says_so

# speed
never more in hand than slots and a small margin
    the_margin_follows_the_handlers
    one_slow_handler_ends_the_hoarding
    no_more_than_the_free_slots_is_claimed_of_work_that_takes_its_time
batched acknowledgements, no transaction of its own for a job
    outcomes_of_many_jobs_are_committed_together
no wait for company when idle
    an_idle_worker_commits_an_outcome_without_waiting_for_company
a handful of connections
    sixty_handlers_share_two_dozen_connections
one listener a process
    a_worker_process_listens_on_one_connection
durable as configured
    nothing_of_the_product_relaxes_durability
no NOTIFY in the caller's transaction
    an_enqueue_itself_notifies_nobody
the claim index in claim order, its predicate spelled with literals
    the_index_of_the_claim_is_in_claim_order_and_partial
    one_plan_fits_all_large_claims_and_finds_rows_by_their_place
no row triggers
    no_table_of_the_queue_has_a_trigger

# admin API
session and capability, or a key with a scope
    nobody_comes_in_without_a_session_and_no_user_without_a_capability
    a_key_may_do_what_its_scopes_say_and_leaves_its_name
    a_key_that_is_unknown_expired_or_revoked_opens_nothing
queues
    a_queue_shows_what_waits_what_is_done_and_who_works
pause, resume, drain
    a_paused_queue_rests_until_it_is_resumed
settings of a queue
    a_queue_is_resized_within_bounds
    an_unknown_queue_is_not_made_by_asking_for_it
jobs by keyset and filter
    pages_walk_over_waiting_and_finished_jobs_and_meet_each_once
    each_filter_finds_its_jobs
    no_filter_breaks_out_of_its_place
    what_is_no_filter_is_refused
one job
    a_job_is_shown_with_its_attempts_and_its_end
    a_jobs_log_is_kept_and_capped
why it does not run
    a_job_waits_for_its_time_for_a_worker_or_for_its_queue
    a_job_waits_for_others
    a_job_waits_for_room_under_its_limit
    a_job_without_a_living_worker_or_in_doubt_says_so
    a_running_job_says_where_and_since_when
    a_finished_job_says_whether_it_could_run_again
retry, cancel, discard, resolve
    a_retry_lets_a_waiting_job_run_now_under_its_own_id
    a_finished_job_is_repeated_once_as_a_new_job
    a_running_job_is_cancelled_not_discarded
    a_discarded_job_tells_its_kind
    a_job_in_doubt_is_resolved_three_ways_and_no_other_job_is
fork from a step
    a_fork_of_a_finished_job_reads_the_steps_before_and_does_the_others_itself
    a_fork_that_can_not_be_is_refused_and_leaves_nothing
reasons and an audit trail
    each_change_leaves_who_why_before_and_after
    a_change_without_a_good_reason_does_not_happen
    a_change_that_can_not_be_recorded_does_not_happen
bulk: preview, confirm, watch, stop
    a_previewed_retry_repeats_each_job_once_and_no_other
    a_token_counts_once_for_its_person_action_and_filter
    a_stopped_operation_touches_nothing_more
schedules
    a_schedule_is_made_changed_paused_and_resumed
    a_triggered_schedule_enqueues_now_and_once_at_a_time
    a_schedule_that_could_not_run_is_refused_and_leaves_nothing
    a_deleted_schedule_is_gone_and_its_jobs_stay
    a_payload_that_its_kind_could_not_read_is_refused_by_the_path_of_the_field
workers, leader, database
    workers_are_shown_while_they_are_seen
    the_leader_of_a_role_is_shown_with_its_term
    the_database_is_shown_with_its_tables
    an_open_transaction_shows_in_the_health_of_the_database
errors grouped by fingerprint
    a_discarded_job_has_the_fingerprint_that_its_worker_would_give_it
    failures_that_differ_in_numbers_share_a_fingerprint
metrics
    attempts_are_counted_by_what_came_of_them
    the_api_shows_requests_jobs_and_its_pool_but_nobodys_ids
    a_worker_process_shows_its_own
health
    without_a_database_the_api_says_503_and_stays_alive
    readiness_needs_every_migration
    api_and_workers_survive_a_restart_of_the_database
the older paths
    work_items_are_retried_and_given_up
    jobs_appear_under_five_words
    the_screens_read_what_they_expect

# the backend on apalis
a lost database is waited out, never passed on
    workers_survive_the_loss_of_every_connection
    api_and_workers_survive_a_restart_of_the_database
an undecodable payload ends its job and not the worker
    a_payload_that_does_not_decode_ends_its_job_and_not_the_worker
the outcome is derived from the result; a dropped attempt counts as interrupted
    an_interruption_outranks_what_the_handler_says
    a_handler_that_does_not_listen_is_dropped_after_the_grace
an outcome that is refused holds up nobody
    an_outcome_that_the_database_refuses_for_good_holds_up_nobody_else
    an_output_that_postgres_cannot_store_does_not_hold_up_the_others
claims on demand, no hoarding
    nothing_is_claimed_ahead_until_a_handler_has_been_seen
    two_claims_may_be_under_way_and_a_third_waits_until_it_pays
a timer for the next run_at
    a_due_job_starts_without_a_hint_and_long_before_the_next_poll
unfinished attempts are given back at the end of the grace
    a_hard_stop_gives_the_attempt_back_without_a_failure
    a_run_longer_than_the_grace_is_given_back_and_finished_by_another
times carry microseconds; ids are UUIDs of version 7, known before the insert
    times_carry_microseconds_and_ids_are_of_version_7
    the_id_is_the_callers_when_given
only the queue names apalis
    only_the_queue_names_apalis
without the crates that the design rules out
    none_of_the_crates_that_the_design_rules_out_is_built
what is done otherwise than designed is listed, with reasons
    the_departures_from_the_design_card_are_listed_with_their_reasons

# through PgBouncer in transaction mode
jobs run, unique keys hold, cancellations arrive
    jobs_run_are_unique_and_are_cancelled_through_a_pooler
listening and leadership go past it
    hints_and_leadership_go_past_the_pooler
a pooler that would mix up sessions is refused
    a_pooler_that_was_not_told_of_or_forgets_statements_is_refused
";
