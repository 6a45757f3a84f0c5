"""What a trained agent computes from pictures before it acts, as an encoder to be probed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Num, UInt8
from torch import Tensor, nn

from rmr_gym.envs.games import NUM_RAM_BYTES
from rmr_gym.errors import explain, missing_extra
from rmr_gym.models.checkpoint import load_any_encoder
from rmr_gym.models.picture_features import Readout
from rmr_gym.models.picture_layout import Colours
from rmr_gym.sb3.agent_pictures import AgentPictures, EncodedPictures, ObservedPictures

if TYPE_CHECKING:
    from stable_baselines3.common.policies import BasePolicy

Layer = Literal["features", "latent"]
"""Where an agent is read: behind its features extractor, or before its last layer."""

Padding = Literal["zero", "reset"]
"""What stands in a stack before the first picture of an episode: black, or that picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentReadingConfig:
    """How a trained agent of Stable-Baselines3 is read."""

    layer: Layer = "features"
    """features: what its features extractor makes of the observation, before everything that serves acting alone (the
    counterpart of the paper's embeddings of Agent57); latent: what its last layer sees, behind hidden layers of its
    own, where it has any."""

    colours: Colours = "auto"
    """Which pictures it saw; auto reads that off the shape of its observations, where a number of channels that three
    divides means colours."""

    key: str = "pixels"
    """Key of the pictures in an observation that is a dictionary."""

    padding: Padding = "zero"
    """What stood before the first picture of an episode: zero, black as in VecFrameStack, or reset, the first picture
    as in Gymnasium's FrameStackObservation."""

    encoder: str | None = None
    """Folder of the encoder whose features were the observations (VecEncodeObservation); None for pictures. Agents with
    an encoder inside of their policy need none. The file of an agent does not say which encoder it was: another one of
    a width that fits, or another readout, gives features that the agent never saw."""

    readout: Readout = "flatten"
    """How that encoder was read."""


class AgentFeatures(nn.Module):
    """The features of a trained agent, computed by the agent's own preprocessing and network.

    They are those of the actor where actor and critic look through different extractors, and of the online network of a
    DQN. What a policy without hidden layers sees (`CnnPolicy`) is the same in both layers.

    The paper's counterpart, the embedding of Agent57, is a representation of what is seen, trained by reward. So by
    default an agent is read behind its features extractor: the hidden layers above it, and the memory of a recurrent
    policy, exist to act, and are narrow for that reason.

    Source: paper, section 5 and table 1 (column Agent57).

    Args:
        policy: from `load_policy`, or `model.policy`.
        config: what to read.

    Attributes:
        num_slots: 1, features have no slots.
        pictures: size, colours and number of the frames of an observation, and how they become one.

    Raises:
        ValueError: when the agent does not look at pictures, or sees anything but pictures, or acts by a network of
            unknown structure.
    """

    num_slots = 1

    def __init__(self, policy: BasePolicy, config: AgentReadingConfig | None = None) -> None:
        super().__init__()
        self.config = config or AgentReadingConfig()
        self.policy = policy
        space: spaces.Space[Any] = policy.observation_space
        self._others: dict[str, spaces.Space[Any]] = {}
        if isinstance(space, spaces.Dict):
            self._others = dict(space.spaces)
            space = _taken(self._others, self.config.key)
        self.pictures = _pictures(space, self.config)
        self._extractor, self._layers = _parts(policy, self.config.layer)
        if self._others:
            self._require_pictures_alone()

    def forward(self, pixels: UInt8[Tensor, "batch stack channel height width"]) -> Float[Tensor, "batch feature"]:
        """Compute the features of stacks of pictures.

        Args:
            pixels: bytes, oldest frame first, as `pictures` says: so many frames of this size, gray or in colours.

        Returns:
            One row per stack.
        """
        observation = self.pictures.arrange(pixels)
        return self._features(observation, {name: _filled(part, len(pixels)) for name, part in self._others.items()})

    def _features(
        self, observation: Num[Tensor, "batch ..."], others: dict[str, Tensor]
    ) -> Float[Tensor, "batch feature"]:
        try:
            from stable_baselines3.common.preprocessing import preprocess_obs
        except ImportError as error:
            raise missing_extra("stable_baselines3", "sb3") from error
        whole: Any = observation
        if isinstance(self.policy.observation_space, spaces.Dict):
            whole = {self.config.key: observation} | {
                name: part.to(observation.device) for name, part in others.items()
            }
        prepared = preprocess_obs(whole, self.policy.observation_space, normalize_images=self.policy.normalize_images)
        features: Tensor = self._layers(self._extractor(prepared))
        return features.flatten(1)

    @torch.no_grad()
    def _require_pictures_alone(self) -> None:
        """Refuse an agent whose features depend on what stands beside the pictures, which would be RAM."""
        channels = 1 if self.pictures.gray else 3
        stacks = torch.zeros(1, self.pictures.num_frames, channels, *self.pictures.size, dtype=torch.uint8)
        observation = self.pictures.arrange(stacks)
        without, with_others = (
            self._features(observation, {name: _filled(part, 1, high=high) for name, part in self._others.items()})
            for high in (False, True)
        )
        if not torch.equal(without, with_others):
            got = f"one that also looks at {', '.join(self._others)}"
            fix = "A probe would be given what it is to read off. Train an agent on the pictures alone."
            raise ValueError(explain(expected="an agent that looks at pictures alone", got=got, fix=fix))


