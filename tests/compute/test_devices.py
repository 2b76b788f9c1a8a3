"""How many devices there are, and how many of them a batch is spread over."""

from types import SimpleNamespace

import jax
import pytest

from metabench.compute import devices as module
from metabench.compute.devices import asked, devices_for, here, in_use, needed, use_all_cores, using
from metabench.errors import UserError


@pytest.mark.parametrize(
    ("episodes", "devices"), [(1, 1), (2, 2), (4, 4), (5, 5), (6, 6), (7, 4), (10, 5), (12, 6)]
)
def test_as_many_devices_as_shorten_the_longest_part(monkeypatch, episodes, devices):
    monkeypatch.setattr(jax, "devices", lambda: list(range(6)))
    assert devices_for(episodes) == list(range(devices))


def made_up(hosts=1, each=6):
    """Devices of several hosts, the first of which is this one."""
    return [
        SimpleNamespace(id=n, process_index=n // each, platform="gpu") for n in range(hosts * each)
    ]


@pytest.fixture
def two_hosts(monkeypatch):
    """Six devices here, and six of another host."""
    monkeypatch.setattr(jax, "devices", lambda: made_up(2))
    monkeypatch.setattr(jax, "local_devices", made_up)
    monkeypatch.setattr(jax, "process_count", lambda: 2)


def test_so_many_devices_of_each_host_are_used(two_hosts):
    assert (len(in_use()), len(here()), asked()) == (12, 6, False)
    with using(2):
        assert [one.id for one in in_use()] == [0, 1, 6, 7]
        assert [one.id for one in here()] == [0, 1]
        assert (len(devices_for(8)), len(devices_for(2)), asked()) == (4, 2, True)
    with using(None):
        assert len(in_use()) == 12


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "`devices` is 0; it must be at least 1"),
        (7, "is 7, but JAX has 6 devices here; take 6 at most"),
    ],
)
def test_as_many_devices_as_there_are(two_hosts, number, said):
    with pytest.raises(UserError, match=said), using(number):
        pass


def test_all_cores_are_no_matter_once_jax_has_begun(monkeypatch):
    before = jax.device_count()
    use_all_cores()
    assert jax.device_count() == before


@pytest.mark.parametrize(
    ("number", "flags"), [(3, ""), (-1, "--xla_force_host_platform_device_count=3")]
)
def test_a_number_of_devices_that_the_user_chose_stands(monkeypatch, number, flags):
    config = SimpleNamespace(jax_num_cpu_devices=number)  # has no `update`
    monkeypatch.setattr(module, "jax", SimpleNamespace(config=config))
    monkeypatch.setenv("XLA_FLAGS", flags)
    use_all_cores()


@pytest.mark.parametrize("chosen", ["cuda", None])
def test_without_a_device_an_error_is_one_sentence(monkeypatch, chosen):
    def nothing():
        raise AssertionError

    def fails():
        raise AssertionError

    config = SimpleNamespace(jax_platforms=chosen)
    monkeypatch.setattr(module, "jax", SimpleNamespace(devices=nothing, config=config))
    said = "`JAX_PLATFORMS` is 'cuda', but JAX can use no such" if chosen else "JAX can use no dev"
    with pytest.raises(UserError, match=said), needed():
        fails()


@pytest.mark.parametrize("error", [AssertionError, UserError, KeyboardInterrupt])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(error), needed():
        raise error
