"""Contestants in alternation: what each call takes, round by round. Nothing here knows what is measured."""
import random
import time

SHORTEST_SAMPLE = 1e-3
LONGEST_WARMED = 5e-3  # a longer call is not in any cache of one core


def seconds_of(call, calls):
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls


def alternate(everyone, rounds, seconds):
    """Seconds a call by label, a value a round.

    Each round has an order of its own, and short calls are made once more before they are timed, so that no
    contestant always finds the caches as the same other one left them. On a busy machine, where a region for each of
    1,000 tensors can take seconds, there may be fewer rounds.
    """
    labels, samples, once = list(everyone), {label: [] for label in everyone}, {}
    for label, (prepare, call) in everyone.items():
        prepare()
        once[label] = seconds_of(call, 1)
    orders, begin, done = random.Random(1), time.perf_counter(), 0
    while done == 0 or time.perf_counter() - begin < (seconds if done >= rounds else 12 * seconds):
        orders.shuffle(labels)
        for label in labels:
            prepare, call = everyone[label]
            prepare()
            if once[label] < LONGEST_WARMED:
                call()
            calls = max(1, round(SHORTEST_SAMPLE / max(once[label], 1e-7)))
            samples[label].append(seconds_of(call, calls))
        done += 1
    return samples
