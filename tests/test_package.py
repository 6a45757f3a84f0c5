from __future__ import annotations

import importlib

import pytest

import rmr_gym


@pytest.mark.parametrize("name", rmr_gym.__all__)
def test_every_public_name_loads_and_is_listed(name: str) -> None:
    assert getattr(rmr_gym, name) is not None
    assert name in dir(rmr_gym)


def test_public_names_are_those_of_their_modules() -> None:
    for name, module in rmr_gym._WHERE.items():
        assert getattr(rmr_gym, name) is getattr(importlib.import_module(module), name)
    assert set(rmr_gym._WHERE) | {"__version__"} == set(rmr_gym.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rmr_gym' has no attribute 'make_atary'"):
        rmr_gym.make_atary  # noqa: B018
