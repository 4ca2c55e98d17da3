"""The model that ships, on real photos."""

import subprocess
import sys
from pathlib import Path

import pytest

import captioner
from captioner.datasets import read_dataset
from captioner.images import Photo
from captioner.metrics import score
from captioner.text import tokenizer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model() -> captioner.Captioner:
    if not captioner.available_models():
        pytest.skip("no model in weights/")
    return captioner.load_model()


@pytest.mark.parametrize(("language", "cider", "bleu_4"), [("en", 45, 17), ("zh", 50, 15)])
def test_dev_photos_score_as_the_model_card_says(
    model: captioner.Captioner, shared: Path, language: str, cider: float, bleu_4: float
) -> None:
    """A hundred photos, so well below the floor of the whole split, and far above nonsense."""
    dataset = read_dataset(shared / "flickr8k", "flickr8k", language=language)
    records = dataset.split("val").records[:100]
    photos = (record.photo for record in records)
    texts = [
        caption.text
        for _, caption in model.in_language(language).caption_each(photos, opener=Photo.open)
        if isinstance(caption, captioner.Caption)
    ]
    scores = score(texts, [record.captions for record in records], tokenizer(language).tokenize)
    assert len(texts) == 100
    assert scores.cider > cider
    assert scores.bleu_4 > bleu_4


def test_large_photos_of_any_shape_are_described(model: captioner.Captioner, shared: Path) -> None:
    photos = sorted((shared / "coco_mini" / "train2017").glob("*.jpg"))[:4]
    for caption in model.caption_batch(photos):
        assert 3 <= len(caption.tokens) <= 20


def test_a_built_wheel_works_outside_the_repository(
    model: captioner.Captioner, tmp_path: Path
) -> None:
    """The wheel is unpacked elsewhere and used with this environment's libraries."""
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "-qq", "--no-deps", "--target", site, wheel]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    code = (
        "import captioner; from pathlib import Path; m = captioner.load_model();"
        "print(Path(captioner.__file__).parent, m.name, *m.in_language('zh').languages);"
        "from captioner.messages import translate; print(ascii(translate('stopped.', 'zh')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(site)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(site / "captioner"),
        model.name,
        "en",
        "zh",
        ascii("已停止。"),
    ]
