// tensor_list.cpp - an optimizer class over the std::vectors of a model, as C++ trainers have it. It owns the moments,
// refers to the caller's vectors (which may be moved in memory between two steps), and steps all of them in one call.
#include <adamw.h>

#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <stdexcept>
#include <vector>

class Optimizer
{
  public:
    explicit Optimizer(double lr, double weight_decay = 1e-2)
    {
        adamw_config_init(&decayed_);
        decayed_.lr = lr;
        decayed_.weight_decay = weight_decay;
    }

    // Biases and norms are usually not decayed. Both vectors have to live as long as the optimizer steps.
    void add(std::vector<float> &param, const std::vector<float> &grad, bool is_decayed = true)
    {
        tensors_.push_back(
            {param, grad, std::vector<float>(param.size()), std::vector<float>(param.size()), is_decayed});
    }

    void set_lr(double lr) { decayed_.lr = lr; }

    // Throws std::invalid_argument with the library's own sentence; nothing has changed then.
    void step()
    {
        adamw_config plain = decayed_;
        plain.weight_decay = 0;
        list_.clear();
        for (Tensor &tensor : tensors_) {
            if (tensor.param.get().size() != tensor.exp_avg.size() ||
                tensor.grad.get().size() != tensor.exp_avg.size())
                throw std::invalid_argument(
                    "a parameter and its gradient must keep the size that they were added with");
            adamw_tensor entry = adamw_tensor();
            entry.n = tensor.exp_avg.size();
            entry.param = tensor.param.get().data();
            entry.grad = tensor.grad.get().data();
            entry.exp_avg = tensor.exp_avg.data();
            entry.exp_avg_sq = tensor.exp_avg_sq.data();
            entry.config = tensor.is_decayed ? nullptr : &plain;
            list_.push_back(entry);
        }
        if (adamw_step(&decayed_, steps_ + 1, list_.data(), list_.size(), 0) != ADAMW_OK) {
            char why[256];
            adamw_step_explain(&decayed_, steps_ + 1, list_.data(), list_.size(), 0, why, sizeof why);
            throw std::invalid_argument(why);
        }
        steps_++;
    }

  private:
    struct Tensor {
        std::reference_wrapper<std::vector<float>> param;
        std::reference_wrapper<const std::vector<float>> grad;
        std::vector<float> exp_avg, exp_avg_sq;
        bool is_decayed;
    };
    adamw_config decayed_;
    std::uint64_t steps_ = 0;
    std::deque<Tensor> tensors_;
    std::vector<adamw_tensor> list_;
};

// y = w*x + b, fitted to a plane by the gradient of half the squared error.
struct Plane {
    std::vector<float> w = {0, 0, 0}, b = {0}, grad_w = {0, 0, 0}, grad_b = {0};

    double fit(std::uint32_t &state)
    {
        grad_w.assign(3, 0);
        grad_b.assign(1, 0);
        double loss = 0;
        for (int sample = 0; sample < 64; sample++) {
            float x[3], error = b[0] - 0.5f;
            for (std::size_t i = 0; i < 3; i++) {
                state = state * 1664525u + 1013904223u;
                x[i] = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
                error += (w[i] - static_cast<float>(i + 1)) * x[i];
            }
            for (std::size_t i = 0; i < 3; i++)
                grad_w[i] += error * x[i] / 64;
            grad_b[0] += error / 64;
            loss += 0.5 * static_cast<double>(error) * static_cast<double>(error) / 64;
        }
        return loss;
    }
};

int main()
{
    Plane plane;
    Optimizer optimizer(0.1, 1e-4);
    optimizer.add(plane.w, plane.grad_w);
    optimizer.add(plane.b, plane.grad_b, false);
    std::uint32_t state = 1;
    const double first = plane.fit(state);
    double last = first;
    for (int step = 0; step < 200; step++) {
        optimizer.step();
        if (step == 100)
            plane.w.reserve(1000); // moves it
        if (step == 150)
            optimizer.set_lr(0.01);
        last = plane.fit(state);
    }
    std::printf("loss %.4f at first, %.7f after 200 steps: w %.3f %.3f %.3f, b %.3f\n", first, last,
                static_cast<double>(plane.w[0]), static_cast<double>(plane.w[1]), static_cast<double>(plane.w[2]),
                static_cast<double>(plane.b[0]));

    const std::vector<float> before = plane.w;
    plane.grad_b.clear();
    bool refused = false;
    try {
        optimizer.step();
    } catch (const std::invalid_argument &error) {
        refused = true;
        std::printf("refused: %s\n", error.what());
    }
    optimizer.set_lr(-1);
    plane.grad_b.assign(1, 0);
    try {
        optimizer.step();
        refused = false;
    } catch (const std::invalid_argument &error) {
        std::printf("refused: %s\n", error.what());
    }
    return last < 1e-5 && std::fabs(plane.w[2] - 3) < 1e-2f && refused && plane.w == before ? 0 : 1;
}
