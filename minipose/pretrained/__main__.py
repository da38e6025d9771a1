"""`python -m minipose.pretrained RUN`: make the network of a finished run the one that is shipped.

Weights are kept as float16, which halves the file; the scores on the card are those of the rounded weights.
"""
