//! The test service as a program of its own, for trying things by hand and for the benchmark.
//!
//! `test-redfish DIRECTORY` writes the authority that signed its certificate to DIRECTORY/ca.pem, and the system's
//! authorities together with that one to DIRECTORY/bundle.pem. It prints its port on 127.0.0.1, and for each line on
//! stdin how many connections and requests have come in; at the end of stdin it ends. User name and password: see
//! `peers::redfish`.

use std::fs;
use std::path::PathBuf;

use peers::redfish::{Authority, Maker, Setup};

/// The authorities that Debian trusts.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

fn main() {
    let folder: PathBuf = std::env::args_os().nth(1).expect("usage: test-redfish DIRECTORY").into();
    let authority = Authority::new();
    let certificate = authority.sign(&Maker::default());
    let bundle = fs::read(SYSTEM_BUNDLE).expect("the system's bundle (Debian package ca-certificates)");
    fs::write(folder.join("ca.pem"), authority.pem()).expect("a file in the directory");
    fs::write(folder.join("bundle.pem"), [bundle, authority.pem()].concat())
        .expect("a file in the directory");
    let server = Setup { certificate: Some(certificate), ..Setup::default() }.start();
    println!("{}", server.port());
    for _ in std::io::stdin().lines() {
        println!("{} {}", server.connections(), server.requests().len());
    }
}