def _parts(policy: BasePolicy, layer: Layer) -> tuple[nn.Module, nn.Module]:
    """Return an agent's features extractor, and what lies between that and the layer that is read."""
    parts: Any = policy  # of classes that have no base in common
    if hasattr(policy, "mlp_extractor"):  # actor and critic: PPO, A2C, TRPO, with masks or memory
        if layer == "latent" and hasattr(policy, "lstm_actor"):
            got = "a recurrent one, where it follows from the whole past of an episode"
            fix = "Read --agent.layer features."
            raise ValueError(explain(expected="an agent without memory for --agent.layer latent", got=got, fix=fix))
        extractor, layers = parts.pi_features_extractor, parts.mlp_extractor.policy_net
    elif hasattr(policy, "q_net"):  # DQN
        extractor, layers = parts.q_net.features_extractor, parts.q_net.q_net[:-1]
    elif hasattr(policy, "quantile_net"):  # QR-DQN
        extractor, layers = parts.quantile_net.features_extractor, parts.quantile_net.quantile_net[:-1]
    else:
        fix = "Agents of PPO, A2C, DQN, TRPO, MaskablePPO, RecurrentPPO and QRDQN can be read."
        raise ValueError(explain(expected="an actor or a network of values", got=type(policy).__name__, fix=fix))
    return extractor, nn.Identity() if layer == "features" else layers


def _pictures(space: spaces.Space[Any], config: AgentReadingConfig) -> ObservedPictures:
    if config.encoder is not None:
        return EncodedPictures(load_any_encoder(config.encoder), space, readout=config.readout)
    if len(space.shape or ()) == 1:
        is_ram = space.shape in ((NUM_RAM_BYTES,), (8 * NUM_RAM_BYTES,))
        got = "one that looks at RAM" if is_ram else f"one that looks at {space}"
        fix = "If these are features of an encoder, pass --agent.encoder with its folder."
        raise ValueError(explain(expected="an agent that looks at pictures", got=got, fix=fix))
    return AgentPictures.of(space, config.colours)


def _taken(parts: dict[str, spaces.Space[Any]], key: str) -> spaces.Space[Any]:
    """Take the space of the pictures out of those of an observation."""
    if key not in parts:
        fix = "Pass --agent.key with the key of the pictures."
        raise ValueError(explain(expected=f"an observation with {key!r}", got=", ".join(parts), fix=fix))
    return parts.pop(key)


def _filled(space: spaces.Space[Any], batch_size: int, *, high: bool = False) -> Tensor:
    """Make observations of a space at the lower or the upper end of it."""
    if isinstance(space, spaces.Box):
        end = np.clip(space.high if high else space.low, -1e3, 1e3).astype(space.dtype)
    else:
        end = np.full(space.shape or (), int(high))
    return torch.from_numpy(np.broadcast_to(end, (batch_size, *end.shape)).copy())
