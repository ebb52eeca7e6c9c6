//! The `shallow` file: where a repository's history is cut (`gitformat-pack`'s neighbour, described in git's
//! `shallow.txt`). One commit's name a line; the commits' parents are not there.

use std::collections::BTreeSet;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::Path;

use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// The commits at which the history of a repository is cut.
pub(super) fn read(git_dir: &Path) -> Result<BTreeSet<ObjectId>> {
    let path = git_dir.join("shallow");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(Error::io(Step::Fetch, format!("cannot read {}", path.display()), error)),
    };
    let commits = text.lines().map(|line| line.trim().parse()).collect::<Result<_, _>>();
    commits.map_err(|error| {
        Error::new(ErrorKind::Corrupt, Step::Fetch, format!("{} is damaged", path.display())).with_source(error)
    })
}

/// Replaces the file as a whole, or removes it where nothing is cut.
pub(super) fn write(git_dir: &Path, commits: &BTreeSet<ObjectId>) -> Result<()> {
    let path = git_dir.join("shallow");
    let failed = |error| Error::io(Step::Fetch, format!("cannot write {}", path.display()), error);
    if commits.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
    }
    let text: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
    // The name under which stock git locks the file as well.
    let lock = git_dir.join("shallow.lock");
    let write = || {
        std::fs::File::create_new(&lock)?.write_all(text.as_bytes())?;
        std::fs::rename(&lock, &path)
    };
    write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_what_was_written_and_goes_when_nothing_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), BTreeSet::new());
        let commits = BTreeSet::from([ObjectId::from_bytes([2; 20]), ObjectId::from_bytes([1; 20])]);
        write(folder.path(), &commits).unwrap();
        let expected = format!("{}\n{}\n", "01".repeat(20), "02".repeat(20));
        assert_eq!(std::fs::read_to_string(folder.path().join("shallow")).unwrap(), expected);
        assert_eq!(read(folder.path()).unwrap(), commits);
        write(folder.path(), &BTreeSet::new()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shallow"), "abc\n").unwrap();
        assert_eq!(read(folder.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
