#![no_main]

#[path = "../../tests/fuzz/remote.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| check::check(name));
