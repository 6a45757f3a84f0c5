"""Recorded play: collecting episodes, keeping them on disk, and reading transitions from them."""

from __future__ import annotations

from rmr_gym.data.collect import collect
from rmr_gym.data.collect_balls import collect_balls
from rmr_gym.data.collect_games import collect_games
from rmr_gym.data.dataset import TransitionDataset
from rmr_gym.data.disk_watch import DiskLimitError, DiskWatch
from rmr_gym.data.duplicates import DuplicateFrames
from rmr_gym.data.metadata import BallsEpisodeMetadata, EpisodeMetadata
from rmr_gym.data.records import BallsEpisode, Episode, FrameBatch, TransitionBatch, WindowBatch
from rmr_gym.data.replay import replay
from rmr_gym.data.store import EpisodeStore

__all__ = [
    "BallsEpisode",
    "BallsEpisodeMetadata",
    "DiskLimitError",
    "DiskWatch",
    "DuplicateFrames",
    "Episode",
    "EpisodeMetadata",
    "EpisodeStore",
    "FrameBatch",
    "TransitionBatch",
    "TransitionDataset",
    "WindowBatch",
    "collect",
    "collect_balls",
    "collect_games",
    "replay",
]
