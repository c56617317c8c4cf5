//! The agents.
