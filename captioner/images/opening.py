"""Opening any photo safely: the only place in the project where an image is opened."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from captioner.errors import ImageError, OptionError
from captioner.images.colour import factors_for, to_rgb
from captioner.images.foreign import HEAD, find_heif, foreign
from captioner.images.limits import (
    DEFAULT_LIMITS,
    Limits,
    TimedFile,
    check_icon,
    check_limits,
    check_pixels,
    cost_of,
    too_large,
)
from captioner.images.names import is_web_address
from captioner.messages import printable, reason
from captioner.speed.memory import give_memory_back

if TYPE_CHECKING:
    from torch import Tensor

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[np.uint8] | Tensor"
)

_MUCH = 2**26  # bytes; freeing more is worth the milliseconds that it takes to give it back

# An allow-list: some of Pillow's other readers start programs (EPS runs Ghostscript) or fetch
# what the file names. Formats that this Pillow was built without are left out when opening.
FORMATS = (
    *("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "HEIF"),
    *("ICO", "TGA", "PCX", "SGI", "PSD", "QOI"),
)

# EXIF 2.32, tag 0x0112: what undoes each way a camera can have been held.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(
    source: ImageSource,
    name: str | None = None,
    *,
    at_least: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Image.Image:
    """Open a photo of any common kind as an upright RGB image.

    EXIF orientation is applied; transparency is laid on white; of an animation the first frame is
    taken; 16-bit and floating-point greyscale are scaled to 8 bits. A Pillow image is converted
    the same way and not changed.

    Args:
        source: a path, the bytes of a file, a binary file object (read from where it stands and
            left open), a Pillow image, a ``uint8`` array ``[H, W]``, ``[H, W, 3]`` (RGB) or
            ``[H, W, 4]`` (RGBA), or a torch tensor ``[1, H, W]``, ``[3, H, W]`` or ``[4, H, W]``
            of ``uint8``, or of floating-point numbers from 0 to 1.
        name: what error messages call the photo; by default its path, if it has one.
        at_least: a hint that no more than this many pixels are needed on the shorter side, which
            makes large JPEGs several times faster to decode and spares memory with any huge photo.
            The image may come out smaller than the photo, but neither side falls below
            ``at_least`` unless the photo's own does. Only where a photo of more than 33 million
            pixels is too narrow for that, its longer side alone is shortened.
        limits: what opening it may take; not of a Pillow image or an array, which are in memory.

    Returns:
        A Pillow image of mode RGB, in memory, without metadata.

    Raises:
        ImageError: the photo cannot be opened; the message is one sentence naming it.
        OptionError: ``at_least`` is below 1.
    """
    if at_least is not None and at_least < 1:
        raise OptionError("at_least must be 1 or more, not {}.", at_least)
    shown = _shown_name(source, name)
    with _quiet_pillow(), _as_image_error(shown):
        if isinstance(source, Image.Image):
            check_pixels(source, limits, shown)
            return _upright_rgb(source)
        if isinstance(source, np.ndarray):
            return _upright_rgb(_from_array(source, shown))
        if (tensor := _as_tensor(source)) is not None:
            return _upright_rgb(_from_tensor(tensor, shown))
        file = cast("str | os.PathLike[str] | bytes | BinaryIO", source)
        return _decoded(file, shown, at_least, limits)


def _shown_name(source: ImageSource, name: str | None) -> str:
    if name is None and isinstance(source, str | os.PathLike):
        name = os.fsdecode(source)
    if name is None and isinstance(getattr(source, "name", None), str):
        name = source.name  # type: ignore[union-attr]
    if not name:
        return "The image"
    return printable(name)


@contextmanager
def _as_image_error(shown: str) -> Iterator[None]:
    """Turn whatever Pillow raises into one sentence: damaged data raises almost anything."""
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise too_large(shown, DEFAULT_LIMITS) from error
    except MemoryError as error:
        raise ImageError("{} is too large for this computer's memory.", shown) from error
    except Exception as error:
        raise ImageError("{} is cut short or damaged.", shown) from error


@contextmanager
def _readable(source: str | os.PathLike[str] | bytes | BinaryIO, shown: str) -> Iterator[BinaryIO]:
    if isinstance(source, str | os.PathLike):
        with _open_path(Path(source), shown) as file:
            yield file
        return
    data = source.read() if hasattr(source, "read") else source
    if not isinstance(data, bytes | bytearray | memoryview):
        kind = type(data).__name__
        raise ImageError(
            "{} is not a photo: a path, bytes or array was expected, not {}.", shown, kind
        )
    if len(data) == 0:
        raise ImageError("{} is empty.", shown)
    yield io.BytesIO(data)


def _open_path(path: Path, shown: str) -> BinaryIO:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("{} is a directory, not a photo.", shown)
        if not stat.S_ISREG(status.st_mode):  # reading a device or pipe might never end
            raise ImageError("{} is not an ordinary file.", shown)
        if status.st_size == 0:
            raise ImageError("{} is empty.", shown)
        return path.open("rb")
    except FileNotFoundError as error:
        if is_web_address(shown):
            raise ImageError(
                "{} is a web address: nothing is fetched, so download the photo first.", shown
            ) from error
        raise ImageError("{} does not exist.", shown) from error
    except PermissionError as error:
        raise ImageError("{} cannot be read: permission denied.", shown) from error
    except OSError as error:
        raise ImageError("{} cannot be read: {}.", shown, reason(error)) from error
    except ValueError as error:  # a null character inside the path
        raise ImageError("{} is not a possible file name.", repr(shown)) from error


def _formats() -> list[str]:
    find_heif()
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _from_array(array: NDArray[np.uint8], shown: str) -> Image.Image:
    grey = array.ndim == 2
    colour = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.dtype != np.uint8 or not (grey or colour):
        raise ImageError(
            "{} is an array of {} with shape {}; a photo is uint8 [H, W], [H, W, 3] or [H, W, 4].",
            shown,
            array.dtype,
            list(array.shape),
        )
    if array.size == 0:
        raise ImageError("{} has no pixels.", shown)
    return Image.fromarray(array)


def _as_tensor(source: object) -> Tensor | None:
    """The source if it is a tensor; torch is imported by whoever has made one."""
    torch = sys.modules.get("torch")
    return source if torch and isinstance(source, torch.Tensor) else None


def _from_tensor(tensor: Tensor, shown: str) -> Image.Image:
    values = tensor.detach().cpu()
    fits = values.ndim == 3 and values.shape[0] in (1, 3, 4) and values.numel() > 0
    if fits and values.is_floating_point():
        fits = bool((values.min() >= 0) & (values.max() <= 1))
        values = (values.float() * 255).round().byte()
    if not fits or str(values.dtype) != "torch.uint8":
        raise ImageError(
            "{} is a tensor of {} with shape {}; a photo is [3, H, W], of uint8 or of numbers from "
            "0 to 1.",
            shown,
            str(tensor.dtype).removeprefix("torch."),
            list(tensor.shape),
        )
    array = values.permute(1, 2, 0).numpy()
    return _from_array(array[:, :, 0] if array.shape[2] == 1 else array, shown)


def _decoded(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    shown: str,
    at_least: int | None,
    limits: Limits,
) -> Image.Image:
    """The photo in a file, upright and RGB; its own memory is given back at once."""
    with _readable(source, shown) as file:
        check_icon(file, shown)
        timed = cast(BinaryIO, TimedFile(file, shown, limits))
        with _opened(timed, shown) as image:
            check_pixels(image, limits, shown)
            stored = image.width * image.height
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            factors = factors_for(image.size, at_least)
            result = image.width * image.height // (factors[0] * factors[1])
            cost = cost_of(image, timed, stored, result)
            check_limits(image, cost, limits, shown)
            with limits.shared.taken(cost.memory) if limits.shared else nullcontext():
                try:
                    return _upright_rgb(image, factors)
                finally:
                    image.close()
                    if cost.memory >= _MUCH:
                        give_memory_back()


def _opened(file: BinaryIO, shown: str) -> Image.Image:
    try:
        return Image.open(file, formats=_formats())
    except Image.UnidentifiedImageError as error:
        file.seek(0)
        raise foreign(file.read(HEAD), shown) from error


def _upright_rgb(image: Image.Image, factors: tuple[int, int] = (1, 1)) -> Image.Image:
    image.load()
    rgb = to_rgb(image, factors)
    orientation = _orientation(image)
    if orientation in UPRIGHT:
        rgb = rgb.transpose(UPRIGHT[orientation])
    # The copy's metadata would have a second reader turn the picture once more.
    rgb.info.clear()
    return rgb


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of a loaded image; Pillow turns TIFFs by itself while loading them."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata must not cost the picture
        return 1


_quiet_lock = threading.Lock()
_quiet_users = 0
_quiet_filter: warnings.catch_warnings | None = None


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Silence Pillow's warnings (large image, odd EXIF), and nobody else's, while in use.

    ``catch_warnings`` restores the wrong filters when two threads overlap, so the first thread in
    sets it up and the last one out takes it down.
    """
    global _quiet_users, _quiet_filter  # noqa: PLW0603
    with _quiet_lock:
        _quiet_users += 1
        if _quiet_filter is None:
            _quiet_filter = warnings.catch_warnings()
            _quiet_filter.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_users -= 1
            if _quiet_users == 0 and _quiet_filter is not None:
                _quiet_filter.__exit__(None, None, None)
                _quiet_filter = None
