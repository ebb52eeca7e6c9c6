#![no_main]

#[path = "../../tests/fuzz/credential.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| check::check(input.1, usize::from(input.0)));
