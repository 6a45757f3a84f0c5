"""One game of the Arcade Learning Environment, from the emulator to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import NDArray

from rmr_gym.counts import as_count
from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.console import check_screen
from rmr_gym.envs.frames import check_size, pool_frames, resize_frame
from rmr_gym.envs.games import SCREEN_SHAPE, Game, get_game
from rmr_gym.errors import explain, missing_extra

try:
    import ale_py
    from ale_py.env import AtariEnv, AtariEnvStepMetadata
except ImportError as error:
    raise missing_extra("ale_py", "atari") from error


class GameEnv(AtariEnv):
    """An `AtariEnv` whose pictures are always those of the last emulated frame, with start no-ops and 18 actions.

    It is the entry point of `rmr/<Game>-v0`; users call `gym.make` or `rmr_gym.make_atari`, where the options and the
    order of the steps are described. Gymnasium's `AtariPreprocessing` does not fit here: when a game ends inside a
    frame skip it leaves the screen unread and repeats the previous picture, beside RAM that has moved on.
    `GrayscaleObservation` has weights of its own, and `ResizeObservation` cannot be made again from a JSON spec.

    Args:
        game: any name of a game, see `get_game`.
        frame_skip: emulated frames per step, all with the same action.
        sticky: probability with which the console repeats its previous action at each emulated frame.
        gray: one luminance channel instead of red, green, blue.
        gray_newaxis: keep an axis for that channel, last.
        size: height and width of the picture in pixels; None keeps those of the console.
        max_pool: show the brighter of the last two emulated frames at every pixel.
        noop_max: most no-op frames after a reset; the number is drawn from 1 to this one. 0 turns them off.
        full_actions: all 18 actions, so that an action index is the ALE value; else the minimal set of the game.
        mode: game mode of the cartridge; None is its default.
        difficulty: difficulty switch of the console; None is its default.
        max_frames: emulated frames after which an episode is truncated.
        render_mode: "rgb_array", "human" or None.

    Raises:
        ValueError: when an option is out of its range, the game is unknown, or its screen is not of 210 x 160 pixels.

    Example:
        >>> env = GameEnv("pong", gray=True, size=(84, 84))
        >>> picture, info = env.reset(seed=0)
        >>> picture.shape, sorted(info)
        ((84, 84), ['episode_frame_number', 'frame_number', 'lives'])
    """

    def __init__(
        self,
        game: str | Game,
        *,
        frame_skip: SupportsIndex = 4,
        sticky: float = 0.0,
        gray: bool = False,
        gray_newaxis: bool = False,
        size: Sequence[int] | None = None,
        max_pool: bool = False,
        noop_max: SupportsIndex = 30,
        full_actions: bool = True,
        mode: int | None = None,
        difficulty: int | None = None,
        max_frames: SupportsIndex = 108_000,
        render_mode: Literal["human", "rgb_array"] | None = None,
    ) -> None:
        rom_id = get_game(game).rom_id
        frame_skip, max_frames = as_count("frame_skip", frame_skip), as_count("max_frames", max_frames)
        noop_max = as_count("noop_max", noop_max, least=0)
        _check_probability("sticky", sticky)
        if gray_newaxis and not gray:
            expected = "gray_newaxis with gray pictures only: pictures in colour have an axis of channels already"
            raise ValueError(explain(expected=expected, got="gray=False", fix="Pass gray=True, or leave it out."))
        self._frame_skip, self._noop_max = frame_skip, noop_max
        self._gray, self._gray_newaxis, self._max_pool = gray, gray_newaxis, max_pool
        self._size = None if size is None else check_size(size)
        # AtariEnv sets the same level itself, but only after the emulator has printed its banner.
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        super().__init__(
            rom_id,
            mode=mode,
            difficulty=difficulty,
            obs_type="grayscale" if gray else "rgb",
            frameskip=frame_skip,
            repeat_action_probability=sticky,
            full_action_space=full_actions,
            max_num_frames_per_episode=max_frames,
            render_mode=render_mode,
        )
        check_screen(self.ale, rom_id)
        EzPickle.__init__(
            self,
            rom_id,
            frame_skip=frame_skip,
            sticky=sticky,
            gray=gray,
            gray_newaxis=gray_newaxis,
            size=self._size,
            max_pool=max_pool,
            noop_max=noop_max,
            full_actions=full_actions,
            mode=mode,
            difficulty=difficulty,
            max_frames=max_frames,
            render_mode=render_mode,
        )
        if full_actions:  # ale-py itself offers only nine actions for Skiing, under other indices
            self._action_set = [ale_py.Action(value) for value in range(NUM_ACTIONS)]
            self.action_space = spaces.Discrete(NUM_ACTIONS)
        channels = (3,) if not gray else (1,) if gray_newaxis else ()
        shape = (*(self._size or SCREEN_SHAPE), *channels)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)

    # ale-py types its info as a TypedDict, which gymnasium's dict[str, Any] does not take in; it does the same ignore.
    def reset(  # type: ignore[override]
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], AtariEnvStepMetadata]:
        """Start an episode: reset the console, then let 1 to `noop_max` frames pass without action."""
        super().reset(seed=seed, options=options)
        if self._noop_max > 0:
            for _ in range(self.np_random.integers(1, self._noop_max + 1)):
                self.ale.act(ale_py.Action.NOOP)
                if self.ale.game_over():
                    self.ale.reset_game()
        # ale-py adds the seeds on seeded resets only; here the keys are the same on every reset and step.
        return self._get_obs(), self._get_info()

    def step(  # type: ignore[override]
        self, action: Any
    ) -> tuple[NDArray[np.uint8], float, bool, bool, AtariEnvStepMetadata]:
        """Hold an action for `frame_skip` emulated frames, fewer when the game ends."""
        index = int(action)
        if index != action or not 0 <= index < len(self._action_set):
            raise ValueError(
                explain(
                    expected=f"an action index in 0..{len(self._action_set) - 1}",
                    got=action,
                    fix="With full_actions=True the index is the ALE action value.",
                )
            )
        earlier, reward = None, 0.0
        for _ in range(self._frame_skip):
            earlier = self._read_screen() if self._max_pool else None
            reward += self.ale.act(self._action_set[index])
            if self.ale.game_over():
                break
        terminated, truncated = self.ale.game_over(with_truncation=False), self.ale.game_truncated()
        return self._get_obs(earlier), float(reward), terminated, truncated, self._get_info()

    def load_game(self) -> None:
        """Load the cartridge, in the mode and of the difficulty that were asked for."""
        try:
            super().load_game()
        except (RuntimeError, TypeError) as error:  # TypeError for numbers below 0
            if self._game_mode is None and self._game_difficulty is None:
                raise
            modes, difficulties = self.ale.getAvailableModes(), self.ale.getAvailableDifficulties()
            raise ValueError(
                explain(
                    expected=f"a mode of {self._game} out of {modes} and a difficulty out of {difficulties}",
                    got=f"mode={self._game_mode!r}, difficulty={self._game_difficulty!r}",
                    fix="Leave them out for the cartridge's own.",
                )
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        # `EzPickle` makes the environment anew from its options and forgets under which id it was made.
        return {**super().__getstate__(), "spec": self.spec}

    def __setstate__(self, d: dict[str, Any]) -> None:
        super().__setstate__(d)
        self.spec = d["spec"]

    def _get_obs(self, earlier: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None) -> NDArray[np.uint8]:
        """Make the picture of the present frame, pooled with an earlier screen if one is given, then resized."""
        if earlier is None:
            picture: NDArray[np.uint8] = self.ale.getScreenGrayscale() if self._gray else self.ale.getScreenRGB()
        else:
            later, later_gray = self._read_screen()
            picture = pool_frames(earlier[0], later, earlier_gray=earlier[1], later_gray=later_gray)
        picture = picture if self._size is None else resize_frame(picture, self._size)
        return picture[..., None] if self._gray_newaxis else picture

    def _read_screen(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read the screen as it is to be shown, and its luminance."""
        gray = self.ale.getScreenGrayscale()
        return (gray if self._gray else self.ale.getScreenRGB()), gray


def _check_probability(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            explain(expected=f"{name} as a probability in 0..1", got=value, fix=f"Pass {name}=0.0 to turn it off.")
        )
