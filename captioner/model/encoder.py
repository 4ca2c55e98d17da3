"""The CNN encoder: images to grid features, for any of torchvision's CNN families.

A torchvision CNN is cut into its stages, in the order in which an image walks through them. The
output of one stage, or of several brought to the grid of the last, is the grid that the decoder
attends to. A new family of CNNs is a line in `CUTS`.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision.models
from torch import Tensor, nn

from captioner.errors import ModelError
from captioner.fields import shown
from captioner.model.config import EncoderConfig
from captioner.model.weights import read_weights, usable

_FEATURES = {"features_{}": "features.*"}
_RESNET = {
    "stem": "conv1 bn1 relu maxpool",
    **{layer: layer for layer in ("layer1", "layer2", "layer3", "layer4")},
}

# By the first letters of a CNN's name its stages, each with the path of its module in torchvision's
# network. Several paths make one stage; with a star every module in there is a stage of its own.
CUTS: dict[str, dict[str, str]] = {
    "convnext": _FEATURES,
    "densenet": _FEATURES,
    "efficientnet": _FEATURES,
    "mobilenet": _FEATURES,
    "regnet": {"stem": "stem", "{}": "trunk_output.*"},
    "resnet": _RESNET,
    "resnext": _RESNET,
    "squeezenet": _FEATURES,
    "vgg": _FEATURES,
    "wide_resnet": _RESNET,
}


class Encoder(nn.Module):
    """Images `float32 [B, 3, H, W]` to grid features `[B, N, D]`.

    `N` is the grid's height × width, row-major. `width` is `D`. size: of the photos that it is to
    see, in pixels.

    Raises ModelError where torchvision has no such CNN, stage or block, or where the CNN cannot do
    without a block or with photos of that size.
    """

    def __init__(self, config: EncoderConfig, size: int = 64) -> None:
        super().__init__()
        cnn = _torchvision_cnn(config.name)
        for name in config.identity:
            _replace_by_identity(cnn, name, config.name)
        stages = _cut(cnn, config.name)
        self.taps = _resolve(config.stages, len(stages), config.name)
        # What comes after the last tapped stage would be computed for nothing.
        self.stages = nn.ModuleDict(OrderedDict(list(stages.items())[: max(self.taps) + 1]))
        self.width = _width(self, config, size)

    def forward(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Grid features `[B, N, D]` and the grid's (height, width)."""
        taken = []
        features = images
        for index, stage in enumerate(self.stages.values()):
            features = stage(features)
            if index in self.taps:
                taken.append(features)
        grid = (taken[-1].shape[2], taken[-1].shape[3])
        pooled = [F.adaptive_avg_pool2d(level, grid) for level in taken[:-1]]
        return torch.cat([*pooled, taken[-1]], dim=1).flatten(2).transpose(1, 2), grid

    def train(self, mode: bool = True) -> Encoder:
        """Batch norms keep the statistics they were pretrained with.

        A fine-tuning batch of captioned photos is too small to estimate them again; their scale
        and shift are trained like any other weight.
        """
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


def encoder_names() -> list[str]:
    """Every torchvision classification CNN that can be an encoder."""
    return [n for n in torchvision.models.list_models(torchvision.models) if _is_cnn(n)]


def load_pretrained(encoder: Encoder, config: EncoderConfig, source: str) -> None:
    """Fill the encoder with pretrained weights.

    source: a `.safetensors` file in torchvision's own naming, or "torchvision" to let torchvision
    download its default ImageNet weights.

    Raises ModelError where the file cannot be read or does not belong to this CNN.
    """
    cnn = _torchvision_cnn(config.name)
    if source == "torchvision":
        weights = torchvision.models.get_model_weights(config.name).DEFAULT
        state = weights.get_state_dict(progress=True)
    else:
        state = read_weights(Path(source))
    # The very tensors tell what torchvision calls what here is named by its stage.
    theirs = {id(tensor): n for n, tensor in cnn.state_dict(keep_vars=True).items()}
    stages = nn.ModuleDict(_cut(cnn, config.name)).state_dict(keep_vars=True, prefix="stages.")
    wanted = {name: theirs[id(tensor)] for name, tensor in stages.items()}
    state_dict = encoder.state_dict().items()
    expected = {n: t for n, t in state_dict if not n.endswith("num_batches_tracked")}
    found = {n: state[wanted[n]] for n in expected if wanted[n] in state}
    missing = [n for n, t in expected.items() if n not in found or found[n].shape != t.shape]
    if missing:
        raise ModelError(
            "{} does not fit {}: it has no such weights for {} and {} others.",
            source,
            config.name,
            missing[0],
            len(missing) - 1,
        )
    encoder.load_state_dict(usable(found, Path(source)), strict=False)


def _is_cnn(name: str) -> bool:
    return name.startswith(tuple(CUTS))


def _torchvision_cnn(name: str) -> nn.Module:
    if name not in torchvision.models.list_models(torchvision.models) or not _is_cnn(name):
        raise ModelError(
            "There is no CNN named '{}' in torchvision; some that there are: resnet50, "
            "resnext50_32x4d, mobilenet_v2, mobilenet_v3_large, efficientnet_b4, convnext_tiny, "
            "regnet_y_1_6gf, densenet121.",
            name,
        )
    with warnings.catch_warnings():  # torchvision warns of a future default of its own
        warnings.simplefilter("ignore")
        return torchvision.models.get_model(name, weights=None)


def _replace_by_identity(cnn: nn.Module, block: str, name: str) -> None:
    try:
        cnn.get_submodule(block)
        cnn.set_submodule(block, nn.Identity())
    except (AttributeError, ValueError):
        raise ModelError("{} has no block named '{}'.", name, block) from None


def _cut(cnn: nn.Module, name: str) -> OrderedDict[str, nn.Module]:
    """The CNN without its classifier, as named stages in walking order."""
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, path in next(cut for family, cut in CUTS.items() if name.startswith(family)).items():
        if path.endswith(".*"):
            children = cnn.get_submodule(path.removesuffix(".*")).named_children()
            stages |= {stage.format(child): module for child, module in children}
        else:
            modules = {part: cnn.get_submodule(part) for part in path.split()}
            several = len(modules) > 1
            stages[stage] = nn.Sequential(OrderedDict(modules)) if several else modules[path]
    return stages


def _resolve(stages: tuple[int, ...], count: int, name: str) -> tuple[int, ...]:
    if not stages:
        raise ModelError("An encoder needs at least one stage.")
    for stage in stages:
        if not -count <= stage < count:
            raise ModelError(
                "{} has stages 0 to {}, and {} was asked for.", name, count - 1, shown(stage)
            )
    return tuple(sorted({stage % count for stage in stages}))


def _width(encoder: Encoder, config: EncoderConfig, size: int) -> int:
    """Ask the network itself, with an image that holds no data where it was built on meta."""
    device = next((p.device for p in encoder.parameters()), None)
    was_training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            features, _ = encoder(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, ValueError, IndexError):
        raise ModelError(
            "{} cannot take photos of {} pixels with stages {} and without the blocks {}.",
            config.name,
            size,
            shown(config.stages),
            shown(config.identity),
        ) from None
    encoder.train(was_training)
    return features.shape[2]
