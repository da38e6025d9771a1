"""Part affinity fields: people that are encoded come back as the same people, however they cross."""

import dataclasses
import re

import numpy as np
import pytest

from minipose.data import StickFigures
from minipose.pose import STICK_FIGURE, AffinityCodec, Skeleton, average_precision, encode_heatmaps
from minipose.pose.codecs import affinity, grouping

SIZE = (48, 64)
LINE = Skeleton(("a", "b", "c"), ((0, 1), (1, 2)), (0, 1, 2), (0, 1), (), (), ())
CODEC = AffinityCodec(SIZE, 2, 1.0, skeleton=LINE, least_joints=2)


def all_seen(people):
    return [np.full(np.shape(p)[:2], 2) for p in people]


def decode_one(maps, codec=CODEC):
    people, found, scores = codec.decode(maps)
    return people[0], found[0], scores[0]


def by_first_x(people):
    return people[np.argsort(people[:, 0, 0])]


def brute_force(people, visible, codec):
    """The maps of one image cell by cell; a limb is a capsule, where the paper has a rectangle."""
    h, w = codec.map_size
    maps = np.zeros((codec.channels, h, w))
    J = len(codec.skeleton.names)
    for row in range(h):
        for column in range(w):
            cell = np.array([column, row])
            for joint in range(J):
                for person, flags in zip(people, visible, strict=True):
                    centre = (person[joint] - (codec.stride - 1) / 2) / codec.stride
                    height = np.exp(-((cell - centre) ** 2).sum() / (2 * codec.sigma**2)) if flags[joint] else 0
                    maps[joint, row, column] = max(maps[joint, row, column], height)
            for number, link in enumerate(codec.skeleton.links):
                near = []
                for person, flags in zip(people, visible, strict=True):
                    start, end = ((person[joint] - (codec.stride - 1) / 2) / codec.stride for joint in link)
                    unit = (end - start) / np.linalg.norm(end - start)
                    along = np.clip((cell - start) @ unit, 0, np.linalg.norm(end - start))
                    if flags[list(link)].all() and np.linalg.norm(cell - start - along * unit) <= codec.limb_width:
                        near.append(unit)
                if near:
                    maps[J + 2 * number : J + 2 * number + 2, row, column] = np.mean(near, axis=0)
    return maps


@pytest.mark.parametrize(("stride", "sigma", "limb_width"), [(1, 1.0, 1.0), (2, 1.5, 0.7), (4, 0.8, 2.0)])
def test_the_maps_are_those_of_brute_force(rng, stride, sigma, limb_width):
    codec = AffinityCodec((24, 32), stride, sigma, limb_width, LINE, least_joints=2)
    people = rng.uniform(2, 22, (3, 3, 2))
    visible = np.array([[2, 2, 1], [2, 0, 2], [1, 1, 1]])
    maps, weights = codec.encode([people, np.zeros((0, 3, 2)), people[[0, 2]]], [visible, [], visible[[0, 2]]])
    np.testing.assert_allclose(maps[0], brute_force(people, visible, codec), atol=1e-5)
    np.testing.assert_allclose(maps[2], brute_force(people[[0, 2]], visible[[0, 2]], codec), atol=1e-5)
    assert not maps[1].any() and maps.shape == (3, *codec.output_shape()) and maps.dtype == np.float32
    np.testing.assert_array_equal(weights, [[1, 0, 1, 0, 0, 0, 0], [1] * 7, [1] * 7])


def test_one_person_has_the_heatmaps_of_one_figure(rng):
    points = rng.uniform(5, 40, (4, 16, 2))
    codec = AffinityCodec(SIZE)
    maps, weights = codec.encode(points[:, None], np.full((4, 1, 16), 2))
    np.testing.assert_allclose(maps[:, :16], encode_heatmaps(points, codec.map_size, 2), atol=1e-6)
    assert weights.shape == (4, 46) and (weights == 1).all()


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("bend", [0, 3])
def test_crossing_limbs_belong_to_whom_they_belong(order, bend):
    # Two arms of a person that cross those of the other, so that nearest joints would join the wrong ones.
    people = np.array([
        [[10.3, 10.1], [30.2, 30 + bend], [40.7, 41.3]],
        [[30.6, 11.2], [10.4, 30.8], [25.9, 42.0]],
    ])[order]  # fmt: skip
    found_people, found, scores = decode_one(CODEC.ideal_outputs([people], all_seen([people])))
    assert found.all() and found.shape == (2, 3) and scores.min() > 0.8
    np.testing.assert_allclose(by_first_x(found_people), by_first_x(people), atol=0.3)


