"""Networks in segments: what they compute, and where they may be cut."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import small_networks
from heddle.serving.engines.onnx import OnnxEngine, open_network, open_segments
from heddle.serving.engines.segments import SegmentedEngine
from heddle.serving.zoo.build import load
from heddle.serving.zoo.cutting import MAX_SEGMENTS, cut

_SMALL = ("resnet8-32", "mobilenet-tiny", "bert-tiny")


def made_up(engine: OnnxEngine | SegmentedEngine, rows: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {}
    for spec in engine.signature.inputs:
        shape = [rows, *(size if size > 0 else 8 for size in spec.shape[1:])]
        is_whole = spec.datatype.startswith("INT")
        found[spec.name] = (
            rng.integers(0, 2, shape) if is_whole else rng.standard_normal(shape, np.float32)
        )
    return found


@pytest.mark.parametrize("name", _SMALL)
def test_segments_compute_what_the_network_does(name: str) -> None:
    whole, segmented = open_network(f"zoo:{name}"), open_segments(f"zoo:{name}")
    assert 4 <= segmented.num_steps <= MAX_SEGMENTS
    inputs, names = made_up(whole), whole.signature.output_names()
    expected, found = whole.run(inputs, names), segmented.run(inputs, names)
    for output in names:
        np.testing.assert_allclose(found[output], expected[output], rtol=1e-4, atol=1e-5)
    assert f"cut into {segmented.num_steps} segments" in segmented.signature.notes


@pytest.mark.parametrize("name", _SMALL)
def test_a_run_that_is_left_between_all_its_steps_gives_the_same_bits(name: str) -> None:
    segmented = open_segments(f"zoo:{name}")
    names = segmented.signature.output_names()
    one, other = made_up(segmented), made_up(segmented, rows=3)
    expected = [segmented.run(inputs, names) for inputs in (one, other)]
    courses = [segmented.begin(inputs, names) for inputs in (one, other)]
    for step, other_step in zip(courses[0].steps, courses[1].steps, strict=True):
        step()
        other_step()
    for course, answers in zip(courses, expected, strict=True):
        for output in names:
            assert (course.answers()[output] == answers[output]).all()


def test_a_run_keeps_only_the_tensors_that_are_still_needed() -> None:
    segmented = open_segments("zoo:resnet8-32")
    course = segmented.begin(made_up(segmented), segmented.signature.output_names())
    kept = []
    for step in course.steps:
        step()
        kept.append(len(course.tensors))
    assert max(kept) <= 2
    assert set(course.tensors) == set(segmented.signature.output_names())


def test_every_segment_is_a_valid_network_and_weights_are_divided() -> None:
    model = load("resnet8-32")
    segments = cut(model, 4)
    assert len(segments) == 4
    for segment in segments:
        onnx.checker.check_model(onnx.load_model_from_string(segment.model))
    assert sum(len(segment.model) for segment in segments) < 1.1 * len(model)


def test_a_network_of_one_operator_is_one_segment() -> None:
    (segment,) = cut(small_networks.looking_up())
    assert (segment.inputs, segment.outputs) == (("x",), ("y",))


def test_what_is_no_network_of_known_types_is_left_whole() -> None:
    node = helper.make_node("Mystery", ["x"], ["y"], domain="nowhere")
    end = helper.make_node("Relu", ["y"], ["z"])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in ("x", "z")]
    graph = helper.make_graph([node, end], "odd", ends[:1], ends[1:])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("nowhere", 1)]
    model = helper.make_model(graph, opset_imports=imports).SerializeToString()
    (segment,) = cut(model)
    assert segment.model == model


def test_what_a_branch_reads_from_outside_crosses_the_cut() -> None:
    """A branch of an If reads a tensor that an earlier segment made."""
    then = helper.make_graph(
        [helper.make_node("Add", ["early", "early"], ["t"])],
        "then",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, ["n", 2])],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["early"], ["e"])],
        "other",
        [],
        [helper.make_tensor_value_info("e", TensorProto.FLOAT, ["n", 2])],
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["early"]),
        helper.make_node("MatMul", ["early", "w"], ["middle"]),
        helper.make_node("MatMul", ["middle", "w"], ["late"]),
        helper.make_node("If", ["yes"], ["picked"], then_branch=then, else_branch=other),
        helper.make_node("Add", ["late", "picked"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.eye(2, dtype=np.float32) * 3, "w"),
        numpy_helper.from_array(np.ones((), dtype=np.bool_), "yes"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "branching", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    segments = cut(model.SerializeToString(), 3)
    assert len(segments) > 1
    made = set(segments[0].inputs)
    for segment in segments:
        assert set(segment.inputs) <= made
        made |= set(segment.outputs)
