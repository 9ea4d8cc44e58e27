//! Messages.
use std::collections::BTreeMap;
use tokio::sync::watch;
use crate::{Job, Report, http::Clients};
pub(crate) async fn perform(_job: &Job, _notify: &tminus_release::plan::Notify, _clients: &Clients, _environment: &BTreeMap<String, String>, _cancel: watch::Receiver<bool>) -> Report { Report::failed("under construction") }
