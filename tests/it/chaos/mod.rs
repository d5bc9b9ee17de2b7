//! What must not matter: crashes, a second operator, a server that is away, a wrong clock.

mod clock;
mod crash;
mod disturbed;
mod policies;
mod proxied;
mod reference;
mod restart;
mod scenario;
mod snapshot;
mod unreadable;
