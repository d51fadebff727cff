//! One module tree per system, of the same shape. What the public types need from each:
//!
//! | module | supplies |
//! |---|---|
//! | `namespace` | `Place`: where names are looked up |
//! | `mapping` | `Mapping`: a handle, made from a `Wish` or found by name |
//! | `sync` | `Synchronizer`: a handle to a synchronization object, what can be done with it, and waits |
//! | `view` | `View`: a mapped range with checked copies; `Frozen`: one that nobody changes |
//! | `seals` | freezing a mapping's memory, and closing it to further writers |
//! | `transfer` | handles on their way to other processes |
//! | `inspect` | the objects of a place and who holds them |

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{data::seals, inspect, mapping, namespace, sync, transfer, view};

#[cfg(not(target_os = "linux"))]
compile_error!("shmobj supports Linux; see docs/design.md");
