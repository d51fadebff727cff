//! What the targets share.
//!
//! | room | what |
//! |---|---|
//! | [`enemy`] | descriptors that somebody made who means no good |
//! | [`victim`] | what a process does with the handles that it has accepted |
//! | [`scene`] | where it happens, and the objects that must stay whole |
//!
//! Nothing here waits for longer than a moment: the library's own limits are short for fuzzing.

pub mod enemy;
pub mod scene;
pub mod victim;
