"""Weights in fewer bits: float16 and int8 on disk, and products of whole numbers.

Each function changes a graph in place. Small tensors stay as they are: norms and biases are few and
matter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from captioner.export.graphs import quietly

_SMALL = 2048  # values of a tensor that is left as it is
# Of 7 bits: sums of two products of 8 bits overflow in what processors without VNNI compute with.
_WHOLE = 63
_STORED = 127


def store_float16(graph: ModelProto) -> None:
    """Keep weights as float16, which are made float32 when the graph is loaded.

    Most processors have no float16 arithmetic, and a model folder's weights are float16 anyway.
    """
    for weight in _weights(graph):
        half = _added(graph, f"{weight.name}_half", numpy_helper.to_array(weight).astype("float16"))
        _insert(graph, "Cast", [half], weight.name, to=TensorProto.FLOAT)
        graph.graph.initializer.remove(weight)


def store_int8(graph: ModelProto) -> None:
    """Keep weights as int8 with a scale for each output, which are made float32 when the graph is
    loaded: what is computed stays the same but for the rounding of the weights."""
    axes = _output_axes(graph)
    for weight in _weights(graph):
        values = numpy_helper.to_array(weight)
        whole, scale = _rounded(values, axes.get(weight.name, 0), _STORED)
        stored = _added(graph, f"{weight.name}_int8", whole)
        scales = _added(graph, f"{weight.name}_scale", scale)
        _insert(graph, "Mul", [f"{weight.name}_float", scales], weight.name)
        _insert(graph, "Cast", [stored], f"{weight.name}_float", to=TensorProto.FLOAT)
        graph.graph.initializer.remove(weight)


def multiply_int8(graph: ModelProto) -> None:
    """Let products with weights be of whole numbers: weights of 7 bits with a scale for each
    output, and 8 bits of what they are multiplied by, scaled as it comes ("dynamic").

    A word's embedding, which is a row of the weights that make words, is taken from these.
    """
    weights = {weight.name: weight for weight in _weights(graph)}
    turned = {n.output[0]: n.input[0] for n in graph.graph.node if n.op_type == "Transpose"}
    nodes: list[NodeProto] = []
    done: set[str] = set()
    for node in graph.graph.node:
        product = _product(node, weights, turned)
        if product:
            nodes += _whole_product(graph, product, done)
        elif node.op_type == "Gather" and node.input[0] in weights:
            nodes += _whole_rows(graph, node, weights[node.input[0]], done)
        else:
            nodes.append(node)
    used = {value.name for value in graph.graph.output}
    kept = []
    for node in reversed(nodes):  # a weight's own transposition is of no use any more
        if used.intersection(node.output):
            used.update(node.input)
            kept.append(node)
    del graph.graph.node[:]
    graph.graph.node.extend(reversed(kept))
    for name in weights.keys() - used:
        graph.graph.initializer.remove(weights[name])


class _Product(NamedTuple):
    """x · W + b of a graph. columns: whether W is stored as `[inputs, outputs]`."""

    output: str
    x: str
    weight: TensorProto
    columns: bool
    bias: str


def _product(
    node: NodeProto, weights: dict[str, TensorProto], turned: dict[str, str]
) -> _Product | None:
    if node.op_type not in ("MatMul", "Gemm"):
        return None
    x, name, *bias = node.input
    options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "MatMul" and turned.get(name) in weights:
        return _Product(node.output[0], x, weights[turned[name]], False, "")
    plain = not options.get("transA") and options.get("alpha", 1) == options.get("beta", 1) == 1
    if name not in weights or not plain:
        return None
    columns = not options.get("transB", 0)
    return _Product(node.output[0], x, weights[name], columns, bias[0] if bias else "")


def _whole_product(graph: ModelProto, product: _Product, done: set[str]) -> Iterator[NodeProto]:
    x, weight = product.x, product.weight.name
    parts = [f"{x}_{part}" for part in ("whole", "step", "zero")]
    if x not in done:
        done.add(x)
        yield helper.make_node("DynamicQuantizeLinear", [x], parts)
    whole, scales = _stored(graph, product.weight, 1 if product.columns else 0, done)
    if not product.columns:
        if f"{weight}_turned" not in done:
            done.add(f"{weight}_turned")
            yield helper.make_node("Transpose", [whole], [f"{weight}_turned"], perm=[1, 0])
        whole = f"{weight}_turned"
    out = product.output
    yield helper.make_node("MatMulInteger", [parts[0], whole, parts[2]], [f"{out}_sums"])
    yield helper.make_node("Cast", [f"{out}_sums"], [f"{out}_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [parts[1], scales], [f"{out}_steps"])
    last = f"{out}_plain" if product.bias else out
    yield helper.make_node("Mul", [f"{out}_float", f"{out}_steps"], [last])
    if product.bias:
        yield helper.make_node("Add", [last, product.bias], [out])


def _whole_rows(
    graph: ModelProto, node: NodeProto, weight: TensorProto, done: set[str]
) -> Iterator[NodeProto]:
    whole, scales = _stored(graph, weight, 0, done)
    index, out = node.input[1], node.output[0]
    one = _added(graph, f"{out}_axis", np.array([-1]))
    yield helper.make_node("Gather", [whole, index], [f"{out}_whole"], axis=0)
    yield helper.make_node("Cast", [f"{out}_whole"], [f"{out}_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Gather", [scales, index], [f"{out}_scale"], axis=0)
    yield helper.make_node("Unsqueeze", [f"{out}_scale", one], [f"{out}_scales"])
    yield helper.make_node("Mul", [f"{out}_float", f"{out}_scales"], [out])


def _stored(graph: ModelProto, weight: TensorProto, axis: int, done: set[str]) -> tuple[str, str]:
    """The names of a weight of 7 bits and of its scales `[outputs]`."""
    names = f"{weight.name}_whole", f"{weight.name}_scale"
    if names[0] not in done:
        done.add(names[0])
        whole, scale = _rounded(numpy_helper.to_array(weight), axis, _WHOLE)
        _added(graph, names[0], whole)
        _added(graph, names[1], scale.reshape(-1))
    return names


def quantise_encoder(graph: ModelProto, photos: Iterable[NDArray[np.float32]]) -> ModelProto:
    """An encoder whose convolutions over all channels, most of its work, are of whole numbers, with
    ranges as they were seen on photos `[1, 3, S, S]` ("static").

    Depthwise convolutions gain nothing by it; the first convolution and those that weigh channels
    (squeeze and excite) are little work and lose most.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Photos(CalibrationDataReader):
        def __init__(self) -> None:
            self._photos = iter(photos)

        def get_next(self) -> dict[str, Any] | None:
            photo = next(self._photos, None)
            return None if photo is None else {"images": photo}

    with quietly(), tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(graph, before)
        quantize_static(
            before,
            after,
            Photos(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=_wide_convolutions(graph),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(after)


def _wide_convolutions(graph: ModelProto) -> list[str]:
    """Names of convolutions over all channels of a map, but for the first one's."""
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in onnx.shape_inference.infer_shapes(graph).graph.value_info
    }
    names = []
    for node in graph.graph.node:
        groups = [a.i for a in node.attribute if a.name == "group"]
        of_map = shapes.get(node.input[0], [1, 1])[2:] != [1, 1] if node.input else False
        if node.op_type == "Conv" and groups in ([], [1]) and of_map and node.input[0] in shapes:
            names.append(node.name)
    return names


def _weights(graph: ModelProto) -> list[TensorProto]:
    """The large float32 tensors of a graph."""
    return [
        weight
        for weight in graph.graph.initializer
        if weight.data_type == TensorProto.FLOAT
        and len(weight.dims) > 1
        and np.prod(weight.dims) > _SMALL
    ]


def _output_axes(graph: ModelProto) -> dict[str, int]:
    """The axis of outputs of weights that products take as `[inputs, outputs]`."""
    axes = {}
    for node in graph.graph.node:
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        if node.op_type in ("MatMul", "Gemm") and not turned:
            axes[node.input[1]] = 1
    return axes


def _rounded(
    values: NDArray[np.float32], axis: int, most: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers up to `most` and what they are multiplied by, one scale along the axis."""
    others = tuple(n for n in range(values.ndim) if n != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / most
    return np.rint(values / scale).astype(np.int8), scale.astype(np.float32)


def _added(graph: ModelProto, name: str, values: NDArray[Any]) -> str:
    graph.graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _insert(graph: ModelProto, kind: str, inputs: Sequence[str], output: str, **more: Any) -> None:
    graph.graph.node.insert(0, helper.make_node(kind, list(inputs), [output], **more))
