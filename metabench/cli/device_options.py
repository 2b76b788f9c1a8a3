"""The options that say what a command computes on: devices, and other hosts."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from typer import Option

Devices: TypeAlias = Annotated[
    int | None,
    Option(
        help="Devices to spread work over: GPUs, or cores of a CPU. All of them if not given.",
    ),
]
Data: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="auto|device|host",
        help="Where images lie: on the devices, or on the host, from which they are read as they "
        "are needed. On the host if not given and more than half of a device's free memory.",
    ),
]
Coordinator: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="HOST:PORT",
        help="Of host 0, where several hosts run this same command together; `auto`: what Slurm or "
        "Open MPI tells.",
    ),
]
Hosts: TypeAlias = Annotated[int | None, Option(help="How many hosts there are.")]
Host: TypeAlias = Annotated[
    int | None, Option(help="Number of this host, from 0; the first one writes all files.")
]
