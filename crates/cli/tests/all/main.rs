//! Tests of the program as people use it: the real binary, real processes, real files.

mod bad_days;
mod bad_input;
mod check_output;
mod commands;
mod crash_everywhere;
mod databases;
mod deployments;
mod environments;
mod files;
mod flags;
mod fleet;
mod gates;
mod hosts;
mod integration_files;
mod jobs;
mod kubernetes;
mod lsp;
mod pains;
mod runbook_hosts;
mod runbook_kubernetes;
mod sarif_schema;
mod seeds;
mod sites;
mod support;
mod traffic;
