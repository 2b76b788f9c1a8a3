"""`swapout`: a residual network with random masks on both paths (`nets/swapout.py`)."""

from __future__ import annotations

from metabench.backbones.of_module import of_module
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import Chance, Count, with_options
from metabench.nets.normalise import Norm, check_norm
from metabench.nets.swapout import Kind, Rates, SwapoutNet
from metabench.types import ImageShape


@with_options
def swapout(
    image: ImageShape,
    *,
    width: Count = 64,
    norm: Norm = "running",
    masks: Kind = "swapout",
    units: Count = 2,
    first_rate: Chance = 0.0,
    last_rate: Chance = 0.5,
) -> Backbone:
    """A residual network of three sizes, whose units are Θ₁ ⊙ X + Θ₂ ⊙ F(X).

    Args:
      image: height, width and channels of an image.
      width: channels of the last maps, and features; the maps before have a half and a quarter (16,
        32 and 64 in the paper's ResNets of width 1).
      norm: statistics that normalise.
      masks: `swapout`, independent ones on both paths; `dropout`, the same on both; `residual`,
        none.
      units: of each size (3 in the paper's 20 layers, 5 in its 32).
      first_rate: how often a mask is 0 in the first unit.
      last_rate: the same in the last unit; it rises linearly between (the paper's best: 0 to 0.5).

    Reference: https://arxiv.org/abs/1605.06465
    """
    widths = (max(1, width // 4), max(1, width // 2), width)
    check_norm(norm, *widths)
    rates = Rates(first_rate, last_rate)
    return of_module(
        lambda rngs: SwapoutNet(
            image[2], widths=widths, units=units, rates=rates, kind=masks, norm=norm, rngs=rngs
        ),
        image,
        transductive=norm == "batch",
    )
