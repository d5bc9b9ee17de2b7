//! A real control plane for the tests, the demo and the benchmarks.
//!
//! [`ControlPlane::start`] runs etcd and `kube-apiserver` (and, when asked, `kube-controller-manager`) on loopback and is
//! ready in a few seconds; [`ControlPlane::shared`] is the one that the tests of a binary share. [`Operator`] runs the program
//! under test. Every child dies with the process that started it, even when that process is killed with SIGKILL
//! (see [`process`]).
//!
//! The programs come from [`assets`]: envtest's folders, our cache, or a build from pinned Go modules.

pub mod archive;
pub mod assets;
pub mod chart;
pub mod elf;
pub mod image;
pub mod licences;
pub mod process;
pub mod prometheus;
pub mod release;
pub mod site;

mod call;
mod certificates;
mod control_plane;
mod error;
mod folder;
mod go;
mod http;
mod kubeconfig;
mod metrics;
mod operator;
mod ports;
mod proxy;
mod run;
mod user;
mod wait;

pub use call::Call;
pub use control_plane::{ControlPlane, ControllerIdentity, Options};
pub use error::{Error, Result};
pub use metrics::Metrics;
pub use operator::{Operator, free_port};
pub use proxy::Proxy;
pub use run::{run, run_in};
pub use user::User;
pub use wait::wait_until;
