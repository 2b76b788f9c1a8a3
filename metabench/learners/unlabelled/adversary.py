"""How a network that tells real from made and those that deceive it learn from each other.

- `gan`: the discriminator's answer is a logit, and the makers learn from exchanged labels
  (Goodfellow et al. 2014).
- `wgan`: a critic's answer is a number whose means over real and made images lie as far apart as a
  function can have them whose weights are between -c and c; makers bring them together (Arjovsky,
  Chintala & Bottou 2017, algorithm 1).
- `wgan_gp`: the critic's weights are free; instead the norm of its gradient is drawn to 1, at
  points between real and made images (Gulrajani et al. 2017, algorithm 1).

A critic takes several steps before the makers take one (`turns.py`). In `gan` all networks learn in
the same step, from the same images.

Departures: Adam without a first moment in place of RMSProp for `wgan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.options import UNSAID, Count, Options, Rate
from metabench.learners.common.optimizer import Adam, adam

Score: TypeAlias = Callable[..., jax.Array]  # inputs of a critic, each [n, ...], to numbers [n]


@dataclass(frozen=True)
class Adversary(Options):
    """Options of what the adversary measures.

    Args:
      objective: `gan`, `wgan` by clipped weights, or `wgan_gp` by a gradient penalty.
      clip: with `wgan`, the largest size of a critic's weight.
      penalty: λ, the weight of the gradient penalty of `wgan_gp`.
      critic_steps: with `wgan` and `wgan_gp`, steps of the critic for one of the others.
    """

    objective: Annotated[Literal["gan", "wgan", "wgan_gp"], UNSAID] = "gan"
    clip: Annotated[Rate, UNSAID] = 0.01
    penalty: Annotated[Rate, UNSAID] = 10.0
    critic_steps: Annotated[Count, UNSAID] = 5

    @property
    def batches(self) -> int:
        """How many batches of images one step of training takes."""
        return 1 if self.objective == "gan" else self.critic_steps


class Terms(NamedTuple):
    """Two losses from the answers to real and to made images, each [n]."""

    critic: jax.Array
    maker: jax.Array  # of networks that make images alone; real images count for those that code


def terms(adversary: Adversary, real: jax.Array, made: jax.Array) -> Terms:
    """The losses of the critic and of the makers, without a penalty."""
    if adversary.objective == "gan":
        critic = (jax.nn.softplus(-real) + jax.nn.softplus(made)).mean()
        return Terms(critic, jax.nn.softplus(-made).mean())
    return Terms(made.mean() - real.mean(), -made.mean())


def coded(adversary: Adversary, real: jax.Array) -> jax.Array:
    """The loss of a network that codes real images, from the answers to them, [n]."""
    return jax.nn.softplus(real).mean() if adversary.objective == "gan" else real.mean()


def penalised(
    adversary: Adversary,
    score: Score,
    real: tuple[jax.Array, ...],
    made: tuple[jax.Array, ...],
    key: jax.Array,
) -> jax.Array:
    """λ (‖∇D(x̂)‖ - 1)², a mean over points x̂ between real and made inputs; 0 without `wgan_gp`.

    Args:
      adversary: options.
      score: the critic.
      real: its inputs for real images, each [n, ...]; all of them make a point together.
      made: its inputs for made images.
      key: draws where between the two a point lies, uniformly.
    """
    if adversary.objective != "wgan_gp":
        return jnp.zeros(())
    share = jax.random.uniform(key, (real[0].shape[0],))

    def between(a: jax.Array, b: jax.Array) -> jax.Array:
        part = share.reshape((-1,) + (1,) * (a.ndim - 1))
        return part * a + (1 - part) * b

    points = jax.lax.stop_gradient(jax.tree.map(between, real, made))
    slopes = jax.grad(lambda inputs: score(*inputs).sum())(points)
    squared = sum(jnp.square(slope).reshape(len(share), -1).sum(1) for slope in slopes)
    norm = jnp.sqrt(squared + 1e-12)  # differentiable at zero too
    return adversary.penalty * jnp.square(norm - 1).mean()


def optimizer_of(adversary: Adversary, options: Adam) -> optax.GradientTransformation:
    """Adam, with a first moment of 0.5 for `gan`, and with none for critics."""
    return adam(options, momentum=0.5 if adversary.objective == "gan" else 0.0)
