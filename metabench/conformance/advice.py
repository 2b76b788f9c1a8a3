"""What the author of a learner is to do about a check that fails, in words."""

from __future__ import annotations

import re
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from metabench.errors import UserError

PURE = "return everything that changes, and read nothing else but the arguments"
OF_CHECKS: Mapping[str, str] = {
    "options": "write the factory as `def name(shape: EpisodeShape, *, option: type = default)`",
    "contract": "return from `predict` a row for each query and a column for each label: of "
    "`task` [way, features], say, `features @ task.T`",
    "other_shape": "take ways and shots from the factory's `shape`, and the number of queries from "
    "`len(query_x)`; write no such number out",
    "transductive": "set `transductive=True` if a query may be answered with the help of the "
    "others; else use no mean, norm or order over the queries in `predict`",
    "query_order": "answer each query from its image and the task alone, not from its place "
    "among the queries",
    "beats_chance": "see that `adapt` uses `support_y`, that column j of the logits is the score "
    "of label j, and that higher is better",
    "shuffled_labels": "take the labels from `support_y`, not from the order of the supports",
    "uneven": "count the supports of each class by `support_y`: `shape.shot` is only their mean; "
    "or set `balanced=True`",
    "stream_contract": "return one row of logits for each image of the stream, with a column for "
    "each number of a label's code",
    "stream_training": "return the state from `training.step` in the form in which `init` made it, "
    "with updated parameters, and a scalar `loss`",
    "stream_causal": "compute the answer of step t from `xs[: t + 1]` and `labels[: t + 1]` alone",
    "forecast_contract": "return `Forecast(mean, deviation)`, both [steps], with deviations above "
    "0",
    "forecast_training": "return the state in the form in which `init` made it, and a finite "
    "scalar `loss`",
    "forecast_causal": "compute the forecast of step t from `xs[: t + 1]` and `before[: t + 1]` "
    "alone",
    "deterministic": f"draw random numbers from the `key` alone, by `jax.random`; {PURE}",
    "built_twice": f"draw random numbers from the `key` alone, not from NumPy or Python; {PURE}",
    "jit": f"use no Python branch on what the arrays hold, and no counter or cache; {PURE}",
    "vmap": "use arrays of one task alone, without `axis_name` and without assuming how many tasks "
    "there are",
    "compiles_once": "return the state with the same dtypes and shapes as `init` made it: write "
    "`jnp.float32(0)`, not `0.0`, for what is first a number",
    "train_step": "return `(state, {'loss': loss})`, where the state has the form that `init` "
    "made and `loss` is a scalar",
    "learns": "keep the learned arrays in a field or key `params` of the state, and return the "
    "updated ones",
    "train_deterministic": "draw random numbers from the `key` of the step alone",
    "loss_falls": "see that gradients are subtracted, and that the learning rate is neither tiny "
    "nor so large that the loss grows",
    "embedding": "return features [images, any number] from `embed`",
    "embedding_alone": "use no statistics over the images in `embed`, such as those of a batch",
    "trace": "return a dictionary of arrays [inner steps, any number] from `trace`",
    "source": "build the source by `registry.build_learner` from the name and settings that "
    "`Source` is given",
    "keep": "return the given state with some fields replaced, in the same shapes and dtypes",
    "relabel": "return a `ClassTable` whose indices lie within its images",
}
OF_ERRORS: Mapping[str, str] = {
    "TracerBoolConversionError": "use `jnp.where` or `jax.lax.cond` in place of an `if` on an "
    "array: its values are not known while JAX traces the function",
    "TracerArrayConversionError": "use `jax.numpy` in place of NumPy and of `float()`; what must "
    "run outside JAX goes through `jax.pure_callback`",
    "TracerIntegerConversionError": "take sizes and indices of Python from `shape`, not from the "
    "values of an array",
    "ConcretizationTypeError": "take sizes from `shape`, and use no `int()`, `float()` or `if` on "
    "the values of an array",
    "NonConcreteBooleanIndexError": "use `jnp.where(mask, x, 0)` in place of `x[mask]`: the size "
    "of the result must not depend on values",
    "UnexpectedTracerError": "keep no array in a list, a global or an attribute within `adapt`, "
    "`predict` or `training.step`: return it",
}
NOT_FINITE = "some are not a number"  # as the checks of logits say
FIRST = ("options", "contract", "stream_contract", "forecast_contract")
"""Where one of these fails, others may fail because of it."""
LIBRARIES = ("jax", "jaxlib", "numpy", "flax", "optax", "scipy")
TRACING = r"See https|The error occurred while|This \w*Tracer with|The function being traced"
"""How JAX begins to tell what it was doing, which differs from check to check."""
LONGEST = 400  # characters of the text of an error


def advice(check: str, error: Exception) -> str:
    """What to do about `error`, which check `check` ended in; empty if nothing is known."""
    if NOT_FINITE in str(error):
        return (
            "look for a division by zero, or a logarithm or square root of zero or less; "
            "`jax.config.update('jax_debug_nans', True)` stops at the first one"
        )
    kinds = [kind.__name__ for kind in type(error).__mro__]
    known = [OF_ERRORS[kind] for kind in kinds if kind in OF_ERRORS]
    return known[0] if known else OF_CHECKS.get(check, "")


def described(error: Exception) -> str:
    """An error that the plug-in raised: where in its file, of which kind, and its text."""
    text = " ".join(re.split(TRACING, str(error))[0].split())
    if len(text) > LONGEST:
        text = text[:LONGEST].rsplit(" ", 1)[0] + " …"
    if isinstance(error, UserError):
        return _place(error) + text
    kind = type(error).__name__
    return f"{_place(error)}{kind}: {text}" if text else f"{_place(error)}{kind}"


def _place(error: Exception) -> str:
    """`mine.py, line 12, in predict: `, for the last line of the plug-in's own that was run."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and not any(file.is_relative_to(folder) for folder in _foreign()):
            return f"{file.name}, line {frame.lineno}, in {frame.name}: "
    return ""


@cache
def _foreign() -> tuple[Path, ...]:
    """Where no plug-in lies: this package but for its learners, JAX and its like, Python itself."""
    packages = [sys.modules[name] for name in LIBRARIES if name in sys.modules]
    ours, python = Path(__file__).parents[1], Path(sysconfig.get_path("stdlib"))
    return (
        *(one for one in ours.iterdir() if one.name != "learners"),
        *(one for one in python.iterdir() if one.name != "site-packages"),
        *(Path(str(package.__file__)).parent for package in packages),
    )
