"""Studies: many training runs that differ in one thing, side by side, with their seeds and spread in one table."""

from minipose.train.studies.answers import HARDEST, compare, difference, page
from minipose.train.studies.cells import METRICS, Cell, make_cells
from minipose.train.studies.costs import measure_costs
from minipose.train.studies.markdown import markdown_table, number, score_table, score_tables
from minipose.train.studies.results import collect, spread
from minipose.train.studies.runner import run_cells
from minipose.train.studies.study import BASE, Study, add_study_arguments, study_from_arguments, study_main

__all__ = [
    "BASE", "Cell", "HARDEST", "METRICS", "Study", "add_study_arguments", "collect", "compare", "difference",
    "make_cells", "markdown_table", "measure_costs", "number", "page", "run_cells", "score_table", "score_tables",
    "spread", "study_from_arguments", "study_main",
]  # fmt: skip
