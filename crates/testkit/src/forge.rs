//! A stand-in for GitHub's and GitLab's API of runs: neither can be had here. It answers as their
//! documentation says, and fails as networks do.
//!
//! GitHub: <https://docs.github.com/en/rest/actions/workflows>, `workflow-runs` and `workflow-jobs`
//! beside it; `return_run_details` since
//! <https://github.blog/changelog/2026-02-19-workflow-dispatch-api-now-returns-run-ids>.
//! GitLab: <https://docs.gitlab.com/api/pipelines/>, <https://docs.gitlab.com/api/jobs/>.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::http::{Reply, Request, serve_beside};

mod github;
mod gitlab;

/// What becomes of the request for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It begins, and the answer says its id.
    Told,
    /// It begins, and the answer does not say its id, as before 2026.
    Accepted,
    /// It begins, and the connection is closed before the answer.
    Lost,
    /// Nothing begins, and the connection is closed.
    Dropped,
}

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct Manners {
    /// What becomes of a request for a run.
    pub asked: Asked,
    /// How often a list does not have new runs yet.
    pub lists_late: usize,
    /// How many requests from now on are closed without an answer.
    pub down: usize,
    /// The end of a run, in the service's own word.
    pub end: &'static str,
    /// How often a run is looked at until it is over.
    pub looks: usize,
    /// Whether a run ends when it is cancelled.
    pub can_cancel: bool,
    /// Whether a run's name shows the marker.
    pub shows_marker: bool,
}

/// A run as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The workflow's file.
    pub workflow: String,
    /// The branch or tag.
    pub reference: String,
    /// Its inputs, the marker too.
    pub inputs: Value,
    /// Whether somebody asked to cancel it.
    pub is_cancelled: bool,
    /// How often it was begun again.
    pub again: usize,
    looks: usize,
    lists: usize,
    over: Option<String>,
}

#[derive(Debug)]
struct State {
    manners: Manners,
    runs: Vec<Run>,
}

/// A running service, for the repository `acme/shop`, the branch `main` and [`TOKEN`].
#[derive(Debug)]
pub struct Forge {
    address: String,
    state: Arc<Mutex<State>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// The one token that is taken.
pub const TOKEN: &str = "tok-4711-very-secret";

impl Forge {
    /// Starts the service. It ends with the process of the test.
    ///
    /// # Panics
    /// When there is no free port on loopback.
    pub fn start() -> Forge {
        let manners = Manners {
            asked: Asked::Told,
            lists_late: 0,
            down: 0,
            end: "success",
            looks: 2,
            can_cancel: true,
            shows_marker: true,
        };
        let state = Arc::new(Mutex::new(State { manners, runs: Vec::new() }));
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (own, kept) = (Arc::clone(&state), Arc::clone(&requests));
        let answer = move |_: usize, request: &Request| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            answer(&mut own.lock().unwrap_or_else(PoisonError::into_inner), request)
        };
        Forge { address: serve_beside(answer), state, requests }
    }

    /// The variables by which the two APIs are found.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("GITHUB_API_URL", self.address.clone()), ("CI_API_V4_URL", format!("{}/api/v4", self.address))]
    }

    /// Changes how the service behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.lock().manners);
    }

    /// What was asked for so far, in order.
    pub fn runs(&self) -> Vec<Run> {
        self.lock().runs.clone()
    }

    /// Somebody cancels the last run in the browser.
    pub fn cancel_the_last(&self) {
        if let Some(run) = self.lock().runs.last_mut() {
            run.is_cancelled = true;
        }
    }

    /// Somebody begins the last run again in the browser.
    pub fn begin_again(&self) {
        if let Some(run) = self.lock().runs.last_mut() {
            (run.over, run.looks, run.again, run.is_cancelled) = (None, 0, run.again + 1, false);
        }
    }

    /// Every request that arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(state: &mut State, request: &Request) -> Reply {
    if state.manners.down > 0 {
        state.manners.down -= 1;
        return Reply::Close;
    }
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if let Some(job) = path.strip_prefix("/kept/") {
        // Where the lines lie, the token is nobody's business.
        return Reply::new(200, log(state, job));
    }
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Reply::new(401, json!({ "message": "Bad credentials" }).to_string());
    }
    let found = match path.strip_prefix("/api/v4/projects/acme%2Fshop/") {
        Some(rest) => gitlab::answer(state, request, rest, query),
        None => path
            .strip_prefix("/repos/acme/shop/actions/")
            .and_then(|rest| github::answer(state, request, rest, query)),
    };
    found.unwrap_or_else(|| Reply::new(404, json!({ "message": "Not Found" }).to_string()))
}

