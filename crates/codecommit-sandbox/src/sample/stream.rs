//! The language of `git fast-import`: <https://git-scm.com/docs/git-fast-import>.

use std::io::{self, Write};

/// Writes commands; every commit and blob that others refer to has a mark.
pub(super) struct Stream<W> {
    out: W,
    next_mark: u64,
    /// Seconds since 1970; every commit and tag is some time after the one before.
    clock: u64,
}

/// A commit, to be named as a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    File,
    Executable,
    Link,
}

pub(super) enum Change {
    Write { mode: Mode, path: String, content: Vec<u8> },
    Rename { from: String, to: String },
    Delete { path: String },
}

pub(super) struct Commit<'a> {
    pub(super) branch: &'a str,
    pub(super) person: (&'a str, &'a str),
    pub(super) message: &'a str,
    pub(super) parent: Option<Mark>,
    pub(super) merged: Option<Mark>,
    pub(super) changes: &'a [Change],
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W, start: u64) -> Self {
        Self { out, next_mark: 1, clock: start }
    }

    pub(super) fn commit(&mut self, commit: &Commit<'_>, seconds_later: u64) -> io::Result<Mark> {
        self.clock += seconds_later;
        let mark = Mark(self.next_mark);
        self.next_mark += 1;
        let ((name, email), clock) = (commit.person, self.clock);
        writeln!(self.out, "commit refs/heads/{}\nmark :{}", commit.branch, mark.0)?;
        writeln!(self.out, "author {name} <{email}> {clock} +0900\ncommitter {name} <{email}> {clock} +0900")?;
        self.data(commit.message.as_bytes())?;
        if let Some(Mark(parent)) = commit.parent {
            writeln!(self.out, "from :{parent}")?;
        }
        if let Some(Mark(merged)) = commit.merged {
            writeln!(self.out, "merge :{merged}")?;
        }
        for change in commit.changes {
            match change {
                Change::Write { mode, path, content } => {
                    writeln!(self.out, "M {} inline {path}", mode.octal())?;
                    self.data(content)?;
                }
                Change::Rename { from, to } => writeln!(self.out, "R {from} {to}")?,
                Change::Delete { path } => writeln!(self.out, "D {path}")?,
            }
        }
        writeln!(self.out)?;
        Ok(mark)
    }

    pub(super) fn lightweight_tag(&mut self, name: &str, Mark(on): Mark) -> io::Result<()> {
        writeln!(self.out, "reset refs/tags/{name}\nfrom :{on}\n")
    }

    pub(super) fn annotated_tag(
        &mut self,
        name: &str,
        Mark(on): Mark,
        (person, email): (&str, &str),
        message: &str,
    ) -> io::Result<()> {
        self.clock += 60;
        writeln!(self.out, "tag {name}\nfrom :{on}\ntagger {person} <{email}> {} +0900", self.clock)?;
        self.data(message.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        writeln!(self.out, "done")?;
        self.out.flush()
    }

    fn data(&mut self, content: &[u8]) -> io::Result<()> {
        writeln!(self.out, "data {}", content.len())?;
        self.out.write_all(content)?;
        writeln!(self.out)
    }
}

impl Mode {
    fn octal(self) -> &'static str {
        match self {
            Mode::File => "100644",
            Mode::Executable => "100755",
            Mode::Link => "120000",
        }
    }
}
