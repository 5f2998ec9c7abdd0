"""The highest rate at which nothing is lost."""

FINE = 1.06  # the search ends where the next higher rate that failed is no further away
TRIES = 2    # a rate has failed when it failed so often


def attempt(trial, rate):
    """A rate is sustained if one of a few trials was."""
    done = []
    for _ in range(TRIES):
        done.append(trial(rate))
        if done[-1]["sustained"] and done[-1]["sender_kept_up"]:
            break
    return next((out for out in reversed(done) if out["sustained"]), done[-1])


def highest(trial, where_lost, first, start=None, fine=FINE):
    """`first`: where to begin; `start`: what another round found. The best trial, and what stopped the next higher rate."""
    best = failed = None
    rate = start or first
    step = 1.15 if start else 2
    while True:
        out = attempt(trial, rate)
        if out["sustained"]:
            best = out if best is None or out["rate"] > best["rate"] else best
            if not out["sender_kept_up"]:
                return best, "the sender"
        else:
            failed = {**out, "rate_wanted": rate}
        if best and failed:
            low, high = best["rate_wanted"], failed["rate_wanted"]
            if high <= low * fine:
                return best, where_lost(failed)
            rate = (low * high) ** 0.5
        else:
            rate = rate * step if best else rate / step
        if rate < 10:
            return None, where_lost(out)
