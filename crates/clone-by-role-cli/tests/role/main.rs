//! The commands that show who the caller is: `credentials` and `doctor`, with the flags of WHO.

mod credentials;
mod doctor;
mod support;
