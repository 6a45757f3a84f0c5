"""The recording console against the emulator itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ale_py
import numpy as np
import pytest
from ale_py.env import AtariEnv
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from rmr_gym.envs import console as console_module
from rmr_gym.envs import games as games_module
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.console import Console, ConsoleConfig, check_rom, palette, rom_path
from rmr_gym.envs.frames import to_gray
from rmr_gym.envs.game_env import GameEnv
from rmr_gym.envs.games import GAMES, Game
from rmr_gym.wrappers import PairedObservation
from tests.warm_python import run_python


def emulator(game: str) -> ale_py.ALEInterface:
    """The oracle: one frame per act(), nothing of ours but the file."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(rom_path(game))
    ale.reset_game()
    return ale


def test_games_with_another_screen_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(games_module._KNOWN_AS, "pooyan", Game(rom_id="pooyan", name="Pooyan"))
    for make in (lambda: Console(ConsoleConfig(game="pooyan")), lambda: GameEnv("pooyan")):
        with pytest.raises(ValueError, match=r"screen of 210 x 160 pixels; got pooyan with 220 x 160.*PairedObserv"):
            make()
    foreign = PairedObservation(AtariEnv("pooyan", frameskip=4, repeat_action_probability=0.0))
    observation, _ = foreign.reset(seed=0)
    assert observation["pixels"].shape == (220, 160, 3), "as the message advises"


def play(console: Console, actions: NDArray[np.int64]) -> list[bytes]:
    seen = []
    for action in actions:
        pair, _, terminated = console.step(int(action))
        seen.append(pair.screen.tobytes() + pair.ram.tobytes())
        if terminated:
            break
    return seen


