//! Counting and printing, line for line as in the integration report.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;

/// The longest that one test may take; a hang is a failure, not a hanging suite.
const LIMIT: Duration = Duration::from_mins(4);

/// What has run so far.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    flow: &'static str,
    flows: usize,
    passed: usize,
    failed: usize,
}

impl Report {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), flow: "", flows: 0, passed: 0, failed: 0 }
    }

    /// Opens a flow: the tests that follow belong to it.
    pub(crate) fn flow(&mut self, title: &'static str) {
        self.flow = title;
        self.flows += 1;
        println!("[INFO] Starting {title}...");
    }

    /// Opens a group of tests that is no flow of the report.
    pub(crate) fn group(&mut self, title: &'static str) {
        self.flow = title;
    }

    /// Runs one test of the current flow and prints how it went.
    pub(crate) async fn check(&mut self, name: &str, test: impl Future<Output = Result<()>>) {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(LIMIT, test).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err(format!("not finished within {} s", LIMIT.as_secs())),
        };
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("[PASS] {}: {name} ({}ms)", self.flow, started.elapsed().as_millis());
            }
            Err(reason) => {
                self.failed += 1;
                println!("[FAIL] {}: {name}: {reason}", self.flow);
            }
        }
    }

    /// Prints the summary and returns whether everything passed.
    pub(crate) fn finish(self) -> bool {
        let Self { flows, passed, failed, .. } = self;
        let result = if failed == 0 { "✓ PASSED" } else { "✗ FAILED" };
        println!("\nSUMMARY\n-------");
        println!("Total Flows: {flows}");
        println!("Total Tests: {}", passed + failed);
        println!("Passed: {passed}");
        println!("Failed: {failed}");
        println!("Duration: {}ms", self.started.elapsed().as_millis());
        println!("Overall Result: {result}");
        println!("\n{passed} passed, {failed} failed");
        failed == 0
    }
}
