"""What every decoder of pictures returns."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class Decoded(NamedTuple):
    """A picture and the layers that it was mixed from."""

    image: Float[Tensor, "batch 3 height width"]
    masks: Float[Tensor, "batch slot height width"]
    colors: Float[Tensor, "batch slot 3 height width"]
