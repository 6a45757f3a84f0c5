from __future__ import annotations

from collections.abc import Callable, Iterator

import ale_py
import numpy as np
import pytest
from ale_py import roms

Replay = Callable[[str, list[int], int], Iterator[ale_py.ALEInterface]]


@pytest.fixture
def replay() -> Replay:
    """Drive the emulator without any environment: the reference of the tests of environments.

    The console is yielded after every emulated frame of an episode of actions held for `frame_skip` frames, first
    before any of them. It stops where the game ends.
    """

    def frames(rom_id: str, actions: list[int], frame_skip: int) -> Iterator[ale_py.ALEInterface]:
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        console = ale_py.ALEInterface()
        console.setFloat("repeat_action_probability", 0.0)
        # What a seeded AtariEnv sets; the games that draw random numbers start from it.
        console.setInt("random_seed", np.int32(np.random.SeedSequence(0).generate_state(n_words=2)[1]))
        console.loadROM(roms.get_rom_path(rom_id))
        console.reset_game()
        yield console
        for action in np.repeat(actions, frame_skip):
            console.act(ale_py.Action(int(action)))
            yield console
            if console.game_over():
                return

    return frames
