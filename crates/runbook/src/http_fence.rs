//! An `http` fence: request line, headers, body, and what the answer must be.
//!
//! ```text
//! POST {{URL}}/api/tasks
//! Authorization: Bearer ${secret:API_TOKEN}
//! Content-Type: application/json
//!
//! {"title": "smoke"}
//! ```

use std::ops::Range;

use tminus_release::plan::{Http, Poll};
use tminus_release::time::Span;

use crate::attributes::{Attributes, Word};
use crate::data::Fault;
use crate::rules::parse_duration;

/// Methods that may stand in a request line.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Time between two tries when only `within` is given.
const DEFAULT_EVERY: Span = Span::seconds(2);
/// Time to give up when only `every` is given.
const DEFAULT_WITHIN: Span = Span::minutes(5);

/// Reads the body of a fence that starts at byte `start`, placeholders not yet bound.
///
/// A line that begins with `assert ` is a condition on the answer (CEL), joined to `json=`.
///
/// # Errors
/// What is no request, with its place.
pub fn parse(body: &str, place: Range<usize>) -> Result<Http, Fault> {
    let fault = |message: String| Fault::new(place.clone(), message);
    let mut lines = body.lines().skip_while(|line| line.trim().is_empty());
    let request = lines
        .next()
        .ok_or_else(|| fault("the request is empty".to_owned()).with_help("write `GET https://…`"))?;
    let mut words = request.split_whitespace();
    let method = words.next().unwrap_or("").to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        let message =
            format!("`{}` is no HTTP method", words.next().map_or(request.trim(), |_| method.as_str()));
        return Err(fault(message)
            .with_help(format!("the first line is one of {} and an address", METHODS.join(", "))));
    }
    let url = words.next().ok_or_else(|| fault("the request has no address".to_owned()))?;
    let version = words.next().filter(|word| !word.starts_with("HTTP/"));
    if let Some(extra) = version {
        return Err(fault(format!("`{extra}` follows the address; an address has no spaces")));
    }
    let mut http = Http { method, url: url.to_owned(), ..Http::default() };
    let mut conditions = Vec::new();
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        if let Some(condition) = line.strip_prefix("assert ") {
            conditions.push(condition.trim().to_owned());
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            fault(format!("`{}` is no header", line.trim()))
                .with_help("write `Name: value`, then an empty line, then the body")
        })?;
        http.headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let mut content = Vec::new();
    for line in lines {
        match line.strip_prefix("assert ") {
            Some(condition) => conditions.push(condition.trim().to_owned()),
            None if line.starts_with("###") => {
                return Err(fault("two requests in one block; each needs its own".to_owned()));
            }
            None => content.push(line),
        }
    }
    let content = content.join("\n").trim().to_owned();
    http.body = (!content.is_empty()).then_some(content);
    http.json = (!conditions.is_empty()).then(|| join_conditions(&conditions));
    Ok(http)
}

fn join_conditions(conditions: &[String]) -> String {
    match conditions {
        [one] => one.clone(),
        many => many.iter().map(|condition| format!("({condition})")).collect::<Vec<_>>().join(" && "),
    }
}

/// Puts the attributes' assertions on a request, for one environment.
pub fn apply(http: &mut Http, attributes: &Attributes, environment: Option<&str>, faults: &mut Vec<Fault>) {
    let value = |key: &str| attributes.value(key, environment);
    let mut parsed = Parsed { faults };
    if let Some(word) = value("status") {
        http.status = parsed.status(word);
    }
    http.matches = value("match").map(|word| word.text.clone());
    if let Some(word) = http.matches.as_ref().and(value("match"))
        && regex::Regex::new(&word.text).is_err()
    {
        parsed.fault(word, format!("`{}` is no regular expression", word.text));
    }
    if let Some(word) = value("json") {
        let mut conditions = vec![word.text.clone()];
        conditions.extend(http.json.take());
        http.json = Some(join_conditions(&conditions));
    }
    http.max_response = value("max").and_then(|word| parsed.duration(word));
    http.must_fail = attributes.has("must-fail");
    if let Some(word) = value("burst") {
        http.burst = parsed.number(word).filter(|count| *count > 0);
    }
    let every = value("every").and_then(|word| parsed.duration(word));
    let within = value("within").and_then(|word| parsed.duration(word));
    if every.is_some() || within.is_some() {
        let every = every.unwrap_or(DEFAULT_EVERY);
        http.poll = Some(Poll { every, within: within.unwrap_or(DEFAULT_WITHIN) });
    }
}

