# The scenario, end to end, on loopback.
quickstart:
    cargo run --release --example quickstart

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# All of CI.
ci:
    .ci/run
