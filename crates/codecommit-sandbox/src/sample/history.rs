//! A project's life: files that come, change, move and go, on branches that fork and merge.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::RangeInclusive,
};

use super::{
    random::Random,
    stream::{Change, Commit, Mark, Mode, Stream},
    text,
};

/// The size of a project.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) seed: u64,
    pub(super) commits: usize,
    pub(super) files: usize,
    pub(super) functions: RangeInclusive<usize>,
    /// Files changed by one commit.
    pub(super) touched: RangeInclusive<usize>,
    pub(super) assets: usize,
    pub(super) asset_bytes: RangeInclusive<usize>,
    /// Branches that are open at the end.
    pub(super) branches: usize,
    /// One commit of so many is tagged.
    pub(super) tag_every: usize,
}

struct File {
    path: String,
    mode: Mode,
    lines: Vec<String>,
}

/// A branch that will be merged: its files are its own until then.
struct Topic {
    name: String,
    tip: Mark,
    files: Vec<usize>,
    left: usize,
}

pub(super) struct History<'a, W> {
    shape: &'a Shape,
    random: Random,
    stream: Stream<W>,
    files: Vec<File>,
    paths: BTreeSet<String>,
    topic: Option<Topic>,
    /// Assets that have not been added yet.
    assets_left: usize,
    made: usize,
    topics: usize,
}

/// 1 January 2019, noon, in UTC.
const START: u64 = 1_546_344_000;

/// The files that `beginning` names, which stay as they are: attributes that change at random would be malformed.
const FIXED: usize = 4;

impl<'a, W: Write> History<'a, W> {
    pub(super) fn new(shape: &'a Shape, out: W) -> Self {
        Self {
            shape,
            random: Random::new(shape.seed),
            stream: Stream::new(out, START),
            files: Vec::new(),
            paths: BTreeSet::new(),
            topic: None,
            assets_left: shape.assets,
            made: 0,
            topics: 0,
        }
    }

    /// Writes all of it.
    pub(super) fn write(mut self) -> io::Result<()> {
        let mut tip = self.beginning()?;
        while self.made < self.shape.commits {
            tip = self.step(tip)?;
            if self.made.is_multiple_of(self.shape.tag_every) {
                self.tag(tip)?;
            }
        }
        for number in 0..self.shape.branches {
            self.open_branch(number, tip)?;
        }
        self.stream.finish()
    }

    /// The first commit: the folders, scripts and a link.
    fn beginning(&mut self) -> io::Result<Mark> {
        let mut changes = Vec::new();
        let fixed = [
            ("README.md", Mode::File, text::page(&mut self.random, 12)),
            (
                "build.sh",
                Mode::Executable,
                vec!["#!/bin/sh".into(), "set -eu".into(), "exec make -C services \"$@\"".into()],
            ),
            (".gitignore", Mode::File, vec!["/target".into(), "*.tmp".into()]),
            (".gitattributes", Mode::File, vec!["*.bin binary".into(), "*.sh text eol=lf".into()]),
        ];
        for (path, mode, lines) in fixed {
            self.paths.insert(path.to_owned());
            self.files.push(File { path: path.to_owned(), mode, lines });
        }
        for _ in 0..self.shape.files * 2 / 3 {
            self.add_file();
        }
        changes.extend((0..self.files.len()).map(|number| self.content(number)));
        changes.push(Change::Write {
            mode: Mode::Link,
            path: "docs/README.md".into(),
            content: b"../README.md".to_vec(),
        });
        self.commit("main", None, None, &changes)
    }

