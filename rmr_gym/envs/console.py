"""Direct access to one game for recording: every action, every frame and the RAM behind it, the same on every run."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmr_gym.counts import as_count
from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.frame_batch import FrameBatch
from rmr_gym.envs.frames import to_gray
from rmr_gym.envs.games import SCREEN_SHAPE, get_game
from rmr_gym.errors import explain, missing_extra
from rmr_gym.seeding import numpy_generator

if TYPE_CHECKING:
    from ale_py import ALEInterface

_PALETTE_GAME = "yars_revenge"
_PALETTE_FRAMES = 5_000
_NUM_COLORS = 128
_GUARD_FRAMES = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsoleConfig:
    """What decides which pictures and RAM a sequence of actions gives. Sticky actions are always off."""

    game: str
    """Rom id of the game, one of `rmr_gym.GAMES`; other names of a game are translated."""

    frame_skip: int = 4
    """Emulated frames per step, all with the same action; at least 1 (measured against the paper's table 2: 4)."""

    max_pool: bool = True
    """Show at every pixel the brighter of the last two emulated frames (as AtariARI and Agent57 do)."""

    noop_max: int = 30
    """Most emulated frames without action after a reset; the number is drawn from 1 to this one, 0 turns them off."""

    def __post_init__(self) -> None:
        """Translate the name of the game and refuse numbers out of range."""
        object.__setattr__(self, "game", get_game(self.game).rom_id)
        for name, least in (("frame_skip", 1), ("noop_max", 0)):
            object.__setattr__(self, name, as_count(name, getattr(self, name), least=least))
        if not isinstance(self.max_pool, bool):
            raise ValueError(explain(expected="max_pool as a bool", got=self.max_pool, fix="Pass True or False."))


class Pair(NamedTuple):
    """One aligned pair: a picture and the RAM of the last emulated frame in it. Fresh arrays, never aliases."""

    screen: NDArray[np.uint8]
    """Palette indices, `(210, 160)`."""

    ram: NDArray[np.uint8]
    """The console's memory, `(128,)`."""


class Console:
    """One game behind `ale_py.ALEInterface`, for recording.

    `make_atari` is the environment for agents; this class is for data: it takes all 18 ALE action *values* in every
    game, shows pictures as palette indices (a third of the bytes, and exact), and starts every episode from the same
    state of the machine, so that an episode depends on its seed and actions alone and not on what was played before.

    With `max_pool` the picture holds, at every pixel, the brighter by luminance of the last two emulated frames, as the
    palette index of that colour: `to_gray(palette)[screen]` is exactly the maximum of the two gray frames. The RAM is
    that of the last frame, so a sprite that is drawn on every second frame may stand one frame behind its bytes.

    Args:
        config: the game and the preprocessing.
        colors: what `palette()` returned in another process; None reads it here, which takes 0.2 s once.

    Raises:
        ValueError: when ale-py does not know the cartridge, or its screen is not of 210 x 160 pixels.
        RuntimeError: when the emulator does not update its RAM or shows other colours than its palette.
        DependencyNotInstalled: when ale-py is missing.

    Example:
        >>> console = Console(ConsoleConfig(game="pong"))
        >>> first = console.reset(seed=0)
        >>> pair, reward, terminated = console.step(1)
        >>> pair.screen.shape, pair.ram.shape, reward, terminated
        ((210, 160), (128,), 0.0, False)
    """

    def __init__(self, config: ConsoleConfig, *, colors: NDArray[np.uint8] | None = None) -> None:
        self.config = config
        path = rom_path(config.game)
        self.rom_md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        self.palette = palette() if colors is None else colors
        self._gray = to_gray(self.palette)
        self._ale = load_emulator(path)
        check_screen(self._ale, config.game)
        self._power_on = self._ale.cloneSystemState()
        self._last = np.empty(SCREEN_SHAPE, dtype=np.uint8)
        self.num_noops = 0
        self._check_ram()

    @property
    def legal_actions(self) -> tuple[int, ...]:
        """ALE values of the actions that the game tells apart by its joystick: 18, nine for Skiing."""
        return tuple(int(action.value) for action in self._ale.getLegalActionSet())

    @property
    def emulator(self) -> ALEInterface:
        """The emulator, to copy its state from (`rmr_gym.envs.Simulator`); whoever steps it spoils the recording."""
        return self._ale

    def reset(self, seed: int) -> Pair:
        """Start an episode after 1 to `noop_max` frames without action, as many as the seed says."""
        most = self.config.noop_max
        num_noops = int(numpy_generator(seed, "noops").integers(1, most + 1)) if most else 0
        return self.restart(num_noops)

    def restart(self, num_noops: int) -> Pair:
        """Start an episode after a given number of emulated frames without action.

        Returns:
            The first pair; its picture is the last frame alone, as in `make_atari`.

        Raises:
            ValueError: when the game ends during the no-ops.
            RuntimeError: when the screen has colours that are not in the palette.
        """
        # reset_game() alone does not bring every game back to the same state (Demon Attack, H.E.R.O.), and a restored
        # state alone not to the same run (Q*bert, ALE issue 412); one after the other they do, in all 24 games.
        self._ale.restoreSystemState(self._power_on)
        self._ale.reset_game()
        self.num_noops = num_noops
        first = np.empty(SCREEN_SHAPE, dtype=np.uint8)
        self._ale.getScreen(first)
        if not np.array_equal(self.palette[first], self._ale.getScreenRGB()):
            raise RuntimeError(
                "The emulator shows colours that are not in its palette; please report this with the game."
            )
        self._last, alone = first, self.new_batch(1)
        self._emulate(0, num_noops, alone, 0)
        alone.earlier[:] = alone.later
        if self._ale.game_over():
            raise ValueError(
                explain(expected="no-ops that the game survives", got=num_noops, fix="Pass a smaller noop_max.")
            )
        return Pair(alone.pictures(0, 1)[0], self._ale.getRAM())

    def step(self, action: int) -> tuple[Pair, float, bool]:
        """Hold an action for `frame_skip` frames, fewer when the game ends in between.

        Args:
            action: ALE action value in 0..17, not an index into the game's own action set.

        Returns:
            The pair at the end, the sum of the rewards, and whether the game is over.

        Raises:
            ValueError: when the action is no ALE action value (the emulator would silently take it for a no-op).
        """
        alone = self.new_batch(1)
        ram, reward, terminated = self.step_into(alone, 0, action)
        return Pair(alone.pictures(0, 1)[0], ram), reward, terminated

    def new_batch(self, size: int) -> FrameBatch:
        """Make room for the frames of some steps, see `step_into`."""
        return FrameBatch(size, self._gray if self.config.max_pool else None)

    def step_into(self, batch: FrameBatch, row: int, action: int) -> tuple[NDArray[np.uint8], float, bool]:
        """Take a step as `step` does, and leave its picture to be made later: `batch.pictures(row, row + 1)[0]`.

        Returns:
            The RAM at the end, `(128,)`, the sum of the rewards, and whether the game is over.

        Raises:
            ValueError: see `step`.
        """
        try:
            known = not isinstance(action, bool) and int(action) == action and 0 <= action < NUM_ACTIONS
        except (TypeError, ValueError):  # None, an array of one action, NaN
            known = False
        if not known:
            raise ValueError(
                explain(
                    expected=f"an ALE action value, an integer in 0..{NUM_ACTIONS - 1}",
                    got=action,
                    fix="Translate indices with ActionCodec.to_value().",
                )
            )
        reward = self._emulate(int(action), self.config.frame_skip, batch, row)
        return self._ale.getRAM(), float(reward), bool(self._ale.game_over())

    def _emulate(self, action: int, num_frames: int, batch: FrameBatch, row: int) -> int:
        """Hold an action until the game ends, put the last two frames into a row, and return the sum of the rewards."""
        act, game_over, read = self._ale.act, self._ale.game_over, self._ale.getScreen
        earlier, later = batch.earlier[row], batch.later[row]
        target, other = (later, earlier) if num_frames % 2 else (earlier, later)  # so that the last frame is the later
        # In a row that is filled twice in succession the first frame comes where the last one is, which may be needed.
        last = self._last.copy() if np.may_share_memory(self._last, later) else self._last
        reward, before = 0, last
        for _ in range(num_frames):
            reward += int(act(action))
            read(target)
            before, last = last, target
            target, other = other, target
            if game_over():
                break
        if last is not later:  # cut short, or no frame at all
            earlier[:], later[:] = before.copy(), last.copy()
        elif before is not earlier:  # a single frame
            earlier[:] = before
        self._last = later
        return reward

    def _check_ram(self) -> None:
        """Refuse an emulator whose RAM reads as a constant, as ale-py's once did for months (ALE issue 534)."""
        self._ale.reset_game()
        before = self._ale.getRAM()
        for _ in range(_GUARD_FRAMES):
            self._ale.act(0)
        if np.array_equal(before, self._ale.getRAM()):
            raise RuntimeError(
                explain(
                    expected=f"RAM that changes within {_GUARD_FRAMES} frames",
                    got="the same 128 bytes",
                    fix="Install another version of ale-py (constraints.txt names a tested one).",
                )
            )


def rom_path(game: str) -> Path:
    """Return the cartridge of a game in ale-py.

    Raises:
        ValueError: when ale-py has no such cartridge, or the file is not the one it knows.
        DependencyNotInstalled: when ale-py is missing.
    """
    try:
        from ale_py import roms
    except ImportError as error:
        raise missing_extra("ale_py", "atari") from error
    return check_rom(roms.get_rom_path(get_game(game).rom_id))


def check_rom(path: Path | None) -> Path:
    """Return `path` if the emulator can load it; loading any other file would end the process.

    Raises:
        ValueError: when there is no file (None is one that ale-py does not have) or it is not a known cartridge.
    """
    try:
        from ale_py import ALEInterface
    except ImportError as error:
        raise missing_extra("ale_py", "atari") from error
    if path is None or not path.is_file() or ALEInterface.isSupportedROM(path) is None:
        raise ValueError(
            explain(
                expected="a cartridge file that ale-py knows",
                got=str(path),
                fix='Install it again: pip install --force-reinstall "rmr-gym[atari]".',
            )
        )
    return path


@functools.cache
def palette() -> NDArray[np.uint8]:
    """Read the console's colours off the emulator.

    The emulator does not hand out its palette, but it shows the same screen as palette indices and in RGB, and the
    neutral zone of Yars' Revenge shows all 128 colours within 1,000 frames (0.2 s, once per process). Odd indices do
    not occur on this console; they repeat the colour below.

    Returns:
        uint8 array `(256, 3)`, read-only: the RGB picture is `palette()[screen]`.

    Raises:
        RuntimeError: when not all colours have been seen.
    """
    ale = load_emulator(rom_path(_PALETTE_GAME))
    ale.reset_game()
    colors = np.zeros((256, 3), dtype=np.uint8)
    seen = np.zeros(256, dtype=bool)
    for frame in range(_PALETTE_FRAMES):
        ale.act(frame % 2)  # FIRE on every second frame starts the game
        screen = ale.getScreen()
        if not seen[screen].all():
            colors[screen] = ale.getScreenRGB()
            seen[screen] = True
            if seen[::2].sum() == _NUM_COLORS:
                break
    else:
        raise RuntimeError(
            f"The emulator showed {seen.sum()} of {_NUM_COLORS} colours; please report the ale-py version."
        )
    colors[1::2] = colors[::2]
    colors.setflags(write=False)
    return colors


def check_screen(ale: ALEInterface, game: str) -> None:
    """Refuse a game whose screen has another size than those of the 24 games, which files and encoders rely on.

    Args:
        ale: with the cartridge of the game.
        game: its rom id, for the message.

    Raises:
        ValueError: when the screen is not of 210 x 160 pixels.
    """
    size = tuple(ale.getScreenDims())
    if size != SCREEN_SHAPE:
        expected, got = ("{} x {} pixels".format(*shape) for shape in (SCREEN_SHAPE, size))
        fix = "Leave it out of rmr_gym/envs/games.py; PairedObservation takes such a game around ale-py's environment."
        raise ValueError(explain(expected=f"a game with a screen of {expected}", got=f"{game} with {got}", fix=fix))


def load_emulator(path: Path, *, frame_skip: int = 1) -> ALEInterface:
    """Start an emulator without sticky actions.

    Args:
        path: a cartridge file that `check_rom` lets pass.
        frame_skip: emulated frames of each step.

    Raises:
        DependencyNotInstalled: when ale-py is missing.
    """
    try:
        from ale_py import ALEInterface, LoggerMode
    except ImportError as error:
        raise missing_extra("ale_py", "atari") from error
    ALEInterface.setLoggerMode(LoggerMode.Error)  # else every instance prints a banner
    ale = ALEInterface()
    ale.setInt("random_seed", 0)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.setInt("frame_skip", frame_skip)
    ale.loadROM(path)
    return ale
