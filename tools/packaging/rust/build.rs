//! Compiles the library's one file and links it. CC, CFLAGS and AR choose the tools as they do for make; for another
//! target than the host's, CC_<target> and AR_<target> do.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let (object, archive) = (out.join("adamw.o"), out.join("libadamw.a"));
    // A level of its own, because a debug build of cargo would leave the kernels unoptimised.
    run(Command::new(tool("CC", "cc"))
        .args(&["-O2", "-fPIC", "-fvisibility=hidden"])
        .args(env::var("CFLAGS").unwrap_or_default().split_whitespace())
        .args(&["-c", "adamw.c", "-o"])
        .arg(&object));
    let _ = std::fs::remove_file(&archive);
    run(Command::new(tool("AR", "ar")).arg("crs").arg(&archive).arg(&object));

    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=adamw");
    if env::var_os("CARGO_CFG_UNIX").is_some() {
        println!("cargo:rustc-link-lib=m");
        println!("cargo:rustc-link-lib=pthread"); // a part of libc from glibc 2.34 on
    }
    // DEP_ADAMW_INCLUDE of those who depend on it.
    println!("cargo:include={}", env::var("CARGO_MANIFEST_DIR").unwrap());
    for changed in &["adamw.c", "adamw.h", "build.rs"] {
        println!("cargo:rerun-if-changed={}", changed);
    }
}

fn tool(name: &str, usual: &str) -> String {
    let (target, host) = (env::var("TARGET").unwrap(), env::var("HOST").unwrap());
    let own = format!("{}_{}", name, target.replace('-', "_"));
    println!("cargo:rerun-if-env-changed={}", own);
    println!("cargo:rerun-if-env-changed={}", name);
    match (env::var(&own), env::var(name)) {
        (Ok(tool), _) => tool,
        (_, Ok(tool)) if target == host => tool,
        _ if target == host => usual.to_string(),
        _ => panic!("adamw-sys: set {} to the tool that is called {} for {}", own, usual, target),
    }
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("adamw-sys: {:?} ended with {}", command, status),
        Err(error) => panic!("adamw-sys: {:?} did not start: {}", command, error),
    }
}