    /// One commit on the main branch, or on a branch beside it.
    fn step(&mut self, tip: Mark) -> io::Result<Mark> {
        match self.topic.take() {
            Some(topic) if topic.left == 0 => return self.merge(tip, topic),
            Some(topic) if self.random.chance(50) => {
                self.topic = Some(self.advance(topic)?);
                return Ok(tip);
            }
            Some(topic) => self.topic = Some(topic),
            None if self.random.chance(3) => {
                self.topic = Some(self.fork(tip)?);
                return Ok(tip);
            }
            None => {}
        }
        let mut changes = Vec::new();
        let mut taken = self.topic.as_ref().map(|topic| topic.files.clone()).unwrap_or_default();
        for _ in 0..self.random.between(*self.shape.touched.start(), *self.shape.touched.end()) {
            let number = self.choose();
            if !taken.contains(&number) {
                taken.push(number);
                self.edit(number);
                changes.push(self.content(number));
            }
        }
        if self.files.len() < self.shape.files && self.random.chance(100 * self.shape.files / self.shape.commits + 20) {
            let number = self.add_file();
            changes.push(self.content(number));
        }
        changes.extend(self.rare_changes(&taken));
        self.commit("main", Some(tip), None, &changes)
    }

    /// A rename, a deletion, an asset.
    fn rare_changes(&mut self, taken: &[usize]) -> Vec<Change> {
        let mut changes = Vec::new();
        let left = self.shape.commits - self.made;
        while self.assets_left > 0 && self.random.below(left.max(1)) < self.assets_left {
            self.assets_left -= 1;
            let length = self.random.between(*self.shape.asset_bytes.start(), *self.shape.asset_bytes.end());
            let path = format!("assets/{}/{:04}.bin", text::noun(&mut self.random), self.assets_left);
            changes.push(Change::Write { mode: Mode::File, path, content: self.random.bytes(length) });
            if left > self.assets_left {
                break;
            }
        }
        let number = self.random.below(self.files.len());
        if number < FIXED || taken.contains(&number) {
            return changes;
        }
        if self.random.chance(4) {
            let to = self.new_path();
            let from = std::mem::replace(&mut self.files[number].path, to.clone());
            self.paths.remove(&from);
            changes.push(Change::Rename { from, to });
        } else if self.random.chance(1) && self.topic.is_none() && self.files.len() > self.shape.files / 2 {
            let file = self.files.swap_remove(number);
            self.paths.remove(&file.path);
            changes.push(Change::Delete { path: file.path });
        }
        changes
    }

    fn fork(&mut self, tip: Mark) -> io::Result<Topic> {
        self.topics += 1;
        let files: BTreeSet<usize> = (0..5).map(|_| self.choose()).collect();
        let name = format!("topic/{}-{}", text::noun(&mut self.random), self.topics);
        let left = self.random.between(1, 6);
        self.advance(Topic { name, tip, files: files.into_iter().collect(), left })
    }

    fn advance(&mut self, mut topic: Topic) -> io::Result<Topic> {
        let number = topic.files[self.random.below(topic.files.len())];
        self.edit(number);
        let change = self.content(number);
        topic.tip = self.commit(&topic.name, Some(topic.tip), None, &[change])?;
        topic.left = topic.left.saturating_sub(1);
        Ok(topic)
    }

    fn merge(&mut self, tip: Mark, topic: Topic) -> io::Result<Mark> {
        let changes: Vec<Change> = topic.files.iter().map(|number| self.content(*number)).collect();
        self.commit("main", Some(tip), Some(topic.tip), &changes)
    }

    /// A branch of a few commits on top of the last one.
    fn open_branch(&mut self, number: usize, tip: Mark) -> io::Result<()> {
        let name = match number {
            0 => "develop".to_owned(),
            n if n % 2 == 0 => format!("release/{}.x", n / 2),
            n => format!("feature/{}-{n}", text::noun(&mut self.random)),
        };
        let mut tip = tip;
        for round in 0..2 {
            let path = format!("docs/branches/{}.md", name.replace('/', "-"));
            let lines = text::page(&mut self.random, 2 + round);
            let change = Change::Write { mode: Mode::File, path, content: joined(&lines) };
            tip = self.commit(&name, Some(tip), None, &[change])?;
        }
        Ok(())
    }

