"""What is said while scripts/bench runs: on stderr, for people."""
import sys


def say(text):
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)


def line(text):
    say("")
    print(text, file=sys.stderr, flush=True)


def progress(what):
    def show(i, n, last):
        rates = "  ".join(f"{k} {v['rate'] / 1e6:.1f}" for k, v in last.items() if "rate" in v)
        say(f"{what}: round {i} of {n}  {rates} M/s")
    return show
