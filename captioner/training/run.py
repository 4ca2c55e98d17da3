"""One training run: read the data, train each phase, keep the best model.

    captioner train configs/base-en.toml
    captioner train configs/base-en.toml --set data.root=photos --set phases.0.epochs=3
    torchrun --nproc-per-node=4 -m captioner train configs/base-en.toml     on several GPUs

The same command goes on where an interrupted run stopped; `run_folder.py` says what lies there.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from captioner.errors import TrainingError
from captioner.installed import model_folder, writes_not
from captioner.messages import Message
from captioner.model import (
    CaptioningModel,
    ModelConfig,
    languages_of,
    load_decoder,
    load_encoder,
    load_pretrained,
)
from captioner.speed.depthwise import speed_up_depthwise
from captioner.text import Trigrams, Vocabulary, units
from captioner.training.adjustment import adjust_logits
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers, join
from captioner.training.features import features_of
from captioner.training.phase import PhaseRun, score
from captioner.training.pictures import Board, same_photos, save_contact_sheet
from captioner.training.recipe import OF_MODEL, Phase, Recipe
from captioner.training.run_folder import RunFolder
from captioner.training.trigrams import seen_trigrams

log = logging.getLogger(__name__)


def train(recipe: Recipe, out: Path, device: torch.device | str | None = None) -> Path:
    """Train as the recipe says, below `out`; returns the finished model folder.

    Raises RecipeError where `out` holds a run of another recipe, DatasetError and ModelError where
    data or weights cannot be read, TrainingError where the disk is full, the memory is too small or
    the loss is no longer a number, CaptionerError where `out` cannot be written.
    """
    with join(device) as workers:
        folder = RunFolder(out, recipe, workers)
        torch.manual_seed(recipe.seed)
        data = workers.in_turn(lambda: TrainingData(recipe, folder.cache))
        folder.check_captions(data.records)
        log.info(data.summary())
        folder.tell_of_languages()
        parts = [_data_of(phase, data, recipe) for phase in recipe.phases]
        model = _first_model(recipe, data.vocabulary, workers)
        step = partial(_step, recipe, parts, folder)
        board = Board(out / "tensorboard", step(), workers.first)
        checkpoint = folder.read_last(model)

        for index in range(folder.progress.phase, len(parts)):
            phase, part = recipe.phases[index], parts[index]
            if index > folder.progress.phase:  # each phase starts from the best model so far
                folder.begin_phase(index)
                folder.load_best(model)
                checkpoint = {}
            with _enough_memory(phase):
                features = features_of(phase, part, model, folder.cache, workers)
                run = PhaseRun(
                    phase, model, part, features, workers=workers, seed=recipe.seed, index=index
                )
                if checkpoint:
                    with folder.restoring():
                        run.stepper.restore(checkpoint)
                _train_phase(run, folder, board, step)

        board.close()
        folder.load_best(model)
        with _enough_memory(recipe.phases[-1]):
            _take_mean(recipe.phases[-1], model, parts[-1], folder)
            if recipe.logit_adjustment:
                adjust_logits(model, data.frequencies(), recipe.logit_adjustment)
            rounded = copy.deepcopy(model).half().float()  # as the model is published
            trigrams: Trigrams | None = None
            if recipe.unseen_penalty:
                trigrams = seen_trigrams(recipe, data.records, data.vocabulary)
            scored = score(rounded, data, None, workers, trigrams)
        return folder.publish(model, data.vocabulary, scored, trigrams)


def _train_phase(run: PhaseRun, folder: RunFolder, board: Board, step: Callable[[], int]) -> None:
    """Train the epochs that are not done yet."""
    phase, photos = run.phase, run.data.val
    rows = same_photos([record.name for record in photos.records])
    while folder.progress.epoch < phase.epochs:
        number = folder.progress.epoch
        if phase.patience and number - folder.progress.best_epoch > phase.patience:
            break
        with closing(run.epoch(number, folder.progress.so_far)) as steps:
            for so_far, value in steps:
                folder.progress = replace(folder.progress, so_far=so_far)
                if so_far.steps % 10 == 0:
                    board.add("train", {run.shown: value}, step())
                    board.add("rate", run.stepper.rates(), step())
                folder.save_if_due(run.stepper.tensors)

        scored = run.score()
        row = run.row(number, folder.progress.so_far, scored)
        folder.end_epoch(scored.val.scores.cider, dict(run.stepper.averaged.state_dict()))
        folder.add_row(row)
        log.info(_scores(row, folder.progress.best))
        board.add("dev", scored.row(), step())
        if run.workers.first:
            title = f"{folder.progress.rows:03}-{phase.name}-{number + 1}"
            sheets = folder.path / "samples"
            save_contact_sheet(sheets, title, photos, scored.val.captions, rows)
        folder.save_last(run.stepper.tensors)


def _step(recipe: Recipe, parts: Sequence[TrainingData], folder: RunFolder) -> int:
    """Steps of the whole run so far, counting phases that ended early as if they had not."""
    progress = folder.progress
    steps = [part.steps(p.batch_size) for p, part in zip(recipe.phases, parts, strict=True)]
    earlier = sum(steps[i] * recipe.phases[i].epochs for i in range(progress.phase))
    return earlier + steps[progress.phase] * progress.epoch + progress.so_far.steps


def _take_mean(phase: Phase, model: CaptioningModel, data: TrainingData, folder: RunFolder) -> None:
    """Take the mean of the best epochs' weights where it scores better than the best epoch."""
    epochs = folder.kept_epochs
    if len(epochs) < 2:
        return
    folder.load_mean(model)
    features = features_of(phase, data, model, folder.cache, folder.workers)
    scored = score(model, data, features, folder.workers)
    row = {"phase": f"mean of {len(epochs)} epochs", "epochs": epochs, **scored.row()}
    folder.add_row(row)
    log.info(_scores(row, folder.progress.best))
    if scored.val.scores.cider <= folder.progress.best:
        folder.load_best(model)


