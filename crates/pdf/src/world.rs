//! All that the template can see: itself, one file of data, a picture, and fonts. No folder, no network, no clock.

use std::sync::LazyLock;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

use crate::fonts::Fonts;
use crate::logo::Logo;

const TEMPLATE: &str = include_str!("template.typ");

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));

/// The template with what it prints.
pub(crate) struct Desk<'a> {
    template: Source,
    content: (FileId, Bytes),
    logo: Option<(FileId, Bytes)>,
    fonts: &'a Fonts,
}

impl<'a> Desk<'a> {
    /// `content` is JSON.
    pub(crate) fn new(content: Vec<u8>, logo: Option<&Logo>, fonts: &'a Fonts) -> Option<Self> {
        Some(Self {
            template: Source::new(file_id("template.typ")?, TEMPLATE.to_owned()),
            content: (file_id("content.json")?, Bytes::new(content)),
            logo: match logo {
                Some(logo) => Some((file_id(logo.file_name())?, Bytes::new(logo.bytes().to_vec()))),
                None => None,
            },
            fonts,
        })
    }
}

/// The names are few and fixed: each is kept by typst as long as the process lives.
fn file_id(name: &str) -> Option<FileId> {
    VirtualPath::new(name).ok().map(|path| RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let files = [Some(&self.content), self.logo.as_ref()];
        let found = files.into_iter().flatten().find(|(known, _)| *known == id);
        found.map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
