"""The one place that turns the name of a device into one that is here."""

from __future__ import annotations

from ..errors import DeviceError


def pick_device(name: str = "auto") -> str:
    """Return a device that is here: ``name``, or for "auto" CUDA, else Apple's, else the CPU.

    Parameters
    ----------
    name : str
        "auto", "cpu", "cuda", "cuda:1", "mps", or another that torch computes on.

    Raises
    ------
    DeviceError
        If there is no such device here.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        float(torch.ones(1, device=name).sum())  # "meta" is known to torch but computes nothing
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError):
        raise DeviceError(
            f"no device {name!r} here; use cpu, or auto for the fastest there is"
        ) from None
    return name
