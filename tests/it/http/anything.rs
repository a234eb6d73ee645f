//! Whatever is sent, the answer is no 5xx and has our shape.
//!
//! The API is called in process, without a socket: what is tested is what it makes of bytes.

use api::AppState;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Method, Request},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Map, Value, json};
use suites::{TestApp, requests};
use tokio::runtime::Handle;
use tower::ServiceExt;

const METHODS: [&str; 4] = ["post", "put", "patch", "delete"];
/// Most bytes of a reply that is read.
const REPLY: usize = 4 << 20;

/// The API of a test's application, and the cookie of a user with a strategy.
struct Inside {
    router: Router,
    cookie: HeaderValue,
    strategy: String,
    _app: TestApp,
}

impl Inside {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let mut config = app.config.as_ref().clone();
        config.api.run_wait_ms = 0;
        // Nobody asks it: without one, writes of trading end before they read anything.
        (config.broker.key, config.broker.secret) = (Some("key".into()), Some("secret".into()));
        let router = api::app(AppState::new(app.pool.clone(), config));
        let mut inside =
            Self { router, cookie: HeaderValue::from_static(""), strategy: String::new(), _app: app };
        let body = json!({"username": "alice", "password": "Test123456!"}).to_string();
        let response = inside.send(Method::POST, "/api/auth/signup", &[], body).await;
        let cookie = response.headers()["set-cookie"].to_str().expect("text");
        inside.cookie = cookie.split(';').next().expect("a cookie").parse().expect("a header value");
        let body = json!({"name": "one", "type": "momentum"}).to_string();
        let response = inside.send(Method::POST, "/api/strategies", &[], body).await;
        let bytes = to_bytes(response.into_body(), REPLY).await.expect("a short body");
        let strategy: Value = serde_json::from_slice(&bytes).expect("JSON");
        strategy["id"].as_str().expect("a strategy has an id").clone_into(&mut inside.strategy);
        inside
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, HeaderValue)],
        body: String,
    ) -> axum::response::Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("cookie", self.cookie.clone());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        self.router.clone().oneshot(request).await.expect("a router answers always")
    }

    /// Sends a request and checks what comes back.
    async fn holds(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, HeaderValue)],
        body: String,
    ) -> Result<(), TestCaseError> {
        let response = self.send(method, path, headers, body).await;
        let status = response.status();
        prop_assert!(status.as_u16() < 500, "{} from {}", status, path);
        if status.is_client_error() {
            let bytes = to_bytes(response.into_body(), REPLY).await.expect("a short body");
            let reply: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            prop_assert_eq!(
                &reply["statusCode"],
                &json!(status.as_u16()),
                "{} from {}: {}",
                status,
                path,
                reply
            );
        }
        Ok(())
    }
}

