//! Private servers, really started: creation, attaching, crashes, awkward paths.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use worker::postgres::{Cluster, ClusterOptions, DATABASE, Mode, PostgresError, testing};

/// A cluster of a test's own, gone with its data when dropped.
struct Scratch {
    root: tempfile::TempDir,
    name: &'static str,
}

impl Scratch {
    fn new(name: &'static str) -> Self {
        Self { root: tempfile::tempdir().expect("a temporary directory"), name }
    }

    fn options(&self) -> ClusterOptions {
        let settings = vec![("shared_buffers".to_owned(), "16MB".to_owned())];
        ClusterOptions { fsync: false, settings, ..ClusterOptions::new(self.root.path().join(self.name)) }
    }

    fn start(&self) -> Cluster {
        Cluster::start(self.options()).expect("the server starts")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(cluster) = Cluster::attach(&self.options().data_dir) {
            let _ = cluster.stop(Mode::Immediate);
        }
    }
}

/// Removes the files of a cluster that does not live in its data directory.
fn remove_relocated(cluster: &Cluster) {
    let home = cluster.pgdata().parent().expect("postgres-<major> is in a directory");
    std::fs::remove_dir_all(home).expect("the relocated files go too");
}

fn close(directory: &Path) {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
}

fn query(cluster: &Cluster, database: &str, statement: &str) -> String {
    let line = format!("{} -XAtqc \"{statement}\"", cluster.psql_command(database));
    let output = Command::new("timeout").args(["60", "sh", "-c", &line]).output().expect("a shell");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < end, "no {what} within 20 s");
        std::thread::yield_now();
    }
}

fn kill(signal: &str, pid: i32) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
    assert!(status.success(), "kill {signal} {pid}");
}

#[test]
fn a_cluster_is_created_attached_to_stopped_and_keeps_its_rows() {
    let scratch = Scratch::new("plain");
    let first = scratch.start();
    assert!(!first.attached);
    first.ensure_database(DATABASE).expect("it is created");
    first.ensure_database(DATABASE).expect("it exists");
    query(&first, DATABASE, "create table kept as select 7 as n");
    assert_eq!(query(&first, DATABASE, "show server_encoding"), "UTF8");
    assert_eq!(query(&first, DATABASE, "show listen_addresses"), "");
    assert_eq!(query(&first, DATABASE, "show max_connections"), "200");

    let second = scratch.start();
    assert!(second.attached);
    assert_eq!((second.pid(), second.url("x")), (first.pid(), first.url("x")));

    first.stop(Mode::Fast).expect("it stops");
    assert!(Cluster::attach(&scratch.options().data_dir).is_none());
    assert!(!first.socket_dir().exists(), "the socket's directory is removed");
    first.stop(Mode::Fast).expect("stopping twice is fine");
    let again = scratch.start();
    assert!(!again.attached);
    assert_eq!(query(&again, DATABASE, "select n from kept"), "7");
}

#[test]
fn of_concurrent_first_starts_one_creates_and_the_others_attach() {
    let scratch = Scratch::new("shared");
    let clusters: Vec<Cluster> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| scratch.start())).collect();
        starts.into_iter().map(|start| start.join().expect("no panic")).collect()
    });
    assert_eq!(clusters.iter().filter(|cluster| !cluster.attached).count(), 1);
    assert!(clusters.iter().all(|cluster| cluster.pid() == clusters[0].pid()));
    std::thread::scope(|scope| {
        for cluster in &clusters {
            scope.spawn(|| cluster.ensure_database("one_for_all").expect("created once, accepted by all"));
        }
    });
}

#[test]
fn a_killed_server_recovers_even_while_a_backend_of_it_lives_on() {
    let scratch = Scratch::new("killed");
    let first = scratch.start();
    query(&first, "postgres", "create table kept as select 7 as n");
    let spinner = format!(
        "{} -XAtqc 'do $$ begin loop null; end loop; end $$' 2>/dev/null",
        first.psql_command("postgres")
    );
    let mut busy = Command::new("sh").args(["-c", &spinner]).spawn().expect("a shell");
    let spinning = "select count(*) from pg_stat_activity where query like 'do %' and state = 'active'";
    until("busy backend", || query(&first, "postgres", spinning) == "1");

    kill("-9", first.pid());
    let began = Instant::now();
    until("end of the postmaster", || Cluster::attach(&scratch.options().data_dir).is_none());
    let again = scratch.start();
    assert!(!again.attached);
    assert!(began.elapsed() < Duration::from_mins(1), "took {:?}", began.elapsed());
    assert_eq!(query(&again, "postgres", "select n from kept"), "7");
    let _ = busy.wait();
}

