"""What was expected: candidate models of a site's load without training, backtested and frozen."""
