"""Photos that arrive together: in one batch, and each with its own caption."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from captioner import Captioner, CaptionOptions
from captioner.errors import CaptionerError, OptionError
from captioner.ui import batching
from captioner.ui.batching import Batcher, Job, work_through

Draw = Callable[[str], Path]


@pytest.fixture
def photos(draw: Draw) -> list[Image.Image]:
    return [Image.open(draw(f"{number}.png")) for number in range(6)]


def job(captioner: Captioner, photo: Image.Image, options: CaptionOptions) -> Job:
    return Job(captioner, options, photo, attention=True)


VARIED = [
    CaptionOptions(),
    CaptionOptions(beam=1, top=1),
    CaptionOptions(avoid=("dog",)),
    CaptionOptions(require=("ball",)),
    CaptionOptions(seed=5),
    CaptionOptions(seed=5, top=2),
]


def test_photos_with_different_options_are_described_as_if_alone(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    jobs = [job(tiny, photo, options) for photo, options in zip(photos, VARIED, strict=True)]
    # The first again, in company of its own kind.
    jobs += [job(tiny, photo, VARIED[0]) for photo in photos]
    work_through(jobs)

    for done, photo in zip(jobs, [*photos, *photos], strict=True):
        caption, _ = done.result.result(timeout=0)
        expected = tiny.caption(photo, done.options, attention=True)
        assert caption.text == expected.text
        assert caption.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
        assert [o.text for o in caption.alternatives] == [o.text for o in expected.alternatives]
        torch.testing.assert_close(caption.attention, expected.attention, rtol=0, atol=1e-4)


def test_the_same_seed_gives_the_same_draw_in_any_company(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    options = CaptionOptions(seed=3, temperature=2.0, top=5)
    jobs = [job(tiny, photos[0], options) for _ in range(3)]
    work_through(jobs)
    texts = [
        [c.text for c in (own.result.result()[0], *own.result.result()[0].alternatives)]
        for own in jobs
    ]
    assert texts[0] == texts[1] == texts[2]
    assert len(set(texts[0])) > 1


def calls_of(captioner: Captioner, monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """The sizes of the batches with which a method of the captioner is called."""
    sizes: list[int] = []
    own = getattr(captioner, name)

    def counted(batch: Any, *rest: Any, **options: Any) -> Any:
        sizes.append(len(batch))
        return own(batch, *rest, **options)

    monkeypatch.setattr(captioner, name, counted)
    return sizes


def test_what_belongs_together_is_one_batch(
    tiny: Captioner, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = calls_of(tiny, monkeypatch, "encode")
    described = calls_of(tiny, monkeypatch, "describe")
    jobs = [
        job(tiny, photo, CaptionOptions(beam=1 + number % 2)) for number, photo in enumerate(photos)
    ]
    work_through(jobs)
    assert encoded == [8]  # filled up to a power of two
    assert described == [3, 3]


def test_what_has_been_seen_is_not_encoded_again(
    tiny: Captioner, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = job(tiny, photos[0], CaptionOptions())
    work_through([first])
    _, seen = first.result.result()
    encoded = calls_of(tiny, monkeypatch, "encode")
    again = Job(tiny, CaptionOptions(beam=2), seen=seen)
    work_through([again, job(tiny, photos[1], CaptionOptions())])
    assert encoded == [1]
    assert again.result.result()[0].text == tiny.caption(photos[0], beam=2).text


def test_maps_are_drawn_only_where_they_are_wanted(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    jobs = [
        Job(tiny, CaptionOptions(), photo, attention=n % 2 > 0) for n, photo in enumerate(photos)
    ]
    work_through(jobs)
    assert [own.result.result()[0].attention is not None for own in jobs] == [False, True] * 3


def test_a_mistake_of_one_leaves_the_others(tiny: Captioner, photos: list[Image.Image]) -> None:
    wrong = job(tiny, photos[0], CaptionOptions(require=("unheard-of",)))
    broken = replace(job(tiny, photos[1], CaptionOptions()), captioner=None)
    right = job(tiny, photos[2], CaptionOptions())
    work_through([wrong, broken, right])

    with pytest.raises(OptionError, match="unheard-of"):
        wrong.result.result()
    with pytest.raises(AttributeError):
        broken.result.result()
    assert right.result.result()[0].text == tiny.caption(photos[2]).text


@pytest.mark.parametrize(("most", "sizes"), [(32, [1, 4, 1]), (2, [1, 2, 2, 1])])
def test_what_waits_while_the_model_works_is_what_it_does_next(
    most: int,
    sizes: list[int],
    tiny: Captioner,
    photos: list[Image.Image],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As much of it as makes a power of two, of which the rest is no exception."""
    batches: list[int] = []
    started, go_on = threading.Event(), threading.Event()
    own = batching.work_through

    def slow(jobs: list[Job]) -> None:
        batches.append(len(jobs))
        started.set()
        assert go_on.wait(60)
        own(jobs)

    monkeypatch.setattr(batching, "work_through", slow)
    monkeypatch.setattr(batching, "MOST", most)
    batcher = Batcher()
    results = [batcher.submit(one_of_many(tiny, photos[0]))]
    assert started.wait(60)
    results += [batcher.submit(one_of_many(tiny, photo)) for photo in photos[1:]]
    go_on.set()

    texts = [result.result(timeout=60)[0].text for result in results]

    assert batches == sizes
    assert texts == [tiny.caption(photo).text for photo in photos]


