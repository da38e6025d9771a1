import dataclasses

import pytest

from minipose.pose import STICK_FIGURE


def test_joints_are_mpiis_in_its_order():
    assert STICK_FIGURE.names == (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist",
    )  # fmt: skip
    assert STICK_FIGURE.head == (8, 9)
    assert STICK_FIGURE.excluded_from_pckh == (6, 7)


def test_flip_exchanges_right_and_left_by_name():
    for joint, name in enumerate(STICK_FIGURE.names):
        mirrored = name.replace("right", "?").replace("left", "right").replace("?", "left")
        assert STICK_FIGURE.names[STICK_FIGURE.flip[joint]] == mirrored
    assert [STICK_FIGURE.names[joint][:5] for joint in STICK_FIGURE.right] == ["right"] * 6
    assert [STICK_FIGURE.names[joint][:4] for joint in STICK_FIGURE.left] == ["left"] * 6


def test_links_make_one_tree():
    reached = {6}
    links = list(STICK_FIGURE.links)
    for _ in STICK_FIGURE.names:
        reached |= {joint for link in links if reached & set(link) for joint in link}
    assert reached == set(range(16))
    assert len(links) == 15


def test_flip_maps_links_to_links():
    links = {frozenset(link) for link in STICK_FIGURE.links}
    assert {frozenset(STICK_FIGURE.flip[joint] for joint in link) for link in links} == links


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        STICK_FIGURE.head = (9, 8)


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("names", ("head",) * 16, "names must differ"),
        ("flip", tuple(range(1, 16)) + (0,), "in pairs"),
        ("flip", (5, 4, 3, 2, 1, 0), "in pairs"),
        ("links", ((0, 16),), "links holds joint 16, but there are joints 0 to 15"),
        ("links", ((0, -1),), "links holds joint -1"),
        ("links", ((3, 3),), "pair of different joints"),
        ("head", (8, 8), "head must be a pair"),
        ("head", (8, 9, 10), "head must be a pair"),
        ("excluded_from_pckh", (99,), "excluded_from_pckh holds joint 99"),
        ("right", (0, 1, 2), "left must be flip of right"),
        ("left", (5, 4, 3, 15, 13, 14), "left must be flip of right"),
    ],
)
def test_refuses_a_skeleton_that_contradicts_itself(field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(STICK_FIGURE, **{field: value})
