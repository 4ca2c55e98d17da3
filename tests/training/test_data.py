"""What a run reads: sources mixed by weight, batches that depend on seed and epoch alone."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captioner.errors import DatasetError
from captioner.text import END, START
from captioner.training import Recipe, read_recipe
from captioner.training.data import Batch, TrainingData, take

RECIPE = """
name = "x"
[data]
min_count = 1
max_words = 4
{sources}
[encoder]
name = "resnet18"
[preprocessing]
size = 8
[[phases]]
name = "only"
epochs = 1
learning_rate = 1
"""


def source(root: Path, name: str, photos: int, **keys: object) -> dict[str, object]:
    """Write a source of so many one-colour photos with a caption of its own for each."""
    (root / name).mkdir(exist_ok=True)
    rows = []
    for number in range(photos):
        Image.new("RGB", (8, 8), (number, len(name), 0)).save(root / name / f"{number}.png")
        rows.append({"image": f"{number}.png", "caption": f"{name} photo {number}"})
    (root / name / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"format": "jsonl", "path": f"{name}/captions.jsonl", "split": "train", **keys}


def recipe(root: Path, *sources: dict[str, object]) -> Recipe:
    lines = []
    for each in (*sources, source(root, "dev", 2, split="val")):
        lines += ["[[data.sources]]", *(f"{key} = {json.dumps(v)}" for key, v in each.items())]
    (root / "x.toml").write_text(RECIPE.format(sources="\n".join(lines)))
    return read_recipe(root / "x.toml", [f"data.root={root}"])


def data(root: Path, *sources: dict[str, object]) -> TrainingData:
    return TrainingData(recipe(root, *sources), root / "cache")


def epoch(data: TrainingData, number: int, batch: int = 1, seed: int = 0) -> list[Batch]:
    return list(data.batches(batch, 1, torch.Generator().manual_seed(seed), number))


def shown(data: TrainingData, batches: list[Batch]) -> Counter[str]:
    """Photos by folder and name, counted over batches."""
    records = [data.train.records[row] for batch in batches for row in batch.rows.tolist()]
    return Counter(f"{Path(r.photo.path).parent.name}/{r.name}" for r in records)


@pytest.fixture
def mixed(tmp_path: Path) -> TrainingData:
    return data(
        tmp_path,
        source(tmp_path, "once", 6),
        source(tmp_path, "half", 4, weight=0.5),
        source(tmp_path, "twice", 5, weight=2.0),
    )


def test_photos_come_as_often_as_their_source_weighs(mixed: TrainingData) -> None:
    first, second = (shown(mixed, epoch(mixed, number)) for number in (0, 1))
    for counts in (first, second):
        assert [counts[f"once/{n}.png"] for n in range(6)] == [1] * 6
        assert [counts[f"twice/{n}.png"] for n in range(5)] == [2] * 5
        assert sum(counts[f"half/{n}.png"] for n in range(4)) == 2
    both = first + second
    assert [both[f"half/{n}.png"] for n in range(4)] == [1] * 4


def test_every_batch_is_full_and_there_are_as_many_as_said(mixed: TrainingData) -> None:
    assert mixed.steps(4) == 18 // 4
    for number in range(3):
        assert [len(batch.rows) for batch in epoch(mixed, number, batch=4)] == [4] * 4


def test_an_epoch_depends_on_its_number_and_the_seed_alone(mixed: TrainingData) -> None:
    def same(one: list[Batch], other: list[Batch]) -> bool:
        pairs = zip(one, other, strict=True)
        return all(torch.equal(a.rows, b.rows) for a, b in pairs)

    for number in (2, 0, 1):  # as after an interruption: no epoch before it was drawn
        one, other = epoch(mixed, number, 4, seed=number), epoch(mixed, number, 4, seed=number)
        assert same(one, other)
        assert all(torch.equal(a.captions, b.captions) for a, b in zip(one, other, strict=True))
        assert not same(one, epoch(mixed, number, 4, seed=number + 1))


def test_photos_keep_their_own_captions(mixed: TrainingData) -> None:
    for batch in epoch(mixed, 0, batch=3):
        for row, caption in zip(batch.rows.tolist(), batch.captions.tolist(), strict=True):
            own = mixed.train.records[row].captions[0].split()
            assert list(mixed.vocabulary.decode(caption)) == own


def test_references_are_the_captions_with_their_end_whichever_way_they_are_read(
    tmp_path: Path,
) -> None:
    some = source(tmp_path, "some", 3)
    captions = tmp_path / "some" / "captions.jsonl"
    more = {"image": "2.png", "caption": "one two three four five"}
    wordless = {"image": "0.png", "caption": " ... !"}
    lines = captions.read_text().replace("some photo 1", "!") + json.dumps(more)
    captions.write_text(f"{lines}\n{json.dumps(wordless)}\n")
    found = data(tmp_path, some)
    ahead, back = found.references(), found.references(backward=True)
    sentences = [[found.vocabulary.decode(c) for c in group] for group in ahead]
    expected = [["some photo 0"], [""], ["some photo 2", "one two three four"]]
    assert [[" ".join(words) for words in group] for group in sentences] == expected
    turned = [[found.vocabulary.decode(c)[::-1] for c in group] for group in back]
    assert turned == sentences
    assert {c[-1] for group in (*ahead, *back) for c in group} == {END}


def test_without_weights_the_order_is_a_plain_permutation(tmp_path: Path) -> None:
    plain = data(tmp_path, source(tmp_path, "once", 9))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(5))
    found = epoch(plain, 3, batch=9, seed=5)
    assert found[0].rows.tolist() == order.sort().values.tolist()
    first = next(plain.batches(2, 1, torch.Generator().manual_seed(5), 3))
    assert first.rows.tolist() == sorted(order[:2].tolist())


def test_a_photo_without_words_is_never_shown(tmp_path: Path) -> None:
    some = source(tmp_path, "some", 3)
    captions = tmp_path / "some" / "captions.jsonl"
    captions.write_text(captions.read_text().replace("some photo 1", " ... !"))
    worded = data(tmp_path, some)
    assert shown(worded, epoch(worded, 0)).keys() == {"some/0.png", "some/2.png"}


def test_weights_that_leave_nothing_and_a_missing_split_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="leaves an epoch no photo"):
        data(tmp_path, source(tmp_path, "rare", 3, weight=0.1))
    with pytest.raises(DatasetError, match=r"no photo in the train split; .*`val_share`"):
        data(tmp_path, source(tmp_path, "dev2", 3, split="val"))


def test_a_share_of_a_source_without_splits_evaluates(tmp_path: Path) -> None:
    whole = source(tmp_path, "whole", 40, val_share=0.5)
    del whole["split"]
    found = data(tmp_path, whole)
    train = {record.name for record in found.train.records}
    val = {r.name for r in found.val.records if Path(r.photo.path).parent.name == "whole"}
    assert train | val == {f"{number}.png" for number in range(40)}
    assert train
    assert val
    assert not train & val


def test_photos_with_too_few_captions_can_be_left_out(tmp_path: Path) -> None:
    some = source(tmp_path, "some", 5)
    captions = tmp_path / "some" / "captions.jsonl"
    lines = captions.read_text().splitlines()
    captions.write_text("\n".join([*lines, lines[1], lines[3], lines[3]]))
    whole = data(tmp_path, some)
    twice, thrice = whole.with_captions(2), whole.with_captions(3)
    assert whole.with_captions(1) is whole
    assert shown(twice, epoch(twice, 0)).keys() == {"some/1.png", "some/3.png"}
    assert shown(thrice, epoch(thrice, 0)).keys() == {"some/3.png"}
    assert np.array_equal(twice.train.pixels[0:2], whole.train.pixels[[1, 3]])
    assert np.array_equal(take(twice.train.pixels, torch.tensor([1]))[0], whole.train.pixels[3])
    assert len({own.train.key for own in (whole, twice, thrice)}) == 3
    with pytest.raises(DatasetError, match="has 4 captions"):
        whole.with_captions(4)


def test_no_caption_counts_more_for_being_the_only_one(tmp_path: Path) -> None:
    some = source(tmp_path, "some", 3)
    captions = tmp_path / "some" / "captions.jsonl"
    first = captions.read_text().splitlines()[0]
    captions.write_text(captions.read_text() + first.replace("photo 0", "photo 9"))
    found = data(tmp_path, some)
    (batch,) = found.batches(3, 4, torch.Generator().manual_seed(0), 0)
    words = (batch.captions > START).sum(dim=1).view(3, -1)
    assert (words > 0).sum(dim=1).tolist() == [2, 1, 1]
    assert words.shape == (3, 2)  # no photo has more


def test_sentences_without_photos_come_one_by_one(tmp_path: Path) -> None:
    found = data(tmp_path, source(tmp_path, "some", 3))
    (tmp_path / "a.txt").write_text("some photo 2\n\nphoto some unheard\n")
    (tmp_path / "b.txt").write_text("photo photo photo photo photo photo")
    text = found.without_photos([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (len(found), len(text), text.steps(2)) == (3, 3, 1)
    batches = text.batches(1, 5, torch.Generator().manual_seed(0), 0)
    sentences = {" ".join(found.vocabulary.decode(*batch.captions.tolist())) for batch in batches}
    assert sentences == {"some photo 2", "photo some <unk>", "photo photo photo photo"}
    with pytest.raises(DatasetError, match="no sentence"):
        found.without_photos([])


def test_forms_of_a_word_are_known_by_the_numbers_of_both(tmp_path: Path) -> None:
    known = data(tmp_path, source(tmp_path, "dogs", 2), source(tmp_path, "dog", 3))
    number = known.vocabulary.number
    assert known.base_forms() == {number("dogs"): number("dog")}


def test_words_count_as_often_as_their_photos_come(mixed: TrainingData) -> None:
    found = mixed.frequencies()
    batches = epoch(mixed, 0) + epoch(mixed, 1)
    drawn = Counter(number for batch in batches for number in batch.captions.flatten().tolist())
    words = range(4, len(mixed.vocabulary))
    assert [2 * found[word].item() for word in words] == [drawn[word] for word in words]
