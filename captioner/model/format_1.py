"""Models of the first format (2026), in which a few things were called otherwise.

The weights that ship and the runs of that time are read as they are; what is written has today's
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_KEYS = {"hidden": "hidden_size"}
_MODULES = {
    "input": "input_projection",
    "recurrence": "hidden_projection",
    "recurrence_norm": "hidden_norm",
    "output": "combine",
    "words": "output_projection",
}


def config_of_today(raw: dict[str, Any]) -> dict[str, Any]:
    """What a `config.json` of format 1 holds, whatever that is."""
    decoder = raw.get("decoder")
    if not isinstance(decoder, Mapping):
        return raw
    return {**raw, "decoder": {_KEYS.get(key, key): value for key, value in decoder.items()}}


def weights_of_today(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names that their modules have now, whichever names they have."""
    parts = {name: name.split(".") for name in weights}
    return {
        ".".join(_MODULES.get(part, part) for part in parts[name]): tensor
        for name, tensor in weights.items()
    }
