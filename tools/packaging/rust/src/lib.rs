//! libadamw's public headers in Rust, as bindgen reads them, with the library compiled from its one file. Every function
//! is C's: the header's text stands at each of them, `unsafe` is what it asks of the pointers.

#![allow(non_camel_case_types, non_upper_case_globals)]

include!("bindings.rs");
