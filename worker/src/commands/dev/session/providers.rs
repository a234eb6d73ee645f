//! How the processes reach the providers of data that the simulated exchange plays too.

/// What every connector is told: where it is, that it is on, and that nobody counts its requests.
macro_rules! provider {
    ($section:literal, $url:expr, $path:literal) => {
        [
            (concat!("CAPSTAN__CONNECTORS__", $section, "__BASE_URL"), format!("{}{}", $url, $path)),
            (concat!("CAPSTAN__CONNECTORS__", $section, "__ENABLED"), "true".to_owned()),
            (concat!("CAPSTAN__CONNECTORS__", $section, "__REQUESTS_PER_MINUTE"), "6000".to_owned()),
        ]
    };
}

/// Returns the variables that lead every connector to the exchange at `url`, which knows `key`.
///
/// A key of the user's own is replaced too: real prices would not fit the exchange's.
pub(super) fn variables(url: &str, key: &str) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("CAPSTAN__CONNECTORS__SIMULATED", "true".to_owned()),
        ("CAPSTAN__CONNECTORS__POLYGON__KEY", key.to_owned()),
        ("CAPSTAN__CONNECTORS__FINNHUB__KEY", key.to_owned()),
        ("CAPSTAN__CONNECTORS__FRED__KEY", key.to_owned()),
        ("CAPSTAN__CONNECTORS__SEC__WWW_URL", format!("{url}/sec-www")),
        ("CAPSTAN__CONNECTORS__SEC__USER_AGENT", "capstan dev@sandbox.invalid".to_owned()),
    ];
    variables.extend(provider!("POLYGON", url, "/polygon"));
    variables.extend(provider!("YAHOO", url, "/yahoo"));
    variables.extend(provider!("FINNHUB", url, "/finnhub"));
    variables.extend(provider!("FRED", url, "/fred"));
    variables.extend(provider!("SEC", url, "/sec"));
    variables.extend(provider!("FINRA", url, "/finra"));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connector_is_led_to_the_exchange_and_switched_on() {
        let variables = variables("http://127.0.0.1:7", "k");
        for section in ["POLYGON", "YAHOO", "FINNHUB", "FRED", "SEC", "FINRA"] {
            let of = |name: &str| {
                let name = format!("CAPSTAN__CONNECTORS__{section}__{name}");
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
            };
            let path = section.to_lowercase();
            assert_eq!(of("BASE_URL"), Some(format!("http://127.0.0.1:7/{path}").as_str()));
            assert_eq!(of("ENABLED"), Some("true"));
        }
    }
}
