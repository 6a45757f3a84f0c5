"""Runs a program on a device apart: what CUDA would refuse is refused on machines without a GPU, too.

    python -m tests.devices.apart FOLDER rmr-gym run pong --profile smoke --device apart --out OUT

FOLDER keeps the compiled device. What this cannot show: the kernels of CUDA and Triton, their rounding and their speed.
"""

from __future__ import annotations

import contextlib
import sys
import types
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.cpp_extension import load

import agents.evaluate
import agents.train
import rmr_gym.cli
from rmr_gym.models import devices
from rmr_gym.training import seed_batches

NAME = "apart"

PROGRAMS = {"rmr-gym": rmr_gym.cli.main, "agents.train": agents.train.main, "agents.evaluate": agents.evaluate.main}


def register(build: Path) -> None:
    """Make the device known to PyTorch and to this package; compiles it in the first call for a folder."""
    build.mkdir(parents=True, exist_ok=True)
    torch.utils.rename_privateuse1_backend(NAME)
    load(NAME, [str(Path(__file__).with_name("apart.cpp"))], build_directory=str(build), extra_cflags=["-O1"])
    module = types.ModuleType(f"torch.{NAME}")
    functions = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "_is_in_bad_fork": lambda: False,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "device": lambda _: contextlib.nullcontext(),
        "manual_seed": lambda _: None,
        "manual_seed_all": lambda _: None,
        "get_amp_supported_dtype": lambda: [torch.bfloat16],
    }
    for name, function in functions.items():
        setattr(module, name, function)
    torch._register_device_module(NAME, module)
    torch.utils.generate_methods_for_privateuse1_backend()
    torch.__future__.set_swap_module_params_on_conversion(True)  # parameters stay who they are, as on CUDA
    _LIBRARY.impl("_thnn_fused_gru_cell", _gru_cell, "PrivateUse1")
    _LIBRARY.impl("_thnn_fused_gru_cell_backward", _gru_cell_backward, "PrivateUse1")
    devices.check_device.__code__ = _accept.__code__
    seed_batches._fits.__code__ = _fits.__code__  # all frames are kept on the device, as on a GPU with room for them


def _accept(device: str) -> str:
    return device


def _fits(dataset: object, device: str) -> bool:
    return True


def _gru_cell(
    inputs: Tensor, hiddens: Tensor, state: Tensor, input_bias: Tensor | None = None, hidden_bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """PyTorch takes the fused cell on all devices but the CPU, which therefore has none to fall back to."""
    inputs = inputs if input_bias is None else inputs + input_bias
    hiddens = hiddens if hidden_bias is None else hiddens + hidden_bias
    (input_reset, input_update, input_new), (hidden_reset, hidden_update, new) = inputs.chunk(3, 1), hiddens.chunk(3, 1)
    reset, update = (input_reset + hidden_reset).sigmoid(), (input_update + hidden_update).sigmoid()
    proposed = (input_new + reset * new).tanh()
    return proposed + update * (state - proposed), torch.stack([reset, update, proposed, state, new])


def _gru_cell_backward(
    gradient: Tensor | None, kept: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    reset, update, proposed, state, new = kept
    gradient = torch.zeros_like(state) if gradient is None else gradient
    of_proposed = gradient * (1 - update) * (1 - proposed**2)
    of_update = gradient * (state - proposed) * update * (1 - update)
    of_reset = of_proposed * new * reset * (1 - reset)
    inputs = torch.cat([of_reset, of_update, of_proposed], 1)
    hiddens = torch.cat([of_reset, of_update, of_proposed * reset], 1)
    biases = (inputs.sum(0), hiddens.sum(0)) if has_bias else (None, None)
    return inputs, hiddens, gradient * update, *biases


_LIBRARY = torch.library.Library("aten", "IMPL")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in PROGRAMS:
        sys.exit(f"{__doc__}\nPrograms: {', '.join(PROGRAMS)}")
    register(Path(sys.argv[1]))
    sys.exit(PROGRAMS[sys.argv[2]](sys.argv[3:]))