def _data_of(phase: Phase, data: TrainingData, recipe: Recipe) -> TrainingData:
    """What a phase trains on."""
    if phase.sentences:
        return data.without_photos([recipe.path(name) for name in phase.sentences])
    return data.with_captions(phase.min_captions)


def _first_model(recipe: Recipe, vocabulary: Vocabulary, workers: Workers) -> CaptioningModel:
    """The model with its first weights, on this worker's device."""
    config = ModelConfig(
        recipe.encoder.config,
        recipe.decoder.config,
        recipe.preprocessing,
        recipe.data.language,
        len(vocabulary),
        recipe.data.unit or units(recipe.data.language)[0],
    )
    model = CaptioningModel(config)
    workers.in_turn(lambda: _load_weights(model, recipe, vocabulary))
    model.to(workers.device).to(memory_format=torch.channels_last)
    if workers.device.type == "cpu":
        speed_up_depthwise(model.encoder)
    return model


def _load_weights(model: CaptioningModel, recipe: Recipe, vocabulary: Vocabulary) -> None:
    source, encoder = recipe.encoder.weights, recipe.encoder.config
    if source.startswith(OF_MODEL):
        load_encoder(model.encoder, encoder, model_folder(source.removeprefix(OF_MODEL)))
    elif source != "random":
        file = source if source == "torchvision" else str(recipe.path(source))
        load_pretrained(model.encoder, encoder, file)
    source = recipe.decoder.weights
    if source != "random":
        folder = model_folder(source.removeprefix(OF_MODEL))
        known, wanted = languages_of(folder), recipe.decoder.weights_language
        if wanted and wanted not in known:
            raise writes_not(folder.name, known, wanted)
        language = wanted or recipe.data.language
        load_decoder(model.decoder, recipe.decoder.config, vocabulary, folder, language)


def _scores(row: Mapping[str, Any], best: float) -> Message:
    """A row of `metrics.jsonl` as one line."""
    phase = row["phase"]
    if "epoch" in row:
        phase = Message("{}, epoch {}", phase, row["epoch"])
    if "epochs" in row:
        phase = Message("mean of {} epochs", len(row["epochs"]))
    scores = row["cider"], row["bleu_4"], best
    line = Message("dev CIDEr {:.1f}, BLEU-4 {:.1f} (best CIDEr {:.1f})", *scores)
    if "held_out_cider" in row:
        line = Message("{}; held out CIDEr {:.1f}", line, row["held_out_cider"])
    for name in ("loss", "reward"):
        if name in row:
            line = Message("{} {:.3f}, {}", Message(name), row[name], line)
    return Message("{}: {}.", phase, line)


@contextmanager
def _enough_memory(phase: Phase) -> Iterator[None]:
    """Say in one sentence that a phase needs more memory than there is, of the GPU or the CPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        signs = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")
        if not (isinstance(error, MemoryError) or any(sign in str(error) for sign in signs)):
            raise
        raise TrainingError(
            "The memory is too small for phase '{}'; the last checkpoint is intact. Try a smaller "
            "batch_size than {}, or more gradient_accumulation_steps.",
            phase.name,
            phase.batch_size,
        ) from None