def test_people_of_a_crowd_come_back():
    batch = StickFigures("crowd", "val", 96).batch(range(40))
    codec = AffinityCodec((96, 96))
    people, found, scores = codec.decode(codec.encode_batch(batch)[0])
    assert [len(p) for p in people] == [len(p) for p in batch.people]
    assert np.concatenate(found).mean() > 0.99 and all((np.diff(s) <= 0).all() for s in scores)
    assert average_precision(people, scores, batch.people, batch.people_visible)["AP"] > 0.97
    errors = []
    for answer, which, true in zip(people, found, batch.people, strict=True):
        for person, seen in zip(answer, which, strict=True):
            distance = np.linalg.norm(person - true, axis=-1)[:, seen]
            errors.append(distance[distance.mean(axis=1).argmin()])
    assert np.median(np.concatenate(errors)) < 0.1 and np.percentile(np.concatenate(errors), 95) < 1  # in pixels


def bugs(maps):
    """Planted mistakes of one who writes the targets for the decoder."""
    J, L = len(LINE.names), len(LINE.links)
    fields = maps[:, J:].reshape(1, L, 2, *maps.shape[2:])
    yield "x for y", np.concatenate([maps[:, :J], fields[:, :, ::-1].reshape(maps[:, J:].shape)], axis=1)
    yield "from the second joint to the first", np.concatenate([maps[:, :J], -maps[:, J:]], axis=1)
    yield "another order of links", np.concatenate([maps[:, :J], fields[:, ::-1].reshape(maps[:, J:].shape)], axis=1)
    yield "all x, then all y", np.concatenate(
        [maps[:, :J], fields.transpose(0, 2, 1, 3, 4).reshape(maps[:, J:].shape)], axis=1
    )


def test_a_wrong_field_finds_nobody():
    people = np.array([[[10, 10], [13, 38], [52, 35]], [[24, 8], [27, 30], [58, 22.0]]])
    maps = CODEC.ideal_outputs([people], all_seen([people]))
    assert decode_one(maps)[1].sum() == 6
    for name, wrong in bugs(maps):
        assert decode_one(wrong)[1].sum() < 6, name


def test_a_joint_that_is_not_found_is_where_its_neighbour_is():
    people = np.array([[[10, 10], [20, 30], [40, 35.0]]])
    maps = CODEC.ideal_outputs([people], [np.array([[2, 2, 0]])])
    answer, found, scores = decode_one(maps)
    np.testing.assert_array_equal(found, [[True, True, False]])
    np.testing.assert_array_equal(answer[0, 2], answer[0, 1])
    assert scores[0] < 0.65 < decode_one(CODEC.ideal_outputs([people], all_seen([people])))[2][0]
    chain = np.array([[[1.0, 2], [0, 0], [0, 0]]])
    nothing = np.zeros(0, int), np.zeros((0, 2)), np.zeros(0)
    grouping.fill_in(chain, np.array([[True, False, False]]), nothing, np.zeros((2, 2, 9, 9)), LINE.links)
    assert (chain == [1, 2]).all()


@pytest.mark.parametrize("shared", [0, 2])
def test_a_joint_that_two_people_share_is_at_its_place_in_both(shared):
    order = slice(None, None, 1 if shared == 2 else -1)
    people = np.array([[[12, 10], [15, 30], [32, 34.0]], [[52, 8], [50, 30], [32, 34.0]]])[:, order]
    answer, found, _ = decode_one(CODEC.ideal_outputs([people], all_seen([people])))
    assert found.sum() == 5 and found[:, 1].all()
    np.testing.assert_allclose(answer[np.argsort(answer[:, 1, 0])], people, atol=0.3)


