//! The same steps and the same digest as consumer.c, by the crate adamw-sys.

use adamw_sys::*;

fn uniform(state: &mut u32) -> f32 {
    *state = state.wrapping_mul(1664525).wrapping_add(1013904223);
    (*state >> 8) as f32 / 8388608.0 - 1.0
}

fn main() {
    const N: usize = 300_007;
    let (mut digest, mut state) = (0xCBF29CE484222325u64, 1);
    for &arithmetic in &[ADAMW_ARITHMETIC_ACCURATE, ADAMW_ARITHMETIC_TORCH] {
        let mut config = adamw_config::default();
        unsafe { adamw_config_init(&mut config) };
        config.arithmetic = arithmetic;
        let mut param: Vec<f32> = (0..N).map(|_| uniform(&mut state)).collect();
        let (mut exp_avg, mut exp_avg_sq) = (vec![0.0f32; N], vec![0.0f32; N]);
        for step in 1..=3 {
            let grad: Vec<f32> = (0..N).map(|_| uniform(&mut state)).collect();
            let (p, m, v) = (param.as_mut_ptr(), exp_avg.as_mut_ptr(), exp_avg_sq.as_mut_ptr());
            assert_eq!(unsafe { adamw_step_f32(&config, step, N, p, grad.as_ptr(), m, v) }, ADAMW_OK);
        }
        for values in &[param, exp_avg, exp_avg_sq] {
            for byte in values.iter().flat_map(|x| x.to_le_bytes()) {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x100000001B3);
            }
        }
    }
    println!("{:016x}", digest);
}
