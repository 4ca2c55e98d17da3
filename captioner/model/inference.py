"""A trained model made quick for captioning: the same function with less to compute."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from captioner.model.captioning import CaptioningModel
from captioner.speed.fused import fuse
from captioner.speed.packed import pack_linears


def for_inference(model: CaptioningModel, dtype: torch.dtype) -> CaptioningModel:
    """Fold the batch norms into their convolutions, let the decoder project each word beforehand,
    convert all weights to `dtype` and, for bfloat16 on the CPU, fuse the encoder's layers and pack
    the decoder's weights, in place.

    Converting once is quicker than autocast, which would convert every weight for every photo.
    Returns the model, in evaluation mode; it can no longer be trained.
    """
    model.eval().requires_grad_(False)
    fold_batch_norms(model.encoder)
    for decoder in model.decoder.directions:
        decoder.project_words()
    model.to(dtype).to(memory_format=torch.channels_last)
    if dtype is torch.bfloat16 and next(model.parameters()).device.type == "cpu":
        fuse(model.encoder)
        pack_linears(model.decoder)
    for decoder in model.decoder.directions:
        find_quickly(decoder)
    return model


def find_quickly(module: nn.Module) -> None:
    """Let Python find what a module is made of as it finds any attribute, in place.

    It is kept apart by `nn.Module`, which looks there once all else has failed. A step of the
    decoder looks two dozen times. Nothing may be replaced afterwards.
    """
    for part in module.modules():
        for parts in (part._modules, part._parameters, part._buffers):
            vars(part).update(parts)


def fold_batch_norms(module: nn.Module) -> None:
    """Let convolutions do what the batch norms behind them did, in place.

    In torchvision's CNNs a batch norm that follows a convolution is applied to its output.
    """
    children = list(module.named_children())
    for (name, child), (next_name, following) in pairwise(children):
        if isinstance(child, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(child, following))
            setattr(module, next_name, nn.Identity())
    for child in module.children():
        fold_batch_norms(child)
