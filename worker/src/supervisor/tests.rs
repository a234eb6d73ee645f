//! Supervision tried on real processes.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::*;

fn shell(name: &str, script: &str) -> ChildSpec {
    ChildSpec::of(PathBuf::from("/bin/sh"), name, ["-c", script])
}

async fn line(lines: &mut mpsc::UnboundedReceiver<String>) -> String {
    let line = tokio::time::timeout(Duration::from_mins(1), lines.recv()).await;
    line.expect("a line in time").expect("the child lives")
}

#[tokio::test]
async fn a_child_that_exits_is_started_again_with_the_arguments_of_the_day() {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor::new();
    supervisor.spawn(shell("short", "echo first; read go; exit 3").lines_to(sender)).expect("sh starts");
    assert_eq!(line(&mut lines).await, "first");
    supervisor.set_arguments("short", vec!["-c".into(), "echo second; cat".into()]);
    let pid = supervisor.statuses()[0].pid.expect("it runs");
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), Signal::SIGKILL).expect("it is ours");
    assert_eq!(line(&mut lines).await, "second");
    let status = supervisor.statuses().remove(0);
    assert_eq!(status.restarts, 1);
    assert!(status.last_exit.contains("signal: 9"), "{}", status.last_exit);
    assert_eq!(supervisor.stop_all(Duration::from_secs(5)).await, 0);
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed_after_the_grace() {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor::new();
    let script = "trap '' TERM; echo up; while :; do sleep 1; done";
    supervisor.spawn(shell("stubborn", script).lines_to(sender)).expect("sh starts");
    supervisor.spawn(shell("meek", "exec cat")).expect("sh starts");
    assert_eq!(line(&mut lines).await, "up");
    let began = std::time::Instant::now();
    assert_eq!(supervisor.stop_all(Duration::from_millis(300)).await, 1);
    // By itself it would never end.
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(supervisor.statuses().iter().all(|status| status.pid.is_none()));
}

#[tokio::test]
async fn a_child_has_an_open_standard_input_while_we_live_and_knows_it_is_supervised() {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor::new();
    let script = "echo $CAPSTAN_SUPERVISED $EXTRA; cat; echo end of file";
    supervisor.spawn(shell("reader", script).env("EXTRA", "yes").lines_to(sender)).expect("sh starts");
    assert_eq!(line(&mut lines).await, "1 yes");
    let early = tokio::time::timeout(Duration::from_millis(300), lines.recv()).await;
    assert!(early.is_err(), "standard input ended early: {early:?}");
    supervisor.stop_all(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_program_that_is_missing_is_reported_at_once() {
    let mut supervisor = Supervisor::new();
    let missing = ChildSpec::of(PathBuf::from("/no/such/program"), "missing", []);
    assert!(supervisor.spawn(missing).is_err());
    assert!(supervisor.statuses().is_empty());
}
