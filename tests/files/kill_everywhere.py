"""`python kill_everywhere.py CACHE`: prepare and be killed at every step on disk, one by one.

Each round is a child process that kills itself with SIGKILL at its n-th file operation or
image, over a cache that is empty, whole or damaged. After each, what the cache holds must be
either distrusted or whole, and preparing once more must mend it. Prints how many rounds
there were of each kind.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from metabench import data
from metabench.data import arrays, prepared
from tests.made_up_dataset import SPEC, examples

STEPS = ("open", "os.", "shutil.", "image")


def stepping(request):
    found = examples(request)

    def stream():
        for pair in found.stream:
            sys.audit("image")
            yield pair

    return found.__class__(found.count, stream(), found.source)


def killing(number, cache):
    """Make this process kill itself at operation `number` below `cache`."""
    left = [number]

    def hook(event, arguments):
        here = event == "image" or any(str(cache) in str(argument) for argument in arguments)
        if event.startswith(STEPS) and here:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    sys.addaudithook(hook)


def survives(number, cache):
    """Whether a preparation ended before it came to operation `number`."""
    child = os.fork()
    if child == 0:
        killing(number, cache)
        spec = SPEC._replace(examples=stepping)
        data.prepare(spec, cache=cache, progress=False, force=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0


def check(cache):
    folder = prepared.folder(SPEC, 8, cache)
    assert arrays.read_meta(folder) is None or arrays.damage(folder) == []
    data.prepare(SPEC, cache=cache, progress=False)
    assert arrays.damage(folder) == []


def rounds(cache, state):
    number = 0
    while True:
        shutil.rmtree(cache, ignore_errors=True)
        if state != "empty":
            folder = data.prepare(SPEC, cache=cache, progress=False)
        if state == "damaged":
            (folder / "images.npy").write_bytes(b"cut")
        done = survives(number, cache)
        check(cache)
        if done:
            return number
        number += 1


if __name__ == "__main__":
    cache = Path(sys.argv[1])
    print(*(rounds(cache / "made", state) for state in ("empty", "whole", "damaged")))
