"""The Neural Statistician: p(c) ∏_x ∏_i p(z_i | z_{i+1}, c) p(x | z_1 … z_L, c), and its bound.

Edwards & Storkey 2017, sections 3.2 to 3.5. One encoder is shared by the statistic network and
the posteriors of all z. The model does not know whether it encodes images or vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.nets.statistician import contexts
from metabench.nets.statistician.contexts import Context
from metabench.nets.statistician.gaussians import Gaussian, draw, kl
from metabench.nets.statistician.latents import Layer, noise_keys
from metabench.nets.statistician.statistic import Statistic


class Sizes(NamedTuple):
    """Sizes of the model."""

    context: int = 512
    latent: int = 16  # numbers in each z
    layers: int = 1  # how many z
    hidden: int = 256
    norm: bool = True  # batch norm in the dense layers
    residual: int = 2  # dense layers that a residual connection skips, for each z
    components: int | None = None  # Gaussians in the posterior of c; None: one, without weights


class Terms(NamedTuple):
    """The parts of the bound for each set, in nats: log p(D) ≥ log_likelihood - both kl, summed."""

    log_likelihood: Array  # [sets, members]
    latent_kl: Array  # [sets, members]; of all layers
    context_kl: Array  # [sets]; of a mixture an estimate at one sample

    def elbo(self, extra: Array | float = 0.0) -> Array:
        """[sets]: (1 + α) log-likelihood - KL / (1 + α); with α = 0 it is the bound."""
        found, divergence = self.log_likelihood.sum(1), self.latent_kl.sum(1) + self.context_kl
        return (1 + extra) * found - divergence / (1 + extra)


class Statistician(nnx.Module):
    """Encoder, statistic network, latent layers and decoder."""

    def __init__(
        self,
        encoder: Any,
        make_decoder: Callable[[Sequence[int]], Any],
        sizes: Sizes,
        rngs: nnx.Rngs,
    ) -> None:
        """`make_decoder(sizes of c, z_1, …)` builds the decoder, p(x | z_1 … z_L, c)."""
        context, latent, layers, hidden, norm, residual, components = sizes
        self.encoder = encoder
        self.statistic = Statistic(
            encoder.features, hidden, context, norm, rngs, components=components
        )
        above = [latent] * (layers - 1) + [0]
        make = partial(Layer, encoder.features, context, residual=residual)
        self.layers = nnx.List([make(a, hidden, latent, norm, rngs) for a in above])
        self.decoder = make_decoder((context, *[latent] * layers))

    def __call__(self, method: str, *inputs: Any, **keywords: Any) -> Any:
        """One of the methods below, by its name."""
        return getattr(self, method)(*inputs, **keywords)

    def posterior(self, x: Array, member: Array) -> Context:
        """q(c | D) over [sets, context] of observations [n, ...] and membership [sets, n]."""
        return self.statistic(self.encoder(x), member)

    def bound(
        self,
        x: Array,
        member: Array,
        key: Array,
        *,
        informants: Array | None = None,
        train: bool = False,
    ) -> Terms:
        """The parts of the bound, with one sample of c for each set and of z for each member.

        Args:
          x: sets, [sets, members, ...]; all of them are explained.
          member: which of all members, or of the informants if there are any, the context of
            each set is inferred from: [sets, all of these] of 0 and 1.
          key: of the samples.
          informants: contexts are inferred from these instead of `x`, observations [n, ...]. The
            bound holds whatever q(c) is inferred from.
          train: normalise by the batch, and update the running averages.
        """
        sets, members = x.shape[:2]
        inputs = x.reshape(sets * members, *x.shape[2:])
        if informants is not None:
            inputs = jnp.concatenate([inputs, informants])
        features = self.encoder(inputs, train=train)
        h, others = jnp.split(features, [sets * members])
        posterior = self.statistic(h if informants is None else others, member, train=train)
        keys = noise_keys(key, len(self.layers))
        c = contexts.draw(keys[0], posterior)
        zs, divergence = self._latents(h.reshape(sets, members, -1), c, keys[1:], train)
        found = self.decoder(c[:, None], *zs, train=train)
        context_kl = contexts.from_prior(posterior, c)
        return Terms(self.decoder.log_likelihood(found, x), divergence, context_kl)

    def _latents(self, h: Array, c: Array, keys: Array, train: bool) -> tuple[list[Array], Array]:
        """Samples of z_1 … z_L from their posteriors, and the divergence from the priors."""
        zs: list[Array] = []
        divergence = jnp.zeros(h.shape[:2])
        for layer, key in zip(reversed(list(self.layers)), keys, strict=True):
            given = (c[:, None], *zs[:1])
            posterior = layer.posterior(*given, h, train=train)
            divergence = divergence + kl(posterior, layer.prior(*given, train=train))
            zs.insert(0, draw(key, posterior))
        return zs, divergence

    def generate(self, c: Array, members: int, key: Array) -> Any:
        """The decoder's output for `members` new members given contexts [sets, context]."""
        keys = noise_keys(key, len(self.layers))
        zs: list[Array] = []
        for layer, one in zip(reversed(list(self.layers)), keys[1:], strict=True):
            prior = layer.prior(c[:, None], *zs[:1])
            shape = (c.shape[0], members, prior.mean.shape[-1])
            wide = Gaussian(*(jnp.broadcast_to(part, shape) for part in prior))
            zs.insert(0, draw(one, wide))
        return self.decoder(c[:, None], *zs)
