"""pausewatch checks a declared pause of large AI training from datacenter energy telemetry."""

__version__ = "0.1.0"