def random_actions(num: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(18, size=num)


@pytest.mark.parametrize("game", GAMES)
def test_palette_gives_the_colours_of_every_game(game: str) -> None:
    ale = emulator(game)
    for action in random_actions(100):
        ale.act(int(action))
        np.testing.assert_array_equal(palette()[ale.getScreen()], ale.getScreenRGB())


def test_palette_has_128_colours_and_cannot_be_changed() -> None:
    assert palette().shape == (256, 3)
    assert len(np.unique(palette(), axis=0)) == 128
    with pytest.raises(ValueError, match="read-only"):
        palette()[0] = 1


@pytest.mark.parametrize("game", ["pong", "asteroids", "yars_revenge"])
def test_step_pools_the_last_two_frames_by_luminance(game: str) -> None:
    console, ale = Console(ConsoleConfig(game=game, noop_max=0)), emulator(game)
    console.restart(0)
    differing = 0
    for action in random_actions(60):
        pair, reward, _ = console.step(int(action))
        raw = [(ale.act(int(action)), ale.getScreenGrayscale(), ale.getScreen(), ale.getRAM()) for _ in range(4)]
        np.testing.assert_array_equal(to_gray(palette())[pair.screen], np.maximum(raw[2][1], raw[3][1]))
        assert ((pair.screen == raw[2][2]) | (pair.screen == raw[3][2])).all()
        np.testing.assert_array_equal(pair.ram, raw[3][3])
        assert reward == sum(frame[0] for frame in raw)
        differing += not np.array_equal(pair.screen, raw[3][2])
    assert differing > 10


def test_step_shows_the_last_frame_without_pooling() -> None:
    console, ale = Console(ConsoleConfig(game="asteroids", max_pool=False, frame_skip=3)), emulator("asteroids")
    console.restart(5)
    for _ in range(5):
        ale.act(0)
    for action in random_actions(60):
        pair, _, _ = console.step(int(action))
        for _ in range(3):
            ale.act(int(action))
        np.testing.assert_array_equal(pair.screen, ale.getScreen())
        np.testing.assert_array_equal(pair.ram, ale.getRAM())


def play_beside_the_emulator(console: Console, ale: ale_py.ALEInterface, seed: int) -> int:
    """Play to the end of the game, compare the last pair, and return how many frames the last step took."""
    terminated, frames = False, 0
    pair = console.restart(0)
    for action in random_actions(3000, seed):
        pair, _, terminated = console.step(int(action))
        earlier = later = ale.getScreenGrayscale()
        frames = 0
        while frames < 4 and not ale.game_over():
            ale.act(int(action))
            earlier, later = later, ale.getScreenGrayscale()
            frames += 1
        assert terminated == ale.game_over()
        if terminated:
            break
    np.testing.assert_array_equal(pair.ram, ale.getRAM())
    np.testing.assert_array_equal(to_gray(palette())[pair.screen], np.maximum(earlier, later))
    return frames


@pytest.mark.parametrize("game", ["berzerk", "breakout"])
def test_step_stops_inside_the_skip_when_the_game_ends(game: str) -> None:
    console = Console(ConsoleConfig(game=game, noop_max=0))
    assert any(play_beside_the_emulator(console, emulator(game), seed) < 4 for seed in range(6))


@pytest.mark.parametrize("game", ["qbert", "demon_attack", "hero", "pong"])
def test_episode_does_not_depend_on_the_ones_before(game: str) -> None:
    actions = random_actions(250)
    used = Console(ConsoleConfig(game=game))
    for seed, length in ((5, 40), (6, 400), (7, 3)):
        used.reset(seed)
        play(used, random_actions(length, seed))
    first = used.reset(0)
    fresh = Console(ConsoleConfig(game=game))
    np.testing.assert_array_equal(fresh.reset(0).ram, first.ram)
    assert play(fresh, actions) == play(used, actions)


def test_reset_draws_up_to_noop_max_frames_from_the_seed() -> None:
    console = Console(ConsoleConfig(game="pong", noop_max=5))
    drawn = []
    for seed in range(40):
        console.reset(seed)
        drawn.append(console.num_noops)
    assert set(drawn) == {1, 2, 3, 4, 5}
    console.reset(17)
    assert console.num_noops == drawn[17]


def test_reset_lets_no_frame_pass_when_noop_max_is_zero() -> None:
    console = Console(ConsoleConfig(game="pong", noop_max=0))
    pair = console.reset(3)
    assert console.num_noops == 0
    np.testing.assert_array_equal(pair.ram, emulator("pong").getRAM())


def test_restart_fails_when_the_game_ends_during_the_no_ops() -> None:
    console = Console(ConsoleConfig(game="space_invaders"))
    with pytest.raises(ValueError, match="Pass a smaller noop_max"):
        console.restart(20_000)


def test_step_takes_all_18_values_where_the_game_has_nine() -> None:
    console = Console(ConsoleConfig(game="skiing"))
    assert len(console.legal_actions) == 9
    assert Console(ConsoleConfig(game="pong")).legal_actions == tuple(range(18))
    console.reset(0)
    for action in range(18):
        console.step(action)
    right, left = (bytes(console.restart(0).ram) + b"".join(play(console, np.full(20, a))) for a in (3, 4))
    assert right != left


@pytest.mark.parametrize("action", [-1, 18, 99, True])
def test_step_refuses_what_is_no_action_value(action: int) -> None:
    console = Console(ConsoleConfig(game="pong"))
    console.reset(0)
    with pytest.raises(ValueError, match="ALE action value"):
        console.step(action)


# Outside of the tests types are not checked, and players of users return all sorts of things.
ODD_ACTIONS = """
import numpy as np
from rmr_gym.envs.console import Console, ConsoleConfig
console = Console(ConsoleConfig(game="pong"))
console.reset(0)
for action in (None, "3", 1.5, float("nan"), np.array([3, 3])):
    try:
        console.step(action)
    except ValueError as error:
        print(str(error).split(";")[0])
console.step(np.int64(3))
"""


def test_step_refuses_what_is_no_number_in_the_same_words(tmp_path: Path) -> None:
    done = run_python("-c", ODD_ACTIONS, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Expected an ALE action value, an integer in 0..17"] * 5


def test_pairs_are_fresh_arrays() -> None:
    console = Console(ConsoleConfig(game="pong"))
    first = console.reset(0)
    screen, ram = first.screen.copy(), first.ram.copy()
    play(console, random_actions(20))
    np.testing.assert_array_equal(first.screen, screen)
    np.testing.assert_array_equal(first.ram, ram)


def test_console_shows_what_the_environment_shows() -> None:
    env = make_atari("ms_pacman", gray=True, max_pool=True, noop_max=0)
    console = Console(ConsoleConfig(game="ms_pacman", noop_max=0))
    observation, _ = env.reset(seed=0)
    pair = console.reset(0)
    for action in random_actions(80):
        np.testing.assert_array_equal(to_gray(palette())[pair.screen], observation["pixels"])
        np.testing.assert_array_equal(pair.ram, observation["ram"])
        observation, *_ = env.step(action)
        pair, _, _ = console.step(int(action))
    env.close()


class _FrozenRam:
    """An emulator whose RAM never changes, as in ALE issue 534."""

    def getScreenDims(self) -> tuple[int, int]:  # noqa: N802
        return 210, 160

    def cloneSystemState(self) -> None:  # noqa: N802
        return None

    def reset_game(self) -> None:
        return None

    def act(self, action: int) -> int:
        return 0

    def getRAM(self) -> NDArray[np.uint8]:  # noqa: N802
        return np.full(128, 63, dtype=np.uint8)


def test_console_refuses_an_emulator_with_constant_ram(monkeypatch: pytest.MonkeyPatch) -> None:
    palette()
    monkeypatch.setattr(console_module, "load_emulator", lambda path: _FrozenRam())
    with pytest.raises(RuntimeError, match="RAM that changes"):
        Console(ConsoleConfig(game="pong"))


def test_reset_refuses_colours_outside_the_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(ConsoleConfig(game="pong"))
    console.palette = np.zeros_like(console.palette)
    with pytest.raises(RuntimeError, match="not in its palette"):
        console.reset(0)


def test_check_rom_refuses_what_is_no_cartridge(tmp_path: Path) -> None:
    junk = tmp_path / "pong.bin"
    junk.write_bytes(bytes(2048))
    for path in (junk, tmp_path / "missing.bin", tmp_path, None):
        with pytest.raises(ValueError, match="a cartridge file that ale-py knows"):
            check_rom(path)


BAD_CARTRIDGE = """
import pathlib, sys
from ale_py import roms
from rmr_gym.envs.console import Console, ConsoleConfig
roms.get_rom_path = lambda name: pathlib.Path(sys.argv[1])
try:
    Console(ConsoleConfig(game="pong"))
except ValueError as error:
    print("refused:", error)
"""


def test_console_raises_and_does_not_exit_when_the_cartridge_is_bad(tmp_path: Path) -> None:
    junk = tmp_path / "pong.bin"
    junk.write_bytes(bytes(2048))
    command = [sys.executable, "-c", BAD_CARTRIDGE, str(junk)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("refused: Expected a cartridge file")


def test_missing_emulator_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    for call in (lambda: rom_path("pong"), lambda: check_rom(Path("pong.bin"))):
        with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[atari\]"):
            call()


def test_config_translates_the_name_of_the_game() -> None:
    assert ConsoleConfig(game="rmr/MsPacman-v0") == ConsoleConfig(game="ms_pacman")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"game": "ping"}, "Did you mean 'pong'"),
        ({"game": "pong", "frame_skip": 0}, "frame_skip as an integer of at least 1"),
        ({"game": "pong", "noop_max": -1}, "noop_max as an integer of at least 0"),
    ],
)
def test_config_refuses_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConsoleConfig(**options)  # type: ignore[arg-type]
