"""Named sets of frozen protocols under which entries are submitted."""

from __future__ import annotations

from metabench.errors import UserError, suggest
from metabench.tasks import protocols
from metabench.types import Protocol

QUICK = tuple(one for one in protocols.STROKES if (one.way, one.shot) in ((5, 1), (5, 5)))
CORE = tuple(
    one
    for one in protocols.OMNIGLOT
    if one.split == "vinyals" and one.labels is None and not one.within_alphabet
)
FULL = (*CORE, *protocols.MNIST, *protocols.MINI_IMAGENET)
SETS = {"quick": QUICK, "core": CORE, "full": FULL}
SAID = {
    "quick": "5-way 1- and 5-shot on strokes, which needs no download",
    "core": "5- and 20-way, 1- and 5-shot on Omniglot",
    "full": "those of `core`, MNIST after Omniglot, and mini-ImageNet",
}


def protocol_set(name: str) -> tuple[Protocol, ...]:
    """The protocols of the set `name`; `UserError` if there is no such set."""
    if name not in SETS:
        said = "; ".join(f"{one}: {words}" for one, words in SAID.items())
        raise UserError(f"`protocols` is {name!r}{suggest(name, tuple(SETS))}; there are: {said}")
    return SETS[name]
