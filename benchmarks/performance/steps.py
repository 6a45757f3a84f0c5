"""Whole training steps of both stages beside the same steps in plain torch and torch-geometric.

A step is forward, loss, the check that the loss is finite, backward, and Adam; making the batch is excluded on both
sides, and so are the monitors that our loop reads on the steps that it logs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.costs.roofline import Device, RooflineClock
from benchmarks.performance.harness import Comparison, Spread, Work, speed_ratio, take_turns
from benchmarks.performance.message_peers import LAYOUTS
from benchmarks.performance.settings import Settings
from benchmarks.performance.step_peers import StraightforwardModel, edge_list_mpnn
from rmr_gym.models import AbstractModel, NaturalModel, Precision, trainable_parameters, unpack_bits
from rmr_gym.models.blocks import initial_weights, mixed_precision
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors.mpnn import Mpnn, MpnnConfig
from rmr_gym.objectives import HingeConfig, MaskedRamConfig, NaturalBatch, masked_ram_loss
from rmr_gym.training import NaturalConfig, build_natural_model

NUM_SLOTS = 128
EDGE_LIST, DENSE = "torch-geometric, edge list", "straightforward dense implementation"
ABSTRACT, FROZEN, TRAINED = "rmr_gym, abstract stage", "rmr_gym, arm rmr (frozen)", "rmr_gym, arm c_swm (trained)"

_GRAYS = (0, 87, 110, 147, 214, 236)
"""Shades of a picture: few of them and large plain areas, as in Atari frames."""


def measure(settings: Settings) -> list[Comparison]:
    """Compare one step of either stage; the natural one in bfloat16 as well where the hardware computes in it."""
    batch_size = 4 if settings.quick else 50
    lines = abstract_step(settings, batch_size)
    precisions: list[Precision] = ["float32"]
    if has_bfloat16(settings.device):
        precisions.append("bfloat16")
    for precision in precisions:
        lines += natural_step(settings, batch_size, precision)
    return lines


def abstract_step(settings: Settings, batch_size: int) -> list[Comparison]:
    """Compare a step on memory with the same model whose message function is an edge list."""
    ram, action, next_ram = (part.to(settings.device) for part in random_memory(batch_size))
    with initial_weights(0):
        own = AbstractModel(MpnnConfig().build(NUM_SLOTS), num_slots=NUM_SLOTS)
    assert isinstance(own.processor, Mpnn)
    models = {ABSTRACT: own}
    for layout in LAYOUTS:
        peer = AbstractModel(edge_list_mpnn(own.processor, layout), num_slots=NUM_SLOTS)
        peer.encoder.load_state_dict(own.encoder.state_dict())
        peer.decoder.load_state_dict(own.decoder.state_dict())
        models[f"{EDGE_LIST}, {layout}"] = peer

    def loss_of(model: AbstractModel) -> Callable[[], Tensor]:
        def loss() -> Tensor:
            bits, next_bits = unpack_bits(ram), unpack_bits(next_ram)
            return masked_ram_loss(model(bits, action), bits, next_bits, MaskedRamConfig()).total

        return loss

    steps = {name: training_step(loss_of(model), [model.to(settings.device)]) for name, model in models.items()}
    seconds = take_turns(steps, settings.repeats)
    peer_name = min((name for name in steps if name != ABSTRACT), key=lambda name: min(seconds[name]))
    return [
        Comparison(
            what=f"one abstract training step, float32, batch {batch_size}, {NUM_SLOTS} slots x 64, mean",
            ours=ABSTRACT,
            peer=EDGE_LIST,
            figure=speed_ratio(seconds, ours=ABSTRACT, peer=peer_name),
            bar=5.0,
            note=f"same model, loss and optimizer; the faster of the peer's two layouts, "
            f"{peer_name.removeprefix(f'{EDGE_LIST}, ')}; making the batch excluded on both sides",
        )
    ]


def natural_step(settings: Settings, batch_size: int, precision: Precision) -> list[Comparison]:
    """Compare a step on frames with a straightforward implementation, and the frozen arm with the trained one."""
    encoder = NatureCnnConfig(resolution="84x84" if settings.quick else "210x160")
    batch = random_frames(batch_size, encoder.size, settings.device)
    models = {FROZEN: _arm("rmr", encoder, precision), TRAINED: _arm("c_swm", encoder, precision)}
    peer = StraightforwardModel(models[FROZEN]).to(settings.device)
    objective = HingeConfig().build()

    def own_loss(model: NaturalModel) -> Callable[[], Tensor]:
        return lambda: objective(model, batch).total

    def peer_loss() -> Tensor:
        with mixed_precision(batch.pixels.device, enabled=precision == "bfloat16"):
            total: Tensor = peer(*batch[:4])
        return total

    steps = {name: training_step(own_loss(model), [model.to(settings.device)]) for name, model in models.items()}
    seconds = take_turns(steps | {DENSE: training_step(peer_loss, [peer])}, settings.repeats)
    what = f"one natural training step, {precision}, batch {batch_size} x 2 frames, {encoder.resolution}"
    barred = precision == "float32"
    lines = [
        Comparison(
            what=what,
            ours=FROZEN,
            peer=DENSE,
            figure=speed_ratio(seconds, ours=FROZEN, peer=DENSE),
            bar=2.5 if barred else None,
            note="same weights, loss and optimizer, the processor frozen in both; reading the frames excluded in both",
        ),
        Comparison(
            what=what,
            ours=FROZEN,
            peer=TRAINED,
            figure=speed_ratio(seconds, ours=FROZEN, peer=TRAINED),
            bar=1.2 if barred else None,
            note="the arms share all but the gradients of the processor's weights: the faster the products, the less "
            "there is to save",
        ),
    ]
    if barred:
        more = num_operations(steps[TRAINED]) / num_operations(steps[FROZEN])
        note = "counted and not timed: what there would be to save if products were all that takes time"
        figure, counted = Spread.of((more,)), f"{what}: operations of its products"
        lines.append(Comparison(what=counted, ours=FROZEN, peer=TRAINED, figure=figure, note=note))
    return lines


def training_step(loss: Callable[[], Tensor], modules: Iterable[nn.Module]) -> Work:
    """Return one update, as the training loop makes it."""
    parameters = list(trainable_parameters(*modules))
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step() -> None:
        total = loss()
        if not torch.isfinite(total):
            raise FloatingPointError("The loss of the comparison is not finite.")
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if total.is_cuda:
            torch.cuda.synchronize(total.device)

    return step


def num_operations(step: Work) -> float:
    """Count the floating-point operations of a step's products and convolutions, as they are computed here."""
    per_second = Device(name="counter", products=1.0, convolutions=1.0, messages=1.0, bandwidth=math.inf)
    with RooflineClock(per_second, as_gpu=False) as clock:
        step()
    return clock()


