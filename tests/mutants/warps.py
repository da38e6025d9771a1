"""Bugs in affine maps, warps, augmentation and COCO files: images and labels that part company."""

from tests.mutants.bug import Bug

AFFINE = "tests/pose/test_affine.py"
WARP = "tests/data/test_warp.py"
AUGMENT = "tests/data/test_augment.py"
COCO = "tests/data/coco"

WARPS = [
    Bug("a flip about the last pixel's edge", "pose/affine.py", "width - 1.0]", "float(width)]", AFFINE),
    Bug(
        "a flip about the last pixel's edge, seen in images",
        "pose/affine.py",
        "[[-1.0, 0.0, width - 1.0]",
        "[[-1.0, 0.0, width - 0.0]",
        f"{AUGMENT} -k joints",
    ),
    Bug("the first matrix last", "pose/affine.py", "matrix[:, :2] @ result", "result[:, :2] @ matrix", AFFINE),
    Bug("a crop by pixel centres", "pose/affine.py", "middle = (size - 1) / 2", "middle = size / 2", AFFINE),
    Bug("the inverse forgotten", "data/warp.py", "affine.invert(matrix)", "affine.check_matrix('', matrix)", WARP),
    Bug("half a pixel too far in x", "data/warp.py", "c + 0.5 - (a + b) / 2", "c", WARP),
    Bug("half a pixel too far in y", "data/warp.py", "f + 0.5 - (d + e) / 2", "f", WARP),
    Bug("half a pixel too far after averaging", "data/warp.py", "x * (0.5 - left) - 0.5", "x * -left", WARP),
    Bug("no averaging", "data/warp.py", "LEAST_SAMPLED_SCALE = 0.75", "LEAST_SAMPLED_SCALE = 0", WARP),
    Bug(
        "no exchange of right and left",
        "data/augment.py",
        "        if flipped:\n",
        "        if False:\n",
        f"{AUGMENT} -k points",
    ),
    Bug(
        "flags without exchange of right and left",
        "data/augment.py",
        "visible[:, self.skeleton.flip]",
        "visible",
        f"{AUGMENT} -k flags",
    ),
    Bug(
        "a matrix that forgets the crop",
        "data/augment.py",
        "compose(sample.matrix, matrix)",
        "compose(matrix)",
        AUGMENT,
    ),
    Bug(
        "joints outside the image still visible",
        "data/augment.py",
        "np.where(affine.is_inside(people, size), visible, 0)",
        "visible",
        AUGMENT,
    ),
    Bug("colours that wrap around", "data/augment.py", "np.clip(values, 0, 255, out=values)", "values", AUGMENT),
    Bug(
        "a box that counts from pixel centres",
        "data/coco/dataset.py",
        "(x - 0.5, y - 0.5, x + width - 0.5,",
        "(x, y, x + width,",
        COCO,
    ),
    Bug(
        "COCO joints in the file's order",
        "data/coco/annotations.py",
        "points[order], visible[order]",
        "points, visible",
        COCO,
    ),
    Bug(
        "predictions left in the crop",
        "data/coco/export.py",
        "affine.invert(dataset.matrix(index))",
        "affine.identity()",
        COCO,
    ),
    Bug(
        "annotation number 0",
        "data/coco/export.py",
        'len(entries["annotations"]) + 1',
        'len(entries["annotations"])',
        COCO,
    ),
    Bug("an image that ends at its last pixels' centres", "pose/affine.py", "(width - 0.5,", "(width - 1,", AFFINE),
    Bug("joints outside the image still labelled", "data/coco/annotations.py", "labelled &= inside", "pass", COCO),
]
