"""Frozen protocols: constants with the digests of what they measure on.

A protocol that has results is never edited: it gets a new version. The digests were
printed by `metabench protocols --digests` and are checked at every run.
"""

from __future__ import annotations

from dataclasses import replace

from metabench.types import Protocol

SHAPES = ((5, 1), (5, 5), (20, 1), (20, 5))  # way, shot
# Digests of the prepared arrays at 28 pixels.
OMNIGLOT_28 = "b6598833977d38e246b68ae2c2fcf6ccac0c8784619994e137047a9c1bae2758"
STROKES_28 = "84538a83a70cbd3ce92a7369419ce205dba5dded8843bd2fd1b21f5c33476d38"

DIGESTS: dict[str, tuple[str, str]] = {  # protocol id -> dataset digest, episode digest
    "omniglot-vinyals-5way-1shot-v2": (
        OMNIGLOT_28,
        "4f0cbf3f3458a613a3d52b660932f6a57b7810abad8579a44ab04fba9922201f",
    ),
    "omniglot-vinyals-5way-5shot-v2": (
        OMNIGLOT_28,
        "de916a3e315c75e9e8cc95088cf9b2016993aabf4286789e407ec0a25b54ca20",
    ),
    "omniglot-vinyals-20way-1shot-v2": (
        OMNIGLOT_28,
        "bd862a1d0d7bfa00a39f8c9cb3f1abb0b02a381bacc147bf4c3d4cb63390df1d",
    ),
    "omniglot-vinyals-20way-5shot-v2": (
        OMNIGLOT_28,
        "856fcce92aa54a0c2ffac0cd7169dc5509b6b8188cb68d56e5e53d850c677a8f",
    ),
    "omniglot-lake-5way-1shot-v2": (
        OMNIGLOT_28,
        "c661f166632ac3e195621f816bfcbf5b84508651bcb2be21226baccb4fd6d204",
    ),
    "omniglot-lake-5way-5shot-v2": (
        OMNIGLOT_28,
        "a11bb2ff35c8d9e5dd1219ae125577151f6050f3b89a7f6cb907f2cdc1005a77",
    ),
    "omniglot-lake-20way-1shot-v2": (
        OMNIGLOT_28,
        "873c2b8b3dde87d2b785708d5ebbe49031537117b271b9c23da03aff83e41094",
    ),
    "omniglot-lake-20way-5shot-v2": (
        OMNIGLOT_28,
        "d127b1a111b5581b613de517c32d7949003925c82458cf0350ae13ae2d1e9ba4",
    ),
    "omniglot-random-5way-1shot-v2": (
        OMNIGLOT_28,
        "3066df6c73191fe7a970a0e787cc1c972ef102de377ed869d0ac695d3f4989c4",
    ),
    "omniglot-random-5way-5shot-v2": (
        OMNIGLOT_28,
        "3730f0d2d1ddae613cfad176aefa646f4fca310d3e4e21cd2ee8b478eb928b4f",
    ),
    "omniglot-random-20way-1shot-v2": (
        OMNIGLOT_28,
        "32736dd500fe1940c471084f72410e65b77c95647bb41026f751c53fbdd18cf8",
    ),
    "omniglot-random-20way-5shot-v2": (
        OMNIGLOT_28,
        "2afd7275eca010840f9467190c803549c06b1491bf3181dfb9e0f7a040b77735",
    ),
    "strokes-alphabets-5way-1shot-v2": (
        STROKES_28,
        "fcba49b90ec42daf9028f12977749ced50a950d42067361d361f180fc5515d60",
    ),
    "strokes-alphabets-5way-5shot-v2": (
        STROKES_28,
        "80629789a4c85b663d697cb59f6fed1b9ad69b66a0d2bb19f780a41400c838e5",
    ),
    "strokes-alphabets-20way-1shot-v2": (
        STROKES_28,
        "f5dfc14db84d3274b1d4adb5f800c7fc3dff3ef1e5f9396c16b06a8fe68568b9",
    ),
    "strokes-alphabets-20way-5shot-v2": (
        STROKES_28,
        "9eb11a5c905f861d40ad1d7496df06e03315b483f0de4ff58a2db1a9a6ecb9da",
    ),
}


def frozen(protocol: Protocol) -> Protocol:
    """`protocol` with its golden digests, where it is one that has them."""
    golden = DIGESTS.get(protocol.id)
    if golden is None:
        return protocol
    return replace(protocol, dataset_digest=golden[0], episode_digest=golden[1])


def _usual(dataset: str, split: str, image_size: int = 28) -> tuple[Protocol, ...]:
    """The usual four shapes: 1,000 episodes (Snell et al. 2017) of 15 queries per class."""
    return tuple(
        frozen(Protocol(dataset, split, way, shot, query=15, episodes=1000, image_size=image_size))
        for way, shot in SHAPES
    )


OMNIGLOT = (
    *_usual("omniglot", "vinyals"),
    *_usual("omniglot", "lake"),
    *_usual("omniglot", "random"),
)
STROKES = _usual("strokes", "alphabets")
