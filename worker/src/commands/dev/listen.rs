//! The API's address: reading it, waiting for it to be free, waiting for an answer on it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(100);

/// Reads an address such as `127.0.0.1:5000` or `localhost:0`.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("{error} (expected HOST:PORT)"))?;
    found.next().ok_or_else(|| "the name has no address".to_owned())
}

/// Waits for at most `patience` until nothing listens on `address`. Port 0 is always free.
pub(super) async fn wait_until_free(address: SocketAddr, patience: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + patience;
    loop {
        match TcpListener::bind(address) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::AddrInUse => {
                return Err(error).with_context(|| format!("cannot listen on {address}"));
            }
            Err(_) if Instant::now() < end => tokio::time::sleep(POLL).await,
            Err(_) => bail!(
                "{address} is already in use by another program; stop that, or choose another address: \
                 capstan dev --listen {}:0 takes a free port",
                address.ip()
            ),
        }
    }
}

/// Returns the URL under which this machine reaches a server that listens on `address`.
pub(super) fn url_of(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        let v4 = address.is_ipv4();
        reachable.set_ip(if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{reachable}")
}

/// Returns a client for servers on this machine: no proxy, every request limited.
pub(super) fn client(limit: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().no_proxy().cookie_store(true).timeout(limit);
    builder.build().context("cannot make an HTTP client")
}

/// Returns whether the server at `url` says that it is ready, and otherwise what it said.
pub(super) async fn ready(client: &reqwest::Client, url: &str) -> Result<(), String> {
    let answer = client.get(format!("{url}/health/ready")).send().await;
    let answer = answer.map_err(|error| format!("{error:#}"))?;
    let status = answer.status();
    if status.as_u16() == 200 {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    Err(format!("{status} {}", body.chars().take(300).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_become_reachable_urls() {
        let cases = [
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:81", "http://[::1]:81"),
            ("10.1.2.3:82", "http://10.1.2.3:82"),
        ];
        for (text, url) in cases {
            assert_eq!(url_of(parse(text).expect("an address")), url);
        }
        for text in ["5000", "127.0.0.1", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_and_one_that_is_freed_is_taken() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = holder.local_addr().expect("it is bound");
        let refused = wait_until_free(address, Duration::ZERO).await.expect_err("it is taken");
        assert!(refused.to_string().contains(&format!("{address} is already in use")), "{refused}");
        let waiting = tokio::spawn(wait_until_free(address, Duration::from_secs(10)));
        tokio::task::yield_now().await;
        drop(holder);
        waiting.await.expect("no panic").expect("free by now");
    }
}
