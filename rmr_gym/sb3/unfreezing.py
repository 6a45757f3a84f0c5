"""Training of an encoder that begins later than that of the policy behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Optimizer

from rmr_gym.errors import explain, missing_extra
from rmr_gym.sb3.pretrained_extractor import PretrainedExtractor
from rmr_gym.sb3.scaled_updates import ScaledUpdates, detach

try:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.policies import BasePolicy
    from stable_baselines3.common.utils import FloatSchedule
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error

_ONLINE = ("q_net", "quantile_net")
"""Networks of DQN and QR-DQN that are trained; the policy holds their targets, too."""


class UnfreezeEncoder(BaseCallback):
    """Freezes no longer: from some step of the environment on, the encoder is trained with the policy.

    All copies of the encoder change at once, also those in target networks and in the critic's extractor. The optimizer
    is made anew over the parameters that it would have had with `frozen=False` from the start, and keeps the statistics
    of those that it had. The agent's `policy_kwargs` say `frozen=False` from then on, so that it can be saved and
    loaded like any other.

    When training goes on after loading, pass the callback again: the encoder's own learning rate is not saved.

    A learning rate of its own scales the steps of the optimizer (`ScaledUpdates`). The actor of TRPO is not moved by
    one. Where the rate of the policy reaches 0 the encoder stands still, too, and near 0 rounding is scaled up with it.

    Args:
        after_steps: steps of the environment (`num_timesteps`) after which the encoder is trained.
        learning_rate: of the encoder: a number, or a function of the progress that remains, from 1 to 0, as
            Stable-Baselines3 has it. None: that of the policy.
        verbose: 1 logs when it happens.

    Raises:
        ValueError: when an argument makes no sense; at the start of training, when the policy has no encoder that can
            be unfrozen, or an optimizer over other parameters than those of the algorithms of Stable-Baselines3, or a
            learning rate is given and the actor is trained without the optimizer.

    Example:
        >>> UnfreezeEncoder(after_steps=100_000, learning_rate=2.5e-5).after_steps
        100000
    """

    def __init__(
        self,
        *,
        after_steps: int,
        learning_rate: float | Callable[[float], float] | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        if after_steps < 0:
            raise ValueError(explain(expected="after_steps >= 0", got=after_steps, fix="Pass a number of steps."))
        if isinstance(learning_rate, float | int) and not 0 < learning_rate < math.inf:
            fix = "Pass 1e-4, or leave the encoder frozen."
            raise ValueError(explain(expected="a finite learning_rate > 0", got=learning_rate, fix=fix))
        self.after_steps = after_steps
        self._schedule = None if learning_rate is None else FloatSchedule(learning_rate)

    def _on_training_start(self) -> None:
        policy = self.model.policy
        if not issubclass(policy.features_extractor_class, PretrainedExtractor):
            fix = "Make the agent with policy_kwargs_from(...)."
            got = policy.features_extractor_class.__name__
            raise ValueError(explain(expected="a policy whose features extractor is one of rmr_gym", got=got, fix=fix))
        list(_trained_by(policy))  # refused now, not after a day of training
        if self._schedule is not None and any(base.__name__ == "TRPO" for base in type(self.model).__mro__):
            fix = "Leave learning_rate out: the encoder then moves with the policy."
            expected = "an algorithm whose optimizer trains the actor, for a learning rate of the encoder"
            raise ValueError(explain(expected=expected, got=type(self.model).__name__, fix=fix))
        if self._frozen():
            self._unfreeze_when_due()
        else:  # the training of a loaded agent goes on
            self._attach()

    def _on_step(self) -> bool:
        if self._frozen():
            self._unfreeze_when_due()
        return True

    def _frozen(self) -> bool:
        return any(extractor.frozen for extractor in extractors(self.model.policy))

    def _unfreeze_when_due(self) -> None:
        if self.num_timesteps < self.after_steps:
            return
        model = self.model
        unfreeze(model.policy)
        # The dictionary may be the user's, and is that of other agents, too.
        model.policy_kwargs = {
            **model.policy_kwargs,
            "features_extractor_kwargs": model.policy.features_extractor_kwargs,
        }
        self._attach()
        if self.verbose:
            self.logger.info(f"The encoder is trained from step {self.num_timesteps} on.")

    def _attach(self) -> None:
        """Give the encoder its own learning rate."""
        inside = {id(value) for part in extractors(self.model.policy) for value in part.features.parameters()}
        for owner, module in _trained_by(self.model.policy):
            optimizer = _optimizer(owner)
            if self._schedule is None:
                detach(optimizer)
            else:
                own = [value for value in module.parameters() if id(value) in inside and value.requires_grad]
                ScaledUpdates(own, self._own_rate).attach(optimizer)

    def _own_rate(self) -> float:
        assert self._schedule is not None
        return self._schedule(self.model._current_progress_remaining)


def extractors(policy: nn.Module) -> list[PretrainedExtractor]:
    """List the features extractors in a policy, those of target networks included."""
    return [module for module in policy.modules() if isinstance(module, PretrainedExtractor)]


def unfreeze(policy: BasePolicy) -> None:
    """Make all encoders of a policy trained, as if it had been made with `frozen=False`.

    Args:
        policy: one whose features extractor is of this package. Its optimizers are replaced.

    Raises:
        RuntimeError: when an encoder has no weights yet.
        ValueError: when an encoder has nothing to train, or an optimizer has other parameters than expected.
    """
    trained = list(_trained_by(policy))
    for extractor in extractors(policy):
        if extractor.frozen:
            extractor.unfreeze()
    for owner, module in trained:
        old = _optimizer(owner)
        group = old.param_groups[0]
        new = policy.optimizer_class(module.parameters(), lr=group["lr"], **policy.optimizer_kwargs)  # type: ignore[call-arg]
        for parameter in group["params"]:
            if parameter in old.state:
                new.state[parameter] = old.state[parameter]
        owner.optimizer = new
    policy.features_extractor_kwargs = {**policy.features_extractor_kwargs, "frozen": False}


def trained_module(owner: nn.Module) -> nn.Module:
    """Return what the optimizer of a policy, or of a part of one, trains: all of it but for target networks."""
    return next((getattr(owner, name) for name in _ONLINE if hasattr(owner, name)), owner)


class _Trained(NamedTuple):
    """Who owns an optimizer, and the module that it trains."""

    owner: Any
    module: nn.Module


def _trained_by(policy: BasePolicy) -> Iterator[_Trained]:
    """Yield the optimizers of a policy, each checked to train all parameters of one module.

    Source: `_build` of the policies of Stable-Baselines3 and sb3-contrib.
    """
    owners = [module for module in policy.modules() if isinstance(getattr(module, "optimizer", None), Optimizer)]
    for owner in owners:
        module = trained_module(owner)
        groups = _optimizer(owner).param_groups
        expected, found = list(module.parameters()), [value for group in groups for value in group["params"]]
        shared = owner is not policy and getattr(policy, "share_features_extractor", False)
        if shared or len(groups) != 1 or [id(value) for value in found] != [id(value) for value in expected]:
            got = f"{len(found)} in {len(groups)} groups, where {type(owner).__name__} has {len(expected)}"
            fix = "Use share_features_extractor=False, or frozen=False from the start."
            raise ValueError(explain(expected="an optimizer of all parameters in one group", got=got, fix=fix))
        yield _Trained(owner, module)


def _optimizer(owner: Any) -> Optimizer:
    optimizer: Optimizer = owner.optimizer
    return optimizer
