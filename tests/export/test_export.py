"""Exported models against the models themselves."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import captioner as command
from PIL import Image, ImageDraw

import captioner
from captioner import pipeline
from captioner.captioning import PhotoCaptioner
from captioner.errors import ModelError, OptionError
from captioner.model import CaptioningModel, add_language, save_model
from captioner.text import Trigrams, Vocabulary

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from captioner.export import ExportOptions, export_model
from captioner.export import folder as export
from captioner.onnx import OnnxCaptioner


def drawn(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A scene of a few shapes."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        (x, y), (w, h) = rng.integers(0, min(size), 2), rng.integers(10, 120, 2)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.ellipse((int(x), int(y), int(x + w), int(y + h)), fill=colour)
    return image


PHOTOS = [drawn(seed, (200 + 40 * seed, 240)) for seed in range(4)]


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)


# A third of all pairs are common, and of all trigrams seen, so that captions change.
SEEN = Trigrams(np.packbits(np.random.default_rng(1).random(2**12) < 0.6).tobytes(), 0.4)


def saved(
    folder: Path,
    model: CaptioningModel,
    vocabulary: Vocabulary,
    trigrams: Trigrams | None = None,
) -> Path:
    save_model(folder, model, vocabulary, "# A card\n", trigrams)
    return folder


def with_decoder(model: CaptioningModel, **changes: object) -> CaptioningModel:
    torch.manual_seed(1)
    config = replace(model.config, decoder=replace(model.config.decoder, **changes))
    other = CaptioningModel(config).eval()
    with torch.no_grad():
        for decoder in other.decoder.directions:
            decoder.output_projection.bias.normal_()  # or all sentences would be one
    return other


def assert_same(
    ours: PhotoCaptioner, theirs: PhotoCaptioner, photos: Sequence[Image.Image], **asked: object
) -> None:
    for photo in photos:
        own, other = ours.caption(photo, **asked), theirs.caption(photo, **asked)
        listed = zip((own, *own.alternatives), (other, *other.alternatives), strict=True)
        for one, two in listed:
            assert one.text == two.text
            assert one.log_prob == pytest.approx(two.log_prob, abs=1e-3)
            if one.attention is not None:
                np.testing.assert_allclose(one.attention, two.attention.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cell": "gru", "attention": "additive"},
        {"attention": "aoa", "layers": 2, "residual": True, "layer_norm": True},
        {"cell": "grid_lstm", "layers": 2},
        {"kind": "bidirectional"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())) or "usual",
)
def test_any_decoder_writes_the_same_without_torch(
    changes: dict[str, object],
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    folder = saved(tmp_path / "tiny", with_decoder(tiny_model, **changes), vocabulary)
    export_model(folder, tmp_path / "out")
    ours, theirs = captioner.load_model(tmp_path / "out"), captioner.load_model(folder, "cpu")
    assert isinstance(ours, OnnxCaptioner)
    assert (ours.name, ours.languages) == ("tiny", ("en",))
    assert_same(ours, theirs, PHOTOS, top=3, attention=True)
    assert_same(ours, theirs, PHOTOS[:2], beam=5, avoid=["dog", "red ball"], max_length=6)
    together = [own.text for own in ours.caption_batch(PHOTOS)]
    assert together == [ours.caption(photo).text for photo in PHOTOS]


def remembered(maker: Callable[..., object]) -> Callable[..., object]:
    """Graphs of a network of that many weights, made once: torch's exporter takes its time."""
    made: dict[int, object] = {}

    def make(network: torch.nn.Module, *more: object) -> object:
        key = sum(weight.numel() for weight in network.parameters())
        if key not in made:
            made[key] = maker(network, *more)
        return copy.deepcopy(made[key])

    return make


