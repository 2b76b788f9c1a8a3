"""What `test_ray_jobs.py` looks at, in a process of its own: Ray leaves threads and pipes behind.

python -m tests.sweeps.executors.with_ray FOLDER < job.json  # prints one JSON document
"""

import json
import os
import signal
import sys
from pathlib import Path

from metabench.errors import UserError
from metabench.sweeps.executors import ray_jobs
from metabench.sweeps.executors.executor import Machines, opened
from metabench.sweeps.work import perform_all

MACHINES = Machines("ray", jobs=2, cores=1)


def dying(specs, cores):
    """End this process at the first call; at the second, tell the number of the new one."""
    path = Path(specs[0])
    if not path.exists():
        path.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return [("done", str(os.getpid()))]


def always_dying(specs, cores):
    os.kill(os.getpid(), signal.SIGKILL)


def performed(function, job):
    """Outcomes of a job of this function, or the name of the error."""
    ray_jobs.perform_all = function
    try:
        return opened(MACHINES).submit(job).result(300)
    except Exception as error:
        return type(error).__name__


def main():
    try:
        opened(Machines("ray", cores=1, options={"adress": "auto"}))
        refused = ""
    except UserError as error:
        refused = str(error)
    started = opened(MACHINES)  # which the others join
    path = str(Path(sys.argv[1]) / "pid")
    found = {
        "refused": refused,
        "killed once": performed(dying, [path]),
        "killed always": performed(always_dying, [path]),
        "results": performed(perform_all, json.load(sys.stdin)),
    }
    started.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
