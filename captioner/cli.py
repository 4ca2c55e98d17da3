"""The `captioner` command: parse, call, print.

Data goes to standard output, progress and warnings to standard error. The exit code is 0 when all
went well, 1 when some photo could not be read (the rest is still written), 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from captioner import __version__, messages
from captioner.errors import (
    CaptionerError,
    ImageError,
    MissingError,
    ModelError,
    OptionError,
    RecipeError,
)
from captioner.messages import Message, reason, translate
from captioner.messages.parser import Parser
from captioner.options import OPTIONS, CaptionOptions, Number

if TYPE_CHECKING:
    from captioner.captioning import PhotoCaptioner
    from captioner.captions import Row
    from captioner.evaluation import Evaluation
    from captioner.metrics.report import Captions
    from captioner.pipeline import Captioner

BATCH = 16
_OF_TORCH = ("torch", "torchvision", "safetensors", "tqdm", "captioner")  # not of captioner-onnx
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    with messages.guarded_output():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    messages.speak(messages.language())
    parser = _parser()
    _complete(parser)
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(messages.Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[log], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        return _answer(parser, arguments)
    except CaptionerError as error:
        _complain(translate(error))
        return 2
    except KeyboardInterrupt:
        _complain(translate("stopped."))
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_TORCH:
            raise
        _complain(translate("This needs torch; install the whole captioner, as its README says."))
        return 2
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _complain(translate(Message("Standard output cannot be written ({}).", reason(error))))
        messages.drop_output()
        return 2


def _answer(parser: Parser, arguments: Sequence[str] | None) -> int:
    """Do what the arguments say; what was printed is out before it returns, or this raises."""
    try:
        options = parser.parse_args(arguments)
        return int(options.run(options))
    finally:
        sys.stdout.flush()


def _complete(parser: Parser) -> None:
    """Answer a shell that asks how a command may go on, and end; see README.md."""
    if "_ARGCOMPLETE" in os.environ:
        with suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(parser)


def _complain(sentence: str) -> None:
    print(f"captioner: {messages.printable(sentence)}", file=sys.stderr)


def _tell(sentence: Message) -> None:
    print(messages.printable(translate(sentence)), file=sys.stderr, flush=True)


def _parser() -> Parser:
    parser = Parser(prog="captioner", description="Write a sentence about a photo.")
    parser.add_argument("--version", action="version", version=f"captioner {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_caption(commands.add_parser("caption", help="one line per photo"))
    _add_folder(commands.add_parser("folder", help="caption all photos in a folder"))
    _add_train(commands.add_parser("train", help="train a model from a recipe"))
    _add_evaluate(commands.add_parser("evaluate", help="score captions against references"))
    models = commands.add_parser("models", help="list the installed models")
    models.set_defaults(run=_models)
    _add_join(commands.add_parser("join", help="let a model write another model's language, too"))
    _add_export(commands.add_parser("export", help="write a model that needs no torch, or a page"))
    _add_serve(commands.add_parser("serve", help="open the web page"))
    return parser


def _add_caption(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", nargs="+", metavar="PHOTO",
        help="a photo, a folder or archive of photos, or - for one on standard input",
    )  # fmt: skip
    _add_language(parser)
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per photo")
    _add_options(parser.add_argument_group("how a caption is written"))
    parser.set_defaults(run=_caption)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", metavar="PHOTOS",
        help="a folder, a zip or tar archive, or a file that lists photos (- standard input)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help=".jsonl, .csv or .json (COCO results; captions.jsonl if not given); "
        "- standard output; a folder with --sidecar",
    )  # fmt: skip
    texts = parser.add_argument_group("texts beside or inside photos")
    texts.add_argument("--sidecar", action="store_true", help="photo.txt beside photo.jpg")
    texts.add_argument(
        "--sidecar-suffix", default=".txt", metavar="SUFFIX",
        help="of these, such as .caption, as kohya's tools have it (.txt)",
    )  # fmt: skip
    texts.add_argument("--embed", action="store_true", help="also into JPEG and PNG photos (XMP)")
    texts.add_argument(
        "--existing", default="skip", choices=["skip", "overwrite", "append"],
        help="what to do where there is a text already (skip)",
    )  # fmt: skip
    which = parser.add_argument_group("which photos")
    which.add_argument("--no-recursive", action="store_true", help="not the folders below")
    for name, what in (("include", "only photos"), ("exclude", "no photos")):
        which.add_argument(
            f"--{name}", action="append", default=[], metavar="PATTERN",
            help=f"{what} whose name or path matches, such as '*.png'; may be repeated",
        )  # fmt: skip
    which.add_argument("--update", action="store_true", help="also those that changed since")
    which.add_argument("--watch", action="store_true", help="also those added until Ctrl+C")
    which.add_argument("--shard", metavar="3/16", help="only this part of so many")
    captions = parser.add_argument_group("captions")
    _add_language(captions)
    _add_model(captions)
    captions.add_argument("--trigger", default="", metavar="TEXT", help="goes before each caption")
    captions.add_argument("--html", type=Path, metavar="FILE", help="also a page with the photos")
    _add_options(parser.add_argument_group("how a caption is written"))
    speed = parser.add_argument_group("speed")
    speed.add_argument("--batch", type=int, metavar="N", help="photos the model takes at a time")
    speed.add_argument("--workers", type=int, metavar="N", help="processes that open photos")
    speed.add_argument(
        "--engine", default="local", choices=["local", "ray"],
        help="ray: the machines of a Ray cluster (local)",
    )  # fmt: skip
    parser.set_defaults(run=_folder)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help="see configs/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="a change of the recipe, such as data.root=photos; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--from", metavar="MODEL", dest="start",
        help="go on from a model, an installed one or a folder, with its words and new ones",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="the run's folder (runs/NAME)")
    _add_device(parser)
    parser.add_argument("--check", action="store_true", help="look the data over, train nothing")
    parser.set_defaults(run=_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--data", type=Path, help="a dataset: its folder or its captions file")
    parser.add_argument(
        "--split", default="val", choices=["train", "val", "test"],
        help="which photos of the dataset (val)",
    )  # fmt: skip
    parser.add_argument("--names", type=Path, metavar="FILE", help="only these photos, one a line")
    parser.add_argument(
        "--skip", action="store_true",
        help="leave out and count captions that are null or of photos that are not listed",
    )  # fmt: skip
    _add_options(parser, ("beam",))
    parser.add_argument("--save", type=Path, metavar="FILE.jsonl", help="keep the captions")
    parser.add_argument("--results", type=Path, help="captions to score, in COCO results format")
    parser.add_argument("--references", type=Path, help="their references, in COCO captions format")
    parser.add_argument(
        "--language", choices=["en", "zh"], help="the language to write in, or of the results (en)"
    )
    parser.add_argument("--photos", type=Path, metavar="DIR", help="where the photos are")
    parser.add_argument(
        "--training", type=Path, action="append", default=[], metavar="DATA",
        help="captions the model was trained on; the data's train split, if not given",
    )  # fmt: skip
    parser.add_argument(
        "--official", action="store_true", help="also run pycocoevalcap, which needs Java"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every caption's own scores")
    parser.add_argument("--html", type=Path, metavar="FILE", help="the report as one web page")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a report that --json saved")
    parser.set_defaults(run=_evaluate)


def _add_join(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an installed model's name, or its folder")
    parser.add_argument(
        "other", metavar="OTHER", help="one that was trained on the encoder of the first"
    )
    parser.set_defaults(run=_join)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an installed model's name, or its folder")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    parser.add_argument(
        "--precision", choices=["float32", "float16", "int8"],
        help="of the weights: the fewer bits, the smaller and quicker (float32; int8 for --web)",
    )  # fmt: skip
    parser.add_argument(
        "--photos", nargs="+", default=[], metavar="PHOTO",
        help="for int8: some dozens of photos to measure ranges on, for a quicker encoder",
    )  # fmt: skip
    _add_language(parser)
    parser.add_argument(
        "--web", action="store_true", help="a static page that captions in the visitor's browser"
    )
    parser.add_argument(
        "--runtime", type=Path, metavar="FILE",
        help="for --web: the npm package onnxruntime-web, as an archive or unpacked",
    )  # fmt: skip
    parser.set_defaults(run=_export)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="who may come: only this computer (127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=7860, metavar="N", help="0 for any free one (7860)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME",
        help="a further name that the page goes by; may be repeated",
    )  # fmt: skip
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="what visitors have to give")
    parser.add_argument(
        "--auth-file", type=Path, metavar="FILE",
        help="the same from a file, which no other user's list of processes shows",
    )  # fmt: skip
    parser.add_argument(
        "--max-upload", default="200MB", metavar="SIZE", help="of one file, such as 20MB (200MB)"
    )
    parser.add_argument(
        "--max-waiting", default="4GB", metavar="SIZE", help="of all files that wait at once (4GB)"
    )
    parser.add_argument("--mcp", action="store_true", help="be an MCP tool server as well")
    parser.add_argument(
        "--share", action="store_true", help="open it to the internet, by gradio's servers"
    )
    parser.set_defaults(run=_serve)


def _add_language(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--language",
        metavar="CODE",
        help="the language to write in: en, zh, or both: en,zh (the model's own)",
    )


def _languages(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options.language.split(","))) if options.language else ()


def _add_model(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--model", help="an installed model's name, or a model folder (base-en)")
    _add_device(parser)


def _add_device(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--device", help='such as "cuda" or "cpu" (a GPU where there is one)')


def _add_options(parser: argparse._ActionsContainer, names: Iterable[str] = OPTIONS) -> None:
    """A flag for each field of `CaptionOptions`."""
    for name in names:
        takes = OPTIONS[name]
        flag, about = f"--{name.replace('_', '-')}", takes.described()
        if isinstance(takes, Number):
            parser.add_argument(flag, type=takes.kind, metavar="N", help=about)
        else:
            about = f"{about}; may be repeated"
            parser.add_argument(flag, action="append", metavar="WORDS", help=about)


def _caption_options(options: argparse.Namespace) -> CaptionOptions:
    said = vars(options)
    return CaptionOptions(**{name: said[name] for name in OPTIONS if name in said})


def _load(options: argparse.Namespace, language: str | None = None) -> PhotoCaptioner[Any]:
    """The model; where there is none of that name, this says so before torch is imported."""
    from captioner.installed import find_model

    folder = find_model(options.model, language)
    from captioner.loading import load_model
    from captioner.speed.memory import keep_memory

    keep_memory()
    return load_model(folder, options.device, language)


def _caption(options: argparse.Namespace) -> int:
    how = _caption_options(options)
    languages = _languages(options)
    captioner = _load(options, *languages[:1])
    from captioner.folder.named import open_named, photos_named

    problems = 0

    def complain(problem: Message) -> None:
        nonlocal problems
        problems += 1
        _complain(translate(problem))

    photos = photos_named(options.photos, complain)
    for photo, result in captioner.caption_each(
        photos, how, languages=languages, batch=BATCH, opener=open_named
    ):
        if isinstance(result, ImageError):
            complain(result)
        else:
            row = result.row(photo.name, captioner.name)
            _print_row(row, options.json, options.photos != [photo.name])
    return 1 if problems else 0


def _print_row(row: Row, as_json: bool, with_name: bool) -> None:
    """A line for each caption, whatever signs a name or a vocabulary holds."""
    if as_json:
        print(json.dumps(row.as_dict(), ensure_ascii=False), flush=True)
        return
    prefix = f"{messages.printable(row.image)}\t" if with_name else ""
    for text in row.texts:
        print(f"{prefix}{messages.printable(text)}", flush=True)


def _folder(options: argparse.Namespace) -> int:
    from captioner.folder import (
        FolderOptions,
        ModelChoice,
        Source,
        caption_folder,
        parse_shard,
    )
    from captioner.speed.memory import keep_memory

    keep_memory()
    shard = parse_shard(options.shard) if options.shard else None
    source = Source(
        options.photos, not options.no_recursive, options.include, options.exclude, shard
    )
    devices = tuple(options.device.split(",")) if options.device else ()
    how = _caption_options(options)
    model = ModelChoice(options.model, _languages(options), devices, how)
    summary = caption_folder(
        FolderOptions(
            source,
            options.output,
            model,
            sidecar=options.sidecar,
            sidecar_suffix=options.sidecar_suffix,
            existing=options.existing,
            trigger=options.trigger,
            update=options.update,
            watch=options.watch,
            html=options.html,
            embed=options.embed,
            batch=options.batch,
            workers=options.workers,
            engine=options.engine,
        )
    )
    print(f"captioner: {messages.translate_all(summary.sentences())}", file=sys.stderr)
    return 0 if summary.fine else 1


def _train(options: argparse.Namespace) -> int:
    if options.check:  # which needs no torch
        return _check(options)
    if not os.path.exists(options.recipe):  # which need not wait for torch
        raise RecipeError("There is no recipe {}.", options.recipe)
    from captioner.speed.memory import keep_memory
    from captioner.training import join, read_recipe, train

    keep_memory()
    with join(options.device) as workers:
        recipe = workers.from_first(
            lambda: read_recipe(options.recipe, options.changes, options.start)
        )
        out = options.out or Path("runs") / recipe.name
        folder = train(recipe, out, options.device)
    if workers.first:
        print(folder)
    return 0


def _check(options: argparse.Namespace) -> int:
    from captioner.training import check_data, read_recipe

    report = check_data(read_recipe(options.recipe, options.changes, options.start))
    print(report.text)
    return 0 if report.fine else 1


def _evaluate(options: argparse.Namespace) -> int:
    _check_what_to_evaluate(options)
    from captioner.evaluation import check_outputs
    from captioner.metrics.report import load_template, read_report

    inputs = (options.data, options.results, options.references, options.names, options.compare)
    check_outputs(
        filter(None, (options.save, options.json, options.html)),
        (*filter(None, inputs), *options.training),
    )
    if options.html:
        load_template()
    earlier = read_report(options.compare) if options.compare else None
    done = _scored(options, earlier)
    print(done.table(), flush=True)
    for note in done.notes:
        print(translate(note), file=sys.stderr)
    if options.json:
        done.write_json(options.json)
    if options.html:
        done.write_html(options.html)
    return 1 if done.unreadable else 0


def _check_what_to_evaluate(options: argparse.Namespace) -> None:
    if not (options.data or (options.results and options.references)):
        raise OptionError("Give --data, or --results together with --references.")
    with_data = ("model", "device", "names", "save")
    with_results = ("results", "references")
    for name in with_results if options.data else with_data:
        if getattr(options, name):
            other = "--data" if options.data else "--results"
            raise OptionError("--{} does not go with {}.", name, other)


def _scored(options: argparse.Namespace, earlier: Captions | None) -> Evaluation:
    from captioner.evaluation import ReportOptions, evaluate_model, score_results

    report = ReportOptions(
        options.photos, tuple(options.training), earlier, options.official, options.skip
    )
    if options.results:
        language = options.language or "en"
        return score_results(options.results, options.references, language, report)
    how = _caption_options(options)
    return evaluate_model(
        _load(options, options.language), options.data, options.split, names=options.names,
        save=options.save, report=report, options=how,
    )  # fmt: skip


def _models(options: argparse.Namespace) -> int:
    from captioner.installed import available_models, model_folder
    from captioner.model import languages_of

    for name in available_models():
        print(name, ",".join(languages_of(model_folder(name))), sep="\t")
    return 0


def _join(options: argparse.Namespace) -> int:
    from captioner.installed import model_folder

    folders = model_folder(options.model), model_folder(options.other)
    from captioner.model import add_language

    print(add_language(*folders))
    return 0


def _export(options: argparse.Namespace) -> int:
    from captioner.installed import model_folder

    folder = model_folder(options.model)
    try:
        from captioner.export import ExportOptions, export_model, export_web
    except ImportError as error:
        raise MissingError(
            "Exporting needs more than is installed ({}); install it with: pip install "
            '"captioner[export]".',
            reason(error),
        ) from None
    precision = options.precision or ("int8" if options.web else "float32")
    how = ExportOptions(precision, tuple(options.photos), _languages(options))
    if options.web:
        export_web(folder, options.output, how, options.runtime)
    else:
        export_model(folder, options.output, how)
    print(options.output)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from captioner.installed import find_model
    from captioner.onnx import is_onnx_folder
    from captioner.ui import Serving, find_auth, free_port, parse_name, parse_size, serve

    serving = Serving(
        options.host,
        options.port,
        options.open,
        options.share,
        find_auth(options.auth, options.auth_file),
        parse_size(options.max_upload),
        options.mcp,
        parse_size(options.max_waiting, "--max-waiting"),
        tuple(map(parse_name, options.allowed_host)),
    )
    folder = find_model(options.model)
    if is_onnx_folder(folder):
        raise ModelError("{} is an exported model, and the page needs the model itself.", folder)
    free_port(serving.host, serving.port)  # before seconds are spent on the model
    _tell(Message("Loading the model '{}' …", folder.name))
    serve(cast("Captioner", _load(options)), serving)
    return 0
