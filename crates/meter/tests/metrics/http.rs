//! As much HTTP as these tests need: a request, and a server between the meter and a server of metrics that does it harm.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Result;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of the answer to a request on loopback; the error is what was answered with another status than one of success.
pub fn request(port: u16, method: &str, path: &str, body: &[u8]) -> Result<Vec<u8>> {
    let (status, body) = send(port, method, path, "text/plain", body)?;
    if (200..300).contains(&status) {
        Ok(body)
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
    }
}

fn send(port: u16, method: &str, path: &str, content: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the server closes the connection after its answer and sends no chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer has no end of its head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split_whitespace().nth(1).ok_or("the answer has no status")?.parse()?;
    Ok((status, answer.split_off(end + 4)))
}

/// What a proxy makes of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Nothing.
    None,
    /// It says that something is missing.
    Warnings,
    /// It says that it is busy.
    Unavailable,
    /// It breaks off in the middle, and says so by its length.
    BreaksOff,
    /// It breaks off where the connection ends, so that nothing tells but the text itself.
    Short,
    /// It never comes.
    Silence,
    /// It is another program's.
    Page,
}

/// A proxy in front of a server of metrics.
pub struct Proxy {
    pub port: u16,
    harm: Arc<Mutex<Harm>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// In front of the server on `upstream`.
    pub fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let (harm, seen) = (Arc::new(Mutex::new(Harm::None)), Arc::<Mutex<Vec<String>>>::default());
        let (doing, seeing) = (Arc::clone(&harm), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (doing, seeing) = (Arc::clone(&doing), Arc::clone(&seeing));
                // What goes wrong here is that the meter went away.
                thread::spawn(move || pass(stream, upstream, &doing, &seeing).ok());
            }
        });
        Ok(Self { port, harm, seen })
    }

    /// What it makes of answers from now on.
    pub fn harm(&self, harm: Harm) {
        *self.harm.lock().unwrap_or_else(PoisonError::into_inner) = harm;
    }

    /// The heads and bodies of all requests, as they came.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request and its answer, and then the end of the connection.
fn pass(mut stream: TcpStream, upstream: u16, harm: &Mutex<Harm>, seen: &Mutex<Vec<String>>) -> Result {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let field = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
    };
    let mut body = vec![0; field("content-length").unwrap_or_default().parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{head}{}", String::from_utf8_lossy(&body)));
    let mut line = head.split_whitespace();
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let (status, mut answer) = send(upstream, method, path, &field("content-type").unwrap_or_default(), &body)?;
    let harm = *harm.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, length) = match harm {
        Harm::None => (status, answer.len()),
        Harm::Warnings => {
            answer.truncate(answer.trim_ascii_end().len() - 1);
            answer.extend_from_slice(br#","warnings":["a store is away"]}"#);
            (status, answer.len())
        }
        Harm::Unavailable => {
            answer = b"{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"busy\"}".to_vec();
            (503, answer.len())
        }
        Harm::BreaksOff => {
            let length = answer.len();
            answer.truncate(length / 2);
            (status, length)
        }
        Harm::Short => {
            answer.truncate(answer.len() / 2);
            (status, answer.len())
        }
        Harm::Silence => loop {
            thread::sleep(PATIENCE);
        },
        Harm::Page => {
            answer = b"<html>Sign in</html>".to_vec();
            (200, answer.len())
        }
    };
    write!(stream, "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&answer)?;
    Ok(stream.shutdown(Shutdown::Both)?)
}