def test_a_batch_is_a_power_of_two_or_nearly_so() -> None:
    sizes = [batching.batch_size(count) for count in range(1, 17)]
    assert sizes == [1, 2, 3, 4, 4, 6, 7, 8, 8, 8, 8, 12, 13, 14, 15, 16]


def test_threads_that_have_nothing_to_do_share_what_waits(
    tiny: Captioner, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "FEWEST", 3)
    lane = batching._Lane(workers=2)

    def put(count: int) -> None:
        for _ in range(count):
            lane.put(one_of_many(tiny, photos[0]))

    put(6)
    assert [len(lane.next()), len(lane.next())] == [3, 3]
    lane.done()
    put(6)  # the other thread is still at work
    assert len(lane.next()) == 6
    lane.done()
    lane.done()
    put(4)  # too few to be divided
    assert len(lane.next()) == 4


def one_of_many(captioner: Captioner, photo: Image.Image) -> Job:
    return replace(job(captioner, photo, CaptionOptions()), many=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_photo_is_answered_while_the_model_works_at_many(
    workers: int, tiny: Captioner, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_many, go_on = threading.Event(), threading.Event()
    own = batching.work_through

    def slow(jobs: list[Job]) -> None:
        if jobs[0].many:
            at_many.set()
            assert go_on.wait(60)
        own(jobs)

    monkeypatch.setattr(batching, "work_through", slow)
    batcher = Batcher(workers)
    many = [batcher.submit(one_of_many(tiny, photo)) for _ in range(6) for photo in photos]
    assert at_many.wait(60)
    for photo in photos:
        one = batcher.submit(job(tiny, photo, CaptionOptions()))
        assert one.result(timeout=60)[0].text == tiny.caption(photo).text
    assert not any(result.done() for result in many)
    go_on.set()
    for result in many:
        result.result(timeout=60)


def test_nothing_ends_the_models_thread(
    tiny: Captioner, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    batcher, own = Batcher(), batching.work_through
    for mistake in (SystemExit("x"), RecursionError("x"), KeyboardInterrupt(), TypeError("x")):

        def fail(jobs: list[Job], mistake: BaseException = mistake) -> None:
            raise mistake

        monkeypatch.setattr(batching, "work_through", fail)
        with pytest.raises(type(mistake)):
            batcher.submit(job(tiny, photos[0], CaptionOptions())).result(timeout=60)
    monkeypatch.setattr(batching, "work_through", own)
    unhashable = replace(job(tiny, photos[0], CaptionOptions()), options={})
    with pytest.raises((TypeError, AttributeError)):
        batcher.submit(unhashable).result(timeout=60)

    caption, _ = batcher.submit(job(tiny, photos[0], CaptionOptions())).result(timeout=60)

    assert caption.text == tiny.caption(photos[0]).text
    assert caplog.text.count("The model's thread goes on after a mistake.") >= 4


def test_a_closed_page_does_no_more(tiny: Captioner, photos: list[Image.Image]) -> None:
    batcher = Batcher()
    batcher.close()
    with pytest.raises(CaptionerError, match=r"^The page is being closed\.$"):
        batcher.submit(job(tiny, photos[0], CaptionOptions())).result(timeout=60)
