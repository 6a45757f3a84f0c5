"""State of an interrupted run: weights, optimizer and step, in files that are whole or not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from rmr_gym.atomic import write_atomically

_KEPT = 2  # if the newest state is damaged, the one before is used


class RunState:
    """Keeps the newest states of a run in a folder.

    A state is one safetensors file whose name holds the step and the checksum of its content. Random streams need no
    place in it, since batches depend on the seed and the step only.

    Args:
        folder: made if it does not exist.
        modules: their parameters and buffers are kept.
        optimizer: its state is kept.
    """

    def __init__(self, folder: Path, modules: Sequence[nn.Module], optimizer: torch.optim.Optimizer) -> None:
        self._folder, self._modules, self._optimizer = folder, modules, optimizer

    def save(self, step: int) -> None:
        """Write the state after `step` updates and drop the oldest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = save(self._tensors())
        digest = hashlib.sha256(content).hexdigest()[:16]
        write_atomically(self._folder / f"state-{step:09d}-{digest}.safetensors", content)
        for path in self._files()[_KEPT:]:
            path.unlink()

    def restore(self, accept: Callable[[int], bool] = lambda step: True) -> int:
        """Load the newest undamaged state that is wanted.

        Args:
            accept: says of a number of updates whether a state that has them behind it is wanted.

        Returns:
            The number of updates that it has behind it, 0 when there is none.
        """
        for path in self._files():
            content = path.read_bytes()
            _, step, digest = path.stem.split("-")
            if hashlib.sha256(content).hexdigest()[:16] == digest and accept(int(step)):
                self._load(load(content))
                return int(step)
        return 0

    def discard(self) -> None:
        """Remove all states; the run is finished."""
        for path in self._files():
            path.unlink()
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("state-*.safetensors"), reverse=True)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {
            f"module.{index}.{name}": value.detach().cpu().contiguous()
            for index, module in enumerate(self._modules)
            for name, value in module.state_dict().items()
        }
        for index, state in self._optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{index}.{name}"] = value.detach().cpu().contiguous()
        return tensors

    def _load(self, tensors: dict[str, Tensor]) -> None:
        for index, module in enumerate(self._modules):
            prefix = f"module.{index}."
            module.load_state_dict(
                {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            )
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index_text, name = key.split(".", 2)
                state.setdefault(int(index_text), {})[name] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