struct Parsed<'a> {
    faults: &'a mut Vec<Fault>,
}

impl Parsed<'_> {
    fn fault(&mut self, word: &Word, message: String) {
        self.faults.push(Fault::new(word.start..word.end, message));
    }

    fn duration(&mut self, word: &Word) -> Option<Span> {
        parse_duration(&word.text).map_err(|error| self.fault(word, error.to_string())).ok()
    }

    fn number(&mut self, word: &Word) -> Option<u32> {
        word.text.parse().map_err(|_| self.fault(word, format!("`{}` is no number", word.text))).ok()
    }

    /// Reads `200`, `200,204` and `2xx`.
    fn status(&mut self, word: &Word) -> Vec<u16> {
        let mut codes = Vec::new();
        for part in word.text.split(',').map(str::trim) {
            let class = part
                .strip_suffix("xx")
                .and_then(|digit| digit.parse::<u16>().ok())
                .filter(|c| (1..=5).contains(c));
            match (class, part.parse::<u16>()) {
                (Some(class), _) => codes.extend(class * 100..class * 100 + 100),
                (None, Ok(code)) if (100..600).contains(&code) => codes.push(code),
                _ => self.fault(word, format!("`{part}` is no HTTP status")),
            }
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes;

    fn read(info: &str, body: &str) -> Result<(Http, Vec<String>), String> {
        let mut http = parse(body, 0..0).map_err(|fault| fault.message)?;
        let mut faults = Vec::new();
        if let Some(attributes) = attributes::parse(info, 0).attributes {
            apply(&mut http, &attributes, Some("production"), &mut faults);
        }
        Ok((http, faults.into_iter().map(|fault| fault.message).collect()))
    }

    #[test]
    fn a_request_is_read_whole() {
        let body = "POST {{URL}}/v1/jobs HTTP/1.1\nAuthorization: Bearer ${secret:T}\nassert status == 201\n\n{\"a\": 1}\n";
        let (http, faults) =
            read("http {#x .check status=2xx max=500ms every=1s within=30s match='ok|fine'}", body).unwrap();
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!((http.method.as_str(), http.url.as_str()), ("POST", "{{URL}}/v1/jobs"));
        assert_eq!(http.headers, [("Authorization".to_owned(), "Bearer ${secret:T}".to_owned())]);
        assert_eq!(http.body.as_deref(), Some("{\"a\": 1}"));
        assert_eq!(http.json.as_deref(), Some("status == 201"));
        assert_eq!(http.status.len(), 100);
        assert_eq!(http.max_response, Some(Span(500)));
        assert_eq!(http.poll, Some(Poll { every: Span::seconds(1), within: Span::seconds(30) }));
    }

    #[test]
    fn what_is_no_request_is_said() {
        let table = [
            ("http", "", "the request is empty"),
            ("http", "FETCH /x", "`FETCH` is no HTTP method"),
            ("http", "GET", "the request has no address"),
            ("http", "GET /a b", "`b` follows the address; an address has no spaces"),
            ("http", "GET /a\nnonsense", "`nonsense` is no header"),
            ("http", "GET /a\n\n### next\nGET /b", "two requests in one block; each needs its own"),
        ];
        for (info, body, expected) in table {
            assert_eq!(read(info, body).unwrap_err(), expected, "{body}");
        }
        let table = [
            ("http {status=99}", "`99` is no HTTP status"),
            ("http {match='('}", "`(` is no regular expression"),
            ("http {burst=many}", "`many` is no number"),
        ];
        for (info, expected) in table {
            assert_eq!(read(info, "GET /").unwrap().1, [expected], "{info}");
        }
    }

    #[test]
    fn an_environment_has_its_own_values() {
        let (http, _) =
            read("http {status=200 prod.status=204 prod.burst=50 staging.burst=5 .must-fail}", "GET /")
                .unwrap();
        assert_eq!((http.status, http.burst, http.must_fail), (vec![204], Some(50), true));
    }
}
