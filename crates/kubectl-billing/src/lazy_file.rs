//! A file that is written only when it says something else than before, and that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A file that is being written. As long as what comes is what the file says already, nothing is written; from the first
/// byte that differs, everything goes into another file beside it, which takes its place in the end.
pub struct LazyFile {
    path: PathBuf,
    /// The file as it is, read as far as what came is the same.
    old: Option<BufReader<File>>,
    same: u64,
    new: Option<BufWriter<File>>,
}

impl LazyFile {
    /// Begins a file.
    ///
    /// # Errors
    /// What is there cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let old = match File::open(path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_owned(), old, same: 0, new: None })
    }

    /// More of its content.
    ///
    /// # Errors
    /// It cannot be written, or what is there cannot be read.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.new.is_none() {
            if self.goes_on_with(bytes)? {
                self.same += bytes.len() as u64;
                return Ok(());
            }
            self.begin()?;
        }
        self.new.as_mut().map_or(Ok(()), |new| new.write_all(bytes))
    }

    /// Puts it into its place, and says whether it is another now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<bool> {
        self.place(|_| Ok(()))
    }

    /// The same, and waits until the disk has it: what has its place is whole also when the machine loses its power.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish_on_disk(self) -> io::Result<bool> {
        self.place(File::sync_all)
    }

    fn place(mut self, settle: impl FnOnce(&File) -> io::Result<()>) -> io::Result<bool> {
        let is_over = match &mut self.old {
            Some(old) => old.read(&mut [0])? == 0,
            None => false,
        };
        if self.new.is_none() && is_over {
            return Ok(false);
        }
        if self.new.is_none() {
            self.begin()?;
        }
        let Some(new) = self.new.take() else { return Ok(false) };
        let done = new.into_inner().map_err(io::IntoInnerError::into_error);
        let placed = done.and_then(|file| settle(&file)).and_then(|()| fs::rename(self.beside(), &self.path));
        if placed.is_err() {
            let _ = fs::remove_file(self.beside()); // the first error is the one to tell
        }
        placed.map(|()| true)
    }

    /// Where it is written: no name that anybody reads.
    fn beside(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.unfinished"))
    }

    fn goes_on_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let Some(old) = &mut self.old else { return Ok(false) };
        let mut read = Vec::with_capacity(bytes.len());
        old.take(bytes.len() as u64).read_to_end(&mut read)?;
        Ok(read == bytes)
    }

    /// Copies what was the same.
    fn begin(&mut self) -> io::Result<()> {
        let mut new = File::create(self.beside())?;
        if self.same > 0 {
            io::copy(&mut File::open(&self.path)?.take(self.same), &mut new)?;
        }
        self.new = Some(BufWriter::new(new));
        Ok(())
    }
}

impl Drop for LazyFile {
    fn drop(&mut self) {
        if self.new.take().is_some() {
            let _ = fs::remove_file(self.beside()); // nobody reads it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of a test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("billing-lazy-file-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn write(path: &Path, pieces: &[&str]) -> bool {
        let mut file = LazyFile::open(path).unwrap();
        pieces.iter().for_each(|piece| file.write(piece.as_bytes()).unwrap());
        file.finish().unwrap()
    }

    #[test]
    fn only_another_content_is_written() {
        let folder = Folder::new("content");
        let path = folder.0.join("file");
        for (pieces, changed) in [
            (&["ab", "cd"][..], true),
            (&["a", "bcd"], false),
            (&["abcd", ""], false),
            (&["abc"], true),
            (&["abc", "d"], true),
            (&["abxd"], true),
            (&[], true),
            (&[], false),
        ] {
            let before = fs::metadata(&path).ok().map(|metadata| metadata.modified().unwrap());
            assert_eq!(write(&path, pieces), changed, "{pieces:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), pieces.concat());
            let after = fs::metadata(&path).ok().map(|metadata| metadata.modified().unwrap());
            assert!(changed || before == after);
            assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing stays beside it");
        }
    }

    #[test]
    fn what_is_not_finished_changes_nothing() {
        let folder = Folder::new("unfinished");
        let path = folder.0.join("file");
        write(&path, &["one"]);
        let mut file = LazyFile::open(&path).unwrap();
        file.write(b"other").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }
}
