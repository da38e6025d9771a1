"""Sphinx configuration: `python -m sphinx -W --keep-going -b html docs docs/_build/html`."""

import minipose

project = "minipose"
author = "The minipose authors"
copyright = "2026, The minipose authors"
release = minipose.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", *(f"performance/{part}.md" for part in ("networks", "layers", "ladder"))]  # included

# The tutorials are run anew at every build, and a failing cell or assert fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 100
numpydoc_show_class_members = False

smartquotes_action = "qe"  # no dashes: --out is an option

html_theme = "furo"
html_title = f"minipose {release}"
html_show_sphinx = False
