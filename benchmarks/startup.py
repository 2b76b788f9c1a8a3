"""How long the commands that compute nothing take, each as a process of its own.

`python -m benchmarks.startup [--runs N]` prints the least and the median wall time of each, in
seconds. Run it from the repository, whose leaderboards are the ones that are ranked.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "import metabench": ("-c", "import metabench"),
    "metabench --help": ("-m", "metabench", "--help"),
    "metabench leaderboard": ("-m", "metabench", "leaderboard"),
}


def main() -> None:
    """Time each command, once before the figures count: files are then in memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="of each command")
    runs = parser.parse_args().runs
    for name, arguments in COMMANDS.items():
        _seconds(arguments)
        found = [_seconds(arguments) for _ in range(runs)]
        least, median = min(found), statistics.median(found)
        print(f"{name}: least {least:.3f} s, median {median:.3f} s of {runs} runs", flush=True)


def _seconds(arguments: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
