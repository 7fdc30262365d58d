"""What is installed here, and whether it works."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import time
from collections.abc import Iterator, Sequence
from importlib import metadata

import numpy as np
from packaging.requirements import Requirement

from ..registry import list_models, list_synths, load_synth
from ..synth import Finding, Note, Synth, diagnose
from .group import one_line

_NOTE = Note(60, 100, held=0.3, total=0.5)
_DEVELOPMENT = "dev"  # the extra that only those who work on synthmatch need


def system() -> str:
    """Return versions of synthmatch and Python, the system and its processors, in one line."""
    return (
        f"synthmatch {metadata.version('synthmatch')}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()} {platform.machine()}, "
        f"{os.cpu_count()} processors"
    )


def examine_packages() -> Iterator[Finding]:
    """Look at what synthmatch requires, which has to load, and what its extras bring."""
    extras: dict[str, list[str]] = {}
    for requirement in metadata.requires("synthmatch") or []:
        name, extra = _package_and_extra(requirement)
        if extra != _DEVELOPMENT and name != "synthmatch":
            extras.setdefault(name, []).append(extra)
    for name, wanted in extras.items():
        required = "" in wanted
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            source = name if required else f"synthmatch[{wanted[0]}]"
            text = f'not installed; `pip install "{source}"` brings it'
            yield Finding("broken" if required else "absent", name, text)
            continue
        fault = _import(name) if required else ""  # an extra is loaded where it is used
        yield Finding("broken" if fault else "ok", name, f"{version} {fault}".strip())


def _package_and_extra(text: str) -> tuple[str, str]:
    """Return the package of a requirement, and the extra that asks for it, "" if none does."""
    requirement = Requirement(text)
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        return requirement.name, ""
    known = metadata.metadata("synthmatch").get_all("Provides-Extra") or []
    wanted = (extra for extra in known if requirement.marker.evaluate({"extra": extra}))
    return requirement.name, next(wanted, _DEVELOPMENT)


def _import(name: str) -> str:
    """Return why a package does not load, "" if it does or has modules of other names."""
    module = name.replace("-", "_")
    try:
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    except Exception as error:
        return f"does not load: {one_line(error)}"
    return ""


def examine_device() -> Iterator[Finding]:
    """Look at what networks run on."""
    if _import("torch"):  # reported among the packages
        return
    import torch

    if torch.cuda.is_available():
        yield Finding("ok", "cuda", torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        yield Finding("ok", "mps", "the graphics processor of this machine")
    yield Finding("ok", "cpu", f"{torch.get_num_threads()} threads")


def examine_synths(names: Sequence[str] = (), **options: object) -> Iterator[Finding]:
    """Play installed synths, and have them look at what they rely on.

    Parameters
    ----------
    names : sequence of str
        Those to look at; all by default.
    **options
        For :func:`synthmatch.load_synth`.
    """
    for name in names or list_synths():
        try:
            synth = load_synth(name, **options)
            yield Finding("ok", name, _play(synth))
            found = diagnose(synth)
        except Exception as error:  # of a package that anybody may have written
            yield Finding("broken", name, one_line(error))
            continue
        for finding in found:
            yield Finding(finding.status, f"{name} {finding.subject}", finding.text)


def _play(synth: Synth) -> str:
    """Return what is reported of a synth that plays its default patch."""
    patch = synth.space.patch({})
    first = synth.render(patch, _NOTE, synth.sample_rate)
    began = time.perf_counter()
    second = synth.render(patch, _NOTE, synth.sample_rate)
    milliseconds = 1000 * (time.perf_counter() - began)
    if first.shape != (_NOTE.samples(synth.sample_rate),) or not np.isfinite(first).all():
        raise ValueError("its default patch does not sound; run synthmatch.testing.check_synth")
    if not np.array_equal(first, second):
        raise ValueError("it does not repeat itself; run synthmatch.testing.check_synth")
    count = len(synth.space)
    return (
        f"plays and repeats itself; {count} parameters, {milliseconds:.1f} ms for a note of 0.5 s"
    )


def examine_models() -> Iterator[Finding]:
    """Load the installed models, and check that they fit their synths."""
    from ..matcher.network import load_network
    from ..weights import check_space

    names = list_models()
    if not names:
        yield Finding("absent", "models", "none installed; `synthmatch match` searches without")
    for name in names:
        try:
            network = load_network(name)
            setting = network.setting
            synth = load_synth(setting.synth, **setting.options)
            check_space(network.estimator.head.space, synth)
        except Exception as error:
            yield Finding("broken", name, one_line(error))
        else:
            size = sum(tensor.numel() for tensor in network.estimator.parameters()) / 1e6
            text = f"{network.estimator.architecture} for {setting.synth}, {size:.1f} M numbers"
            yield Finding("ok", name, text)
