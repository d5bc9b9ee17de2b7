//! What a program file says of itself in its header.

use std::{fs, path::Path};

use crate::{Error, Result};

/// The processors that we build for, by the number that a header has for them, as Go names them.
const PROCESSORS: [(u16, &str); 2] = [(62, "amd64"), (183, "arm64")];

/// The kind of entry that names the program's loader. A static program has none.
const INTERPRETER: u32 = 3;

/// The processor of a static Linux program, as Go names it.
///
/// # Errors
/// [`Error::File`] when it cannot be read; [`Error::Program`] when it is none, or needs a loader.
pub fn architecture(path: &Path) -> Result<&'static str> {
    let bytes = fs::read(path).map_err(Error::file(path))?;
    read(&bytes).map_err(|what| Error::Program { path: path.to_owned(), what })
}

fn read(bytes: &[u8]) -> Result<&'static str, &'static str> {
    const NONE: &str = "is no program for 64-bit Linux on amd64 or arm64";
    if !bytes.starts_with(b"\x7FELF\x02\x01") {
        return Err(NONE);
    }
    let machine = number(bytes, 18, 2).ok_or(NONE)?;
    let (_, name) = PROCESSORS.iter().find(|(number, _)| u64::from(*number) == machine).ok_or(NONE)?;
    let (at, size, count) = (number(bytes, 32, 8), number(bytes, 54, 2), number(bytes, 56, 2));
    let (at, size, count) = (at.ok_or(NONE)?, size.ok_or(NONE)?, count.ok_or(NONE)?);
    let mut kinds = (0..count).map(|index| number(bytes, at.saturating_add(index * size), 4));
    match kinds.any(|kind| kind == Some(u64::from(INTERPRETER))) {
        true => Err("is not static: build it with `-C target-feature=+crt-static`"),
        false => Ok(name),
    }
}

/// The number of some bytes, the least first.
fn number(bytes: &[u8], at: u64, length: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let found = bytes.get(at..at.checked_add(length)?)?;
    Some(found.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The smallest file that says it is a static program: for tests of what is done with programs.
#[must_use]
pub fn stub(architecture: &str) -> Vec<u8> {
    let machine = PROCESSORS.iter().find(|(_, name)| *name == architecture).map_or(0, |(number, _)| *number);
    let mut header = vec![0; 64];
    header[..6].copy_from_slice(b"\x7FELF\x02\x01");
    header[18..20].copy_from_slice(&machine.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::{INTERPRETER, read, stub};

    #[test]
    fn the_processor_is_that_of_the_header() {
        assert_eq!(read(&stub("amd64")), Ok("amd64"));
        assert_eq!(read(&stub("arm64")), Ok("arm64"));
    }

    #[test]
    fn what_is_no_program_of_ours_is_refused() {
        for bytes in [&b"#!/bin/sh"[..], b"", &stub("riscv64"), &stub("amd64")[..40]] {
            assert!(read(bytes).is_err_and(|what| what.contains("no program")), "{bytes:?}");
        }
    }

    #[test]
    fn a_program_with_a_loader_is_refused() {
        let mut program = stub("amd64");
        program[32] = 64;
        program[54] = 56;
        program[56] = 1;
        program.extend([0; 56]);
        assert_eq!(read(&program), Ok("amd64"));
        program[64..68].copy_from_slice(&INTERPRETER.to_le_bytes());
        assert!(read(&program).is_err_and(|what| what.contains("crt-static")));
    }
}