/// Runs `test` on `cases` values of `strategy`; the seed is fixed, so that a failure comes again.
fn check<S: Strategy>(cases: u32, strategy: &S, test: impl AsyncFn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let tested =
        runner.run(strategy, |value| tokio::task::block_in_place(|| Handle::current().block_on(test(value))));
    tested.unwrap_or_else(|failure| panic!("{failure}"));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        any::<String>(),
        Just("\0".to_owned()),
        Just("2024-02-30".to_owned()),
        Just("+262143-12-31".to_owned()),
        Just("9999-12-31T23:59:59.999999Z".to_owned()),
        Just("99999999999999999999999999999999999999".to_owned()),
        Just("1e400".to_owned()),
        Just("NaN".to_owned()),
        Just("0190f5a0-0000-7000-8000-000000000001".to_owned()),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-100..100_i64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let fields = prop::collection::vec((text(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Returns a value like `model` in which some fields are anything.
fn like(model: &Value) -> BoxedStrategy<Value> {
    match model {
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| {
                    let value =
                        prop_oneof![6 => like(value).prop_map(Some), 2 => anything().prop_map(Some), 1 => Just(None)];
                    (Just(name.clone()), value)
                })
                .collect();
            let object = |fields: Vec<(String, Option<Value>)>| {
                let kept = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
                Value::Object(kept.collect::<Map<_, _>>())
            };
            fields.prop_map(object).boxed()
        }
        other => prop_oneof![4 => Just(other.clone()), 1 => anything()].boxed(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_backtest_request_makes_it_fail() {
    let inside = Inside::start().await;
    let model = requests::report_backtest();
    let bodies = prop_oneof![4 => like(&model), 1 => like(&requests::long_backtest()), 1 => anything()];
    check(192, &bodies, async |body| {
        inside.holds(Method::POST, "/api/backtests", &[], body.to_string()).await
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_makes_it_fail() {
    let inside = Inside::start().await;
    let ours = json!({
        "symbol": "AAPL", "side": "buy", "qty": 10, "type": "limit", "timeInForce": "gtc", "limitPrice": 187.5,
        "orderClass": "bracket", "takeProfit": {"limitPrice": "200"}, "stopLoss": {"stopPrice": 150},
        "extendedHours": false, "strategyId": inside.strategy,
    });
    let brokers = json!({
        "symbol": "AAPL", "side": "sell", "notional": "10", "type": "trailing_stop", "time_in_force": "day",
        "trail_percent": 5, "stop_price": "9.99", "order_class": "simple",
    });
    let bodies = prop_oneof![4 => like(&ours), 4 => like(&brokers), 1 => anything()];
    let paths = ["/api/orders", "/api/trading/orders", "/api/alpaca/orders"];
    check(192, &(0..paths.len(), bodies), async |(path, body)| {
        inside.holds(Method::POST, paths[path], &[], body.to_string()).await
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_makes_any_route_fail() {
    let inside = Inside::start().await;
    let document = api::openapi::document();
    let paths = document["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (path, item) in paths {
        for method in METHODS.into_iter().filter(|method| item[method]["requestBody"].is_object()) {
            let method: Method = method.to_uppercase().parse().expect("a method");
            routes.push((method, path.replace("{id}", &inside.strategy)));
        }
    }
    assert!(routes.len() > 5, "{routes:?}");
    let strategy = like(&json!({
        "name": "s", "type": "momentum", "description": "d", "username": "alice", "password": "Wrong123456!",
        "email": "a@mail.example", "symbols": ["AAPL"], "universe": ["AAPL"], "status": "draft", "version": 1,
        "parameters": {"rsi_period": 14}, "config": {"indicators": {"rsi_period": 14}}, "currentPassword": "x",
        "newPassword": "Test123456!x", "startDate": "2024-01-01", "endDate": "2024-01-31",
        "symbol": "AAPL", "side": "buy", "qty": 1, "activate": true, "state": "reducing", "minutes": 5,
        "until": "2099-01-01T00:00:00Z", "reason": "r", "maxPositionSizePercent": "10", "maxPositionsCount": 5,
    }));
    let bodies = (0..routes.len(), prop_oneof![4 => strategy, 1 => anything()]);
    check(256, &bodies, async |(route, body)| {
        let (method, path) = &routes[route];
        inside.holds(method.clone(), path, &[], body.to_string()).await
    });
    check(64, &(0..routes.len(), any::<String>()), async |(route, body)| {
        let (method, path) = &routes[route];
        inside.holds(method.clone(), path, &[], body).await
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cursor_makes_a_list_fail() {
    let inside = Inside::start().await;
    let document = api::openapi::document();
    let paths = document["paths"].as_object().expect("paths");
    let takes_cursor = |item: &Value| {
        let named = item["get"]["parameters"].as_array();
        named.is_some_and(|all| all.iter().any(|one| one["name"] == "cursor"))
    };
    let lists: Vec<String> = paths
        .iter()
        .filter(|(_, item)| takes_cursor(item))
        .map(|(path, _)| path.replace("{id}", &inside.strategy))
        .collect();
    assert!(!lists.is_empty());
    let hexed = anything().prop_map(|value| hex(value.to_string().as_bytes()));
    let keyed =
        (text(), any::<i64>(), text()).prop_map(|(at, n, id)| hex(json!([at, n, id]).to_string().as_bytes()));
    let paired = (text(), text()).prop_map(|(at, id)| hex(json!([at, id]).to_string().as_bytes()));
    let dates = prop_oneof![
        Just("-262143-01-01T00:00:00Z"),
        Just("+262142-12-31T23:59:59Z"),
        Just("-4713-01-01T00:00:00Z"),
        Just("2024-01-01T00:00:00.000001Z"),
    ];
    let forged =
        dates.prop_map(|at| hex(json!([at, "0190f5a0-0000-7000-8000-000000000001"]).to_string().as_bytes()));
    let cursors = prop_oneof![hexed, keyed, paired, forged, "[0-9a-f]{0,80}", "[!-%'-~]{0,40}"];
    check(256, &(0..lists.len(), cursors, any::<i64>()), async |(list, cursor, limit)| {
        let cursor = cursor.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let limit = if limit % 3 == 0 { limit } else { limit.rem_euclid(600) };
        let path = format!("{}?cursor={cursor}&limit={limit}", lists[list]);
        inside.holds(Method::GET, &path, &[], String::new()).await
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_makes_it_fail() {
    const NAMES: [&str; 9] = [
        "if-match",
        "idempotency-key",
        "last-event-id",
        "traceparent",
        "x-request-id",
        "accept",
        "origin",
        "x-forwarded-for",
        "user-agent",
    ];
    let inside = Inside::start().await;
    let bytes = prop::collection::vec(prop_oneof![32..127_u8, 128..=255_u8, Just(b'\t'), Just(b'"')], 0..80);
    let value = prop_oneof![
        bytes.prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("no control characters")),
        any::<i64>().prop_map(HeaderValue::from),
        any::<u64>().prop_map(|n| format!("\"{n}\"").parse().expect("a header value")),
        (any::<u64>(), any::<i64>()).prop_map(|(x, n)| format!("{x}.{n}").parse().expect("a header value")),
    ];
    let strategy = format!("/api/strategies/{}", inside.strategy);
    let routes = [
        (Method::PUT, strategy.as_str(), r#"{"name":"two"}"#),
        (Method::POST, "/api/strategies", r#"{"name":"three","type":"momentum"}"#),
        (Method::POST, "/api/orders", r#"{"symbol":"AAPL","side":"buy","qty":1}"#),
        (Method::GET, "/api/events", ""),
        (Method::GET, "/api/user", ""),
        (Method::GET, "/metrics", ""),
    ];
    check(256, &(0..routes.len(), 0..NAMES.len(), value), async |(route, name, value)| {
        let (method, path, body) = &routes[route];
        inside.holds(method.clone(), path, &[(NAMES[name], value)], (*body).to_owned()).await
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
