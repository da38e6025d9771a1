"""List the layers of a network: what comes out of each, its parameters and its multiply-adds for one image.

With --list, the names of all networks instead.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from minipose import models, nn

EXAMPLES = """examples:
  minipose summary hourglass
  minipose summary hourglass --size 128 --option width=16 --option stacks=2
  minipose summary resnet --option depth=50 --option head=scalar
  minipose summary --list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("model", nargs="?", default="hourglass", help="a network's name (default hourglass)")
    parser.add_argument("--size", type=int, default=64, help="side of the square image in pixels (default 64)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the network, as width=16"
    )
    parser.add_argument("--list", action="store_true", help="the names of all networks, one a line")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Print the table or the list."""
    if arguments.list:
        names = models.names()
        print(json.dumps(names) if arguments.json else "\n".join(names))
        return 0
    model = models.create(arguments.model, **dict(map(models.read_option, arguments.option)))
    if not 1 <= arguments.size <= 4096:
        raise ValueError(f"--size must be from 1 to 4096 pixels, not {arguments.size}")
    table = nn.summary(model, (1, 3, arguments.size, arguments.size))
    print(json.dumps(asdict(table)) if arguments.json else table)
    return 0
