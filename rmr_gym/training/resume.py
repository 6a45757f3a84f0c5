"""State of an interrupted run: weights, optimizer and step, in files that are whole or not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain

_KEPT = 2  # if the newest state is damaged, the one before is used
_ORIGIN = "origin"


class RunState:
    """Keeps the newest states of a run in a folder.

    A state is one safetensors file whose name holds the step and the checksum of its content. Random streams need no
    place in it, since batches depend on the seed and the step only.

    Args:
        folder: made if it does not exist.
        modules: their parameters and buffers are kept.
        optimizers: their states are kept.
        origin: what the weights come from, in any words; None for a folder that holds no states but those of this run.
    """

    def __init__(
        self,
        folder: Path,
        modules: Sequence[nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        origin: str | None = None,
    ) -> None:
        self._folder, self._modules, self._optimizers = folder, modules, optimizers
        self._metadata = None if origin is None else {_ORIGIN: hashlib.sha256(origin.encode()).hexdigest()}

    def save(self, step: int) -> None:
        """Write the state after `step` updates and drop the oldest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = save(self._tensors(), self._metadata)
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

        Raises:
            ValueError: when it comes from something else; of states of earlier versions nobody knows.
        """
        for path in self._files():
            content = path.read_bytes()
            _, step, digest = path.stem.split("-")
            if hashlib.sha256(content).hexdigest()[:16] != digest:
                continue
            self._require_same_origin(path)
            if accept(int(step)):
                self._load(load(content))
                return int(step)
        return 0

    def discard(self) -> None:
        """Remove all states; the run is finished."""
        for path in self._files():
            path.unlink()
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _require_same_origin(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get(_ORIGIN)
        if self._metadata and found not in (None, self._metadata[_ORIGIN]):
            got = "that of one with other data, processors or settings"
            fix = "Pass another state_folder, or delete this one to train anew."
            raise ValueError(explain(expected=f"a state of this training in {path.parent}", got=got, fix=fix))

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("state-*.safetensors"), reverse=True)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {
            f"module.{index}.{name}": value.detach().cpu().contiguous()
            for index, module in enumerate(self._modules)
            for name, value in module.state_dict().items()
        }
        for prefix, optimizer in self._named_optimizers():
            for index, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensors[f"{prefix}{index}.{name}"] = value.detach().cpu().contiguous()
        return tensors

    def _load(self, tensors: dict[str, Tensor]) -> None:
        for index, module in enumerate(self._modules):
            prefix = f"module.{index}."
            module.load_state_dict(
                {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            )
        for prefix, optimizer in self._named_optimizers():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(prefix):
                    index_text, name = key.removeprefix(prefix).split(".", 1)
                    state.setdefault(int(index_text), {})[name] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})

    def _named_optimizers(self) -> list[tuple[str, torch.optim.Optimizer]]:
        """Pair the optimizers with what their tensors' names start with; the first is called as when it was alone."""
        names = ["optimizer.", *(f"optimizer_{number}." for number in range(1, len(self._optimizers)))]
        return list(zip(names, self._optimizers, strict=True))
