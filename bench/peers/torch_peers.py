"""torch's optimizers as contestants, on the memory of a native.List. Nothing here measures."""

STEP = 1000.0  # mid-training, as for the C contestants
CONFIG = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-4}


def find():
    """The torch module, or None. Imported before libpeers.so, whose OpenMP runtime is then torch's: one team."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def contestants(torch, placed, threads):
    """{label: (prepare, call)}: the optimizers' steps, and the kernel behind the fused one called directly."""
    streams = [[torch.frombuffer(buffer, dtype=torch.float32) for buffer in tensor] for tensor in placed.buffers()]
    params, grads, averages, squares = (list(stream) for stream in zip(*streams))
    for param, grad in zip(params, grads):
        param.grad = grad

    def optimizer(kind, **how):
        made = kind(params, **CONFIG, **how)
        for param, average, square in zip(params, averages, squares):
            made.state[param] = {"step": torch.tensor(STEP), "exp_avg": average, "exp_avg_sq": square}
        return made.step

    steps = [torch.tensor(STEP) for _ in params]

    def kernel():
        torch._fused_adamw_(params, grads, averages, squares, [], steps, lr=CONFIG["lr"], beta1=CONFIG["betas"][0],
                            beta2=CONFIG["betas"][1], weight_decay=CONFIG["weight_decay"], eps=CONFIG["eps"],
                            amsgrad=False, maximize=False)

    calls = {
        "torch fused kernel": kernel,
        "torch fused": optimizer(torch.optim.AdamW, fused=True),
        "torch foreach": optimizer(torch.optim.AdamW, foreach=True),
        "torch loop": optimizer(torch.optim.AdamW, foreach=False),
        "torch Adam fused": optimizer(torch.optim.Adam, fused=True),
    }
    return {label: (lambda: torch.set_num_threads(threads), call) for label, call in calls.items()}
