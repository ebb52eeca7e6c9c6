#![no_main]

#[path = "../../tests/fuzz/host.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|authority: &str| check::check(authority));
