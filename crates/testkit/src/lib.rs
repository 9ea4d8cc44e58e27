//! For tests only: builders, a simulated world, local services. Never a normal dependency.

pub mod docker;
pub mod fleet;
pub mod folder;
pub mod forge;
pub mod front;
pub mod http;
pub mod kubernetes;
pub mod plan;
pub mod postgres;
pub mod proxy;
pub mod runbooks;
pub mod s3;
pub mod sim;
pub mod ssh;
pub mod unleash;

pub use folder::TemporaryFolder;