impl State {
    /// Begins a run, or does not; the answer to it when it arrives.
    fn begin(
        &mut self,
        workflow: &str,
        reference: &str,
        inputs: Value,
        told: impl Fn(usize) -> Reply,
    ) -> Reply {
        if self.manners.asked == Asked::Dropped {
            return Reply::Close;
        }
        self.runs.push(Run {
            workflow: workflow.to_owned(),
            reference: reference.to_owned(),
            inputs,
            is_cancelled: false,
            again: 0,
            looks: 0,
            lists: 0,
            over: None,
        });
        if self.manners.asked == Asked::Lost { Reply::Close } else { told(self.runs.len()) }
    }

    /// The ids of runs that a list shows, the newest first.
    fn listed(&mut self) -> Vec<usize> {
        let late = self.manners.lists_late;
        let mut ids = Vec::new();
        for (at, run) in self.runs.iter_mut().enumerate().rev() {
            run.lists += 1;
            if run.lists > late {
                ids.push(at + 1);
            }
        }
        ids
    }

    /// Looks at a run, which goes on with each look. None: there is none.
    fn look(&mut self, id: &str, cancelled: &str) -> Option<usize> {
        let id: usize = id.parse().ok()?;
        let (end, looks, can_cancel) = (self.manners.end, self.manners.looks, self.manners.can_cancel);
        let run = self.runs.get_mut(id.checked_sub(1)?)?;
        run.looks += 1;
        if run.over.is_none() && run.is_cancelled && can_cancel {
            run.over = Some(cancelled.to_owned());
        } else if run.over.is_none() && run.looks > looks {
            run.over = Some(if run.again > 0 { "success" } else { end }.to_owned());
        }
        Some(id)
    }

    fn name(&self, id: usize, marker: &str) -> String {
        let marker = self.runs[id - 1].inputs[marker].as_str().unwrap_or_default();
        if self.manners.shows_marker {
            format!("Compose Deploy (SSH) [{marker}]")
        } else {
            "Compose Deploy (SSH)".to_owned()
        }
    }

    fn cancel(&mut self, id: &str) -> Option<bool> {
        let id: usize = id.parse().ok()?;
        let run = self.runs.get_mut(id.checked_sub(1)?)?;
        run.is_cancelled |= run.over.is_none();
        Some(run.over.is_none())
    }
}

/// Two jobs a run: 11 builds and 12 deploys for run 1.
fn log(state: &State, job: &str) -> String {
    let (run, which) = job.split_at(job.len().saturating_sub(1));
    let over =
        run.parse::<usize>().ok().and_then(|id| state.runs.get(id - 1)).and_then(|run| run.over.clone());
    let stamp = "2026-11-20T09:30:01.1234567Z ";
    match (which, over.as_deref()) {
        ("1", _) => format!(
            "\u{feff}{stamp}building acme/shop\r\n{stamp}error: only a word of the build\r\n{stamp}\u{1b}[32mbuilt\u{1b}[0m"
        ),
        (_, Some("success")) => format!("{stamp}deployed\n"),
        _ => format!(
            "{stamp}web-1 does not answer\n{stamp}##[error]Process completed with exit code 7.\n{stamp}Cleaning up\n"
        ),
    }
}