def test_of_two_peaks_on_a_limb_the_higher_is_its_end():
    maps, fields = np.zeros((3, 16, 32)), np.zeros((2, 2, 16, 32))
    for joint, x, height in ((0, 4, 1), (1, 6, 0.9), (2, 8, 0.2), (2, 12, 0.9)):
        maps[joint, 8, x] = height
    fields[:, 0, 8, :11], fields[:, 0, 8, 11:] = 1, 0.9
    (person,), _, _ = grouping.find_people(maps, fields, LINE.links, 1.0, 0.1, 0.05, 2)
    assert np.abs(person - [[4, 8], [6, 8], [12, 8]]).max() <= 1
    peaks = np.array([2, 2]), np.array([[8.0, 8], [12, 8]]), np.array([0.2, 0.9])
    grouping.fill_in(person[None], np.array([[True, True, False]]), peaks, fields, LINE.links)
    np.testing.assert_array_equal(person[2], [12, 8])


def test_too_few_joints_are_no_person():
    people = np.array([[[10, 10], [20, 30], [40, 35.0]]])
    maps = CODEC.ideal_outputs([people], [np.array([[2, 2, 0]])])
    strict = dataclasses.replace(CODEC, least_joints=3)
    answer, found, scores = decode_one(maps, strict)
    assert answer.shape == (0, 3, 2) and found.shape == (0, 3) and scores.shape == (0,)
    assert decode_one(np.zeros_like(maps))[0].shape == (0, 3, 2)


def test_peaks_are_the_local_maxima():
    maps = np.zeros((2, 6, 8), np.float32)
    maps[0, 0, 0], maps[0, 3, 4], maps[0, 3, 5], maps[1, 5, 7], maps[1, 2, 2] = 0.5, 0.9, 0.8, 0.3, 0.1
    maps[1, 2, 5:7] = 0.6  # a plateau is one peak
    joints, points, heights = grouping.find_peaks(maps, 0.1, 1.0)
    np.testing.assert_array_equal(joints, [0, 0, 1, 1])
    np.testing.assert_allclose(heights, [0.5, 0.9, 0.6, 0.3])
    assert np.abs(points - [[0, 0], [4, 3], [5, 2], [7, 5]]).max() <= 1
    noise = np.random.default_rng(0).uniform(0.2, 1, (1, 64, 64)).astype(np.float32)
    heights = grouping.find_peaks(noise, 0.1, 1.0)[2]
    assert len(heights) == grouping.MOST_PEAKS and heights.min() > 0.9  # of about 450
    even = np.zeros((1, 64, 64), np.float32)
    even[:, ::2, ::2] = 0.5  # as of an upsampling that was not trained: a thousand equal peaks
    assert len(grouping.find_peaks(even, 0.1, 1.0)[0]) == grouping.MOST_PEAKS


def test_the_best_pairs_are_taken_first_and_each_point_once():
    scores = np.array([[0.9, 0.8, 0.1], [0.85, 0.2, 0.7]])
    assert grouping.match(scores, scores > 0.15) == [(0, 0), (1, 2)]
    assert grouping.match(scores, np.zeros((2, 3), bool)) == []


def test_a_limb_is_scored_by_the_field_on_its_way():
    field = np.zeros((2, 20, 40))
    field[0, 5] = 0.8
    starts, ends = np.array([[2.0, 5], [2, 6]]), np.array([[12.0, 5], [32, 5], [2, 5]])
    scores, possible = grouping.limb_scores(starts, ends, field, 0.05)
    # 30 cells are three times half of the map's height
    np.testing.assert_allclose(scores[0, :2], [0.8, 0.8 + 10 / 30 - 1])
    assert possible[0].tolist() == [True, True, False] and not possible[1, 0]  # half of the way is beside the field
    field[0, 5, 8:] = 0  # the last four of ten points
    assert not grouping.limb_scores(starts, ends, field, 0.05)[1].any()


