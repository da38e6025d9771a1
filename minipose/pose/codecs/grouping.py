"""From the maps of joints and the fields of limbs to people: peaks, limbs between them, and what hangs together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.pose.codecs.dark import refine_peaks

SAMPLES = 10  # points at which a field is read between two joints
SHARE = 0.8  # at more than this share of them the field must point along the limb
MOST_PEAKS = 100  # of a map: those of an untrained network are thousands, and pairs of them are millions
Links = Sequence[tuple[int, int]]


def find_people(
    joint_maps: np.ndarray,
    fields: np.ndarray,
    links: Links,
    sigma: float,
    threshold: float,
    field_threshold: float,
    least_joints: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the people of one image, as `AffinityCodec.decode` does, but in cells.

    Parameters
    ----------
    joint_maps : array (J, h, w)
    fields : array (L, 2, h, w)
        x and y of each link's.
    links : L pairs of joints, without a cycle
    sigma, threshold, field_threshold, least_joints : as for `AffinityCodec`

    Returns
    -------
    people : array (D, J, 2)
    found : bool array (D, J)
    scores : array (D,)
    """
    joints, points, heights = peaks = find_peaks(joint_maps, threshold, sigma)
    person_of = np.arange(len(joints))
    total = heights.astype(np.float64)  # of each peak, and of the limbs that begin there
    for (first, second), field in zip(links, fields, strict=True):
        starts, ends = np.flatnonzero(joints == first), np.flatnonzero(joints == second)
        agreement, possible = limb_scores(points[starts], points[ends], field, field_threshold)
        # The field alone would let a spurious peak beside the right one take the limb, if it lies a little better.
        for i, j in match(agreement + heights[starts, None] + heights[ends], possible):
            total[starts[i]] += agreement[i, j]
            person_of[person_of == person_of[ends[j]]] = person_of[starts[i]]
    numbers, place, counts = np.unique(person_of, return_inverse=True, return_counts=True)
    # As no peak has two limbs of a link, and the links have no cycle, nobody has two peaks of a joint.
    people, found = np.zeros((len(numbers), len(joint_maps), 2)), np.zeros((len(numbers), len(joint_maps)), dtype=bool)
    people[place, joints], found[place, joints] = points, True
    scores = np.bincount(place, total, len(numbers)) / (len(joint_maps) + len(links))
    kept = np.flatnonzero(counts >= least_joints)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    people, found = people[kept], found[kept]
    fill_in(people, found, peaks, fields, links)
    return people, found, scores[kept].astype(np.float32)


def find_peaks(maps: np.ndarray, threshold: float, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the joint (K,), the place (K, 2) in cells and the height (K,) of the local maxima above the threshold.

    A maximum is no lower than the eight cells around it; of several equal ones in a row the first is taken. Of a map
    with more than a hundred only the highest count, and of equally high ones the first.
    """
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    h, w = maps.shape[1:]
    is_peak = maps > threshold
    for dy in range(3):
        for dx in range(3):
            neighbour = padded[:, dy : dy + h, dx : dx + w]
            if (dy, dx) != (1, 1):
                is_peak &= (maps > neighbour) if (dy, dx) < (1, 1) else (maps >= neighbour)
    for joint in np.flatnonzero(is_peak.sum(axis=(1, 2)) > MOST_PEAKS):
        rows, columns = np.nonzero(is_peak[joint])
        lower = np.argsort(-maps[joint, rows, columns], kind="stable")[MOST_PEAKS:]
        is_peak[joint, rows[lower], columns[lower]] = False
    joints, rows, columns = np.nonzero(is_peak)
    cells = np.stack([columns, rows], axis=-1)
    if not len(joints):
        return joints, cells.astype(np.float64), maps[is_peak]
    points, curved = refine_peaks(maps[joints][:, None], cells[:, None], sigma, blur=True)
    return joints, np.where(curved, points[:, 0], cells), maps[is_peak]


def limb_scores(
    starts: np.ndarray, ends: np.ndarray, field: np.ndarray, field_threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how well a field (2, h, w) agrees with a limb from each of A points to each of B, and which are possible.

    The agreement (A, B) is the mean of the field along the way, times its direction, less a penalty for limbs longer
    than half of the map's height (Cao et al. 2017, equation 10, and the code published with it).
    """
    h, w = field.shape[1:]
    along = ends[None] - starts[:, None]
    length = np.sqrt((along**2).sum(axis=-1))
    unit = along / np.maximum(length, 1e-6)[..., None]
    ways = starts[:, None, None] + np.linspace(0, 1, SAMPLES)[:, None] * along[:, :, None]
    columns, rows = np.clip(np.floor(ways + 0.5).astype(np.int64), 0, (w - 1, h - 1)).transpose(3, 0, 1, 2)
    agreement = field[0, rows, columns] * unit[..., :1] + field[1, rows, columns] * unit[..., 1:]
    score = agreement.mean(axis=-1) + np.minimum(0.5 * h / np.maximum(length, 1e-6) - 1, 0)
    speaking = (agreement > field_threshold).mean(axis=-1)
    return score, (speaking > SHARE) & (score > 0)


def match(scores: np.ndarray, possible: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs (row, column), greedily the best first, of which no two share a row or a column."""
    pairs, possible = [], possible.copy()
    rows, columns = np.nonzero(possible)
    for place in np.argsort(-scores[rows, columns], kind="stable"):
        i, j = rows[place], columns[place]
        if possible[i, j]:
            pairs.append((int(i), int(j)))
            possible[i], possible[:, j] = False, False
    return pairs


def fill_in(
    people: np.ndarray, found: np.ndarray, peaks: tuple[np.ndarray, np.ndarray, np.ndarray], fields: np.ndarray,
    links: Links,
) -> None:  # fmt: skip
    """Give each joint that was not found the place of a peak, whoever's it is, or that of its neighbour."""
    joints, points, heights = peaks
    ways = [(a, b, field) for (a, b), field in zip(links, fields, strict=True)]
    ways += [(b, a, -field) for a, b, field in ways]
    for person, placed in zip(people, found.copy(), strict=True):
        before = None
        while before is None or (placed != before).any():
            before = placed.copy()
            for start, end, field in ways:
                if before[start] and not placed[end]:
                    candidates = np.flatnonzero(joints == end)
                    agreement, _ = limb_scores(person[start, None], points[candidates], field, 0.0)
                    evidence = agreement[0] * heights[candidates]
                    best = evidence.max(initial=0)
                    person[end] = points[candidates[evidence.argmax()]] if best > 0 else person[start]
                    placed[end] = True
