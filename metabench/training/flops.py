"""Floating-point operations of a traced function, counted from its jaxpr. Nothing is compiled.

XLA's own count takes a loop's body once, however often it runs, so most inner steps of MAML and
most images of a stream would be missing. A `scan` says how often it runs.

Counted as in XLA: a multiplication and an addition for each term of a matrix product or a
convolution, and one operation for each result of an elementwise function and each term of a sum. Of
branches, the dearest counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import jax.numpy as jnp

_NAMES = """
abs add add_any atan2 cbrt cos cosh div erf erf_inv exp exp2 expm1 integer_pow log log1p logistic
max min mul neg pow rem round rsqrt sign sin sinh sqrt square sub tan tanh
"""
ELEMENTWISE = frozenset(_NAMES.split())
HOST = ("pure_callback", "io_callback")
UNKNOWN = ("ffi_call", "pallas_call", "while")


def operations(jaxpr: Any) -> float | None:
    """How many there are in a jaxpr; None where a part cannot be counted.

    That is a loop of unknown length, or code outside of JAX.
    """
    return _sum(map(_of_equation, jaxpr.eqns))


def calls_host(jaxpr: Any) -> bool:
    """Whether a jaxpr computes something on the host, outside of JAX."""
    return any(
        one.primitive.name in HOST or any(map(calls_host, _jaxprs(one.params)))
        for one in jaxpr.eqns
    )


def _of_equation(equation: Any) -> float | None:
    name, params = equation.primitive.name, equation.params
    if name in UNKNOWN or name.endswith("callback"):
        return None
    parts = [] if name.startswith("scatter") else [operations(one) for one in _jaxprs(params)]
    if name == "cond":
        return None if None in parts else max(filter(None, parts), default=0.0)
    if parts:
        within = _sum(parts)
        return None if within is None else within * _times(name, params)
    return _of_primitive(name, params, equation)


def _of_primitive(name: str, params: Any, equation: Any) -> float:
    """Operations of an equation without jaxprs within it; numbers that do not float are free."""
    result: Any = equation.outvars[0].aval if equation.outvars else None
    if not hasattr(result, "dtype") or not jnp.issubdtype(result.dtype, jnp.floating):
        return 0.0
    operands = [one.aval for one in equation.invars]
    if name in ELEMENTWISE:
        return float(result.size)
    if name.startswith(("reduce_", "cum")):
        return float(operands[0].size)
    if name.startswith("scatter") and name != "scatter":  # `scatter-add` and the like
        return float(operands[2].size)
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        return 2.0 * result.size * prod(operands[0].shape[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel, features = operands[1], params["dimension_numbers"].rhs_spec[0]
        return 2.0 * result.size * kernel.size / kernel.shape[features]
    return 0.0


def _times(name: str, params: Any) -> int:
    """How often the jaxpr within an equation runs, over all devices."""
    if name == "scan":
        return int(params["length"])
    return int(params["mesh"].size) if name == "shard_map" else 1


def _jaxprs(params: Any) -> Iterator[Any]:
    """The jaxprs among the parameters of an equation."""
    for value in params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(one, "jaxpr", one)
            if hasattr(inner, "eqns"):
                yield inner


def _sum(parts: Iterable[float | None]) -> float | None:
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total
