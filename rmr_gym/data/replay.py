"""An audit of recorded episodes: the console is deterministic, so the same actions must give the same pairs."""

from __future__ import annotations

import numpy as np

from rmr_gym.data.records import Episode
from rmr_gym.envs.console import Console
from rmr_gym.errors import CorruptFileError, explain


def replay(episode: Episode) -> None:
    """Play an episode again and compare every screen, every byte of RAM, the rewards and the end.

    Args:
        episode: from `EpisodeStore.read`.

    Raises:
        CorruptFileError: when something differs; the message names the first step.
        ValueError: when the cartridge is not the one that was recorded.
    """
    metadata = episode.metadata
    console = Console(metadata.console)
    if console.rom_md5 != metadata.rom_md5:
        raise ValueError(
            explain(
                expected=f"the cartridge with the MD5 {metadata.rom_md5}",
                got=console.rom_md5,
                fix=f"Install ale-py {metadata.versions.get('ale-py')}, with which it was recorded.",
            )
        )
    pair = console.restart(metadata.num_noops)
    for action in metadata.lead_in:
        pair, _, _ = console.step(action)
    for row in range(metadata.num_steps + 1):
        same = np.array_equal(pair.screen, episode.screens[row]) and np.array_equal(pair.ram, episode.ram[row])
        if row < metadata.num_steps and same:
            pair, reward, terminated = console.step(int(episode.actions[row]))
            same = (reward, terminated) == (episode.rewards[row], episode.terminated[row])
        if not same:
            raise CorruptFileError(
                explain(
                    expected=f"episode {metadata.episode_index} of seed {metadata.seed} to play as recorded",
                    got=f"a difference at step {len(metadata.lead_in) + row}",
                    fix=f"Check that ale-py is the recorded one ({metadata.versions.get('ale-py')}), or collect again.",
                )
            )
