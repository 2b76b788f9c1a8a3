"""What is said of other hosts, and what an error of theirs looks like."""

import json
import socket

import numpy as np
import pytest

from metabench.compute import hosts
from metabench.compute.hosts import Group, group_of, lost
from metabench.errors import UserError


def test_what_the_options_say():
    assert group_of(None, None, None) is None
    assert group_of("node1:1234", 4, 3) == Group("node1:1234", 4, 3)
    assert group_of("[::1]:1234", 1, 0) == Group("[::1]:1234", 1, 0)
    assert group_of("auto", None, None) == Group("auto")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((None, 2, 0), "`coordinator` is missing"),
        (("node1", 2, 0), "`coordinator` is 'node1'; it must be HOST:PORT, or auto"),
        (("node1:port", 2, 0), "must be HOST:PORT"),
        (("node1:70000", 2, 0), "must be HOST:PORT"),
        (("node1:1234", 2, None), "`hosts` and `host` are missing"),
        (("node1:1234", 2, 2), "`host` is 2 of 2; with 2 hosts it must be from 0 to 1"),
        (("node1:1234", 0, 0), "`host` is 0 of 0"),
    ],
)
def test_what_cannot_be(given, said):
    with pytest.raises(UserError, match=said):
        group_of(*given)


def test_a_host_that_nobody_answers_says_so(monkeypatch):
    monkeypatch.setattr(hosts, "MEETING", -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = Group(f"127.0.0.1:{port}", 2, 1)
    with pytest.raises(UserError, match="nothing answers there"), hosts.together(group, print):
        pass


def test_without_other_hosts_nothing_is_begun():
    with hosts.together(None, print):
        assert hosts.first()
        assert not hosts.several()
    with pytest.raises(KeyError), hosts.together(None, print):
        raise KeyError


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (ValueError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer"), True),
        (RuntimeError("UNAVAILABLE: Failed to send RPC to coordination service"), True),
        (ValueError("shapes (3,) and (4,) do not fit"), False),
    ],
)
def test_how_a_lost_host_is_recognised(error, is_lost):
    assert lost(error) == is_lost


@pytest.mark.parametrize("host", [0, 1, 2])
def test_each_host_computes_a_part_and_has_all(host, monkeypatch):
    from jax.experimental import multihost_utils

    asked = []

    def squares(numbers):
        asked.append(numbers.tolist())
        return {"square": numbers**2}

    def gather(mine, tiled):
        assert tiled
        parts = [0, 1, 2], [3, 4, 5], [6, 0, 1]  # the last part begins anew
        assert mine["square"].tolist() == [one**2 for one in parts[host]]
        return {"square": np.concatenate(parts) ** 2}

    monkeypatch.setattr(multihost_utils, "process_allgather", gather)
    monkeypatch.setattr(hosts.jax, "process_count", lambda: 3)
    monkeypatch.setattr(hosts.jax, "process_index", lambda: host)
    found = hosts.of_all(squares, np.arange(7))
    assert found["square"].tolist() == [0, 1, 4, 9, 16, 25, 36]
    assert len(asked) == 1


def test_json_of_the_first_host(monkeypatch):
    monkeypatch.setattr(hosts, "from_first", np.asarray)
    value = {"step": 3, "history": [[1, 0.5]]}
    assert json.dumps(hosts.json_from_first(value)) == json.dumps(value)
