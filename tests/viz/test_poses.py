"""Sheets of samples: every image in its panel, and in it everyone's joints, looked up in the pixels of the file."""

import numpy as np
import pytest

from minipose.viz import pose_sheet, poses
from tests.viz.test_overlays import BACKGROUND, COLOURS, WHITE, at, is_colour, panels, picture, rgb, spread_points


def solid(height, width):
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def test_images_of_any_size_with_any_number_of_people(tmp_path):
    images = [solid(32, 48), solid(64, 64), solid(600, 300)]
    two = np.stack([spread_points(0, 4, 12, 32, 48), spread_points(1, 19, 28, 32, 48)])
    people = [two, two[:0], two[:1] * (6, 18)]
    flags = [np.full((2, 16), 2), np.zeros((0, 16), int), np.full((1, 16), 2)]
    flags[0][1, 5], flags[0][1, 7] = 1, 0
    pose_sheet(images, people, tmp_path / "sheet.png", flags, ["$2", "nobody", "tall"], columns=2, panel=256)
    pixels = picture(tmp_path / "sheet.png")
    boxes = panels(pixels, BACKGROUND)
    assert [right - left for *_, left, right in boxes] == [5 * 48, 4 * 64, 128]  # by whole numbers, and made smaller
    (top, _, left, _), empty, tall = boxes
    for person in range(2):
        for joint in range(16):
            pixel = at(pixels, two[person, joint], 5, (top, left))
            if flags[0][person, joint] == 2:
                assert is_colour(pixel, rgb(COLOURS[joint])), (person, joint)
            elif flags[0][person, joint] == 1:
                assert is_colour(pixel, WHITE)
    assert is_colour(pixels[empty[0] : empty[1], empty[2] : empty[3]], BACKGROUND).all()
    scale = 256 / 600
    first_row = tall[1] - 256  # its dots hide that it begins there
    for joint in range(16):
        assert is_colour(at(pixels, people[2][0, joint], scale, (first_row, tall[2])), rgb(COLOURS[joint])), joint


def test_every_person_in_a_colour_of_their_own(tmp_path):
    people = np.stack([spread_points(person, 4 + 14 * person, 11 + 14 * person, 64, 64) for person in range(4)])
    pose_sheet([solid(64, 64)], [people], tmp_path / "sheet.png", panel=256, by_person=True)
    pixels = picture(tmp_path / "sheet.png")
    for person in range(4):
        for joint in range(16):
            colour = at(pixels, people[person, joint], 4, (poses.MARGIN, poses.MARGIN))
            assert is_colour(colour, rgb(poses.OF_PEOPLE[person])), (person, joint)
    assert len(set(poses.OF_PEOPLE)) == 6


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"people": []}, ValueError, "people must be one an image, N=1, got 0"),
    ({"titles": ["a", "b"]}, ValueError, "titles must be one an image, N=1, got 2"),
    ({"images": [], "people": []}, ValueError, "there is no image to draw"),
    ({"people": [np.zeros((1, 15, 2))]}, ValueError, r"each of people must have shape \(P, J, 2\) = \(1, 16, 2\)"),
    ({"people": [np.full((1, 16, 2), np.nan)]}, ValueError, "NaN or infinity"),
    ({"visible": [np.full(16, 2)]}, ValueError, "visible must have one flag a joint"),
    ({"columns": 0}, ValueError, "columns must be at least 1, not 0"),
    ({"panel": 5000}, ValueError, "panel must be at most 4096, not 5000"),
    ({"path": "sheet.jpg"}, ValueError, "path must end in .png"),
])  # fmt: skip
def test_a_wrong_call_writes_nothing(tmp_path, change, error, message):
    arguments = {"images": [solid(32, 32)], "people": [np.zeros((1, 16, 2))], "path": "sheet.png", **change}
    with pytest.raises(error, match=message):
        pose_sheet(**{**arguments, "path": tmp_path / arguments["path"]})
    assert not list(tmp_path.iterdir())
