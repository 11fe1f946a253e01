"""How well it works: simulated fleets run through the real detector and assessment, and scored against their truth."""
