"""How fast minipose is beside PyTorch and beside the machine's own limits: `python -m tests.benchmarks`."""
