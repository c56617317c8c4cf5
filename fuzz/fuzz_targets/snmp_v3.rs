#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::snmp_v3::run(data));
