"""What it looks like: features of an episode and the hypotheses that could explain it."""
