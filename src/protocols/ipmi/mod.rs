//! IPMI over LAN.
