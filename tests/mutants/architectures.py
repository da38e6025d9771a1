"""Bugs of whole networks, of several people, of the cascade and of studies."""

from tests.mutants.bug import Bug

AFFINITY = "tests/pose/test_affinity.py"

ARCHITECTURES = [
    Bug(
        "a plain block without its last ReLU",
        "models/residual.py",
        "run([*self.branch(), self.relu], input)",
        "run(self.branch(), input)",
        "tests/models/test_resnet.py -k torch",
    ),
    Bug(
        "features are joined along the batch",
        "models/unet.py",
        "cat([across, features], dim=1)",
        "cat([across, features], dim=0)",
        "tests/models/test_unet.py -k batch",
    ),
    Bug(
        "the sides of a feature point exchanged",
        "models/heads.py",
        "tensor([width, height], ",
        "tensor([height, width], ",
        "tests/models/test_network.py -k torch",
    ),
    Bug(
        "an inverted residual with a ReLU at its end",
        "models/mobilenet_v2.py",
        "            BatchNorm2d(out_channels),\n        )\n\n    def forward",
        "            BatchNorm2d(out_channels),\n            ReLU6(),\n        )\n\n    def forward",
        "tests/models/test_mobilenet_v2.py -k torch",
    ),
    Bug(
        "the first stack's maps in place of the last one's",
        "models/stacks.py",
        "return self.forward_stacks(input)[-1]",
        "return self.forward_stacks(input)[0]",
        "tests/models/test_hourglass.py -k last_stack",
    ),
    Bug(
        "people added instead of the highest of them",
        "pose/codecs/affinity.py",
        ".max(axis=0)\n                fields",
        ".sum(axis=0)\n                fields",
        f"{AFFINITY} -k brute",
    ),
    Bug(
        "a field with x and y exchanged",
        "pose/codecs/affinity.py",
        "near.astype(np.float32), unit)",
        "near.astype(np.float32), unit[..., ::-1])",
        f"{AFFINITY} -k brute",
    ),
    Bug(
        "a stage moves a joint the wrong way",
        "train/cascade.py",
        "estimates + moves * sides",
        "estimates - moves * sides",
        "tests/train/test_cascade.py -k sides",
    ),
    Bug(
        "the spread of all values, not of a sample",
        "train/studies/results.py",
        "squares / (len(known) - 1)",
        "squares / len(known)",
        "tests/train/studies/test_results.py -k deviation",
    ),
    Bug(
        "a standard error that adds deviations",
        "train/studies/answers.py",
        's["spread"] ** 2 / sum(',
        's["spread"] / sum(',
        "tests/train/studies/test_answers.py",
    ),
    Bug(
        "every head is read as heatmaps",
        "train/predictions.py",
        'kind, stride = getattr(model, "head_kind", "heatmap"), ',
        'kind, stride = "heatmap", ',
        "tests/train/test_evaluate.py -k head",
    ),
]
