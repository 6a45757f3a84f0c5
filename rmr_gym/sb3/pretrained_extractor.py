"""What keeps the weights of a pretrained network in a policy of Stable-Baselines3 as they are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from gymnasium import spaces
from jaxtyping import Float, Num
from torch import Tensor, nn

from rmr_gym.errors import explain, missing_extra
from rmr_gym.models.freezing import fingerprint
from rmr_gym.sb3.input_format import InputFormat
from rmr_gym.sb3.pretrained import Pretrained, is_blank
from rmr_gym.sb3.shielding import Held, hold_parameters, release_parameters

try:
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error


class PretrainedExtractor(BaseFeaturesExtractor):
    """A features extractor around a pretrained network that Stable-Baselines3 cannot change by accident.

    - Orthogonal initialisation, which PPO and A2C apply to every features extractor, reaches the projection only.
    - What is frozen is held in buffers: optimizers, target networks and gradient clipping do not see it, it stays in
      evaluation mode, and no gradients are computed for it. So is a layer in an encoder that is trained, if its owner
      has set `requires_grad` of all its parameters to false.
    - A state whose pretrained weights are others than the frozen ones is refused before anything is copied.
    - Missing weights are waited for, as the state of an agent brings them; until then there are no features.

    Args:
        observation_space: of the policy.
        features: the network; the width of its result is its `features_dim`.
        source: the pretrained part of it, as it was found.
        arriving: what the network takes of an observation.
        key: where that is in an observation that is a dictionary.
        frozen: whether the pretrained weights stay as they are.
        projection_dim: width of a trained linear layer with ReLU behind the network; None for none.

    Attributes:
        features: as given.
        projection: the trained layer, or None.
        frozen: whether the pretrained weights stay as they are.
        missing: why the weights are not there; None when they are.
        input_format: what arrives.
        key: its key in a dictionary; None where observations are none.
    """

    pretrained_path: ClassVar[str] = "features.encoder"
    """Where the pretrained network is in the extractor, and in its state."""

    features: nn.Module

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        features: nn.Module,
        source: Pretrained,
        *,
        arriving: InputFormat,
        key: str,
        frozen: bool,
        projection_dim: int | None,
    ) -> None:
        width: int = features.features_dim  # type: ignore[assignment]
        super().__init__(observation_space, projection_dim or width)
        if not frozen and not any(parameter.requires_grad for parameter in features.parameters()):
            fix = "Call encoder.requires_grad_(True), or pass frozen=True."
            got = "one whose parameters all have requires_grad=False"
            raise ValueError(explain(expected="an encoder to train, as frozen=False", got=got, fix=fix))
        self.features = features
        self.input_format = arriving
        self.key = key if isinstance(observation_space, spaces.Dict) else None
        self.frozen, self.missing = frozen, source.missing
        self.title, self.expected_fingerprint = source.title, source.fingerprint
        self._held: tuple[Held, ...] = hold_parameters(features, trainable=frozen)
        self.projection = None if projection_dim is None else nn.Sequential(nn.Linear(width, projection_dim), nn.ReLU())
        self.train()

    @property
    def pretrained(self) -> nn.Module:
        """The pretrained network."""
        return self.get_submodule(self.pretrained_path)

    def fingerprint(self) -> str:
        """Hash the pretrained weights as they are now; equal to that of the checkpoint as long as they are frozen."""
        return fingerprint(self.pretrained)

    def forward(self, observations: Num[Tensor, "batch ..."] | Mapping[str, Tensor]) -> Float[Tensor, "batch feature"]:
        """Compute features of observations as Stable-Baselines3 passes them.

        Raises:
            ValueError: when what arrives is in another range than the space promises.
            RuntimeError: when there are no weights yet, or the network asks for parameters, of which it has none.
        """
        inputs = self.input_format.accept(
            observations if isinstance(observations, Tensor) else observations[str(self.key)]
        )
        if self.missing is not None:
            fix = "Make the agent where the folder is, or load it from its zip file, which holds the weights."
            raise RuntimeError(explain(expected=f"the weights of {self.title}", got=self.missing, fix=fix))
        try:
            # Nothing is derived by buffers, so that a frozen network costs no graph; gradients with respect to the
            # pictures, which saliency maps ask for, still come through.
            features: Tensor = self.features(inputs)
        except StopIteration as error:
            fix = "Take device and dtype from the input, not from next(self.parameters())."
            got = "a forward that looks for one"
            raise RuntimeError(explain(expected="a frozen encoder without parameters", got=got, fix=fix)) from error
        return features if self.projection is None else self.projection(features)

    def unfreeze(self) -> None:
        """Make the pretrained weights parameters that are trained; the optimizer has to be told, see `UnfreezeEncoder`.

        Raises:
            RuntimeError: when there are no weights yet.
            ValueError: when no parameter is left to train.
        """
        if self.missing is not None:
            raise RuntimeError(explain(expected="weights to train", got=self.missing, fix="Load the agent first."))
        if not any(held.trainable for held in self._held):
            fix = "Call requires_grad_(True) on the encoder before it is handed over."
            got = "one whose parameters all had requires_grad=False"
            raise ValueError(explain(expected="an encoder to train", got=got, fix=fix))
        self._held = release_parameters(self.features, self._held)
        self.frozen = False
        self.train(self.training)

    def apply(self, fn: Callable[[nn.Module], None]) -> PretrainedExtractor:
        """Apply a function to the projection alone: Stable-Baselines3 initialises all weights by this."""
        if self.projection is not None:
            self.projection.apply(fn)
        return self

    def train(self, mode: bool = True) -> PretrainedExtractor:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.features.eval()
            return self
        for path in {held.path for held in self._held}:  # frozen by their owner: no statistics of theirs move either
            module = self.features.get_submodule(path)
            if not any(True for _ in module.parameters(recurse=False)):
                module.eval()
        return self

    def extra_repr(self) -> str:
        """Say what nn.Module does not show by itself."""
        return f"features_dim={self.features_dim}"

    def __repr__(self) -> str:
        return f"{super().__repr__()}\n{self.summary()}"

    def summary(self) -> str:
        """Say in one line what is frozen, how many parameters are trained, and what goes in."""
        trainable = sum(value.numel() for value in self.features.parameters() if value.requires_grad)
        names = dict.fromkeys(f"{path}.{name}".lstrip(".") for path, name, _ in self._held)
        held = {id(tensor): tensor.numel() for tensor in map(self.features.get_buffer, names)}
        words = [f"encoder {'frozen' if self.frozen else 'trained'}: {trainable:,} trainable"]
        words.append(f"{sum(held.values()):,} frozen parameters ({self.title})")
        if self.projection is not None:
            words.append(f"projection {sum(value.numel() for value in self.projection.parameters()):,} trainable")
        arriving = f"{f'{self.key} ' if self.key else ''}{self.input_format}"
        return f"{', '.join(words)}; input {arriving}{'; no weights yet' if self.missing else ''}"

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Check what comes before PyTorch copies it: it copies first and complains afterwards."""
        start = f"{prefix}{self.pretrained_path}."
        incoming = {name.removeprefix(start): value for name, value in state_dict.items() if name.startswith(start)}
        if incoming and is_blank(incoming):
            # The two networks of DQN are made equal before an agent's state is read.
            if self.missing is None:
                fix = "Save the agent again where it has its encoder."
                raise ValueError(self._refusal("the state of an agent that never had them", fix))
        elif incoming:
            complete = incoming.keys() >= self.pretrained.state_dict().keys()
            if self.frozen:
                self._check(incoming)
            self.missing = None if complete else self.missing
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _check(self, incoming: Mapping[str, Tensor]) -> None:
        """Refuse a state that would change frozen weights."""
        candidate = copy.deepcopy(self.pretrained)
        fix = (
            "Make the agent with policy_kwargs_from(the encoder that it was saved with), or with frozen=False if the "
            "encoder was trained."
        )
        try:
            candidate.load_state_dict(incoming, strict=False)
        except RuntimeError as error:
            raise ValueError(self._refusal("weights of other shapes", fix)) from error
        if (found := fingerprint(candidate)) != self.expected_fingerprint:
            raise ValueError(self._refusal(f"others, with fingerprint {found[:12]}", fix))

    def _refusal(self, got: str, fix: str) -> str:
        expected = f"the weights of {self.title}, with fingerprint {self.expected_fingerprint[:12]}"
        return explain(expected=expected, got=got, fix=fix)