    fn tag(&mut self, tip: Mark) -> io::Result<()> {
        let number = self.made / self.shape.tag_every;
        if number.is_multiple_of(2) {
            return self.stream.lightweight_tag(&format!("build-{number}"), tip);
        }
        let message = format!("Version {number}\n\n{}\n", text::subject(&mut self.random));
        let person = text::person(&mut self.random);
        self.stream.annotated_tag(&format!("v0.{number}.0"), tip, person, &message)
    }

    fn commit(
        &mut self,
        branch: &str,
        parent: Option<Mark>,
        merged: Option<Mark>,
        changes: &[Change],
    ) -> io::Result<Mark> {
        self.made += 1;
        let mut message = match merged {
            Some(_) => format!("Merge change {} into main\n", self.topics),
            None => format!("{}\n", text::subject(&mut self.random)),
        };
        if self.random.chance(40) {
            message.push_str(&format!(
                "\n{}.\n{}.\n",
                text::subject(&mut self.random),
                text::subject(&mut self.random)
            ));
        }
        let person = text::person(&mut self.random);
        let later = 60 * self.random.between(5, 900) as u64;
        self.stream.commit(&Commit { branch, person, message: &message, parent, merged, changes }, later)
    }

    /// Adds a file to the tree and returns its number.
    fn add_file(&mut self) -> usize {
        let path = self.new_path();
        let random = &mut self.random;
        let functions = random.between(*self.shape.functions.start(), *self.shape.functions.end());
        let (mode, lines) = match path.rsplit('.').next() {
            Some("csv") => (Mode::File, text::table(random, functions * 12)),
            Some("md") => (Mode::File, text::page(random, functions * 2)),
            Some("sh") => (Mode::Executable, text::page(random, 3)),
            _ => (Mode::File, text::source(random, functions)),
        };
        self.files.push(File { path, mode, lines });
        self.files.len() - 1
    }

    /// A path that no file has.
    fn new_path(&mut self) -> String {
        loop {
            let random = &mut self.random;
            let (service, area, part) = (text::service(random), text::area(random), text::noun(random));
            let name = format!("{}_{}", text::noun(random), text::noun(random));
            let path = match random.below(12) {
                0 => format!("docs/{service}/{name}.md"),
                1 => format!("services/{service}/tests/data/{name}.csv"),
                2 => format!("tools/{service}/{name}.sh"),
                3..=6 => format!("services/{service}/src/main/{area}/{name}.rs"),
                7..=8 => format!("services/{service}/src/main/{area}/{part}/{name}.rs"),
                _ => format!("libraries/{service}/src/{area}/{name}.rs"),
            };
            if self.paths.insert(path.clone()) {
                return path;
            }
        }
    }

    /// A file to change. Some are changed far more often than others.
    fn choose(&mut self) -> usize {
        let ends = [self.files.len(), self.files.len().div_ceil(8), self.files.len().div_ceil(40)];
        let end = ends[self.random.below(ends.len())].max(FIXED + 1);
        FIXED + self.random.below(end - FIXED)
    }

    fn edit(&mut self, number: usize) {
        let (random, lines) = (&mut self.random, &mut self.files[number].lines);
        for _ in 0..random.between(1, 4) {
            let at = random.below(lines.len());
            match random.below(5) {
                0 => {
                    let new = text::function(random);
                    lines.splice(at..at, new);
                }
                1 if lines.len() > 40 => {
                    let end = (at + random.between(1, 12)).min(lines.len());
                    lines.drain(at..end);
                }
                2 => lines.insert(at, text::statement(random)),
                _ => lines[at] = text::statement(random),
            }
        }
        if lines.len() > 1_200 {
            lines.drain(200..700);
        }
    }

    fn content(&self, number: usize) -> Change {
        let File { path, mode, lines } = &self.files[number];
        Change::Write { mode: *mode, path: path.clone(), content: joined(lines) }
    }
}

fn joined(lines: &[String]) -> Vec<u8> {
    let mut content = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        content.extend_from_slice(line.as_bytes());
        content.push(b'\n');
    }
    content
}
