//! A list of tensors by adamw_step, beside the formula in f64, and a refusal with its sentence.

use adamw_sys::*;
use std::ffi::CStr;
use std::ptr;

struct Tensor {
    param: Vec<f32>,
    grad: Vec<f32>,
    exp_avg: Vec<f32>,
    exp_avg_sq: Vec<f32>,
}

impl Tensor {
    fn new(n: usize) -> Tensor {
        Tensor {
            param: (0..n).map(|i| (i as f32).sin()).collect(),
            grad: (0..n).map(|i| 0.01 * (3.0 * i as f32).cos()).collect(),
            exp_avg: vec![0.0; n],
            exp_avg_sq: vec![0.0; n],
        }
    }

    fn entry(&mut self, config: *const adamw_config) -> adamw_tensor {
        adamw_tensor {
            n: self.param.len(),
            param: self.param.as_mut_ptr().cast(),
            grad: self.grad.as_ptr().cast(),
            exp_avg: self.exp_avg.as_mut_ptr().cast(),
            exp_avg_sq: self.exp_avg_sq.as_mut_ptr().cast(),
            config,
            ..Default::default()
        }
    }
}

fn config() -> adamw_config {
    let mut config = adamw_config::default();
    assert_eq!(unsafe { adamw_config_init(&mut config) }, ADAMW_OK);
    config
}

#[test]
fn a_list_is_stepped() {
    let decayed = adamw_config { weight_decay: 0.1, ..config() };
    let plain = adamw_config { weight_decay: 0.0, ..decayed };
    let mut model = [Tensor::new(300_007), Tensor::new(17)];
    for step in 1..=3 {
        let list = [model[0].entry(ptr::null()), model[1].entry(&plain)];
        assert_eq!(unsafe { adamw_step(&decayed, step, list.as_ptr(), list.len(), 0) }, ADAMW_OK);
    }
    for (tensor, config) in model.iter().zip(&[&decayed, &plain]) {
        for i in 0..tensor.param.len() {
            let (mut p, mut m, mut v) = (f64::from((i as f32).sin()), 0.0, 0.0);
            let g = f64::from(tensor.grad[i]);
            for t in 1..=3 {
                m += (1.0 - config.beta1) * (g - m);
                v += (1.0 - config.beta2) * (g * g - v);
                let m_hat = m / (1.0 - config.beta1.powi(t));
                let v_hat: f64 = v / (1.0 - config.beta2.powi(t));
                p -= config.lr * (m_hat / (v_hat.sqrt() + config.eps) + config.weight_decay * p);
            }
            assert!((f64::from(tensor.param[i]) - p).abs() < 3e-7, "value {}: {} and {}", i, tensor.param[i], p);
        }
    }
}

#[test]
fn a_wrong_argument_is_a_sentence() {
    let wrong = adamw_config { lr: -1.0, ..config() };
    let mut tensor = Tensor::new(5);
    let before = tensor.param.clone();
    let list = [tensor.entry(ptr::null())];
    let mut why = [0; 256];
    let explained = unsafe { adamw_step_explain(&wrong, 1, list.as_ptr(), 1, 0, why.as_mut_ptr(), why.len()) };
    assert_eq!(explained, ADAMW_ERROR_INVALID_ARGUMENT);
    assert_eq!(unsafe { adamw_step(&wrong, 1, list.as_ptr(), 1, 0) }, explained);
    assert!(unsafe { CStr::from_ptr(why.as_ptr()) }.to_str().unwrap().contains("lr is -1"));
    assert_eq!(tensor.param, before);
}

#[test]
fn header_and_library_are_of_one_version() {
    let version = unsafe { CStr::from_ptr(adamw_version()) };
    assert_eq!(version.to_bytes_with_nul(), &ADAMW_VERSION_STRING[..]);
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}
