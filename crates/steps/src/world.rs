//! The real hands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tminus_release::plan::{Action, Source};
use tokio::sync::{mpsc, watch};

use crate::http::Clients;
use crate::shell::Shells;
use crate::shell::attempt::{Scratch, Trace};
use crate::{Hands, Job, Recovered, Report, Sampler, Work, metrics, notify};

/// Acts on the world.
pub struct World {
    environment: BTreeMap<String, String>,
    shells: Shells,
    clients: Clients,
    scratch: Scratch,
}

impl World {
    /// Makes hands. `environment` is what steps inherit and what `env:` references name; `scratch`
    /// is the folder that holds the folders of releases, which is made when it is needed.
    pub fn new(environment: BTreeMap<String, String>, scratch: PathBuf) -> World {
        World {
            shells: Shells::new(environment.clone(), whole(&scratch)),
            clients: Clients::new(&environment),
            scratch: Scratch::new(),
            environment,
        }
    }

    /// Marks an attempt as begun, before anything leaves this machine.
    fn begin(&self, job: &Job) -> Result<(), String> {
        let claimed = self.scratch.take(&job.scratch).and_then(|mut attempt| {
            attempt.claim()?;
            self.scratch.keep(attempt);
            Ok(())
        });
        claimed.map_err(|error| format!("the attempt {} cannot begin: {error}", job.scratch.display()))
    }

    async fn act(&self, job: Job, cancel: watch::Receiver<bool>, progress: mpsc::Sender<Vec<u8>>) -> Report {
        match &job.action {
            Action::Shell(shell) => self.shells.perform(&job, shell, &self.scratch, cancel, progress).await,
            Action::Http(http) => match self.begin(&job) {
                Ok(()) => self.clients.perform(&job, http, &self.environment, cancel, progress).await,
                Err(why) => Report::failed(why),
            },
            Action::Notify(message) => match self.begin(&job) {
                Ok(()) => notify::perform(&job, message, &self.clients, &self.environment, cancel).await,
                Err(why) => Report::failed(why),
            },
            Action::Unavailable(unavailable) => Report::failed(format!(
                "`{}` is not available yet in this version of tminus",
                unavailable.kind
            )),
        }
    }

    async fn look(&self, job: Job, cancel: watch::Receiver<bool>) -> Recovered {
        let what = match &job.action {
            Action::Shell(shell) => {
                return self.shells.recover(&job, shell, &self.scratch, cancel).await;
            }
            Action::Http(_) => "the request may have been sent; its answer was not seen",
            Action::Notify(_) => "the message may have been sent to some of its channels",
            Action::Unavailable(_) => return Recovered::NotStarted,
        };
        match self.scratch.trace(&job.scratch) {
            Ok(Trace::NotStarted) => Recovered::NotStarted,
            Ok(Trace::Lost | Trace::Began { .. }) => Recovered::Unknown(what.to_owned()),
            Err(error) => Recovered::Unknown(format!("{what} ({error})")),
        }
    }
}

impl Hands for World {
    fn perform(
        &self,
        job: Job,
        cancel: watch::Receiver<bool>,
        progress: mpsc::Sender<Vec<u8>>,
    ) -> Work<'_, Report> {
        Box::pin(self.act(absolute(job), cancel, progress))
    }

    fn recover(&self, job: Job, cancel: watch::Receiver<bool>) -> Work<'_, Recovered> {
        Box::pin(self.look(absolute(job), cancel))
    }

    fn forget(&self, scratch: &Path) {
        self.scratch.forget(&whole(scratch));
    }

    fn leave(&self, scratch: &Path) {
        self.scratch.leave(&whole(scratch));
    }

    fn sampler(&self, source: Source, secrets: BTreeMap<String, String>) -> Box<dyn Sampler> {
        metrics::sampler(source, secrets, self.clients.clone(), self.environment.clone())
    }
}

/// Steps start in a folder of their own, where a relative path would mean another place.
fn absolute(mut job: Job) -> Job {
    for path in [&mut job.folder, &mut job.scratch] {
        *path = whole(path);
    }
    job
}

fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
