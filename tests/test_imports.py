"""What start-up loads: nothing heavy, in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import synthmatch

HEAVY = [
    "torch",
    "librosa",
    "numba",
    "pedalboard",
    "matplotlib",
    "scipy",
    "soundfile",
    "soxr",
    "cmaes",
    "safetensors",
    "pytest",
    "synthmatch_jsyn",
    "synthmatch_dexed",
]


def loaded_after(code):
    """Return the top-level modules a fresh interpreter has loaded after ``code``."""
    program = (
        "import json, sys, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    {code}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "code",
    [
        "import synthmatch",
        "import synthmatch; synthmatch.list_synths()",
        "from synthmatch import Note, Parameter, ParameterSpace, Patch, Synth",
        "import synthmatch.testing, synthmatch.report",
        "import synthmatch.cli; synthmatch.cli.main(['--help'])",
        "import synthmatch.cli; synthmatch.cli.main(['--version'])",
        "import synthmatch.cli; synthmatch.cli.main(['match', '--help'])",
    ],
)
def test_start_up_loads_nothing_heavy(code):
    loaded = loaded_after(code)
    assert "synthmatch" in loaded
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize(
    "code", ["import synthmatch", "import synthmatch.cli; synthmatch.cli.main(['--help'])"]
)
def test_neither_import_nor_help_loads_even_numpy(code):
    assert "numpy" not in loaded_after(code)


def test_the_public_names_exist_are_few_and_are_listed():
    for name in synthmatch.__all__:
        assert getattr(synthmatch, name) is not None
        assert name in dir(synthmatch)
    assert len(synthmatch.__all__) < 12
    with pytest.raises(AttributeError, match="no attribute 'Sinth'"):
        synthmatch.Sinth  # noqa: B018


def test_matching_and_training_load_no_scipy_signal():
    """It takes as long to load as all that they need of scipy and numba together."""
    code = "import sys, synthmatch.matcher, synthmatch.training; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "synthmatch.training" in loaded and "scipy.signal" not in loaded
