//! The clients: made when they are first needed, because loading certificates costs more than
//! everything else at start-up.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, Url, redirect};

/// Bytes of an answer that are read. What is longer is cut, and said to be.
pub(crate) const BODY_LIMIT_BYTES: usize = 4 << 20;

/// Clients for the kinds of addresses. Clones share them.
#[derive(Clone)]
pub(crate) struct Clients(Arc<Shared>);

struct Shared {
    /// The variables that name proxies, lower-case names.
    proxies: BTreeMap<String, String>,
    made: [OnceLock<Result<Client, String>>; 4],
}

/// A request, with everything resolved.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case; of several with one name, joined by commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// True when the body was longer than the limit.
    pub(crate) cut: bool,
    pub(crate) elapsed: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum NoAnswer {
    /// The request itself is wrong: trying again cannot help, and no expectation is met by it.
    Wrong(String),
    /// Nothing came back, or not in time.
    Nothing(String),
}

impl Clients {
    pub(crate) fn new(environment: &BTreeMap<String, String>) -> Clients {
        let named = |(name, value): (&String, &String)| {
            let name = name.to_ascii_lowercase();
            let is_proxy = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].contains(&name.as_str());
            (is_proxy && !value.is_empty()).then(|| (name, value.clone()))
        };
        let proxies = environment.iter().filter_map(named).collect();
        Clients(Arc::new(Shared { proxies, made: Default::default() }))
    }

    /// Sends a request and reads the answer, within a time.
    pub(crate) async fn send(&self, request: &Request, limit: Duration) -> Result<Answer, NoAnswer> {
        let wrong = |what: String| NoAnswer::Wrong(what);
        let url =
            Url::parse(&request.url).map_err(|error| wrong(format!("the address is wrong: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!(
                "the address begins with {}:, and only http and https can be asked",
                url.scheme()
            )));
        }
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| wrong(format!("`{}` is no HTTP method", request.method)))?;
        let client = self.for_url(&url).map_err(wrong)?;
        let mut builder = client.request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        // Built first, because what is wrong with the request itself shows here.
        let built =
            builder.build().map_err(|error| wrong(format!("the request is wrong: {}", chain(&error))))?;
        let started = Instant::now();
        match tokio::time::timeout(limit, exchange(client, built, started)).await {
            Ok(answer) => answer.map_err(|error| NoAnswer::Nothing(chain(&error))),
            Err(_) => {
                let limit = tminus_release::time::Span(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
                Err(NoAnswer::Nothing(format!("no answer within {limit}")))
            }
        }
    }

    /// Picks the client for an address. What is on this machine is never asked for by a proxy.
    fn for_url(&self, url: &Url) -> Result<&Client, String> {
        let secure = url.scheme() == "https";
        let direct = self.0.proxies.is_empty() || url.host_str().is_none_or(is_loopback);
        let made = &self.0.made[usize::from(secure) * 2 + usize::from(direct)];
        let made = made.get_or_init(|| {
            let builder = Client::builder()
                .redirect(redirect::Policy::none())
                .user_agent(concat!("tminus/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(30))
                // A fresh connection each time shows what a user would find, not what was there.
                .pool_max_idle_per_host(0)
                .no_proxy();
            let builder = if direct { builder } else { self.with_proxies(builder)? };
            with_tls(builder, secure)?
                .build()
                .map_err(|error| format!("no client can be made: {}", chain(&error)))
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn with_proxies(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, String> {
        let proxies = &self.0.proxies;
        let except = proxies.get("no_proxy").and_then(|list| NoProxy::from_string(list));
        type Make = fn(&str) -> reqwest::Result<Proxy>;
        let kinds: [(&str, Make); 3] = [
            ("http_proxy", |url| Proxy::http(url)),
            ("https_proxy", |url| Proxy::https(url)),
            ("all_proxy", |url| Proxy::all(url)),
        ];
        for (name, make) in kinds {
            if let Some(url) = proxies.get(name) {
                let proxy =
                    make(url).map_err(|error| format!("the proxy in {name} is wrong: {}", chain(&error)))?;
                builder = builder.proxy(proxy.no_proxy(except.clone()));
            }
        }
        Ok(builder)
    }
}

/// For `https`, the system's certificates are loaded. Without it a client needs none, but reqwest
/// would load them all the same; so it gets an empty store.
fn with_tls(builder: ClientBuilder, secure: bool) -> Result<ClientBuilder, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    if secure {
        // Another part of the process may have installed one already, which serves as well.
        let _ = Arc::unwrap_or_clone(provider).install_default();
        return Ok(builder);
    }
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no client can be made: {error}"))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}

async fn exchange(client: &Client, request: reqwest::Request, started: Instant) -> reqwest::Result<Answer> {
    let mut response = client.execute(request).await?;
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|found| {
                found.push_str(", ");
                found.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(chunk) = response.chunk().await? {
        let room = BODY_LIMIT_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Answer { status: response.status().as_u16(), headers, body, cut, elapsed: started.elapsed() })
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost cause is what a person can act on ("connection refused"); the outer ones only
/// say that a request failed.
fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        for (host, expected) in [
            ("localhost", true),
            ("app.localhost", true),
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("[::1]", true),
            ("example.com", false),
            ("localhost.example.com", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
