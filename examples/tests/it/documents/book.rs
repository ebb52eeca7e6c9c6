//! The documents: their fenced blocks and links.

use std::fs;
use std::path::{Path, PathBuf};

use super::workspace;

pub(super) struct Document {
    pub(super) path: PathBuf,
    pub(super) blocks: Vec<Block>,
    pub(super) links: Vec<String>,
}

pub(super) struct Block {
    /// What stands behind the fence: `sh`, `rust,no_run`.
    pub(super) info: String,
    /// The line of the fence, from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// Whether it stands right below the block before it, with nothing said in between: what that one prints.
    pub(super) is_output: bool,
}

impl Block {
    pub(super) fn language(&self) -> &str {
        self.info.split(',').next().unwrap()
    }

    /// What the first line says that the block needs.
    pub(super) fn needs(&self) -> Option<&str> {
        self.text.lines().next()?.strip_prefix("# needs ")
    }
}

impl Document {
    pub(super) fn parse(path: PathBuf, text: &str) -> Self {
        let (mut blocks, mut links) = (Vec::new(), Vec::new());
        let mut open: Option<(Block, usize)> = None;
        let mut is_below = false;
        for (number, line) in text.lines().enumerate() {
            let bare = line.trim_start();
            let indent = line.len() - bare.len();
            match (&mut open, bare.strip_prefix("```")) {
                (None, Some(info)) => {
                    let (info, text) = (info.trim().to_owned(), String::new());
                    let is_output = is_below && ["text", "json"].contains(&&*info);
                    open = Some((Block { info, line: number + 1, text, is_output }, indent));
                }
                (Some(_), Some(_)) => {
                    blocks.extend(open.take().map(|(block, _)| block));
                    is_below = true;
                }
                (Some((block, indent)), None) => {
                    block.text.push_str(line.get(*indent..).unwrap_or(bare));
                    block.text.push('\n');
                }
                (None, None) => {
                    is_below &= line.trim().is_empty();
                    links.extend(links_in(line));
                }
            }
        }
        assert!(open.is_none(), "{}: a block does not end", path.display());
        Self { path, blocks, links }
    }

    pub(super) fn shell(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.language() == "sh")
    }
}

/// The targets of `[text](target)` and of `src="target"`.
fn links_in(line: &str) -> Vec<String> {
    let marked = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let tags = line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    marked.chain(tags).map(str::to_owned).collect()
}

/// All documents of the project.
pub(super) fn documents() -> Vec<Document> {
    let paths = files(&workspace(), "md");
    paths.into_iter().map(|path| Document::parse(path.clone(), &fs::read_to_string(path).unwrap())).collect()
}

/// The project's files with this extension; nothing that was built, nothing hidden, no test data.
pub(super) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_symlink() {
                // It is read where it leads to.
                continue;
            }
            if path.is_dir() {
                let skipped = ["target", "corpus", "data"].contains(&name.as_str()) && !path.join("README.md").exists();
                if !name.starts_with('.') && !skipped && !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
