//! Speed of the engine on AAPL's 3,270 adjusted bars, on one thread.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::backtest::{Config, Fees, Simulation, Strategy, Sweep, run};
use domain::bars::{Provenance, Series};

fn aapl() -> Series {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../market_data/ohlcv/adjusted/AAPL.csv");
    let text = std::fs::read_to_string(path).expect("the project holds AAPL's bars");
    let mut out = Series { symbol: "AAPL".to_owned(), ..Series::default() };
    for line in text.lines().skip(1) {
        let (date, numbers) = line.split_once(',').expect("a row has fields");
        let numbers: Vec<f64> = numbers.split(',').map(|n| n.parse().expect("a price is a number")).collect();
        out.dates.push(date.parse().expect("a date is a date"));
        out.open.push(numbers[0]);
        out.high.push(numbers[1]);
        out.low.push(numbers[2]);
        out.close.push(numbers[3]);
        out.volume.push(numbers[4]);
        out.provenance.push(Provenance::Real);
    }
    out
}

fn config() -> Config {
    let fees = Fees { fraction: 0.001, ..Fees::default() };
    Config { fees, ..Config::new(Strategy::MovingAverageCrossover { fast: 10, slow: 50 }, 100_000.0) }
}

fn engine(criterion: &mut Criterion) {
    let series = [aapl()];
    let bars = series[0].len() as u64;

    let mut single = criterion.benchmark_group("single");
    single.throughput(Throughput::Elements(bars));
    single.bench_function("run, trades and all metrics", |bench| {
        bench.iter(|| run(black_box(&config()), black_box(&series)).expect("a valid run"));
    });
    single.bench_function("event by event, trades and all metrics", |bench| {
        bench.iter(|| {
            Simulation::new(black_box(&config()), black_box(&series)).expect("a valid run").finish()
        });
    });
    single.finish();

    let pairs: Vec<(usize, usize)> =
        (5..25).flat_map(|fast| (30..=220).step_by(10).map(move |slow| (fast, slow))).collect();
    let windows: Vec<usize> = pairs.iter().flat_map(|&(fast, slow)| [fast, slow]).collect();
    let mut grid = criterion.benchmark_group("sweep");
    grid.throughput(Throughput::Elements(bars * pairs.len() as u64));
    grid.bench_function("400 crossovers, means included", |bench| {
        bench.iter(|| {
            let sweep = Sweep::new(black_box(&config()), &series[0], &windows).expect("a valid run");
            let mut trades = Vec::new();
            pairs
                .iter()
                .map(|&(fast, slow)| {
                    let strategy = Strategy::MovingAverageCrossover { fast, slow };
                    sweep.evaluate(strategy, &mut trades).expect("a valid pair").final_equity
                })
                .sum::<f64>()
        });
    });
    grid.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
