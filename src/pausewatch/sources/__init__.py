"""Where telemetry comes from: one small file a source kind, one protocol."""

from pausewatch.sources.files import Files
from pausewatch.sources.protocol import Batch, Reason, Source, open_source
from pausewatch.sources.quality import Quality

__all__ = ["Batch", "Files", "Quality", "Reason", "Source", "open_source"]
