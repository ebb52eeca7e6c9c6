//! Measurements. See `docs/BENCHMARKS.md`.
