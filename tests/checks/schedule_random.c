/*
 * schedule_random.c - random recipes and lives of their schedules (schedule_any.h), and by name the corner in which
 * rates were not finite.
 */
#include "check.h"
#include "schedule.h"
#include "schedule_any.h"

#include <math.h>
#include <string.h>

bool check_schedule_any(const check_options *options)
{
    schedule_any_counts n = {0};
    uint64_t state = options->seed << 24;
    const int runs = options->quick ? 5000 : options->full ? 2000000 : 20000;
    for (int i = 0; i < runs; i++) {
        uint8_t data[256];
        for (size_t at = 0; at < sizeof data; at += 8) {
            const uint64_t word = mix64(++state);
            memcpy(data + at, &word, 8);
        }
        const char *found = schedule_any_run(data, 80 + mix64(++state) % (sizeof data - 80), &n);
        if (found != NULL)
            return check_fail("run %d of seed %llu: %s", i, (unsigned long long)options->seed, found);
    }
    /* A search that reaches little tells little. */
    const uint64_t least = (uint64_t)runs / 100;
    return (n.accepted > 5 * least && n.refused > least && n.rates > 100 * least && n.held > 10 * least &&
            n.loads > 5 * least && n.cuts > least && n.changed > least && n.ended_in_warmup > least &&
            n.extended > least) ||
           check_fail("%llu accepted, %llu refused, %llu rates, %llu held, %llu loads, %llu cuts, %llu changed, %llu "
                      "ended in the warmup, %llu extended",
                      (unsigned long long)n.accepted, (unsigned long long)n.refused, (unsigned long long)n.rates,
                      (unsigned long long)n.held, (unsigned long long)n.loads, (unsigned long long)n.cuts,
                      (unsigned long long)n.changed, (unsigned long long)n.ended_in_warmup,
                      (unsigned long long)n.extended);
}

/*
 * A warmup that counts in the other unit outlasts the run: 100 steps with a warmup of 3 epochs, 10 epochs with one of
 * 5,000 steps. The rate is held where the end found it, whatever is called then: base * gamma^-50 and NaN came out.
 */
bool check_schedule_ends_in_warmup(const check_options *options)
{
    (void)options;
    for (int variant = 0; variant < 2 * (ADAMW_SCHEDULE_ONE_CYCLE + 1); variant++) {
        const bool steps = variant % 2; /* the unit of the main phase */
        adamw_schedule_config c = check_recipe(variant / 2, false);
        if (c.kind == ADAMW_SCHEDULE_PLATEAU)
            continue; /* it has no end */
        c.unit = steps ? ADAMW_UNIT_STEP : ADAMW_UNIT_EPOCH;
        c.warmup_unit = steps ? ADAMW_UNIT_EPOCH : ADAMW_UNIT_STEP;
        c.warmup = steps ? 3 : 5000;
        c.warmup_start = 0.1;
        c.total = steps ? 100 : 10;
        c.decay_length = 4;
        c.timescale = 50;
        adamw_schedule s;
        if (adamw_schedule_init(&s, &c) != ADAMW_OK)
            return check_fail("%s: a warmup in the other unit is refused", adamw_schedule_name(c.kind));
        const double first = c.kind == ADAMW_SCHEDULE_ONE_CYCLE ? 1e-3 / 25 : 1e-3;
        const double end = first * (0.1 + (1 - 0.1) * (steps ? 1 : 500) / (double)c.warmup);
        for (int e = 0; e < 200; e++) {
            for (int i = 0; i < 50; i++) { /* 100 steps are over in epoch 2, 10 epochs after 500 steps */
                const double lr = adamw_schedule_lr(&s);
                if ((steps ? 50 * e + i : e) >= c.total && lr != end)
                    return check_fail("%s, epoch %d, step %d: %a instead of %a", adamw_schedule_name(c.kind), e, i,
                                      lr, end);
                adamw_schedule_step(&s);
            }
            if (adamw_schedule_epoch(&s, NAN) != 0)
                return check_fail("%s has an event", adamw_schedule_name(c.kind));
        }
    }
    return true;
}
