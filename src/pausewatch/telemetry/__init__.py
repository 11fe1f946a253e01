"""What was measured: units, quality codes, the lake, screening, and hourly aligned panels."""
