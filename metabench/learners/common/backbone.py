"""The network that embeds images, of any learner that lets the user choose it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from flax import nnx

from metabench import registry
from metabench.backbones.conv4 import conv4
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import TEST_ONLY, UNSAID, AtLeast, Options, options_of
from metabench.errors import UserError
from metabench.nets.plugged import Plugged
from metabench.types import ImageShape
from metabench.unpackaged import LearnerEntry

CONV4 = "conv4"
PlainNorm = Literal["running", "group", "layer", "none"]
"""The normalisations of a network that embeds each image by itself in the test."""


@dataclass(frozen=True)
class AnyBackbone(Options):
    """Options of the network that embeds images.

    Args:
      backbone: a registered name such as `resnet12`, `path/to/file.py:factory`, or
        `module:factory` (`contracts/backbone.py`).
      backbone_settings: options of the backbone. The learner's `width` and `norm` are the
        backbone's, where it has such options and they do not stand here.
      backbone_digest: sha256 of the file that the backbone is in; a run sets it.
      passes: in the test, the features are the mean over so many draws of a network that draws
        random numbers; 0 for its answer without any.
    """

    backbone: Annotated[str, UNSAID] = CONV4
    backbone_settings: Annotated[dict[str, Any] | None, UNSAID] = None
    backbone_digest: Annotated[str | None, UNSAID] = None
    passes: Annotated[int, AtLeast(0), TEST_ONLY, UNSAID] = 0

    def embedding(self, image: ImageShape, width: int, norm: str = "running") -> Embedding:
        """The backbone for images of shape `image`.

        Args:
          image: height, width and channels.
          width: of the learner.
          norm: of the learner.

        Raises:
          UserError: no such backbone, options that it refuses, a file that has changed, or passes
            of features that depend on the other images.
        """
        entry = self._entry()
        shared = {"width": width, "norm": norm}
        given: Mapping[str, Any] = {
            **{name: value for name, value in shared.items() if name in options_of(entry.factory)},
            **(self.backbone_settings or {}),
        }
        built = registry.build_backbone(entry, image, given)
        if self.passes and built.transductive:
            raise UserError(
                f"`passes` is {self.passes}, but the features of an image depend on the other "
                "images here, which passes cannot; choose another `norm` than `batch`"
            )
        return Embedding(built.features, module_of(built), built.transductive, self.passes)

    def _entry(self) -> LearnerEntry:
        """The backbone before it is built. The default needs no entry point to be installed."""
        if self.backbone == CONV4:
            return LearnerEntry(CONV4, conv4, "")
        entry = registry.backbone(self.backbone)
        if self.backbone_digest not in (None, entry.digest):
            raise UserError(
                f"`backbone` names {self.backbone}, whose text is not the one that was trained: "
                f"its sha256 is {str(entry.digest)[:12]}, not {str(self.backbone_digest)[:12]}"
            )
        return entry


class Embedding(NamedTuple):
    """A backbone as a learner builds it."""

    features: int  # of an image
    make: Callable[[nnx.Rngs], nnx.Module]  # called with images in [0, 1], `train` and `key`
    transductive: bool
    passes: int


def module_of(backbone: Backbone) -> Callable[[nnx.Rngs], nnx.Module]:
    """What makes a module of a backbone."""
    if backbone.module is not None:
        return backbone.module
    return lambda rngs: Plugged(backbone.init, backbone.apply, rngs)
