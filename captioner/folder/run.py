"""Captioning a whole collection: look through it, caption what has no caption, write."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.captions import Form, form_of
from captioner.errors import FolderError, OptionError
from captioner.files import writing
from captioner.folder.choice import ModelChoice
from captioner.folder.gallery import load_template, write_gallery
from captioner.folder.interrupts import Interrupts
from captioner.folder.journal import Journal
from captioner.folder.outputs import Again, FileOutput, Output, StandardOutput
from captioner.folder.progress import Progress
from captioner.folder.scan import STANDARD_INPUT, Scan, Shard, Source
from captioner.folder.sidecars import Sidecars
from captioner.folder.watch import Watch
from captioner.folder.xmp import embed
from captioner.images import Photo
from captioner.images.names import is_photo
from captioner.installed import find_model
from captioner.messages import Message, duration
from captioner.speed.cores import usable_cores

if TYPE_CHECKING:
    from captioner.folder.engine import Engine

STANDARD_OUTPUT = "-"
USUAL_OUTPUT = "captions.jsonl"
ENGINES = ("local", "ray")
SAVE_SECONDS = 1.0  # between two saves: what a kill costs at most
_MOST_WORKERS = 16
# Larger ones are no faster; on a CPU each of several threads has a batch, see `OneDevice`.
_BATCH = {"cpu": 32, "cuda": 128}


@dataclass(frozen=True)
class FolderOptions:
    """What is captioned, by what, and where the captions go.

    output: a .jsonl, .csv or .json file, `USUAL_OUTPUT` in the working folder if not given, "-" for
    standard output, or with `sidecar` the folder of the text files, which else lie beside the
    photos. sidecar_suffix: of these. existing: see `Sidecars`. trigger: a phrase before each
    caption. update: caption photos again that have changed. watch: go on with photos that are
    added, until Ctrl+C. html: a page that shows photos with their captions. embed: write captions
    into the photos' own metadata too, and where there is one do as `existing` says. batch: photos
    that a model takes at a time; workers: processes that open photos; both by the machine, if not
    given. engine: "local", or "ray" for the machines of a Ray cluster.
    """

    source: Source
    output: str | None = None
    model: ModelChoice = field(default_factory=ModelChoice)
    sidecar: bool = False
    sidecar_suffix: str = ".txt"
    existing: str = "skip"
    trigger: str = ""
    update: bool = False
    watch: bool = False
    html: Path | None = None
    embed: bool = False
    batch: int | None = None
    workers: int | None = None
    engine: str = "local"


@dataclass(frozen=True)
class Summary:
    """How a run ended.

    captioned: in this run. skipped: had a caption already. failed: how many photos of the whole
    output could not be read, and failures: the file that lists them. problems: what else was wrong,
    such as folders that could not be read. output: the file that holds the captions, if any.
    unmatched: patterns of names that matched nothing.
    """

    captioned: int
    skipped: int
    failed: int
    problems: int
    seconds: float
    failures: Path | None = None
    output: Path | None = None
    unmatched: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether all went well."""
        return not (self.failed or self.problems)

    def sentences(self) -> Iterator[Message]:
        """The summary in words."""
        counts = self.captioned, self.skipped, self.failed
        if self.captioned:
            yield Message(
                "{:,} captioned, {:,} skipped, {:,} failed; {}, {:.1f} photos a second.",
                *counts,
                duration(self.seconds),
                self.captioned / max(self.seconds, 1e-9),
            )
        else:
            yield Message("{:,} captioned, {:,} skipped, {:,} failed.", *counts)
        if not (self.captioned or self.skipped or self.failed):
            yield Message("No photo was found.")
        for pattern in self.unmatched:
            yield Message("Nothing matches '{}'.", pattern)
        if self.output:
            yield Message("The captions are in {}.", self.output)
        if self.failed and self.failures:
            yield Message("The failures are listed in {}.", self.failures)
        if self.problems:
            yield Message("Other problems, told above: {}.", self.problems)


def caption_folder(options: FolderOptions) -> Summary:
    """Caption all photos of a collection that have no caption yet.

    Progress goes to standard error, as does a sentence for each photo that fails. A run that was
    killed is gone on with by the same call: every photo has exactly one caption at the end.

    Raises FolderError where the photos cannot be looked through or the captions not be written,
    OptionError where options contradict each other, and what `load_model` raises.
    """
    form = _check(options)
    progress = Progress()
    scan = Scan(_source(options), progress.tell)
    with ExitStack() as stack:
        engine = _start_engine(options, stack)
        output = _open_output(options, form, engine, stack)
        stack.callback(output.close)
        stack.callback(progress.close)
        progress.start(() if options.watch else scan.silently())
        _work(options, scan, engine, output, progress)
        output.finish()
        if options.html:
            write_gallery(options.html, scan.silently(), output.journal)
        _, failed = output.journal.count()
        return Summary(
            progress.captioned, progress.skipped, failed, len(progress.problems),
            progress.seconds, output.failures, _output_path(options) if form else None,
            scan.unmatched,
        )  # fmt: skip


def _work(
    options: FolderOptions, scan: Scan, engine: Engine, output: Output, progress: Progress
) -> None:
    interrupts = Interrupts()

    def wanted() -> Iterator[Photo]:
        for photo in scan:
            if output.wants(photo):
                yield photo
            elif not options.watch:
                known = output.journal.find(photo.name)
                progress.skip(known is not None and known.failed)

    def caption(photos: Iterable[Photo]) -> None:
        saved = time.monotonic()
        for done in engine.caption(photos, output.journal.with_digest):
            with interrupts.held():
                embedded = embed(done, options.existing, progress.tell) if options.embed else done
                progress.add(output.write(embedded))
                if time.monotonic() - saved >= SAVE_SECONDS:
                    output.save()
                    saved = time.monotonic()
        with interrupts.held():
            output.save()

    with interrupts.heard():
        try:
            if not options.watch:
                return caption(wanted())
            watch = Watch(wanted)
            while True:
                caption(watch.look())
                time.sleep(watch.pause)
        except KeyboardInterrupt:
            with interrupts.held():
                output.save()
            if not options.watch:
                raise


