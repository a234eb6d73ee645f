//! Nothing decided on a bar may depend on a later one.

use domain::backtest::{Config, Mask, Signals, Simulation, run};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use crate::sample::{any_configs, cut, strategies, walks};

fn bits(mask: &Mask, to: usize) -> Vec<bool> {
    (0..to).map(|bar| mask.get(bar)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn signals_up_to_a_cut_do_not_change_when_the_rest_is_cut_off(
        series in walks(90), strategy in strategies(), at in 0.0_f64..1.0,
    ) {
        let len = cut_length(series.len(), at);
        let (whole, part) = (Signals::new(&strategy, &series), Signals::new(&strategy, &cut(&series, len)));
        prop_assert_eq!(bits(&whole.entry, len), bits(&part.entry, len));
        prop_assert_eq!(bits(&whole.exit, len), bits(&part.exit, len));
    }

    #[test]
    fn fills_and_equity_up_to_a_cut_do_not_change_when_the_rest_is_cut_off(
        series in walks(90), config in any_configs(), at in 0.0_f64..1.0,
    ) {
        // The end of the data is itself an event when positions are closed there.
        let config = Config { close_at_end: false, ..config };
        let len = cut_length(series.len(), at);
        let whole = run(&config, std::slice::from_ref(&series)).expect("the configuration is valid");
        let part = run(&config, &[cut(&series, len)]).expect("the configuration is valid");
        let before: Vec<_> = whole.events.iter().filter(|event| event.bar < len).copied().collect();
        prop_assert_eq!(before, part.events);
        prop_assert_eq!(&whole.equity[..len], &part.equity[..]);
        prop_assert_eq!(&whole.cash[..len], &part.cash[..]);
    }

    #[test]
    fn running_in_chunks_gives_the_same_report(series in walks(90), config in any_configs(), chunk in 1_usize..20) {
        let series = [series];
        let whole = Simulation::new(&config, &series).expect("the configuration is valid").finish();
        let mut chunked = Simulation::new(&config, &series).expect("the configuration is valid");
        let mut progress = 0.0;
        while chunked.done() < chunked.bars() {
            chunked.step_until(chunked.done() + chunk);
            prop_assert!(chunked.progress() > progress);
            progress = chunked.progress();
        }
        prop_assert_eq!(whole, chunked.finish());
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn cut_length(len: usize, at: f64) -> usize {
    (len as f64 * at) as usize
}
