"""Train a network to find the 16 joints of a stick figure, and score it on test sets that it has never seen.

The folder of the run then holds its settings (config.json), its log (log.csv, log.jsonl, curves.png), the network with
the best validation score (best.safetensors), all that is needed to go on (last.safetensors), the scores (metrics.json)
and pictures of what it answers (predictions.png, heatmaps.png).
"""