#[test]
fn a_pid_file_that_names_a_living_stranger_is_removed() {
    let scratch = Scratch::new("stale");
    let first = scratch.start();
    let pid_file = first.pgdata().join("postmaster.pid");
    let text = std::fs::read_to_string(&pid_file).expect("it is there");
    first.stop(Mode::Fast).expect("it stops");
    let stranger = std::process::id().to_string();
    let stale = text.replacen(&first.pid().to_string(), &stranger, 1);
    std::fs::write(&pid_file, stale).expect("it is written");
    assert!(Cluster::attach(&scratch.options().data_dir).is_none());
    assert!(!scratch.start().attached);
}

#[test]
fn awkward_paths_work_with_spaces_quotes_dollars_and_great_length() {
    let long: &'static str = Box::leak("very/long/".repeat(30).into_boxed_str());
    for name in ["a path with spaces", "it's a 'quote'", "costs $HOME \"quoted\" `id`", long] {
        let scratch = Scratch::new(name);
        let cluster = scratch.start();
        assert!(cluster.socket_dir().as_os_str().len() < 90, "{}", cluster.socket_dir().display());
        assert_eq!(query(&cluster, "postgres", "select 1"), "1", "{name}");
        assert!(scratch.start().attached, "{name}");
        cluster.stop(Mode::Immediate).expect("it stops");
        if !cluster.pgdata().starts_with(scratch.root.path().canonicalize().expect("it exists")) {
            remove_relocated(&cluster);
        }
    }
}

#[test]
fn a_closed_data_directory_is_opened_just_enough_or_passed_over() {
    let scratch = Scratch::new("inner");
    close(scratch.root.path());
    let own = ClusterOptions { data_dir: scratch.root.path().to_owned(), ..scratch.options() };
    let cluster = Cluster::start(own).expect("only the directory's own mode is in the way");
    assert!(cluster.pgdata().starts_with(scratch.root.path().canonicalize().expect("it exists")));
    cluster.stop(Mode::Immediate).expect("it stops");

    close(scratch.root.path());
    let below = scratch.start();
    assert_eq!(query(&below, "postgres", "select 1"), "1");
    assert_eq!(scratch.start().pid(), below.pid(), "the note is found again");
    below.stop(Mode::Immediate).expect("it stops");
    if !below.pgdata().starts_with(scratch.root.path().canonicalize().expect("it exists")) {
        remove_relocated(&below);
    }
}

#[test]
fn a_server_that_cannot_start_shows_its_last_words() {
    let scratch = Scratch::new("broken");
    let mut options = scratch.options();
    options.settings.push(("shared_preload_libraries".to_owned(), "no_such_library".to_owned()));
    let failure = Cluster::start(options).expect_err("the library is missing");
    assert!(matches!(failure, PostgresError::Start { .. }));
    assert!(failure.to_string().contains("no_such_library"), "{failure}");
}

#[test]
fn the_socket_and_the_rows_are_private() {
    let scratch = Scratch::new("private");
    let cluster = scratch.start();
    for directory in [cluster.socket_dir(), cluster.pgdata()] {
        let mode = std::fs::metadata(directory).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", directory.display());
    }
    assert_eq!(
        query(&cluster, "postgres", "select count(*) from pg_hba_file_rules where type <> 'local'"),
        "0"
    );
}

#[test]
fn the_shared_cluster_is_one_for_all_callers() {
    let first = testing::shared_cluster().expect("it starts");
    let second = testing::shared_cluster().expect("it runs");
    assert_eq!(first.pid(), second.pid());
    assert_eq!(query(&first, "postgres", "show fsync"), "off");
    assert!(first.pgdata().starts_with(testing::directory()) || !Path::new("/proc").exists());
}
