"""Minari data sets that others recorded with our environments."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from rmr_gym.counts import as_seed
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.minari_environments import console_of
from rmr_gym.data.palettes import ColourIndex
from rmr_gym.envs.console import Console
from rmr_gym.envs.games import NUM_RAM_BYTES, SCREEN_SHAPE
from rmr_gym.errors import explain


class ForeignEpisodes:
    """Makes up the metadata of episodes that our collector did not record.

    Game and preprocessing are read off the environment of the data set, the number of no-ops is found by trying. Where
    none fits, as after a reset in the middle of a game that keeps something over it, 0 is noted and `replay` says that
    the episode does not play as recorded; pictures and RAM are right all the same.

    Args:
        dataset: a `minari.MinariDataset`.
        seed: noted as the seed of the collection.

    Raises:
        ValueError: when it was not recorded with `rmr/<Game>-v0`, or shows other pictures or RAM.
        DependencyNotInstalled: when ale-py is missing.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self._config = console_of(dataset.spec.env_spec)
        parts = getattr(dataset.observation_space, "spaces", {})
        found = {name: (str(space.dtype), space.shape) for name, space in parts.items()}
        # The type as well: RAM scaled to 0..1 has the shape of bytes and would become zeros.
        if found != {"pixels": ("uint8", (*SCREEN_SHAPE, 3)), "ram": ("uint8", (NUM_RAM_BYTES,))}:
            expected = "pixels and ram as observation, both bytes"
            fix = "Record rmr/<Game>-v0 as it is, without wrappers around it."
            raise ValueError(explain(expected=expected, got=found, fix=fix))
        self._console = Console(self._config)
        self._player = str(dataset.storage.metadata.get("algorithm_name") or dataset.id)
        self._seed = as_seed(seed)

    def metadata(self, data: Any) -> EpisodeMetadata:
        """Return metadata for a `minari.EpisodeData`."""
        num_steps = len(data.actions)
        return EpisodeMetadata(
            console=self._config,
            seed=self._seed,
            episode_index=int(data.id),
            player=self._player,
            skill=0.0,
            num_noops=self._find_noops(data),
            lead_in=(),
            num_steps=num_steps,
            max_steps=num_steps,
            rom_md5=self._console.rom_md5,
            palette_hex=self._console.palette.tobytes().hex(),
            versions={name: importlib.metadata.version(name) for name in ("ale-py", "minari")},
        )

    def _find_noops(self, data: Any) -> int:
        screen = ColourIndex(self._console.palette).indices(np.asarray(data.observations["pixels"][:1]))[0]
        ram = np.asarray(data.observations["ram"][0])
        for num_noops in range(self._config.noop_max + 1):
            pair = self._console.restart(num_noops)
            if np.array_equal(pair.ram, ram) and np.array_equal(pair.screen, screen):
                return num_noops
        return 0