@pytest.fixture(scope="module")
def exported(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A tiny model of two languages, in every precision."""
    root = tmp_path_factory.mktemp("exported")
    model = with_decoder(tiny_model)
    folder = saved(root / "tiny", model, vocabulary)
    words = Vocabulary.build([["一只", "狗", "在", "草地", "上"]])
    other = CaptioningModel(replace(model.config, language="zh", vocabulary_size=len(words)))
    other.encoder.load_state_dict(model.encoder.state_dict())
    add_language(folder, saved(root / "zh", other.eval(), words))
    photos = []
    for number, photo in enumerate(PHOTOS):
        photos.append(str(root / f"{number}.png"))
        photo.save(photos[-1])
    with pytest.MonkeyPatch.context() as patch:
        for maker in ("encoder_graph", "decoder_graphs"):
            patch.setattr(export, maker, remembered(getattr(export, maker)))
        for name, options in {
            "float32": ExportOptions(),
            "float16": ExportOptions("float16"),
            "int8": ExportOptions("int8"),
            "int8-photos": ExportOptions("int8", tuple(photos)),
        }.items():
            export_model(folder, root / name, options)
    return {path.name: path for path in root.iterdir()}


def test_every_language_is_there(exported: dict[str, Path]) -> None:
    ours, theirs = (captioner.load_model(exported[name], "cpu") for name in ("float32", "tiny"))
    assert ours.languages == theirs.languages == ("en", "zh")
    assert_same(ours.in_language("zh"), theirs.in_language("zh"), PHOTOS)
    found = list(ours.caption_each(PHOTOS[:1], languages=("en", "zh")))
    assert [caption.language for _, caption in found] == ["en", "zh"]


def test_fewer_bits_change_little_and_take_less(exported: dict[str, Path]) -> None:
    exact = captioner.load_model(exported["float32"])
    sizes = {}
    for name, most in (("float16", 0.01), ("int8", 0.1), ("int8-photos", 0.25)):
        rough = captioner.load_model(exported[name])
        features, _ = exact.encode_photos(PHOTOS)
        others, _ = rough.encode_photos(PHOTOS)
        assert np.linalg.norm(features - others) < most * np.linalg.norm(features), name
        sizes[name] = sum(path.stat().st_size for path in exported[name].rglob("*.onnx"))
        ours, theirs = (model.describe(features, (2, 2)) for model in (rough, exact))
        for own, other in zip(ours, theirs, strict=True):
            assert own.log_prob == pytest.approx(other.log_prob, abs=0.5)
    whole = sum(path.stat().st_size for path in exported["float32"].rglob("*.onnx"))
    assert sizes["int8"] < sizes["float16"] < 0.7 * whole


def test_words_that_must_appear_do(exported: dict[str, Path]) -> None:
    ours = captioner.load_model(exported["float32"])
    theirs = captioner.load_model(exported["tiny"], "cpu")
    for word in ours.vocabulary.words[-3:]:
        found, expected = (model.caption(PHOTOS[0], require=[word]) for model in (ours, theirs))
        assert word in found.tokens
        assert found.tokens == expected.tokens


def test_what_only_the_model_itself_can_do_is_told(exported: dict[str, Path]) -> None:
    model = captioner.load_model(exported["float32"])
    for asked in ({"temperature": 1.0}, {"seed": 1}, {"words": True}):
        with pytest.raises(OptionError, match="beam search"):
            model.caption(PHOTOS[0], **asked)
    with pytest.raises(OptionError, match="no device 'tpu'"):
        captioner.load_model(exported["float32"], "tpu")


@pytest.mark.parametrize("kind", ["forward", "bidirectional"])
def test_trigrams_that_nobody_wrote_lose_the_same_without_torch(
    kind: str, tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    model = with_decoder(tiny_model, kind=kind)
    folder = saved(tmp_path / "tiny", model, vocabulary, SEEN)
    export_model(folder, tmp_path / "out")
    ours, theirs = captioner.load_model(tmp_path / "out"), captioner.load_model(folder, "cpu")
    assert ours.trigrams == theirs.trigrams == SEEN
    assert_same(ours, theirs, PHOTOS, top=3, attention=True)
    assert_same(ours, theirs, PHOTOS[:2], beam=5, require=["dog"])
    heeded = [theirs.caption(photo) for photo in PHOTOS]
    theirs.trigrams = None
    assert [own.text for own in heeded] != [theirs.caption(photo).text for photo in PHOTOS]


def test_a_language_exported_alone_brings_its_own_trigrams_and_card(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    model = with_decoder(tiny_model)
    folder = saved(tmp_path / "tiny", model, vocabulary, Trigrams(bytes(8)))
    chinese = CaptioningModel(replace(model.config, language="zh"))
    chinese.encoder = model.encoder
    save_model(tmp_path / "zh", chinese.eval(), vocabulary, "# 中文\n", SEEN)
    add_language(folder, tmp_path / "zh")
    export_model(folder, tmp_path / "out", ExportOptions(languages=("zh",)))
    assert captioner.load_model(tmp_path / "out").trigrams == SEEN
    assert (tmp_path / "out" / "README.md").read_text() == "# 中文\n"


@pytest.mark.parametrize("name", ["encoder.onnx", "start.onnx", "step.onnx", "vocabulary.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "foreign"])
def test_a_damaged_folder_is_one_sentence(
    name: str, damage: str, exported: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    subprocess.run(["cp", "-r", str(exported["float32"]), str(folder)], check=True)
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"foreign")
    with pytest.raises(ModelError, match=name):
        captioner.load_model(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"decoders": "start.onnx"},
        {"decoders": [{"start": "../start.onnx"}]},
        {"decoders": [{"start": "/etc/x", "step": "b", "photo": [], "state": []}]},
        {"grid": [2]},
        {"preprocessing": {"size": -1}},
        {"repeatable": ["the"]},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_damaged_configuration_is_one_sentence(
    changes: dict[str, object], exported: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    subprocess.run(["cp", "-r", str(exported["float32"]), str(folder)], check=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(ModelError, match=r"config\.json"):
        captioner.load_model(folder)


def test_the_command_captions_without_torch(exported: dict[str, Path], tmp_path: Path) -> None:
    """In a process of its own, by an import hook that lets neither torch nor torchvision in."""
    PHOTOS[0].save(tmp_path / "a.jpg")
    code = (
        "import sys; sys.modules['torch'] = sys.modules['torchvision'] = None;"
        "from captioner.__main__ import run; code = run(sys.argv[1:]);"
        "assert not any(name.startswith('torch.') for name in sys.modules); sys.exit(code)"
    )
    arguments = [
        "caption",
        tmp_path / "a.jpg",
        "--model",
        exported["float32"],
        "--language",
        "en,zh",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments), "--language", "en,zh"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    theirs = captioner.load_model(exported["tiny"], "cpu")
    expected = [theirs.in_language(code).caption(tmp_path / "a.jpg").text for code in ("en", "zh")]
    assert done.stdout.splitlines() == expected


def test_the_command_exports_and_a_folder_of_photos_is_captioned(
    exported: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ("--precision", "int8", "--language", "zh")
    done = command("export", exported["tiny"], "-o", out, *asked)
    assert (done.code, done.stdout.strip()) == (0, str(out))
    photos = tmp_path / "photos"
    photos.mkdir()
    PHOTOS[1].save(photos / "b.png")
    done = command("folder", photos, "-o", "-", "--model", out, "--workers", 1)
    model = captioner.load_model(out)
    assert model.languages == ("zh",)
    row = json.loads(done.stdout)
    assert (row["caption"], row["model"]) == (model.caption(PHOTOS[1]).text, "tiny")


@pytest.mark.parametrize(
    "arguments", [["--precision", "float16", "--photos", "x.jpg"], ["--language", "fr"]]
)
def test_a_wrong_export_is_one_sentence(
    arguments: list[str], exported: dict[str, Path], tmp_path: Path
) -> None:
    done = command("export", exported["tiny"], "-o", tmp_path / "out", *arguments)
    assert done.code == 2
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "config.json").exists()


def test_captioner_onnx_captions_where_there_is_no_torch(
    exported: dict[str, Path], tmp_path: Path
) -> None:
    """The wheel, used elsewhere with this environment's libraries but for those of torch."""
    package = Path(__file__).parents[2] / "packages" / "captioner-onnx"
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(package)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "-qq", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    PHOTOS[0].save(tmp_path / "a.jpg")
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));"
        "sys.modules |= dict.fromkeys(('torch', 'torchvision', 'safetensors', 'tqdm'));"
        "from captioner.__main__ import run; sys.exit(run(sys.argv[1:]))"
    )

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-c", code, str(site), *map(str, arguments)]
        return subprocess.run(call, capture_output=True, text=True, check=False, cwd=tmp_path)

    done = run("caption", tmp_path / "a.jpg", "--model", exported["float32"])
    expected = captioner.load_model(exported["float32"]).caption(tmp_path / "a.jpg").text
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{expected}\n", "")
    no_torch = "captioner: This needs torch; install the whole captioner, as its README says.\n"
    for call in (
        *(
            ("caption", "a.jpg", "--model", exported["tiny"]),
            ("folder", ".", "--model", exported["tiny"]),
        ),
        *(("evaluate", "--data", "x"), ("train", "x.toml", "--check"), ("serve", "--port", "0")),
    ):
        done = run(*call)
        assert (done.returncode, done.stderr) == (2, no_torch), call
