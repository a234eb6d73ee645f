//! What the README says of the queue: its promise, and its own column beside other queues.

use jobs::config::Config;

use super::{promises::tests, statements::text};

/// A row of the table, what it says of Capstan, and the tests that hold Capstan to it.
type Row = (&'static str, String, &'static [&'static str]);

fn rows() -> Vec<Row> {
    let queue = Config::for_profile("production", false).expect("a profile of the tree").queue;
    let yes = || "yes".to_owned();
    vec![
        (
            "Enqueue in the caller's transaction",
            yes(),
            &["a_job_appears_when_its_transaction_commits_and_not_when_it_rolls_back"],
        ),
        (
            "A crashed worker's job runs again after (default)",
            "≤ 15 s, a second time ≤ 17 s".to_owned(),
            &[
                "the_defaults_bring_a_lost_job_back_within_fifteen_seconds_and_the_second_time_within_seventeen",
                "lost_jobs_come_back_spread_over_two_seconds_and_the_second_time_over_four",
            ],
        ),
        (
            "Write of a stale attempt refused",
            yes(),
            &[
                "no_outcome_of_a_stale_attempt_is_written",
                "a_stale_attempt_does_not_renew_the_lease_of_another",
            ],
        ),
        (
            "Crash budget, quarantine",
            format!("yes, {}", queue.crash_budget),
            &["a_job_that_lost_its_process_too_often_is_quarantined"],
        ),
        (
            "Unknown outcome as a state (probe, resolve)",
            yes(),
            &[
                "an_unsure_effect_waits_for_a_decision_and_is_not_retried",
                "a_look_that_finds_the_effect_completes_the_job",
                "a_job_in_doubt_is_resolved_three_ways_and_no_other_job_is",
            ],
        ),
        ("Expiry: does not run late", yes(), &["a_job_past_its_time_expires_instead_of_running_late"]),
        (
            "Unique key: what the later one does",
            "return, replace, reject".to_owned(),
            &[
                "a_unique_key_is_held_by_one_unfinished_job_and_free_again_afterwards",
                "replace_gives_the_waiting_job_the_new_payload",
                "reject_names_the_holder",
            ],
        ),
        (
            "Strict FIFO per key, failure blocks",
            "yes, until discarded".to_owned(),
            &[
                "jobs_of_a_fifo_key_run_one_at_a_time_in_order",
                "a_failing_head_holds_up_its_key_until_it_is_through",
                "a_quarantined_head_holds_up_its_key_until_it_is_discarded",
            ],
        ),
        (
            "Fleet-wide limit per key: concurrency / rate",
            "yes / yes".to_owned(),
            &["a_limit_holds_over_the_whole_fleet", "a_rate_spreads_jobs_out"],
        ),
        (
            "Pause / resize across the fleet at run time",
            "yes / yes".to_owned(),
            &["a_paused_queue_rests_until_it_is_resumed", "slots_set_through_the_api_reach_running_workers"],
        ),
        (
            "Schedules: edited at run time; misfire; overlap; zone",
            "yes; yes; yes; yes".to_owned(),
            &[
                "a_schedule_is_made_changed_paused_and_resumed",
                "missed_ticks_are_made_up_for_as_the_policy_says",
                "a_tick_is_left_out_while_the_earlier_one_still_runs",
                "ticks_follow_the_zone_and_its_changes_of_clock",
            ],
        ),
        ("Durable steps inside a job", yes(), &["a_retried_job_resumes_after_its_last_step"]),
        ("Jobs that wait for jobs", yes(), &["a_job_runs_after_all_its_predecessors_however_they_end"]),
        (
            "Attempts kept",
            "all".to_owned(),
            &[
                "a_failure_waits_out_its_backoff_and_every_attempt_is_kept",
                "every_attempt_says_who_when_and_why",
            ],
        ),
        (
            "\"Why is it not running?\" answered",
            yes(),
            &["a_job_waits_for_its_time_for_a_worker_or_for_its_queue", "a_job_waits_for_others"],
        ),
        (
            "Finished jobs",
            format!("drop partition, {} d", queue.retention_days),
            &["days_past_their_retention_are_dropped_whole"],
        ),
    ]
}

#[test]
fn the_readme_states_the_promise_word_for_word() {
    let promise = "A committed job is never lost and runs at least once; no write of a stale attempt succeeds; \
                   a job is finished at most once; an effect outside Postgres happens once where the other side \
                   honours the job's idempotency key. Not promised: exactly-once running.";
    let readme = text("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(readme.contains(promise), "the README says something else");
}

#[test]
fn what_the_readme_says_of_capstan_beside_others_has_tests() {
    let readme = text("README.md");
    let (_, part) = readme.split_once("## Beside others").expect("the README compares");
    // The head of the table and its rule come first.
    let lines = part.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let told: Vec<(&str, &str)> = lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1], cells[2])
        })
        .collect();
    let rows = rows();
    let held: Vec<(&str, &str)> = rows.iter().map(|(row, cell, _)| (*row, cell.as_str())).collect();
    assert_eq!(told, held, "the README's table on the left, what is tested on the right");
    let known = tests();
    for (row, _, named) in &rows {
        for test in *named {
            assert!(known.contains(*test), "there is no test {test} for {row:?}");
        }
    }
}
