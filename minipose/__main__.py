"""`python -m minipose`, the same as `minipose`."""

import sys

from minipose.cli import main

if __name__ == "__main__":
    sys.exit(main())
