"""Image files: read as the pixels that a viewer shows, written whole, and listed in the order of their numbers."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from minipose.files import atomic_path

ORIENTATION = 0x0112  # the tag of Exif that says how the camera was held
MOST_PIXELS = 89_478_485  # 256 MiB of RGB, where Pillow begins to suspect a decompression bomb
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
NO_COLOURS = ("I", "F")  # 32-bit integers and floats, of which a file does not say which value is white


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image as it is meant to be seen.

    Grey and palette images become RGB, what is transparent is laid over black, an orientation noted by a camera
    (EXIF) is applied, 16 bits a channel are cut to the upper 8, and of an animation the first frame is taken.

    Parameters
    ----------
    path : path of a file in any format that Pillow reads

    Returns
    -------
    uint8 array (H, W, 3)
        Red, green, blue.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, is truncated or damaged, has more than 89 million pixels, or holds 32-bit numbers.
    """
    with _opened("read_image", path) as image:
        if image.mode in NO_COLOURS and not (image.mode == "I" and image.format == "PNG"):
            raise ValueError(f"read_image: {path} holds 32-bit numbers (mode {image.mode}), not 8 or 16 bits")
        with _one_sentence("read_image", path):
            image.load()
            # The transposed image is a copy also where nothing is to be turned.
            is_turned = image.getexif().get(ORIENTATION, 1) != 1
            return _to_rgb(ImageOps.exif_transpose(image) if is_turned else image)


def image_size(path: str | os.PathLike) -> tuple[int, int]:
    """Return an image's (width, height) in pixels as its file's first bytes give it, without decoding the rest.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, or has more than 89 million pixels.
    """
    with _opened("image_size", path) as image:
        return image.size


def write_png(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write an image as a PNG file, which is then either whole or not there.

    Parameters
    ----------
    path : path of the file; what stands there is replaced
    image : uint8 array (H, W, 3)
        Red, green, blue.

    Raises
    ------
    ValueError
        If the image has another type or shape, or no pixels.
    OSError
        If the folder does not exist or cannot be written.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"write_png: image must be a uint8 array of shape (H, W, 3), not {got}")
    if image.size == 0:
        raise ValueError(f"write_png: image has no pixels, its shape is {image.shape}")
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG")


def image_files(folder: str | os.PathLike, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """List the images in a folder, 2.png before 10.png.

    Parameters
    ----------
    folder : path of a folder; folders within it, and files whose names begin with a dot, are left out
    suffixes : sequence of str
        Which files are images, in lower case; 1.PNG counts as one of ".png".

    Returns
    -------
    list of Path
        At least one.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no image in it.
    NotADirectoryError
        If it is a file.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"image_files: there is no folder {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(f"image_files: {folder} is a file, not a folder")
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise FileNotFoundError(f"image_files: there is no image ({', '.join(suffixes)}) in the folder {folder}")
    return sorted(found, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> tuple[list, str]:
    """Return what to sort names by so that the numbers in them count as numbers."""
    # Split at numbers, texts have even places and numbers odd ones, so that like is compared with like.
    parts = re.split("([0-9]+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


@contextlib.contextmanager
def _opened(name: str, path: str | os.PathLike) -> Iterator[Image.Image]:
    if not Path(path).is_file():
        what = "is a folder, not an image" if Path(path).is_dir() else "does not exist"
        raise (ValueError if Path(path).is_dir() else FileNotFoundError)(f"{name}: {path} {what}")
    with _one_sentence(name, path):
        image = Image.open(path)
    with image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ValueError(f"{name}: {path} has {width} x {height} pixels, more than the {MOST_PIXELS} that are read")
        yield image


@contextlib.contextmanager
def _one_sentence(name: str, path: str | os.PathLike) -> Iterator[None]:
    """Turn whatever Pillow raises at a damaged file, of which there is no complete list, into a ValueError."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{name}: {path} has more than the {MOST_PIXELS} pixels that are read") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{name}: {path} is not an image in a format that Pillow reads") from error
    except PermissionError:
        raise
    except Exception as error:
        raise ValueError(f"{name}: {path} is truncated or damaged ({error})") from error


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode in SIXTEEN_BITS or image.mode == "I":  # the second is how older Pillows read a PNG of 16 bits
        values = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.stack([values] * 3, axis=-1)
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        # Straight from "La" there is no way to "RGBA".
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))
