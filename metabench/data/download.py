"""Downloads one published file and verifies it, or says quickly why it cannot.

pooch downloads into a temporary folder and compares the checksum. Only then is the file
moved to its place, so that there is never half a file. First, with a short time limit, we
check whether the host answers, so that a machine without a network gets an error in seconds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from metabench.contracts.dataset import Archive
from metabench.files import cache
from metabench.files.progress import Advance, progress

REACH_SECONDS = 3.0
STALL_SECONDS = 20.0
RETRIES = 2


class DownloadError(Exception):
    """Why a file could not be downloaded, as the end of a sentence."""


def reachable(url: str, seconds: float = REACH_SECONDS) -> bool:
    """Whether the server of `url` offers it; takes about `seconds` at most."""
    answers: list[bool] = []

    def ask() -> None:
        import requests

        with contextlib.suppress(requests.RequestException):
            reply = requests.head(url, timeout=seconds, allow_redirects=True)
            answers.append(reply.ok or reply.status_code == 405)  # 405: only HEAD is refused

    # In a thread, because looking up a host name without a network can ignore any timeout.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds + 0.5)
    return bool(answers and answers[0])


def fetch(archive: Archive, folder: Path, shown: bool = True) -> Path:
    """Download `archive` into `folder` and return its path.

    Raises:
        DownloadError: the server cannot be reached, stops early, or sends other bytes.
    """
    import pooch
    import requests

    if not reachable(archive.url):
        raise DownloadError("its server cannot be reached")
    with _partial(cache.folder(folder)) as partial:
        keeper = pooch.create(
            path=partial,
            base_url="",
            registry={archive.name: f"sha256:{archive.sha256}"},
            urls={archive.name: archive.url},
            retry_if_failed=RETRIES,
        )
        pooch.get_logger().setLevel("ERROR")  # its lines would break the bar
        with progress(f"Downloading {archive.name}", archive.size, shown) as advance:
            loader = pooch.HTTPDownloader(progressbar=_Meter(advance), timeout=STALL_SECONDS)
            try:
                whole = Path(keeper.fetch(archive.name, downloader=loader))
            except requests.RequestException as error:
                reason = f"its download broke off ({type(error).__name__})"
                raise DownloadError(reason) from error
            except ValueError as error:  # pooch raises it if the checksum differs
                raise DownloadError("what its server sent is not the published file") from error
        target = folder / archive.name
        os.replace(whole, target)
    return target


@contextlib.contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """An empty folder within `folder`, removed afterwards, as are leftovers of killed processes."""
    partial = folder / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Meter:
    """The part of a tqdm bar that pooch calls, forwarded to our progress bar."""

    def __init__(self, advance: Advance) -> None:
        self.total = 0
        self._advance = advance

    def update(self, steps: int) -> None:
        self._advance(steps)

    def reset(self) -> None:
        """Called by pooch at the end, before it adds the whole size once more."""
        self._advance = lambda steps: None

    def close(self) -> None:
        """Do nothing: the bar ends with its `with` block."""
