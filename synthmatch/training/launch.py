"""Where training runs: one device, or the processes that torchrun started."""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import Any, Protocol

import torch

from ..errors import TrainingError
from ..estimators import pick_device


class Launcher(Protocol):
    """What the loop needs of a machine; Lightning's ``Fabric`` has the same methods."""

    @property
    def device(self) -> torch.device:
        """Where tensors live."""

    @property
    def world_size(self) -> int:
        """How many processes train together."""

    @property
    def global_rank(self) -> int:
        """Which of them this is; 0 writes the files."""

    def setup(self, module: torch.nn.Module, *optimizers: torch.optim.Optimizer) -> Any:
        """Return the module and the optimisers, ready to train."""

    def backward(self, tensor: torch.Tensor) -> None:
        """Compute gradients."""

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context of the forward pass."""

    def no_backward_sync(
        self, module: Any, enabled: bool = True
    ) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which gradients stay local."""

    def broadcast(self, obj: Any, src: int = 0) -> Any:
        """Return the object of process ``src`` in every process."""


class OneDevice:
    """A launcher for a single process and device.

    Parameters
    ----------
    device : str
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the fastest there is.
    precision : {"float32", "bfloat16"}
        Of the forward pass.
    """

    world_size = 1
    global_rank = 0

    def __init__(self, device: str, precision: str) -> None:
        self.device = torch.device(pick_device(device))
        self._half = precision == "bfloat16"

    def setup(self, module: torch.nn.Module, *optimizers: torch.optim.Optimizer) -> Any:
        """Move the module to the device."""
        return (module.to(self.device), *optimizers)

    def backward(self, tensor: torch.Tensor) -> None:
        """Compute gradients."""
        tensor.backward()  # type: ignore[no-untyped-call]

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return a bfloat16 autocast, or nothing."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._half)

    def no_backward_sync(
        self, module: Any, enabled: bool = True
    ) -> contextlib.AbstractContextManager[Any]:
        """Return nothing; there is nobody to sync with."""
        return contextlib.nullcontext()

    def broadcast(self, obj: Any, src: int = 0) -> Any:
        """Return the object."""
        return obj


def pick_launcher(device: str, precision: str) -> Launcher:
    """Return a launcher for this process: Lightning Fabric under torchrun, else one device.

    Raises
    ------
    DeviceError
        If there is no such device.
    TrainingError
        If torchrun started this process and Lightning Fabric is not installed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return OneDevice(device, precision)
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise TrainingError(
            "training in several processes needs Lightning Fabric: pip install "
            '"synthmatch[distributed]"'
        ) from None
    kind = pick_device(device).partition(":")[0]
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=kind,
        devices=local,
        num_nodes=int(os.environ["WORLD_SIZE"]) // local,
        strategy="ddp",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    atexit.register(_leave)
    return fabric


def _leave() -> None:
    """Take leave of the other processes: threads of theirs left running abort the program."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
