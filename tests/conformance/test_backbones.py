"""Every registered backbone passes every check, and a wrong one fails the right ones."""

import jax
import pytest

from metabench import registry
from metabench.conformance import ConformanceError, backbone_checks, check_backbone
from metabench.conformance.check import examine
from metabench.contracts.backbone import Backbone
from metabench.errors import UserError

IMAGE = (16, 16, 1)  # the smallest that four halvings leave something of
# Narrow ones: the checks are of what is computed, not of how much.
SMALL = {name: {"width": 8} for name in registry.names("backbones")}
CASES = [
    check for name in SMALL for check in backbone_checks(name, image=IMAGE, settings=SMALL[name])
]


SLOW = ("form", "gradient", "vmap")  # compile several programs


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(one, id=one.id, marks=[pytest.mark.slow] if one.name in SLOW else [])
        for one in CASES
    ],
)
def test_registered(check):
    check()


def by_hand(image, *, features: int = 8):
    """A linear map as pure functions; what `broken` says is wrong."""
    height, width, channels = image

    def init(key):
        return (0.1 * jax.random.normal(key, (height * width * channels, features)),), ()

    def apply(params, stats, images, *, train, key):
        return images.reshape(len(images), -1) @ params[0], stats

    return Backbone(init, apply, features)


def draws_in_secret(image, *, features: int = 8):
    """Features that depend on how often the backbone was built."""
    net, draws_in_secret.built = by_hand(image), draws_in_secret.built + 1
    shift = float(draws_in_secret.built)

    def apply(params, stats, images, *, train, key):
        return net.apply(params, stats, images, train=train, key=key)[0] + shift, stats

    return net._replace(apply=apply)


draws_in_secret.built = 0


def looks_aside(image, *, features: int = 8):
    """Features less their mean over all images, and not declared transductive."""
    net = by_hand(image)

    def apply(params, stats, images, *, train, key):
        found = net.apply(params, stats, images, train=train, key=key)[0]
        return found - found.mean(0)[None], stats

    return net._replace(apply=apply)


def wrong(image):
    return 3


def of_another_length(image, *, features: int = 8):
    return by_hand(image)._replace(features=9)


def held(image, *, features: int = 8):
    """Features through which no gradient passes."""
    net = by_hand(image)

    def apply(params, stats, images, *, train, key):
        found = net.apply(params, stats, images, train=train, key=key)[0]
        return jax.lax.stop_gradient(found), stats

    return net._replace(apply=apply)


def test_pure_functions_of_no_library_pass():
    assert {outcome.status for outcome in check_backbone(by_hand, image=IMAGE)} == {"passed"}

    def declared(image, *, features: int = 8):
        return looks_aside(image)._replace(transductive=True)

    outcomes = examine(backbone_checks(declared, image=IMAGE))
    assert [one.check for one in outcomes if one.status == "skipped"] == ["embedding_alone"]


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (draws_in_secret, "deterministic"),
        (looks_aside, "embedding_alone"),
        (of_another_length, "form"),
        (held, "gradient"),
    ],
)
def test_a_broken_one_fails(broken, check):
    with pytest.raises(ConformanceError, match=f"- {check}"):
        check_backbone(broken, image=IMAGE)


def test_names_and_options_that_are_wrong():
    with pytest.raises(UserError, match=r"unknown backbone `conv5` \(did you mean `conv4`\?\)"):
        registry.backbone("conv5")
    with pytest.raises(UserError, match="backbone `strided4` has no option `widht`"):
        registry.build_backbone("strided4", IMAGE, {"widht": 8})
    with pytest.raises(UserError, match=r"`test_backbones\.wrong` returns int; it must"):
        registry.build_backbone(wrong, IMAGE, {})
