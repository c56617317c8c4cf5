//! The devices that the tests, the demo and the benchmarks fence.
pub mod guest;
