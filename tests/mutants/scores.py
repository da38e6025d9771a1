"""Bugs in metrics and in the evaluator: scores that are wrong, and mistakes that nobody is told of."""

from tests.mutants.bug import Bug

CORRECT = "tests/pose/test_correct.py"
PRECISION = "tests/pose/test_average_precision.py"
DETECTORS = "tests/train/test_detectors.py"
REPORT = "tests/train/test_report_bugs.py"
EVALUATE = "tests/train/test_evaluate.py"

SCORES = [
    Bug("the shorter side of the box", "pose/metrics/units.py", "sides.max(axis=1)", "sides.min(axis=1)", CORRECT),
    Bug(
        "the box of all joints",
        "pose/metrics/units.py",
        "        sides = box_sides(true, labelled)\n",
        "        sides = box_sides(true, labelled | True)\n",
        CORRECT,
    ),
    Bug(
        "the joints of the torso on one side",
        "pose/metrics/units.py",
        'skeleton.names.index("right_hip")',
        'skeleton.names.index("left_hip")',
        CORRECT,
    ),
    Bug(
        "errors of the threshold do not pass",
        "pose/metrics/correct.py",
        "return pooled_mean(errors <= threshold, scored, per_joint)\n\n\ndef auc",
        "return pooled_mean(errors < threshold, scored, per_joint)\n\n\ndef auc",
        "tests/pose/test_metrics.py -k exactly",
    ),
    Bug(
        "an unlabelled mirror joint forgives",
        "pose/metrics/correct.py",
        "np.where(has_mirror, np.minimum(errors, mirrored), errors)",
        "np.minimum(errors, mirrored)",
        CORRECT,
    ),
    Bug("no threshold of 0", "pose/metrics/correct.py", "for i in range(51))", "for i in range(1, 51))", CORRECT),
    Bug(
        "joints of unlabelled poses in the report's score",
        "pose/metrics/distance.py",
        ".all(axis=1)]",
        ".any(axis=1)]",
        CORRECT,
    ),
    Bug("sigma for 2 sigma", "pose/metrics/oks.py", "(2 * sigmas) ** 2", "sigmas**2", PRECISION),
    Bug(
        "a taken person is taken again",
        "pose/metrics/average_precision.py",
        "image.crowd[chosen[taken]]",
        "True",
        PRECISION,
    ),
    Bug(
        "a crowd is found once",
        "pose/metrics/average_precision.py",
        "image.crowd[chosen[taken]]",
        "False",
        PRECISION,
    ),
    Bug(
        "ties in another order",
        "pose/metrics/average_precision.py",
        'np.argsort(-np.concatenate(scores), kind="stable")',
        'np.argsort(np.concatenate(scores), kind="stable")[::-1]',
        PRECISION,
    ),
    Bug(
        "precision as it comes",
        "pose/metrics/average_precision.py",
        "np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]",
        "precision",
        PRECISION,
    ),
    Bug(
        "free predictions of another size count",
        "pose/metrics/average_precision.py",
        "(found == -1) & _outside(image.predicted_areas, limits)",
        "(found == -1) & False",
        PRECISION,
    ),
    Bug(
        "any improvement is an error",
        "train/findings.py",
        "if gone > ERROR_FROM and is_good and is_no_chance else",
        "if gone > ERROR_FROM and is_no_chance else",
        DETECTORS,
    ),
    Bug(
        "a chance of a few samples is an error",
        "train/findings.py",
        " and is_no_chance else",
        " else",
        f"{DETECTORS} -k half_the_sides",
    ),
    Bug(
        "any pairing is an improvement",
        "train/detectors.py",
        "if not is_clear or len(np.unique(chosen)) < LEAST_DISTINCT * count:",
        "if False:",
        f"{DETECTORS} -k other_figures",
    ),
    Bug(
        "a mirror at the image's edge",
        "train/detectors.py",
        "case.predictions.image_size[1] - 1 - points",
        "-points",
        f"{REPORT} -k flipped",
    ),
    Bug(
        "only one of the two orders of names",
        "train/detectors.py",
        "for chosen in (order, np.argsort(order)):",
        "for chosen in (order,):",
        f"{REPORT} -k b9",
    ),
    Bug(
        "overlap is looked for in images alone",
        "train/data_detectors.py",
        "same_image | [one in poses for one in _label_hashes(labels)]",
        "same_image",
        f"{REPORT} -k b10",
    ),
    Bug(
        "any map is alike its neighbour's",
        "train/detectors.py",
        " & (predicted < LEAST_SPREAD * true)",
        "",
        f"{DETECTORS} -k much_alike",
    ),
    Bug(
        "labels without a position count",
        "train/predictions.py",
        "np.where(finite[..., None], batch.points, 0).astype(np.float32)",
        "batch.points",
        EVALUATE,
    ),
]
