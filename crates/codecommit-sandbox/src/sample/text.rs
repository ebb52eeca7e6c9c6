//! Lines that look like source code, and compress and change like it.

use super::random::Random;

const VERBS: &[&str] = &[
    "load", "store", "parse", "render", "fetch", "merge", "split", "encode", "decode", "verify", "submit", "cancel",
    "schedule", "resolve", "collect", "publish", "lookup", "append", "remove", "update", "validate", "connect", "open",
    "close", "compute", "measure", "flush", "index", "sort", "filter", "group", "notify", "retry", "expire", "refresh",
];
const NOUNS: &[&str] = &[
    "account",
    "order",
    "invoice",
    "shipment",
    "customer",
    "ledger",
    "session",
    "ticket",
    "report",
    "balance",
    "payment",
    "catalog",
    "product",
    "warehouse",
    "carrier",
    "route",
    "segment",
    "channel",
    "message",
    "queue",
    "worker",
    "bucket",
    "object",
    "record",
    "cursor",
    "window",
    "buffer",
    "header",
    "payload",
    "digest",
    "index",
    "metric",
    "counter",
    "quota",
    "policy",
    "tenant",
    "region",
    "cluster",
    "replica",
    "snapshot",
    "journal",
    "manifest",
    "artifact",
    "deployment",
    "revision",
    "branch",
    "rollout",
    "feature",
    "profile",
    "address",
    "contact",
    "currency",
    "discount",
];
const TYPES: &[&str] = &[
    "u32",
    "u64",
    "i64",
    "bool",
    "String",
    "Duration",
    "Vec<u8>",
    "Option<u64>",
    "PathBuf",
    "Instant",
    "f64",
    "usize",
];
const ADJECTIVES: &[&str] = &[
    "pending", "active", "stale", "primary", "remote", "local", "cached", "signed", "partial", "final", "empty",
    "current", "previous", "default", "nested", "shared", "expired", "valid",
];
const PEOPLE: &[(&str, &str)] = &[
    ("Aiko Tanaka", "aiko@example.com"),
    ("Bruno Carvalho", "bruno@example.com"),
    ("Chidi Okafor", "chidi@example.com"),
    ("Dana Levi", "dana@example.com"),
    ("Emre Yildiz", "emre@example.com"),
    ("Freya Lindqvist", "freya@example.com"),
    ("Gabriel Moreau", "gabriel@example.com"),
    ("Hana Kim", "hana@example.com"),
];

pub(super) fn person(random: &mut Random) -> (&'static str, &'static str) {
    PEOPLE[random.below(PEOPLE.len())]
}

pub(super) fn noun(random: &mut Random) -> &'static str {
    random.pick(NOUNS)
}

/// A name for one of the few folders at the top.
pub(super) fn service(random: &mut Random) -> &'static str {
    random.pick(&NOUNS[..10])
}

/// A name for one of the folders below.
pub(super) fn area(random: &mut Random) -> &'static str {
    random.pick(&NOUNS[10..34])
}

pub(super) fn subject(random: &mut Random) -> String {
    let (verb, adjective, noun) = (random.pick(VERBS), random.pick(ADJECTIVES), random.pick(NOUNS));
    let verb = format!("{}{}", verb[..1].to_uppercase(), &verb[1..]);
    match random.below(3) {
        0 => format!("{verb} the {adjective} {noun} only once"),
        1 => format!("{verb} {noun}s before the {} is {adjective}", random.pick(NOUNS)),
        _ => format!("{verb} {adjective} {noun}s in the {} {}", random.pick(NOUNS), random.pick(NOUNS)),
    }
}

/// One function, of at least six lines.
pub(super) fn function(random: &mut Random) -> Vec<String> {
    let (verb, noun, adjective) = (random.pick(VERBS), random.pick(NOUNS), random.pick(ADJECTIVES));
    let (other, kind, result) = (random.pick(NOUNS), random.pick(TYPES), random.pick(TYPES));
    let mut lines = vec![
        format!("    /// {} the {adjective} {noun} of a {other}.", capitalized(verb)),
        format!("    pub fn {verb}_{noun}_{}(&mut self, {other}: {kind}) -> Result<{result}> {{", random.below(1_000)),
    ];
    for _ in 0..random.between(2, 14) {
        lines.push(statement(random));
    }
    lines.push(format!("        Ok(self.{noun}.{}({other})?)", random.pick(VERBS)));
    lines.push("    }".to_owned());
    lines.push(String::new());
    lines
}

/// One line of a function's body.
pub(super) fn statement(random: &mut Random) -> String {
    let (a, b, verb) = (random.pick(NOUNS), random.pick(NOUNS), random.pick(VERBS));
    let number = random.below(100_000);
    match random.below(7) {
        0 => format!("        let {a} = self.{b}.{verb}({number});"),
        1 => format!("        if {a}.len() > {number} {{ return Err(Error::{}); }}", capitalized(b)),
        2 => format!("        self.{a}.insert({number}, {verb}_{b}(&{a})?);"),
        3 => format!("        // The {} {a} goes before the {b}, or the {verb} fails.", random.pick(ADJECTIVES)),
        4 => format!("        debug!(\"{verb} {{}} of {number} {b}s\", self.{a});"),
        5 => format!("        let {a}_{b} = {a}.iter().filter(|{b}| {b}.{verb}({number})).count();"),
        _ => format!("        assert_eq!(self.{a}.{verb}(0x{:08x}), {b});", random.next() as u32),
    }
}

/// A whole source file of about so many functions.
pub(super) fn source(random: &mut Random, functions: usize) -> Vec<String> {
    let name = capitalized(random.pick(NOUNS));
    let mut lines = vec![format!("//! {}.", subject(random)), String::new()];
    for _ in 0..random.between(2, 6) {
        lines.push(format!("use crate::{}::{};", random.pick(NOUNS), capitalized(random.pick(NOUNS))));
    }
    lines.push(String::new());
    lines.push(format!("pub struct {name} {{"));
    for _ in 0..random.between(2, 8) {
        lines.push(format!("    {}: {},", random.pick(NOUNS), random.pick(TYPES)));
    }
    lines.extend(["}".to_owned(), String::new(), format!("impl {name} {{")]);
    for _ in 0..functions {
        lines.extend(function(random));
    }
    lines.push("}".to_owned());
    lines
}

/// Rows of numbers, as fixtures have them: they compress, but not by much.
pub(super) fn table(random: &mut Random, rows: usize) -> Vec<String> {
    let mut lines = vec!["id,name,amount,checksum,updated".to_owned()];
    for row in 0..rows {
        let (noun, amount, sum) = (random.pick(NOUNS), random.below(10_000_000), random.next());
        lines.push(format!(
            "{row},{noun},{}.{:02},{sum:016x},{}",
            amount / 100,
            amount % 100,
            random.below(1_700_000_000)
        ));
    }
    lines
}

/// A page of documentation.
pub(super) fn page(random: &mut Random, paragraphs: usize) -> Vec<String> {
    let mut lines = vec![format!("# {}", subject(random)), String::new()];
    for _ in 0..paragraphs {
        for _ in 0..random.between(2, 5) {
            lines.push(format!("{}, and {} {}s.", subject(random), random.pick(VERBS), random.pick(NOUNS)));
        }
        lines.push(String::new());
    }
    lines
}

fn capitalized(word: &str) -> String {
    format!("{}{}", word[..1].to_uppercase(), &word[1..])
}
