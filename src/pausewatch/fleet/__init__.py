"""What was declared: sites, meters, pauses, declarations and the accelerator catalogue."""

from pausewatch.fleet.accelerators import Accelerator, lookup
from pausewatch.fleet.declarations import Activity, Declaration
from pausewatch.fleet.fleet import Fleet
from pausewatch.fleet.loading import load_fleet
from pausewatch.fleet.meters import Measure, Meter, MeterOwner, Unit
from pausewatch.fleet.pauses import Pause
from pausewatch.fleet.sites import Inventory, Site

__all__ = [
    "Accelerator",
    "Activity",
    "Declaration",
    "Fleet",
    "Inventory",
    "Measure",
    "Meter",
    "MeterOwner",
    "Pause",
    "Site",
    "Unit",
    "load_fleet",
    "lookup",
]