def test_fields_of_people_that_cross_are_their_mean():
    limbs = np.array([[[[0, 4], [8, 4]]], [[[4, 0], [4, 8]]]], np.float32)
    fields = affinity.mean_fields(limbs, np.ones((2, 1), bool), (9, 9), 0.7)
    np.testing.assert_allclose(fields[0, :, 4, 4], [0.5, 0.5])
    np.testing.assert_allclose(fields[0, :, 4, 6], [1, 0])
    np.testing.assert_allclose(affinity.mean_fields(limbs[:1, :, [0, 0]], np.ones((1, 1), bool), (9, 9), 1.0), 0)


def test_who_has_no_limb_does_not_change_the_fields_of_others():
    people, visible = np.array([[[10, 10], [20, 30], [40, 35.0]]]), np.full((1, 3), 2)
    expected = CODEC.ideal_outputs([people], [visible])
    for points, flags in (([[20, 20]] * 3, [2, 2, 2]), ([[20, 20], [1e300, 0], [-1e300, 0]], [2, 0, 0])):
        both = [np.concatenate([people, [points]])], [np.concatenate([visible, [flags]])]
        np.testing.assert_array_equal(CODEC.ideal_outputs(*both)[:, 3:], expected[:, 3:])


PEOPLE = [np.full((1, 3, 2), 5.0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AffinityCodec((4, 40), 2), "AffinityCodec: maps must have at least 3 x 3 cells, not 2 x 20"),
        (lambda: AffinityCodec(SIZE, limb_width=0.1), "AffinityCodec: limb_width must be a number from 0.5"),
        (lambda: AffinityCodec(SIZE, least_joints=17), "AffinityCodec: least_joints must be at most 16, not 17"),
        (lambda: dataclasses.replace(CODEC, skeleton=dataclasses.replace(LINE, links=((0, 1), (1, 2), (2, 0)))),
         "AffinityCodec: the links of skeleton must form no cycle, but (2, 0) closes one"),
        (lambda: dataclasses.replace(CODEC, skeleton=dataclasses.replace(LINE, links=())),
         "AffinityCodec: skeleton must have a link"),
        (lambda: dataclasses.replace(CODEC, skeleton=dataclasses.replace(LINE, links=((1, 0),))),
         "AffinityCodec: the links of skeleton must join all joints, but none leads from a to c"),
        (lambda: CODEC.encode(PEOPLE[0][0], all_seen(PEOPLE)),
         "AffinityCodec.encode: people and visible must have an array for each image, but have 3 and 1"),
        (lambda: CODEC.encode([PEOPLE[0][0]], all_seen(PEOPLE)),
         "AffinityCodec.encode: people[0] must have shape (P, 3, 2) and visible[0] (P, 3), got (3, 2) and (1, 3)"),
        (lambda: CODEC.encode([PEOPLE[0] * np.nan], all_seen(PEOPLE)), "AffinityCodec.encode: points hold NaN"),
        (lambda: CODEC.encode([PEOPLE[0] * 100], all_seen(PEOPLE)), "AffinityCodec.encode: 3 of 3 labelled joints lie"),
        (lambda: CODEC.encode([], []), "AffinityCodec.encode: people must be a sequence with an array for each image"),
        (lambda: CODEC.decode(np.zeros((1, 46, 24, 32))),
         "AffinityCodec.decode: outputs must have J + 2 L = 7 maps, got shape (1, 46, 24, 32)"),
        (lambda: CODEC.decode(np.zeros((1, 24, 32, 7))), "AffinityCodec.decode: outputs must have shape (N, J+2L, h,"),
        (lambda: AffinityCodec((64, 64)).decode(np.zeros((0, 46, 32, 32))),
         "AffinityCodec.decode: outputs must have shape (N, J+2L, h, w) = (N, J, 32, 32), got (0, 46, 32, 32); there "
         "must be one output at least"),
        (lambda: CODEC.decode(np.full((1, 7, 24, 32), np.nan)), "AffinityCodec.decode: outputs hold NaN or infinity"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()


def test_the_links_of_the_stick_figure_can_be_encoded():
    assert AffinityCodec(SIZE).channels == 46 == len(STICK_FIGURE.names) + 2 * len(STICK_FIGURE.links)
