"""What the wrappers that encode observations are given: something that turns pictures into feature vectors."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class FeatureFunction(Protocol):
    """Pictures to feature vectors, numpy in and numpy out.

    `rmr_gym.FrozenFeatures` is one, over an encoder trained here, and `rmr_gym.RamFeatures`, over RAM; any object
    with these two methods does as well. It must be picklable where environments run in processes of their own, and the
    features of a picture may depend on nothing but that picture.

    Example:
        >>> class Brightness:
        ...     def features_shape(self, observation_shape):
        ...         return (1,)
        ...
        ...     def __call__(self, pixels):
        ...         return pixels.mean(axis=tuple(range(1, pixels.ndim)), dtype=np.float32)[:, None]
        >>> isinstance(Brightness(), FeatureFunction)
        True
    """

    def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
        """Return the shape of one feature vector.

        Args:
            observation_shape: shape of one observation, as its space says.

        Raises:
            ValueError: when it cannot read observations of that shape.
        """

    def __call__(self, pixels: NDArray[Any], /) -> NDArray[np.float32]:
        """Encode observations.

        Args:
            pixels: `(batch, *observation_shape)`, of the dtype of the space.

        Returns:
            `(batch, feature)`, float32.
        """
