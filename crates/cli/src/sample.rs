//! The sample service of the demo: a small HTTP server that serves the artifact in its folder.
//!
//! An artifact is a JSON file with a version. A faulty one answers a part of its requests with an
//! error, but only once it has served some: the smoke test passes, the users meet the fault.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests that a faulty artifact serves well before its fault shows.
const GOOD_REQUESTS: u64 = 8;

/// Requests served by the present version: a new one begins anew.
#[derive(Default)]
struct Served(Mutex<(String, u64)>);

impl Served {
    fn next(&self, version: &str) -> u64 {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if served.0 != version {
            *served = (version.to_owned(), 0);
        }
        served.1 += 1;
        served.1
    }
}

/// Writes an artifact that fails `fails_percent` of its requests in production.
pub(crate) fn artifact(version: &str, fails_percent: u64) -> String {
    format!(
        "{{ \"version\": \"{version}\", \"commit\": \"{}\", \"fails_percent\": {fails_percent} }}\n",
        &tminus_engine::export::text_hash(version)[..8]
    )
}

/// Says that it serves, and serves until standard input closes, which is when the demo ends, however it
/// ends.
pub(crate) fn serve(address: &str, folder: &Path) -> std::io::Result<()> {
    let listener = TcpListener::bind(address)?;
    crate::screen::line(&format!("serves {} on {address}", folder.display()));
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        crate::exit_code::leave(crate::exit_code::ExitCode::Success)
    });
    let served = Served::default();
    let in_production =
        folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("production"));
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let served = &served;
            scope.spawn(move || answer(stream, folder, served, in_production));
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, folder: &Path, served: &Served, in_production: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(64 * 1024));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let app = std::fs::read_to_string(folder.join("app.json")).unwrap_or_default();
    let app: serde_json::Value = serde_json::from_str(&app).unwrap_or(serde_json::Value::Null);
    let (status, body) = match path.as_str() {
        "/health" => ("200 OK", serde_json::json!({"status": "ok"})),
        "/api/version" => ("200 OK", serde_json::json!({"version": app["version"], "commit": app["commit"]})),
        path => match path.strip_prefix("/api/parcels/") {
            Some(parcel) => parcel_answer(parcel, &app, served, in_production),
            None => ("404 Not Found", serde_json::json!({"error": "no such page"})),
        },
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn parcel_answer(
    parcel: &str,
    app: &serde_json::Value,
    served: &Served,
    in_production: bool,
) -> (&'static str, serde_json::Value) {
    let count = served.next(app["version"].as_str().unwrap_or_default());
    let fails = app["fails_percent"].as_u64().unwrap_or(0);
    if in_production && count >= GOOD_REQUESTS && count % 100 * 37 % 100 < fails {
        return ("500 Internal Server Error", serde_json::json!({"error": "cache entry has no lock"}));
    }
    ("200 OK", serde_json::json!({"parcel": parcel, "steps": ["received", "sorted", "on the way"]}))
}

/// Waits until an instance answers; at most ten seconds.
pub(crate) fn wait_until_healthy(port: u16) -> std::io::Result<()> {
    let begin = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
