//! The report's end-to-end suite: its flows, over HTTP only, in its output format.
//!
//! With `API_BASE_URL` it runs against that server; without, it starts `capstan dev` on a
//! directory of its own and stops it again. Takes a filter as other tests do.

mod api;
mod flows;
mod report;
mod selection;
mod target;

use std::process::ExitCode;

use report::Report;
use selection::Selection;
use target::Target;

fn main() -> ExitCode {
    let selection = Selection::from_args(std::env::args().skip(1));
    let chosen: Vec<_> = flows::ALL.iter().filter(|flow| selection.takes(flow.test)).collect();
    if selection.list {
        for flow in chosen {
            println!("{}: test", flow.test);
        }
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system gives a test two threads");
    let passed = runtime.block_on(async {
        let target = Target::open().await;
        let mut report = Report::new();
        for flow in chosen {
            report.flow(flow.title);
            (flow.run)(target.api(), &mut report).await;
        }
        target.close(&mut report).await;
        report.finish()
    });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
