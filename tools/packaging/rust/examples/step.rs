//! The sum of squares, descended: cargo run --offline --example step

use adamw_sys::*;

fn main() {
    let (mut param, mut exp_avg, mut exp_avg_sq) = ([1.0f32, -2.0], [0.0f32; 2], [0.0f32; 2]);
    let mut config = adamw_config::default();
    unsafe { adamw_config_init(&mut config) };
    for step in 1..=1000 {
        let grad = [2.0 * param[0], 2.0 * param[1]];
        let status = unsafe {
            adamw_step_f32(
                &config,
                step,
                param.len(),
                param.as_mut_ptr(),
                grad.as_ptr(),
                exp_avg.as_mut_ptr(),
                exp_avg_sq.as_mut_ptr(),
            )
        };
        assert_eq!(status, ADAMW_OK);
    }
    println!("{:.6} {:.6}", param[0], param[1]);
}
