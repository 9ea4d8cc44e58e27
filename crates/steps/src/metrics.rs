//! Samplers.
use std::collections::BTreeMap;
use tminus_release::plan::Source;
use crate::{Sampler, Work, http::Clients};
struct None_;
impl Sampler for None_ { fn sample(&mut self) -> Work<'_, BTreeMap<String, Result<f64, String>>> { Box::pin(async { BTreeMap::new() }) } }
pub(crate) fn sampler(_source: Source, _secrets: BTreeMap<String, String>, _clients: Clients, _environment: BTreeMap<String, String>) -> Box<dyn Sampler> { Box::new(None_) }
