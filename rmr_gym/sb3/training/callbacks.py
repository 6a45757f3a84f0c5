"""What runs along with a training: evaluations, checkpoints, progress."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rmr_gym.atomic import rename_folder
from rmr_gym.documents import write_json
from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.clock import Clock
from rmr_gym.sb3.training.config import AgentConfig
from rmr_gym.sb3.training.run_folder import (
    CHECKPOINT_FOLDER,
    MODEL_FILE,
    NORMALIZE_FILE,
    REPLAY_FILE,
    STATE_FILE,
    append_episode,
    append_evaluation,
    checkpoint_folder,
    checkpoints,
    read_evaluations,
)
from rmr_gym.sb3.training.scoring import score
from rmr_gym.seeding import derive

try:
    from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error

OnProgress = Callable[[int, int], None]
"""Told `(done, all)` environment steps after every step; for progress bars."""

_FILES = {"": MODEL_FILE, "replay_buffer_": REPLAY_FILE, "vecnormalize_": NORMALIZE_FILE}


class Evaluations(BaseCallback):
    """Scores the agent now and then, between two rollouts, and writes down what came out.

    Args:
        config: of the agent.
        folder: of its training.
        clock: of the training.
        device: where to compute features.
    """

    def __init__(self, config: AgentConfig, folder: Path, clock: Clock, device: str) -> None:
        super().__init__()
        self._config, self._folder, self._clock, self._device = config, folder, clock, device
        done = [record["env_steps"] for record in read_evaluations(folder)]
        self._last = -1 if not done else max(done) // config.evaluation.every

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        now = self.model.num_timesteps // self._config.evaluation.every
        if now > self._last:
            self._last = now
            self.evaluate(self._config.evaluation.num_episodes)

    def evaluate(self, num_episodes: int) -> None:
        """Score the agent as it is."""
        steps, spent = self.model.num_timesteps, self._clock.training_seconds()
        seed = derive(self._config.seed, "evaluation", steps)
        found = score(self.model, self._config, self._folder, num_episodes=num_episodes, seed=seed, device=self._device)
        append_evaluation(self._folder, {"env_steps": steps, "training_seconds": round(spent, 3), **found})
        self.logger.record("eval/mean_reward", found["mean_return"])  # the name that EvalCallback gives it
        self.logger.dump(steps)
        self._clock.leave_out(self._clock.training_seconds() - spent)


class Episodes(BaseCallback):
    """Writes down every episode that ends while the agent is trained.

    Args:
        folder: of the training.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:  # of the monitor: a whole game, not a life
                ended = {"return": float(info["episode"]["r"]), "length": int(info["episode"]["l"])}
                append_episode(self._folder, {"env_steps": self.model.num_timesteps, **ended})
        return True


class Checkpoints(CheckpointCallback):
    """Keeps states to continue from, each in a folder that is there whole or not at all, after a crash, too.

    States are written between an update and the next rollout, so that no step is lost with which the policy had not
    been trained yet. Of replay buffers only the newest is kept.

    Args:
        config: of the agent.
        folder: of its training.
        clock: of the training.
    """

    def __init__(self, config: AgentConfig, folder: Path, clock: Clock) -> None:
        partial = folder / CHECKPOINT_FOLDER / ".partial"
        super().__init__(
            save_freq=1,
            save_path=str(partial),
            save_replay_buffer=config.algorithm.off_policy,
            save_vecnormalize=config.normalize_rewards,
        )
        self._config, self._folder, self._clock, self._partial = config, folder, clock, partial
        self._last = self._number(max(checkpoints(folder), default=0))

    def _number(self, env_steps: int) -> int:
        return env_steps * self._config.num_checkpoints // self._config.steps

    def _checkpoint_path(self, checkpoint_type: str = "", extension: str = "") -> str:
        return str(self._partial / _FILES[checkpoint_type])

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._number(self.model.num_timesteps) > self._last:
            self.save()

    def _on_training_end(self) -> None:
        self.save()

    def save(self) -> None:
        """Keep the present state."""
        steps = self.model.num_timesteps
        self._last = self._number(steps)
        target = checkpoint_folder(self._folder, steps)
        if target.exists():
            return
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        self.n_calls = 0  # so that it is due
        super()._on_step()
        write_json(self._partial / STATE_FILE, {"env_steps": steps, **self._clock.read()})
        rename_folder(self._partial, target)
        for path in checkpoints(self._folder).values():
            if path != target:
                (path / REPLAY_FILE).unlink(missing_ok=True)


class ProgressReport(BaseCallback):
    """Tells of progress.

    Args:
        on_progress: told after every step of the environments.
        steps: environment steps of the whole training.
    """

    def __init__(self, on_progress: OnProgress, steps: int) -> None:
        super().__init__()
        self._on_progress, self._steps = on_progress, steps

    def _on_step(self) -> bool:
        self._on_progress(min(self.model.num_timesteps, self._steps), self._steps)
        return True
