"""Pictures of bouncing balls by MuJoCo's OpenGL renderer, with settings for small pictures."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.ball_world import world_xml
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.mujoco_loading import RenderingUnavailableError, load_mujoco
from rmr_gym.errors import explain

_SAMPLES = 4  # per pixel, so that an edge moves by less than a pixel
_FEWEST_SLICES = 12  # of a sphere; at 64 pixels more of them change nothing


class BallRenderer:
    """Draws the balls as flat discs in their colours, with smooth edges, seen from straight above.

    This is the painter "opengl" of `BallsConfig`; `DiscPainter` makes almost the same pictures faster.

    The picture shows exactly the box: its first row is the largest y, its first column the smallest x. The OpenGL
    context is made by the first picture; a world that nobody looks at needs none.

    Args:
        config: the parameters of the world; `picture_size`, `colors` and `background` decide how it looks.

    Example:
        >>> renderer = BallRenderer(BallsConfig(num_balls=1))
        >>> picture = renderer.render(np.array([[0.0, 0.25]]))
        >>> picture.shape, picture[16, 32].tolist(), picture[48, 32].tolist()
        ((64, 64, 3), [255, 0, 0], [0, 0, 0])
        >>> renderer.close()
    """

    def __init__(self, config: BallsConfig) -> None:
        self.config = config
        self._drawing: _Drawing | None = None

    def render(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Draw a state.

        Args:
            positions: metres, `(ball, 2)`.

        Returns:
            RGB, `(picture_size, picture_size, 3)`.

        Raises:
            RenderingUnavailableError: when there is no OpenGL backend that works, or this process was forked from one
                that had drawn before.
            DependencyNotInstalled: when MuJoCo is not installed.
        """
        _check_process()
        if self._drawing is None:
            self._drawing = _Drawing(self.config)
        return self._drawing.draw(positions)

    def render_all(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Draw many states, one after the other.

        Args:
            positions: metres, `(frame, ball, 2)`.

        Returns:
            RGB, `(frame, picture_size, picture_size, 3)`.

        Raises:
            RenderingUnavailableError: as `render` does.
            DependencyNotInstalled: when MuJoCo is not installed.
        """
        size = self.config.picture_size
        return np.array([self.render(state) for state in positions], np.uint8).reshape(-1, size, size, 3)

    def close(self) -> None:
        """Free the OpenGL context; a later `render` makes a new one."""
        if self._drawing is not None and os.getpid() in _drawing_processes:
            self._drawing.free()
            self._drawing = None


_drawing_processes: set[int] = set()
"""The process that has made an OpenGL context; a forked child finds its parent's number here."""


def _check_process() -> None:
    """Refuse to draw in a child that was forked after its parent had drawn: there OpenGL waits for ever."""
    if not _drawing_processes:
        _drawing_processes.add(os.getpid())
    if os.getpid() not in _drawing_processes:
        raise RenderingUnavailableError(
            explain(
                expected="a process that was forked before its parent drew a picture",
                got="one forked afterwards, in which OpenGL does not work",
                fix='Pass context="spawn" to AsyncVectorEnv, or make the vector environment before the first picture.',
            )
        )


class _Drawing:
    """The scene and its OpenGL context."""

    def __init__(self, config: BallsConfig) -> None:
        mujoco = load_mujoco()
        self._mujoco = mujoco
        self._model = mujoco.MjModel.from_xml_string(world_xml(config, drawn=_drawn(config)))
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)  # places the camera
        self._scene = mujoco.MjvScene(self._model, maxgeom=config.num_balls + 1)
        for flag in ("SHADOW", "REFLECTION", "SKYBOX", "HAZE", "FOG"):
            self._scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{flag}")] = 0
        self._camera, self._option = mujoco.MjvCamera(), mujoco.MjvOption()
        self._camera.type, self._camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
        self._rectangle = mujoco.MjrRect(0, 0, config.picture_size, config.picture_size)
        self._buffer = np.empty((config.picture_size, config.picture_size, 3), dtype=np.uint8)
        self._open(config.picture_size)

    def draw(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        mujoco = self._mujoco
        self._context.make_current()
        self._data.qpos[:] = np.asarray(positions).ravel()
        mujoco.mj_kinematics(self._model, self._data)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._camera, everything, self._scene)
        mujoco.mjr_render(self._rectangle, self._scene, self._resources)
        mujoco.mjr_readPixels(self._buffer, None, self._rectangle, self._resources)
        return self._buffer[::-1].copy()  # OpenGL counts rows from below

    def free(self) -> None:
        self._context.make_current()
        self._resources.free()
        self._context.free()

    def _open(self, size: int) -> None:
        mujoco = self._mujoco
        try:
            self._context = _context_class()(size, size)
            self._context.make_current()
            self._resources = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._resources)
        except (ImportError, AttributeError, OSError, RuntimeError, mujoco.FatalError, *_opengl_errors()) as error:
            raise RenderingUnavailableError(
                explain(
                    expected="a working OpenGL backend to draw with",
                    got=f"MUJOCO_GL={os.environ.get('MUJOCO_GL', '')!r}: {error}",
                    fix="Set MUJOCO_GL=egl (Debian: apt install libegl1) or MUJOCO_GL=osmesa (apt install libosmesa6), "
                    'or let numpy paint the balls: painter="discs".',
                )
            ) from error


def _context_class() -> Any:
    """Return MuJoCo's context class for MUJOCO_GL, and EGL where nobody chose and there is no display."""
    chosen = os.environ.get("MUJOCO_GL", "").lower().strip()
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    headless = sys.platform == "linux" and not display and chosen in ("", "on", "true", "1", "enable", "enabled")
    # By name, because a backend that is missing is not the same as a MuJoCo that is missing.
    backend = importlib.import_module("mujoco.egl" if headless else "mujoco.rendering.classic.gl_context")
    return backend.GLContext


def _opengl_errors() -> tuple[type[Exception], ...]:
    """Return the base of PyOpenGL's errors, which belongs to none of Python's, if a backend has loaded it."""
    loaded = sys.modules.get("OpenGL.error")
    return () if loaded is None else (loaded.Error,)


def _drawn(config: BallsConfig) -> str:
    """Return camera, light and quality in MuJoCo's language."""
    size = config.picture_size
    slices = max(_FEWEST_SLICES, size // 4)
    half, below = config.box_size / 2, -2 * config.radius
    color = " ".join(f"{part / 255:.6f}" for part in config.background)
    floor = f'<geom type="plane" size="{half!r} {half!r} 1" pos="0 0 {below!r}" rgba="{color} 1"/>'
    # MuJoCo draws what is .01 to 50 extents before the camera. Its own extent would be that of the balls at the start,
    # all of them in the middle: small ones in a large box would be behind that.
    return (
        f'<statistic extent="{config.box_size!r}"/><visual><global offwidth="{size}" offheight="{size}"/>'
        f'<quality offsamples="{_SAMPLES}" shadowsize="0" numslices="{slices}" numstacks="{slices}"/>'
        '<headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>'
        f'<worldbody><camera pos="0 0 {config.box_size!r}" projection="orthographic" fovy="{config.box_size!r}"/>'
        f"{floor if any(config.background) else ''}</worldbody>"
    )
