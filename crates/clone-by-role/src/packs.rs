//! Which objects a repository has, read from its pack indices.
//!
//! A fresh clone holds its objects in packs alone. The format is version 2 of gitformat-pack(5): a fan-out table of 256
//! counts, then the sorted object names.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::ObjectId;

const HEADER: u64 = 8;
const FAN_OUT: u64 = 256 * 4;

/// The pack indices of one repository.
#[derive(Debug)]
pub(crate) struct Packs(Vec<Index>);

#[derive(Debug)]
struct Index {
    file: File,
    fan_out: Vec<u32>,
}

impl Packs {
    pub(crate) fn open(git_dir: &Path) -> io::Result<Self> {
        let mut indices = Vec::new();
        for entry in fs::read_dir(git_dir.join("objects/pack"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                indices.push(Index::open(&path)?);
            }
        }
        Ok(Self(indices))
    }

    /// Whether a pack holds the object. An index that cannot be read holds nothing.
    pub(crate) fn contains(&mut self, id: ObjectId) -> bool {
        self.0.iter_mut().any(|index| index.contains(id).unwrap_or(false))
    }
}

impl Index {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut head = vec![0; (HEADER + FAN_OUT) as usize];
        file.read_exact(&mut head)?;
        if head[..8] != *b"\xfftOc\0\0\0\x02" {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a pack index of version 2"));
        }
        let fan_out =
            head[8..].chunks_exact(4).map(|count| u32::from_be_bytes([count[0], count[1], count[2], count[3]]));
        Ok(Self { fan_out: fan_out.collect(), file })
    }

    fn contains(&mut self, id: ObjectId) -> io::Result<bool> {
        let first = usize::from(id.as_bytes()[0]);
        let (mut low, mut high) = (if first == 0 { 0 } else { self.fan_out[first - 1] }, self.fan_out[first]);
        let mut name = [0; 20];
        while low < high {
            let middle = low + (high - low) / 2;
            self.file.seek(SeekFrom::Start(HEADER + FAN_OUT + u64::from(middle) * 20))?;
            self.file.read_exact(&mut name)?;
            match name.cmp(id.as_bytes()) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}
