"""Every CNN family, its stages, and pretrained weights."""

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from captioner.errors import ModelError
from captioner.model import Encoder, EncoderConfig, encoder_names, load_pretrained

FAMILIES = [
    "resnet18",
    "resnext50_32x4d",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
    "densenet121",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_gives_row_major_grid_features(name: str) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(name)).eval()
    with torch.no_grad():
        features, (height, width) = encoder(torch.randn(2, 3, 64, 96))
    assert (height, width) == (2, 3)
    assert features.shape == (2, height * width, encoder.width)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "regnet_y_400mf", "densenet121"])
def test_loaded_weights_give_torchvisions_own_features(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    cnn = torchvision.models.get_model(name, weights=None).eval()
    save_file(cnn.state_dict(), tmp_path / "cnn.safetensors")
    encoder = Encoder(EncoderConfig(name)).eval()
    load_pretrained(encoder, EncoderConfig(name), str(tmp_path / "cnn.safetensors"))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features, grid = encoder(image)
        expected = _torchvision_features(cnn, image)
    torch.testing.assert_close(features.transpose(1, 2).unflatten(2, grid), expected)


def _torchvision_features(cnn: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    if hasattr(cnn, "features"):
        return cnn.features(image)
    if hasattr(cnn, "trunk_output"):
        return cnn.trunk_output(cnn.stem(image))
    found = []
    cnn.layer4.register_forward_hook(lambda module, inputs, output: found.append(output))
    cnn(image)
    return found[0]


def test_stages_are_pooled_to_the_last_ones_grid_and_concatenated() -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("resnet18", stages=(-2, -1))).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features, grid = encoder(image)
        stages = list(encoder.stages.values())
        x = image
        for stage in stages[:-1]:
            x = stage(x)
        last = stages[-1](x)
    assert grid == (2, 2)
    by_hand = x.unflatten(2, (2, 2)).unflatten(4, (2, 2)).mean((3, 5))  # 2 x 2 blocks
    torch.testing.assert_close(features[0, :, :256].T.unflatten(1, grid), by_hand[0])
    torch.testing.assert_close(features[0, :, 256:].T.unflatten(1, grid), last[0])


def test_stages_after_the_last_tapped_one_are_left_out() -> None:
    short = Encoder(EncoderConfig("resnet18", stages=(2,)))
    assert list(short.stages) == ["stem", "layer1", "layer2"]


def test_training_leaves_the_batch_norm_statistics_alone() -> None:
    encoder = Encoder(EncoderConfig("resnet18")).train()
    before = {n: t.clone() for n, t in encoder.state_dict().items() if "running" in n}
    encoder(torch.randn(2, 3, 64, 64))
    assert all(torch.equal(encoder.state_dict()[n], t) for n, t in before.items())


def test_efficientnet_b4_without_its_absent_block_takes_the_pretrained_file(shared: Path) -> None:
    config = EncoderConfig("efficientnet_b4", (7,), ("features.7.1",))
    encoder = Encoder(config).eval()
    load_pretrained(encoder, config, str(shared / "encoders" / "efficientnet_b4.safetensors"))
    with torch.no_grad():
        features, grid = encoder(torch.zeros(1, 3, 257, 257))
    assert (grid, encoder.width) == ((9, 9), 448)
    assert features.isfinite().all()


def test_weights_of_another_cnn_are_refused(shared: Path) -> None:
    config = EncoderConfig("resnet18")
    with pytest.raises(ModelError, match="does not fit resnet18"):
        load_pretrained(
            Encoder(config), config, str(shared / "encoders" / "mobilenet_v2.safetensors")
        )


def test_missing_and_damaged_weight_files_are_named(tmp_path: Path) -> None:
    config = EncoderConfig("resnet18")
    encoder = Encoder(config)
    with pytest.raises(ModelError, match=r"none\.safetensors is missing"):
        load_pretrained(encoder, config, str(tmp_path / "none.safetensors"))
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"bad\.safetensors is damaged or not a"):
        load_pretrained(encoder, config, str(tmp_path / "bad.safetensors"))


def test_unknown_names_stages_and_blocks_are_explained() -> None:
    with pytest.raises(ModelError, match="no CNN named 'resnet1'"):
        Encoder(EncoderConfig("resnet1"))
    with pytest.raises(ModelError, match="no CNN named 'vit_b_16'"):
        Encoder(EncoderConfig("vit_b_16"))
    with pytest.raises(ModelError, match="stages 0 to 4, and 7"):
        Encoder(EncoderConfig("resnet18", (7,)))
    with pytest.raises(ModelError, match=r"no block named 'layer9\.1'"):
        Encoder(EncoderConfig("resnet18", identity=("layer9.1",)))


def test_every_listed_encoder_can_be_built() -> None:
    for name in encoder_names():
        if name.startswith("regnet"):  # builds on no device without memory; one is tested above
            continue
        with torch.device("meta"):
            assert Encoder(EncoderConfig(name)).width > 0
