"""Bugs of whole networks, of several people, of the cascade and of studies."""

from tests.mutants.bug import Bug

AFFINITY = "tests/pose/test_affinity.py"
CASCADE = "tests/train/test_cascade.py"

ARCHITECTURES = [
    Bug(
        "a plain block without its last ReLU",
        "models/residual.py",
        "run([*self.branch(), self.relu], input)",
        "run(self.branch(), input)",
        "tests/models/test_resnet.py -k torch",
    ),
    Bug(
        "squeeze and excitation after the addition of the shortcut",
        "models/residual.py",
        "        return add_relu(self.branch(), input, self.downsample(input), self.relu)\n",
        "        added = run(self._layers(), input) + self.downsample(input)\n"
        "        return self.relu(self.se(added) if self.excites else added)\n",
        "tests/models/test_resnet.py -k SEResNet",
    ),
    Bug(
        "a branch that comes down is rectified before the sum",
        "models/hrnet.py",
        "Sequential(convolution(of_source, of_target, 3, 2), BatchNorm2d(of_target)))",
        "_conv_relu(of_source, of_target, 2))",
        "tests/models/test_hrnet.py -k network_is_that_of_torch",
    ),
    Bug(
        "a stage is told the next joint",
        "models/cascade.py",
        "np.eye(self.joints, dtype=np.float32)[joints]",
        "np.roll(np.eye(self.joints, dtype=np.float32), 1, axis=1)[joints]",
        "tests/models/test_cascade.py -k torch",
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
        f"{CASCADE} -k sides",
    ),
    Bug(
        "a stage is taught to go further",
        "train/cascade.py",
        "(-moves, labelled)",
        "(moves, labelled)",
        f"{CASCADE} -k undo",
    ),
    Bug(
        "crops half a pixel off",
        "data/crops.py",
        "(np.arange(size) + 0.5) / size - 0.5",
        "np.arange(size) / size - 0.5",
        "tests/data/test_crops.py -k docstring",
    ),
    Bug(
        "a joint is the end of two limbs of a kind",
        "pose/codecs/grouping.py",
        "            possible[i], possible[:, j] = False, False\n",
        "",
        f"{AFFINITY} -k each_point_once",
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
