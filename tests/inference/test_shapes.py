"""Shapes that come again are compiled for themselves; others run on the model for all shapes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import inference.models as models
from inference.models import Engine, Network
from inference.packs import find_pack
from inference.shapes import IDLE_RUNS, OFTEN, Shape, ShapedNetwork


class Compiler:
    """Compiles "the larger of x and 0", and counts for which shapes."""

    def __init__(self) -> None:
        self.asked: list[Shape] = []
        self._engine = Engine(device="CPU", threads=1, cache_dir=None)

    def general(self) -> Network:
        return self._compile([-1, -1])

    def compile_for(self, shape: Shape) -> Network:
        self.asked.append(shape)
        return self._compile(shape)

    def _compile(self, shape: Sequence[int]) -> Network:
        operators = models.ov.opset13
        given = operators.parameter(list(shape), np.float32)
        return self._engine.compile(models.ov.Model([operators.relu(given)], [given], "tiny"), name="tiny")


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


def shaped(compiler: Compiler, *, most_shapes: int = 2) -> ShapedNetwork:
    return ShapedNetwork(general=compiler.general(), compile_for=compiler.compile_for, most_shapes=most_shapes)


def run(network: ShapedNetwork, *shape: int, times: int = 1) -> NDArray[Any]:
    batch = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    for _ in range(times):
        (answer,) = network.run(batch)
        assert np.array_equal(answer, np.maximum(batch, 0))
    return answer


def test_forgotten_shapes_make_room_and_are_compiled_anew_when_they_come_again(compiler: Compiler) -> None:
    network = shaped(compiler, most_shapes=1)
    run(network, 2, 3, times=OFTEN)
    network.forget()
    assert network.shapes == ()
    run(network, 4, 3, times=OFTEN)
    assert network.shapes == ((4, 3),)
    assert compiler.asked == [(2, 3), (4, 3)]


def test_a_shape_that_comes_often_is_compiled_once_and_answers_the_same(compiler: Compiler) -> None:
    network = shaped(compiler)
    run(network, 2, 3, times=OFTEN - 1)
    assert compiler.asked == []
    run(network, 2, 3, times=5)
    assert compiler.asked == [(2, 3)]
    assert network.shapes == ((2, 3),)


def test_shapes_beyond_the_limit_run_on_the_general_model(compiler: Compiler) -> None:
    network = shaped(compiler)
    for width in (3, 4, 5):
        run(network, 1, width, times=2 * OFTEN)
    assert compiler.asked == [(1, 3), (1, 4)]


def test_a_shape_nobody_asks_for_any_more_gives_its_place_away(compiler: Compiler) -> None:
    network = shaped(compiler)
    for width in (3, 4):
        run(network, 1, width, times=OFTEN)
    run(network, 1, 3, times=IDLE_RUNS)
    run(network, 1, 5, times=OFTEN)
    assert network.shapes == ((1, 3), (1, 5))


def test_a_shape_that_cannot_be_compiled_says_so_and_others_still_can(compiler: Compiler) -> None:
    def refuse_three(shape: Shape) -> Network:
        if shape == (1, 3):
            raise models.PackError("no room")
        return compiler.compile_for(shape)

    network = ShapedNetwork(general=compiler.general(), compile_for=refuse_three)
    run(network, 1, 3, times=OFTEN - 1)
    with pytest.raises(models.PackError, match="no room"):
        run(network, 1, 3)
    run(network, 1, 4, times=OFTEN)
    assert network.shapes == ((1, 4),)


def test_our_own_detector_says_the_same_in_a_shape_of_its_own() -> None:
    engine, path = Engine(device="CPU", threads=1, cache_dir=None), find_pack("own").detector_path

    def compile_for(shape: Shape) -> Network:
        model = engine.read(path)
        model.reshape(list(shape))
        return engine.compile(model, name="detector", keep=False)

    network = ShapedNetwork(general=engine.compile(engine.read(path), name="detector"), compile_for=compile_for)
    batch = np.random.default_rng(0).integers(0, 255, (1, 96, 160, 3), dtype=np.uint8)
    answers = [network.run(batch)[0] for _ in range(OFTEN)]
    assert network.shapes == (batch.shape,)
    assert np.allclose(answers[0], answers[-1], atol=1e-3)


def test_what_is_not_to_be_kept_leaves_no_file(tmp_path: Path) -> None:
    engine = Engine(device="CPU", threads=1, cache_dir=tmp_path)
    model = engine.read(find_pack("own").reader_path)
    engine.compile(model, name="reader", keep=False)
    assert not list(tmp_path.iterdir())
    engine.compile(model, name="reader")
    assert list(tmp_path.iterdir())
