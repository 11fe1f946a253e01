"""What is told: the daily report, its figures, its manifest and its seal."""
