//! An HTTP service for the tests of the HTTP client: it wants to know who asks, in one of several ways, leads elsewhere,
//! and answers as nobody should. It keeps books of what came in.

mod digest;
mod proxy;
mod server;

pub use digest::Algorithm;
pub use proxy::Proxy;
pub use server::{Act, Books, Login, PASSWORD, Server, Setup, USER};
