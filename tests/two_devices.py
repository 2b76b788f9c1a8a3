"""Work in another process, where the CPU is two devices, or more."""

import json
import os
import subprocess
import sys

from tests.places import ROOT


def on_two_devices(module, function, devices=2):
    """What `function` of the test file `module` prints as JSON in its last line."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    process = subprocess.run(
        [sys.executable, "-c", f"from {module} import {function}; {function}()"],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])
