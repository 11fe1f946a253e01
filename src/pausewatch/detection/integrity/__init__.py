"""Integrity: telemetry that arrived but contradicts itself, the other meter, or chance."""
