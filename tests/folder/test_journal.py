"""What a run remembers on disk."""

from pathlib import Path

import pytest

from captioner.captions import Alternative, Row
from captioner.errors import FolderError
from captioner.folder.journal import Journal, Known
from captioner.messages import Message

DOG = Row("dog.jpg", "a dog", "en", -3.0, -1.5, "m", (Alternative("a ball", -4.0, -2.0),))
HUND = Row("dog.jpg", "ein Hund", "de")
BAD = Row("caf\udce9.jpg", error=Message("it is empty."))


def test_rows_are_found_by_name_and_by_digest(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.put([DOG, HUND], "1 2", b"digest") is False
    assert journal.put([BAD], "", None) is False
    journal.commit(length=7)
    journal.close()
    journal = Journal(tmp_path / "j")
    assert journal.find("dog.jpg") == Known("1 2", False)
    assert journal.find(BAD.image) == Known("", True)
    assert journal.find("cat.jpg") is None
    assert journal.rows_of("dog.jpg") == journal.with_digest(b"digest") == (DOG, HUND)
    assert journal.rows_of("cat.jpg") == journal.with_digest(b"other") == ()
    assert list(journal.rows()) == [DOG, HUND, BAD]
    assert list(journal.failures()) == [BAD]
    assert journal.count() == (2, 1)
    assert journal.fact("length") == 7
    assert journal.fact("tail") is None


def test_what_was_not_committed_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.put([DOG, HUND], "", None)
    journal.close()
    assert Journal(tmp_path / "j").count() == (0, 0)


def test_a_second_row_of_a_photo_replaces_the_first_and_comes_last(tmp_path: Path) -> None:
    journal = Journal(None)
    journal.put([DOG, HUND], "1", b"d")
    journal.put([BAD], "2", None)
    new = Row("dog.jpg", "a cat")
    assert journal.put([new], "3", b"e") is True
    assert list(journal.rows()) == [BAD, new]
    assert journal.with_digest(b"d") == ()
    journal.clear()
    assert journal.count() == (0, 0)


def test_only_one_run_at_a_time(tmp_path: Path) -> None:
    Journal(tmp_path / "j").close()
    journal = Journal(tmp_path / "j")
    for _ in range(2):
        with pytest.raises(FolderError, match="Another run is writing the same captions"):
            Journal(tmp_path / "j")
        journal.commit(length=1)
    journal.remove()
    assert not (tmp_path / "j").exists()
    Journal(tmp_path / "j").close()


def test_a_journal_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"not a database" * 99)
    with pytest.raises(FolderError, match="is damaged: delete it together with the captions"):
        Journal(tmp_path / "j")
    with pytest.raises(FolderError, match="cannot be written"):
        Journal(tmp_path / "nowhere" / "j")
