"""How a stick figure and all around it are drawn: compiled code, which nothing imports before the first picture."""
