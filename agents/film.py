"""Writing videos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from rmr_gym.errors import explain, missing_extra

_VIDEO, _PICTURE = (".mp4", ".webm", ".mkv"), ".gif"


def write_film(path: Path, frames: Iterable[UInt8[np.ndarray, "height width 3"]], *, frames_per_second: float) -> None:
    """Write frames as a video, or as an animated picture where the name ends with `.gif`.

    Args:
        path: the file; its folder is made.
        frames: RGB, all of one size with even sides.
        frames_per_second: speed; a GIF holds each frame for a whole number of hundredths of a second.

    Raises:
        ValueError: when the name ends otherwise.
        DependencyNotInstalled: when imageio-ffmpeg is missing and it is no GIF.
    """
    check_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == _PICTURE:
        first, *others = [Image.fromarray(frame) for frame in frames]
        first.save(path, save_all=True, append_images=others, duration=max(20, round(1000 / frames_per_second)), loop=0)
        return
    try:
        from imageio_ffmpeg import write_frames
    except ImportError as error:
        raise missing_extra("imageio_ffmpeg", "video") from error
    writer = None
    try:
        for frame in frames:
            if writer is None:
                height, width = frame.shape[:2]
                writer = write_frames(path, (width, height), fps=frames_per_second, quality=8, macro_block_size=2)
                writer.send(None)  # starts it
            writer.send(np.ascontiguousarray(frame))
    finally:  # an agent that fails in the middle leaves a film that can be seen, and no process behind
        if writer is not None:
            writer.close()


def check_name(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is played.

    Raises:
        ValueError: when the name ends otherwise than those of videos and GIFs.
    """
    if path.suffix not in (*_VIDEO, _PICTURE):
        fix = "Name it for example agent.mp4."
        raise ValueError(explain(expected=f"a file {', '.join((*_VIDEO, _PICTURE))}", got=path.name, fix=fix))
