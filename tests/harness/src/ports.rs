//! Free ports on loopback.

use std::{
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::{Error, Result};

/// Below the range from which systems take the ports of outgoing connections: a port chosen here cannot be taken by one of
/// those between now and its use, nor while a server that will want it again is stopped.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// How many ports this process has tried: none is given out twice.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that nobody listens on.
pub(crate) fn free() -> Result<u16> {
    // Another process begins elsewhere in the range.
    let start = (process::id().wrapping_mul(97) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = TRIED.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::NoFreePort { first: FIRST, last: FIRST + COUNT - 1 })
}
