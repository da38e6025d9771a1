import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from minipose.data import images
from minipose.data.images import image_files, image_size, read_image, write_png

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def save(path, array, mode=None, **options):
    (Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)).save(path, **options)
    return path


def test_a_written_image_is_read_back(tmp_path):
    write_png(tmp_path / "a.png", RGB)
    read = read_image(tmp_path / "a.png")
    assert read.dtype == np.uint8 and read.flags.writeable
    np.testing.assert_array_equal(read, RGB)
    assert image_size(str(tmp_path / "a.png")) == (7, 5)
    assert [f.name for f in tmp_path.iterdir()] == ["a.png"]


def test_grey_and_palette_become_rgb(tmp_path):
    grey = RGB[..., 0]
    np.testing.assert_array_equal(read_image(save(tmp_path / "g.png", grey)), np.stack([grey] * 3, axis=-1))
    bits = save(tmp_path / "1.png", (grey > 100).astype(np.uint8) * 255, "1")
    np.testing.assert_array_equal(read_image(bits)[..., 2], (grey > 100) * 255)
    few = RGB & 192
    palette = Image.fromarray(few).quantize(256)
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), np.array(palette.convert("RGB")))


def test_what_is_transparent_lies_over_black(tmp_path):
    rgba = np.dstack([RGB, np.full((5, 7), 255, np.uint8)])
    rgba[2, 3] = 200, 100, 50, 0
    rgba[2, 4] = 200, 100, 50, 128
    read = read_image(save(tmp_path / "a.png", rgba))
    assert read[2, 3].tolist() == [0, 0, 0]
    np.testing.assert_allclose(read[2, 4], [100, 50, 25], atol=1)
    np.testing.assert_array_equal(read[0], RGB[0])
    grey = save(tmp_path / "la.png", rgba, "LA")
    assert read_image(grey)[2, 3].tolist() == [0, 0, 0]
    red = np.full((2, 2, 3), [255, 0, 0], np.uint8)
    red[0, 0] = 9, 9, 9
    Image.fromarray(red).save(tmp_path / "colour.png", transparency=(255, 0, 0))
    assert read_image(tmp_path / "colour.png").tolist() == [[[9, 9, 9], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]


def test_the_cameras_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right side
    read = read_image(save(tmp_path / "a.png", RGB, exif=exif))
    np.testing.assert_array_equal(read, np.rot90(RGB, -1))


def test_sixteen_bits_are_cut_to_eight(tmp_path):
    values = np.array([[0, 255, 256, 65535]], np.uint16)
    read = read_image(save(tmp_path / "a.png", values))
    assert read[0].tolist() == [[0] * 3, [0] * 3, [1] * 3, [255] * 3]


def test_thirty_two_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"read_image: .*a.tif holds 32-bit numbers \(mode F\)"):
        read_image(save(tmp_path / "a.tif", np.ones((2, 2), np.float32)))


def test_missing_foreign_and_truncated_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="read_image: .*none.png does not exist"):
        read_image(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is a folder, not an image"):
        read_image(tmp_path)
    for content in (b"", b"not an image at all" * 9):
        (tmp_path / "foreign.png").write_bytes(content)
        with pytest.raises(ValueError, match="foreign.png is not an image in a format"):
            read_image(tmp_path / "foreign.png")
    for suffix in ("png", "jpg", "bmp"):
        whole = save(tmp_path / f"whole.{suffix}", np.tile(RGB, (20, 20, 1))).read_bytes()
        for length in (len(whole) // 2, len(whole) * 9 // 10):
            (tmp_path / f"cut.{suffix}").write_bytes(whole[:length])
            with pytest.raises(ValueError, match=f"read_image: .*cut.{suffix} is (truncated|not an image)"):
                read_image(tmp_path / f"cut.{suffix}")


@pytest.mark.parametrize("side", [10_000, 60_000])  # Pillow warns of the first and refuses the second
@pytest.mark.filterwarnings("ignore:Image size")
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    for function in (read_image, image_size):
        with pytest.raises(ValueError, match=f"{function.__name__}: .*bomb.png has .*pixels"):
            function(tmp_path / "bomb.png")


def test_b9_files_are_in_the_order_of_their_numbers(tmp_path):
    """Sorted as texts, 10.png comes before 2.png, and every label belongs to another image."""
    names = [f"{number}.png" for number in range(12)] + ["a2b10.png", "a10b2.PNG"]
    for name in [*reversed(names), "._1.png", "notes.txt"]:
        (tmp_path / name).touch()
    (tmp_path / "5x.png").mkdir()
    assert [path.name for path in image_files(tmp_path)] == names
    assert sorted(names) != names


def test_no_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no image .* in the folder"):
        image_files(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        image_files(tmp_path / "none")
    (tmp_path / "a.png").touch()
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        image_files(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"no image \(.jpg\)"):
        image_files(tmp_path, [".jpg"])


def test_write_refuses_what_is_not_an_image(tmp_path):
    for wrong in (RGB.astype(float), RGB[..., 0], RGB[None], RGB.tolist(), RGB[:0]):
        with pytest.raises(ValueError, match="write_png: image"):
            write_png(tmp_path / "a.png", wrong)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", RGB)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images.Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write_png(tmp_path / "a.png", RGB[::-1].copy())
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)
    assert [f.name for f in tmp_path.iterdir()] == ["a.png"]
