"""Splits by name and by share."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.datasets.splits import share_out, split_called

NAMES = [f"photos/{number}.jpg" for number in range(10_000)]


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("restval", "train"), ("Training", "train"), ("val", "val"),
     (" dev", "val"), ("validation", "val"), ("test", "test"), ("trainval", None), ("", None)],
)  # fmt: skip
def test_splits_go_by_the_usual_names(word: str, split: str | None) -> None:
    assert split_called(word) == split


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_the_share_is_kept(share: float) -> None:
    splits = share_out(NAMES, val_share=share)
    deviation = (share * (1 - share) * len(NAMES)) ** 0.5
    assert abs(list(splits.values()).count("val") - share * len(NAMES)) <= 4 * deviation


def test_the_choice_is_the_same_on_every_computer() -> None:
    val = [name for name, split in share_out(NAMES[:200]).items() if split == "val"]
    twentieth = int(2**256 * 0.05)
    expected = [
        n for n in NAMES[:200] if int(hashlib.sha256(n.encode()).hexdigest(), 16) < twentieth
    ]
    assert val == expected
    assert expected


@given(st.sets(st.text(min_size=1)), st.sets(st.text(min_size=1)), st.floats(0, 0.99))
def test_a_photo_stays_where_it_is_when_others_come(
    first: set[str], more: set[str], share: float
) -> None:
    before, after = share_out(first, val_share=share), share_out(first | more, val_share=share)
    assert {name: after[name] for name in first} == before


@given(st.sets(st.text(min_size=1)), st.floats(0, 0.5))
def test_a_larger_share_only_adds(names: set[str], share: float) -> None:
    small, large = share_out(names, val_share=share), share_out(names, val_share=2 * share)
    assert all(large[name] == "val" for name in names if small[name] == "val")


def test_a_known_split_is_that_of_all() -> None:
    assert set(share_out(NAMES, "test").values()) == {"test"}
