"""The comparison report: size, features, verdicts and speed of the net, the baseline and spider."""