def random_memory(batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw memory, actions and next memory, in which a tenth of the bytes changed."""
    generator = torch.Generator().manual_seed(0)
    shape = (batch_size, NUM_SLOTS)
    ram, other = torch.randint(0, 256, (2, *shape), dtype=torch.uint8, generator=generator)
    changed = torch.rand(shape, generator=generator) < 0.1
    return ram, torch.randint(0, 18, (batch_size,), generator=generator), torch.where(changed, other, ram)


def random_frames(batch_size: int, size: tuple[int, int], device: str) -> NaturalBatch:
    """Draw frames with few shades: a plain field, and rectangles that differ from frame to frame."""
    generator = torch.Generator().manual_seed(0)
    height, width = size
    frames = torch.full((2 * batch_size, 1, height, width), _GRAYS[1], dtype=torch.uint8)
    frames[:, :, : height // 7] = _GRAYS[0]
    for frame in frames:
        for shade in _GRAYS[2:]:
            top, left = (int(torch.randint(0, length - 16, (), generator=generator)) for length in size)
            frame[:, top : top + 16, left : left + 4] = shade
    pixels, next_pixels = torch.split(frames, batch_size)
    action = torch.randint(0, 18, (batch_size,), generator=generator)
    permutation = torch.randperm(batch_size, generator=generator)
    ram = torch.zeros(batch_size, NUM_SLOTS, dtype=torch.uint8)
    return NaturalBatch(*(part.to(device) for part in (pixels, action, next_pixels, permutation, ram)))


def has_bfloat16(device: str) -> bool:
    """Tell whether the hardware computes in bfloat16, which is slower than float32 where it does not."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(facts))


def _arm(arm: str, encoder: NatureCnnConfig, precision: Precision) -> NaturalModel:
    with initial_weights(0):
        processor = MpnnConfig().build(NUM_SLOTS)
    config = NaturalConfig(encoder=encoder, precision=precision)
    return build_natural_model(arm, config, processor, num_slots=NUM_SLOTS, seed=0)