def _check(options: FolderOptions) -> Form | None:
    """What could stop a run at its end stops it before it begins. Returns the output's form."""
    for name, value in (("batch", options.batch), ("workers", options.workers)):
        if value is not None and value < 1:
            raise OptionError("{} must be 1 or more, not {}.", name, value)
    _check_together(options)
    if options.html:
        load_template()
        if not os.path.isdir(options.html.parent):
            raise OptionError(
                "There is no folder {} for {}.", options.html.parent, options.html.name
            )
    if options.sidecar:
        if options.output == STANDARD_OUTPUT:
            raise OptionError("Text files beside the photos cannot go to standard output.")
        return None
    if options.output == STANDARD_OUTPUT:
        return None
    path = _output_path(options)
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise FolderError("{} is not an ordinary file.", path)
    form = form_of(path, options.model.options.all()["top"])
    if len(options.model.languages) > 1 and not form.holds_languages:
        raise OptionError("{} holds one caption of a photo: give one language.", path.name)
    return form


def _check_together(options: FolderOptions) -> None:
    """Whether the options go with each other."""
    if options.engine not in ENGINES:
        raise OptionError("engine must be one of {}, not '{}'.", ", ".join(ENGINES), options.engine)
    if options.watch and options.source.path == STANDARD_INPUT:
        raise OptionError("A list on standard input cannot be watched.")
    if options.watch and options.engine == "ray":
        raise OptionError("A Ray cluster cannot watch: it captions what there is.")
    if options.existing != "skip" and not (options.sidecar or options.embed):
        raise OptionError(
            "existing '{}' does nothing without sidecar or embed: no text of a photo is touched.",
            options.existing,
        )
    suffix = options.sidecar_suffix
    if suffix != ".txt" and not options.sidecar:
        raise OptionError("sidecar_suffix goes with sidecar.")
    if not re.fullmatch(r"\.[A-Za-z0-9_-]{1,16}", suffix) or is_photo(f"photo{suffix}"):
        raise OptionError("sidecar_suffix must be such as .txt or .caption, not '{}'.", suffix)


def _source(options: FolderOptions) -> Source:
    """Beside a photo inside an archive there is no place for a text."""
    beside = options.sidecar and options.output is None
    return replace(options.source, archives=False) if beside else options.source


def _start_engine(options: FolderOptions, stack: ExitStack) -> Engine:
    find_model(options.model.name, next(iter(options.model.languages), None))
    # Only now, when all that could be wrong with the call has been looked at: torch takes seconds.
    import torch

    batch = options.batch or _BATCH["cuda" if torch.cuda.is_available() else "cpu"]
    if options.engine == "ray":
        from captioner.folder.cluster import RayEngine

        cluster = RayEngine(options.model, batch, options.trigger)
        stack.callback(cluster.close)
        return cluster
    from captioner.folder.devices import start_devices
    from captioner.folder.engine import LocalEngine
    from captioner.folder.opening import Opener

    opener = stack.enter_context(Opener(options.workers or min(usable_cores(), _MOST_WORKERS)))
    devices = start_devices(options.model)
    stack.callback(devices.close)
    return LocalEngine(opener, devices, batch, options.trigger)


def _open_output(
    options: FolderOptions, form: Form | None, engine: Engine, stack: ExitStack
) -> Output:
    again = Again(changed=options.update, failed=options.watch)
    if options.output == STANDARD_OUTPUT:
        return StandardOutput(again)
    photos = options.source.path
    settings = {
        "photos": photos if photos == STANDARD_INPUT else str(Path(photos).resolve()),
        "model": engine.model,
        "language": ",".join(engine.languages),
        "trigger": options.trigger,
        **options.model.options.all(),
    }
    if form:
        path = _output_path(options)
        journal = stack.enter_context(closing(Journal(path.with_name(f"{path.name}.journal"))))
        return FileOutput(path, form, journal, again, settings)
    root = Path(options.output) if options.output else None
    home = _home(root, photos)
    part = _part(options.source.shard)
    journal = Journal(home / f".captioner{part}.journal" if home else None)
    stack.callback(journal.close)
    failures = home / f"captioner{part}.failed.jsonl" if home else None
    return Sidecars(
        journal, again, root=root, existing=options.existing, suffix=options.sidecar_suffix,
        failures=failures, settings=settings,
    )  # fmt: skip


def _home(root: Path | None, photos: str) -> Path | None:
    """The folder of what belongs to no single text; none where the photos have no common one."""
    if root:
        with writing(root, FolderError):
            root.mkdir(parents=True, exist_ok=True)
        return root
    if photos == STANDARD_INPUT:
        return None
    return Path(photos) if os.path.isdir(photos) else Path(photos).parent


def _output_path(options: FolderOptions) -> Path:
    """The output; each shard's has another name, so that all can be written at the same time."""
    path = Path(options.output or USUAL_OUTPUT)
    return path.with_name(f"{path.stem}{_part(options.source.shard)}{path.suffix}")


def _part(shard: Shard | None) -> str:
    return f".{shard.number}-of-{shard.count}" if shard else ""
