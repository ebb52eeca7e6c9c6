//! The project's documents: each command in them is run here, against the sandbox, or says what it needs beyond that.
//!
//! A `sh` block whose first line is `# needs …` (AWS, an instance, the internet, crates.io) is not run; its syntax and the flags
//! of this project's own commands are checked all the same. Any other is run, block by block, in a home of the document's own:
//! with the project's programs, a repository `app`, the scenario's profile `b`, and `/srv` and `/usr/local/bin` below that home.
//! `rust` blocks must stand in code that is compiled, and links must lead somewhere.

mod book;
mod run;
mod troubleshooting;

use std::fs;
use std::path::{Path, PathBuf};

use book::{Block, Document};

/// What a block may need beyond the sandbox.
const NEEDS: [&str; 4] = ["AWS", "an instance", "the internet", "crates.io"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn every_block_names_a_language_that_is_checked() {
    for document in book::documents() {
        for block in &document.blocks {
            let known = ["sh", "rust", "toml", "ini", "text", "json", "yaml", "hcl", "mermaid"];
            assert!(known.contains(&block.language()), "{}: {:?}", document.at(block), block.info);
        }
    }
}

#[test]
fn every_command_runs_or_says_what_it_needs() {
    let documents = book::documents();
    let shell: usize = documents.iter().map(|document| document.shell().count()).sum();
    assert!(shell >= 10, "only {shell} blocks: the documents were not found");
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = documents.iter().map(|document| scope.spawn(|| check(document))).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What is wrong with the commands of a document.
fn check(document: &Document) -> Vec<String> {
    let mut failures = Vec::new();
    let mut home = None;
    let mut printed: Option<String> = None;
    for block in &document.blocks {
        let printed_above = printed.take();
        let outcome = match block.needs() {
            _ if block.language() != "sh" => match printed_above.filter(|_| block.is_output) {
                Some(printed) => holds(&printed, block),
                // It is below a block that was not run, or stands by itself.
                None => continue,
            },
            Some(what) if NEEDS.iter().any(|need| what.starts_with(need)) => run::check_without_running(block),
            Some(what) => Err(format!("\"# needs {what}\" is none of {NEEDS:?}")),
            None => home.get_or_insert_with(run::Home::new).run(block).map(|said| printed = Some(said)),
        };
        if let Err(what) = outcome {
            failures.push(format!("{}: {what}\n{}", document.at(block), block.text));
        }
    }
    failures
}

/// Whether each line of a block was printed, but for numbers, times and commits, which differ from run to run.
fn holds(printed: &str, block: &Block) -> Result<(), String> {
    let known: Vec<String> = printed.lines().map(without_numbers).collect();
    match block.text.lines().find(|line| !known.contains(&without_numbers(line))) {
        Some(line) => Err(format!("{line:?} is not in what was printed: {printed}")),
        None => Ok(()),
    }
}

fn without_numbers(line: &str) -> String {
    let words = line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.map(|word| match word.strip_suffix(|letter: char| !letter.is_ascii_alphanumeric()) {
        Some(inner) if inner.len() == 40 && inner.bytes().all(|byte| byte.is_ascii_hexdigit()) => "COMMIT\"".to_owned(),
        _ => word.to_owned(),
    });
    let mut plain = words.collect::<String>().replace(|letter: char| letter.is_ascii_digit(), "0");
    while plain.contains("00") {
        plain = plain.replace("00", "0");
    }
    plain
}

/// The harness itself: what must not pass does not.
#[test]
fn a_block_that_cannot_run_is_found() {
    let document = |text: &str| Document::parse("x.md".into(), &format!("```sh\n{text}\n```\n"));
    for (text, says) in [
        ("clone-by-role clone --profile b codecommit::ap-northeast-1://nothing", "exit status: 1"),
        ("clone-by-role clone --no-such-flag", "exit status: 2"),
        ("no-such-command", "exit status: 127"),
        ("cargo test --package nothing", "cargo test --package nothing"),
        ("cargo run --example nothing", "exit status: 127"),
        ("# needs a miracle\ntrue", "is none of"),
        ("# needs AWS\nclone-by-role clone --no-such-flag x", "--no-such-flag"),
        ("# needs AWS\nclone-by-role fly x", "fly"),
        ("# needs AWS\nif true", "syntax"),
    ] {
        let failures = check(&document(text));
        assert!(failures.len() == 1 && failures[0].to_lowercase().contains(says), "{text}: {failures:?}");
    }
    let printed = "```sh\necho at 12:30\n```\n\n```text\nat 12:45\n```\n\n```sh\necho a\n```\n\n```text\nb\n```\n";
    let failures = check(&Document::parse("x.md".into(), printed));
    assert!(failures.len() == 1 && failures[0].contains("\"b\" is not in"), "{failures:?}");
    assert_eq!(check(&document("clone-by-role clone --profile b codecommit::ap-northeast-1://app /srv/app")), [""; 0]);
}

#[test]
fn rust_blocks_stand_in_code_that_is_compiled() {
    let sources: Vec<(PathBuf, Vec<String>)> = book::files(&workspace(), "rs")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text.lines().filter_map(plain).collect())
        })
        .collect();
    for document in book::documents() {
        if is_compiled_whole(&document, &sources) {
            continue;
        }
        for block in document.blocks.iter().filter(|block| block.language() == "rust") {
            let lines: Vec<_> = block.text.lines().filter_map(plain).collect();
            let stands = |(_, source): &&(PathBuf, Vec<String>)| source.windows(lines.len()).any(|part| part == lines);
            assert!(sources.iter().find(stands).is_some(), "{}: it stands in no source", document.at(block));
        }
    }
}

/// Whether a crate takes the document as its own documentation, so that its examples are doctests.
fn is_compiled_whole(document: &Document, sources: &[(PathBuf, Vec<String>)]) -> bool {
    let library = document.path.parent().unwrap().join("src/lib.rs");
    let name = document.path.file_name().unwrap().to_string_lossy();
    let line = format!("#[doc = include_str!(\"../{name}\")]");
    sources.iter().any(|(path, source)| *path == library && source.contains(&line))
}

/// A line of code without what differs between a document, a doc comment and a program; nothing where there is no code.
fn plain(line: &str) -> Option<String> {
    let line = line.trim();
    let line = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).unwrap_or(line).trim();
    let code = line.split_once(" // ").map_or(line, |(code, _)| code).trim();
    let hidden = line == "#" || line.starts_with("# ");
    (!code.is_empty() && !hidden && !line.starts_with("//")).then(|| code.to_owned())
}

#[test]
fn links_lead_somewhere() {
    for document in book::documents() {
        for link in &document.links {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = document.path.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {link}", document.path.display());
        }
    }
}

/// Where a document is named in a failure.
impl Document {
    fn at(&self, block: &Block) -> String {
        let path = self.path.strip_prefix(workspace()).unwrap_or(&self.path);
        format!("{}:{}", path.display(), block.line)
    }
}
