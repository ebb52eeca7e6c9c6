//! Runs what stands in a document's `sh` blocks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::book::Block;
use super::workspace;
use crate::support::{World, built, commands, program, text};

/// Longer than anything in a document takes.
const LIMIT: Duration = Duration::from_secs(300);

/// What stands for tools of the host (a service to restart, an application that answers on a port), and for what was run before.
const STAND_INS: [(&str, &str); 3] =
    [("systemctl", "exit 0"), ("curl", "exit 0"), ("quickstart", "exec cat quickstart-printed")];

/// What stands for cargo: `run` starts what cargo built along with this test; everything else is noted.
const CARGO: &str = r#"verb=$1; shift; given="$verb $*"
name=nothing
while [ $# -gt 0 ]; do
    case $1 in
        --example) name=$2; shift 2 ;;
        -p | --package) name=$2; shift 2 ;;
        --release | --locked) shift ;;
        --) shift; break ;;
        *) break ;;
    esac
done
[ "$verb" = run ] && exec "$name" "$@"
echo "cargo $given" >>"$CARGO_NOTES""#;

const EXAMPLES: [&str; 5] = ["assume_chain", "clone_by_role", "swap_engine", "custom_progress", "deploy"];

/// What the quickstart prints. Several documents begin with it; it clones the large repository twice, and is run once.
fn quickstart() -> &'static str {
    static PRINTED: OnceLock<String> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let output = Command::new(program("quickstart")).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "the quickstart: {output:?}");
        text(&output.stdout)
    })
}

/// A home for the blocks of one document.
pub(super) struct Home(World);

impl Home {
    pub(super) fn new() -> Self {
        let world = World::new();
        let bin = world.path("bin");
        fs::create_dir(&bin).unwrap();
        for name in EXAMPLES {
            symlink(program(name), bin.join(name)).unwrap();
        }
        for name in commands() {
            symlink(built(&name), bin.join(name)).unwrap();
        }
        for (name, lines) in STAND_INS.into_iter().chain([("cargo", CARGO)]) {
            fs::write(bin.join(name), format!("#!/bin/sh\n{lines}\n")).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(world.path("srv")).unwrap();
        // The sandbox's own configuration, where a host has it.
        fs::create_dir(world.path(".aws")).unwrap();
        let config = world.sandbox.env().into_iter().find(|(name, _)| name == "AWS_CONFIG_FILE").unwrap().1;
        fs::copy(config, world.path(".aws/config")).unwrap();
        symlink(world.repository(), world.path("app.git")).unwrap();
        Self(world)
    }

    /// Runs a block, and returns what it prints.
    pub(super) fn run(&self, block: &Block) -> Result<String, String> {
        let world = &self.0;
        let script = block
            .text
            .replace("/srv/", &format!("{}/", world.path("srv").display()))
            .replace("/usr/local/bin/", &format!("{}/", world.path("bin").display()));
        if block.text.contains("quickstart") {
            fs::write(world.path("quickstart-printed"), quickstart()).unwrap();
        }
        let (output, notes) = (world.path(".output"), world.path(".cargo-notes"));
        fs::write(&notes, "").unwrap();
        let log = fs::File::create(&output).unwrap();
        let mut child = world
            .command_at("/bin/sh".as_ref())
            .args(["-euc", &script])
            .env("PATH", format!("{}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", world.path("bin").display()))
            .env_remove("AWS_CONFIG_FILE")
            .env_remove("GIT_CONFIG_GLOBAL")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .env("EXTERNAL_ID", world.sandbox.external_id())
            .env("CARGO_NOTES", &notes)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let started = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if started.elapsed() > LIMIT => break child.kill().and_then(|()| child.wait()).unwrap(),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        // Whatever a block leaves running ends with it.
        let group = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let said = text(&fs::read(&output).unwrap());
        if !status.success() {
            return Err(format!("{status} after {:.0?}: {said}", started.elapsed()));
        }
        fs::read_to_string(&notes).unwrap().lines().try_for_each(check_cargo)?;
        Ok(said.replace(world.path("srv").to_str().unwrap(), "/srv"))
    }
}

/// Whether cargo would do what a document asks of it, and CI does the same.
fn check_cargo(line: &str) -> Result<(), String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let value = |flag: &str| words.iter().skip_while(|word| **word != flag).nth(1).copied();
    let manifest = |folder: &str| fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap_or_default();
    let declares = |folder: &str, name: &str| manifest(folder).contains(&format!("name = \"{name}\""));
    let right = match (words[1], value("--example"), value("--bench"), value("--path")) {
        ("test", Some(example), ..) => declares("examples", example),
        ("bench", _, Some(bench), _) => declares("benches", bench),
        ("install", Some(example), _, Some(path)) => declares(path, example),
        ("install", None, _, Some(path)) => manifest(path).contains("[[bin]]"),
        // The same line is a step of CI.
        _ => fs::read_to_string(workspace().join(".ci/run")).unwrap().lines().any(|step| step.trim() == line),
    };
    if right { Ok(()) } else { Err(format!("nothing says that this works: {line}")) }
}

/// Checks the syntax, and the commands and flags that are this project's own.
pub(super) fn check_without_running(block: &Block) -> Result<(), String> {
    let output = Command::new("/bin/sh").args(["-nc", &block.text]).output().unwrap();
    if !output.status.success() {
        return Err(format!("syntax: {}", text(&output.stderr)));
    }
    let joined = block.text.replace("\\\n", " ");
    for line in joined.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let words = split(line);
        for (at, word) in words.iter().enumerate() {
            if let Some(command) = own(word) {
                let end = words[at..].iter().position(|word| ["|", "&&", "||", ";", "&"].contains(word));
                check_flags(command, &words[at + 1..end.map_or(words.len(), |end| at + end)])?;
            }
        }
    }
    Ok(())
}

/// The words of a line; what stands in quotes is one.
fn split(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote) = (Vec::new(), None, None);
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ' | '\t') => words.extend(start.take().map(|start| &line[start..at])),
            _ => {}
        }
        if quote.is_some() || !matches!(letter, ' ' | '\t') {
            start.get_or_insert(at);
        }
    }
    words.extend(start.map(|start| &line[start..]));
    words
}

/// The project's command behind a word, by itself or with its folder.
fn own(word: &str) -> Option<PathBuf> {
    let name = word.rsplit('/').next().unwrap();
    let path_of_program = word == name || word.starts_with("/usr/local/bin/");
    match name {
        "deploy" if path_of_program => Some(program(name)),
        name if path_of_program && commands().iter().any(|command| command == name) => Some(built(name)),
        _ => None,
    }
}

fn check_flags(command: PathBuf, words: &[&str]) -> Result<(), String> {
    let help = |words: &[&str]| {
        let output = Command::new(&command).args(words).arg("--help").output().unwrap();
        format!("{}{}", text(&output.stdout), text(&output.stderr))
    };
    let whole = help(&[]);
    let mut flags = whole.clone();
    if whole.contains("<COMMAND>") {
        let Some(subcommand) = words.first().filter(|word| !word.starts_with('-')) else { return Ok(()) };
        if !whole.lines().any(|line| line.split_whitespace().next() == Some(subcommand)) {
            return Err(format!("{} has no command {subcommand}", command.display()));
        }
        flags += &help(&[subcommand]);
    }
    for word in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
        let flag = word.split('=').next().unwrap();
        if !flags.split([' ', ',', '\n', '=', '[', ']']).any(|known| known == flag) {
            return Err(format!("{} knows no {flag}", command.display()));
        }
    }
    Ok(())
}
