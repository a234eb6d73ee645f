//! Slow clients, many clients, and the stop.

use std::time::{Duration, Instant};

use suites::TestApp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest that a test waits for what must happen.
const LIMIT: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn connect(app: &TestApp) -> TcpStream {
    let address = app.url.strip_prefix("http://").expect("a plain URL");
    TcpStream::connect(address).await.expect("the system takes the connection")
}

/// Reads until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    match timeout(LIMIT, stream.read_to_end(&mut read)).await.expect("the server closes in time") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8(read).expect("text")
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_cut_off() {
    let app = TestApp::builder().config(|config| config.api.header_timeout_ms = 300).start().await;
    for sent in [&b""[..], b"GET /health HTTP/1.1\r\nHost: loc"] {
        let begun = Instant::now();
        let mut stream = connect(&app).await;
        stream.write_all(sent).await.expect("the server reads");
        assert_eq!(rest(&mut stream).await.find("200 OK"), None);
        let took = begun.elapsed();
        // By default it would have ten seconds.
        assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(9), "{took:?}");
    }
    let mut idle = connect(&app).await;
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("the server reads");
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 OK"), "answered, and closed after idling");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    let long = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(300_000));
    // The server may close before it has read everything.
    let _ = stream.write_all(long.as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn more_clients_than_the_cap_wait_their_turn() {
    let app = TestApp::builder().config(|config| config.api.max_sockets = 2).start().await;
    let mut first = connect(&app).await;
    let second = connect(&app).await;
    first.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("the server reads");
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.expect("the first is served");
    assert_eq!(&answer, b"HTTP/1.1 200");
    let mut third = connect(&app).await;
    third.write_all(REQUEST).await.expect("the system buffers it");
    let early = timeout(Duration::from_millis(500), third.read(&mut answer)).await;
    assert!(early.is_err(), "the third was served beside two others: {early:?}");
    drop(second);
    assert!(rest(&mut third).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn the_stop_is_bounded_whatever_clients_do() {
    let mut app = TestApp::start().await;
    let user = app.signed_up().await;
    let stream = user.request(reqwest::Method::GET, "/api/events").send().await.expect("an answer");
    assert_eq!(stream.status(), 200);
    let begun = Instant::now();
    app.stop().await;
    // Whoever holds the stop has five seconds.
    assert!(begun.elapsed() < Duration::from_secs(5), "an open stream held the stop: {:?}", begun.elapsed());
    drop(stream);

    let mut app = TestApp::start().await;
    let mut halfway = connect(&app).await;
    halfway.write_all(b"GET /health HTTP/1.1\r\nHost").await.expect("the server reads");
    let served = app.client().get(format!("{}/health", app.url)).send().await.expect("an answer");
    assert_eq!(served.status(), 200, "by now the first connection was accepted");
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(9), "half a request held it: {:?}", begun.elapsed());
    assert!(!rest(&mut halfway).await.contains("200 OK"));
}
