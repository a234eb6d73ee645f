//! A data directory without space (C9). Needs root, for a small file system of its own.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use jobs::queue::{Enqueue, enqueue};
use rand::Rng;
use reqwest::{Client, StatusCode};
use serde_json::json;
use sqlx::Connection;
use suites::{Capstan, LedgerOptions, LedgerServer, eventually};
use uuid::Uuid;

use super::{
    fleet::{self, Fleet, STARTED, entry},
    server::{Server, directory},
    tier::{rng, say},
};

const RECOVERED: Duration = Duration::from_secs(90);

/// A file system in memory, unmounted with this value.
struct Small {
    path: std::path::PathBuf,
}

impl Small {
    /// Mounts one of `mib` MiB on `path`; `None` when this process may not.
    fn mount(path: &Path, mib: u32) -> Option<Self> {
        let size = format!("size={mib}m,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        let path = path.to_owned();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self { path })
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let ballast = File::options().append(true).create(true).open(self.path.join("ballast"));
        // No inode is left either when even that fails.
        let Ok(mut ballast) = ballast else { return };
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Gives a little back.
    fn loosen(&self) {
        let ballast = File::options().write(true).open(self.path.join("ballast")).expect("it is there");
        let len = ballast.metadata().expect("it has a length").len();
        ballast.set_len(len.saturating_sub(512 * 1024)).expect("it can be cut");
    }

    fn free(&self) {
        fs::remove_file(self.path.join("ballast")).expect("the ballast can be thrown off");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a server that is about to end may still be in it.
        if let Err(error) = Command::new("umount").arg("-l").arg(&self.path).status() {
            eprintln!("a test's file system stays mounted: {error}");
        }
        // Its mount point outlived the directory around it, which could not go while it was in use.
        for leftover in self.path.ancestors().take(2) {
            let _ = fs::remove_dir(leftover);
        }
    }
}

/// Signs somebody up; returns the status.
async fn sign_up(client: &Client, url: &str, name: &str) -> (StatusCode, String) {
    let body = json!({"username": name, "password": "Test123456!"});
    let answer = client.post(format!("{url}/api/auth/signup")).json(&body).send().await;
    let answer = answer.expect("the API answers, whatever it says");
    (answer.status(), answer.text().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_survives_a_full_disk_and_the_rest_is_refused() {
    let directory = directory();
    let path = directory.path().join("small");
    fs::create_dir(&path).expect("a directory in a new directory");
    let Some(disk) = Small::mount(&path, 176) else {
        say("NOT RUN: a full data directory (mounting a small file system needs root)");
        return;
    };
    let settings = [
        ("min_wal_size", "32MB"),
        ("max_wal_size", "64MB"),
        ("shared_buffers", "16MB"),
        ("autovacuum", "off"),
    ];
    let mut server = Server::start_in(directory, &path, &settings).await;
    let pool = server.pool();
    let mut api = Capstan::api(&server.url()).start();
    let url = api.url(STARTED).await;
    let client =
        Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().expect("a plain client");
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let mut fleet = Fleet::new(&server.url(), "ledger=4").with(1).await;

    let mut users = Vec::new();
    let mut refused = 0;
    for _ in 0..5 {
        let name = format!("u{}", Uuid::new_v4().simple());
        let (status, body) = sign_up(&client, &url, &name).await;
        assert!(status.is_success(), "{status} {body}");
        users.push(name);
    }
    let mut entries = fleet::enqueue_like(&pool, &entry(&ledger), 20).await;
    disk.fill();
    // Until the log needs space, there is none to miss: hurry it on.
    let hog = sqlx::raw_sql(
        "create table if not exists hog (filling text);
         alter table hog alter filling set storage external;
         insert into hog select repeat(md5(n::text), 3000) from generate_series(1, 800) as n",
    );
    let full = hog.execute(&pool).await;
    assert!(full.is_err(), "there was space for everything: {full:?}");
    let began = Instant::now();
    let mut rng = rng("disk full");
    while refused < 8 {
        assert!(began.elapsed() < Duration::from_mins(2), "{} accepted, {refused} refused", users.len());
        let name = format!("u{}", Uuid::new_v4().simple());
        match sign_up(&client, &url, &name).await {
            (status, _) if status.is_success() => users.push(name),
            (StatusCode::SERVICE_UNAVAILABLE, _) => refused += 1,
            (status, body) => panic!("neither taken nor 503: {status} {body}"),
        }
        let job = entry(&ledger);
        if let Ok(mut conn) = pool.acquire().await
            && enqueue(&mut conn, &job, Enqueue::default()).await.is_ok()
        {
            entries.push(job.entry_id);
        }
        // Now and then there is room for something, and somebody else takes it.
        if rng.random() {
            disk.loosen();
            continue;
        }
        disk.fill();
        let more = "insert into hog select repeat(md5(n::text), 3000) from generate_series(1, 50) as n";
        let _ = sqlx::raw_sql(more).execute(&pool).await;
    }
    disk.free();
    let freed = Instant::now();
    // A server that gave up for want of space is somebody's to start; otherwise this finds it running.
    server.start_again().await;
    eventually("the API takes writes again", RECOVERED.saturating_sub(freed.elapsed()), async || {
        let name = format!("u{}", Uuid::new_v4().simple());
        let (status, body) = sign_up(&client, &url, &name).await;
        if status.is_success() {
            users.push(name);
            return Ok(());
        }
        Err((status, body))
    })
    .await;
    let took = freed.elapsed();
    let job = entry(&ledger);
    entries.push(job.entry_id);
    fleet::put(&pool, &job).await;
    fleet::drained(&pool, "ledger", RECOVERED).await;
    fleet::assert_once(&pool, &ledger, &entries).await;
    let mut conn = sqlx::PgConnection::connect(&server.url()).await.expect("the server is back");
    let there: i64 = sqlx::query_scalar("select count(*) from users where username = any($1)")
        .bind(&users)
        .fetch_one(&mut conn)
        .await
        .expect("the database answers");
    assert_eq!(usize::try_from(there), Ok(users.len()), "somebody was promised an account and has none");
    assert!(api.exited().is_none() && fleet.alive(), "a process ended with the space");
    say(&format!(
        "disk full: {refused} refused with 503, {} accounts and {} jobs survived, back {took:.1?} after",
        users.len(),
        entries.len()
    ));
}
