"""The accelerator catalogue: what a declared chip can compute and what it draws.

Peak is dense bf16 (vendors' sparse figures halved). `node_w_per_chip` is the maximum draw of a whole server at the
wall over its chips, so that CPUs, fans, NICs and power supplies are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

# Whole-node draw in training over the server's rated maximum: 64 DGX-class H100 nodes drew 855 W a chip in MLPerf v4.0
# GPT-3 against 1,275 W rated; large runs with CPUs and storage busy come nearer to 0.8.
TRAINING_SHARE_OF_RATED = 0.8
# Idle accelerators draw 0.3 to 0.5 of training power (POLCA, Patel et al. 2024; Latif et al. 2024).
IDLE_SHARE_LOW, IDLE_SHARE_HIGH = 0.3, 0.5
# Model FLOP utilisation of large runs: low, usual and best published.
UTILISATION_LOW, UTILISATION_CENTRAL, UTILISATION_HIGH = 0.20, 0.35, 0.45


@dataclass(frozen=True)
class Accelerator:
    """One chip.

    Args:
        model: name in the catalogue.
        peak_dense_bf16_flops: FLOP/s of one chip.
        chip_w: rated draw of one chip, W.
        node_w_per_chip: rated draw of a whole server over its chips, W.
        source: where the figures are from.
        aliases: other names it goes by.
    """

    model: str
    peak_dense_bf16_flops: float
    chip_w: float
    node_w_per_chip: float
    source: str
    aliases: tuple[str, ...] = ()

    def joule_per_flop(self, utilisation: float) -> float:
        """Return energy at the IT load for one FLOP of a training run at a model FLOP utilisation."""
        return TRAINING_SHARE_OF_RATED * self.node_w_per_chip / (self.peak_dense_bf16_flops * utilisation)


CATALOGUE: tuple[Accelerator, ...] = (
    Accelerator(
        "A100-SXM",
        312e12,
        400,
        813,
        "NVIDIA A100 datasheet; DGX A100 6.5 kW / 8",
        ("A100", "A100-SXM4"),
    ),
    Accelerator("A100-PCIE", 312e12, 300, 600, "NVIDIA A100 datasheet; node: 8-way PCIe servers, estimate"),
    Accelerator(
        "H100-SXM",
        989e12,
        700,
        1275,
        "NVIDIA H100 datasheet; DGX H100 10.2 kW / 8",
        ("H100", "H100-SXM5"),
    ),
    Accelerator("H100-PCIE", 756e12, 350, 700, "NVIDIA H100 datasheet; node: 8-way PCIe servers, estimate"),
    Accelerator("H800-SXM", 989e12, 700, 1275, "as H100-SXM; its limits are in the links", ("H800",)),
    Accelerator("H20", 148e12, 400, 850, "NVIDIA H20 published figures; node estimate"),
    Accelerator("H200-SXM", 989e12, 700, 1275, "NVIDIA H200 datasheet; DGX H200 10.2 kW / 8", ("H200",)),
    Accelerator("B200", 2250e12, 1000, 1788, "NVIDIA DGX B200 datasheet; 14.3 kW / 8", ("B200-SXM",)),
    Accelerator(
        "GB200",
        2500e12,
        1200,
        1833,
        "NVIDIA GB200 NVL72 datasheet; rack 132 kW / 72",
        ("GB200-NVL72",),
    ),
    Accelerator(
        "GB300",
        2500e12,
        1400,
        1972,
        "NVIDIA GB300 NVL72 datasheet; rack 142 kW / 72, estimate",
        ("B300",),
    ),
    Accelerator("L40S", 362e12, 350, 650, "NVIDIA L40S datasheet; node estimate"),
    Accelerator("MI250X", 383e12, 560, 1000, "AMD MI250X datasheet; node estimate"),
    Accelerator(
        "MI300X",
        1307e12,
        750,
        1400,
        "AMD MI300X datasheet; node: 8-way servers about 11.2 kW",
        ("MI300",),
    ),
    Accelerator("MI325X", 1307e12, 1000, 1700, "AMD MI325X datasheet; node estimate"),
    Accelerator("MI355X", 2500e12, 1400, 2150, "AMD MI355X datasheet; node estimate"),
    Accelerator("GAUDI2", 432e12, 600, 1050, "Intel Gaudi 2 white paper; node estimate"),
    Accelerator("GAUDI3", 1835e12, 900, 1500, "Intel Gaudi 3 white paper; node estimate"),
    Accelerator("TPU-V4", 275e12, 192, 400, "Jouppi et al. 2023 (TPU v4); node estimate", ("TPU v4",)),
    Accelerator("TPU-V5E", 197e12, 200, 350, "Google Cloud TPU v5e page; watts are estimates", ("TPU v5e",)),
    Accelerator("TPU-V5P", 459e12, 450, 750, "Google Cloud TPU v5p page; watts are estimates", ("TPU v5p",)),
    Accelerator(
        "TPU-V6E",
        918e12,
        350,
        600,
        "Google Cloud TPU v6e page; watts are estimates",
        ("TPU v6e", "TRILLIUM"),
    ),
    Accelerator(
        "TPU-V7",
        2307e12,
        900,
        1300,
        "Google Ironwood announcement; watts are estimates",
        ("TPU v7", "IRONWOOD"),
    ),
    Accelerator("TRAINIUM1", 190e12, 250, 500, "AWS Trainium page; watts are estimates", ("TRN1",)),
    Accelerator("TRAINIUM2", 667e12, 500, 850, "AWS Trainium2 page; watts are estimates", ("TRN2",)),
    Accelerator("ASCEND-910B", 376e12, 400, 750, "published third-party figures; estimates"),
    Accelerator("ASCEND-910C", 780e12, 700, 1250, "published third-party figures; estimates"),
)
REFERENCE_MODEL = "H100-SXM"


def _normal(name: str) -> str:
    return "".join(c for c in name.upper() if c.isalnum())


_BY_NAME = {_normal(n): a for a in CATALOGUE for n in (a.model, *a.aliases)}


@lru_cache(maxsize=1024)
def lookup(model: str) -> Accelerator | None:
    """Return the catalogue's entry for a model or one of its aliases, or None."""
    return _BY_NAME.get(_normal(model))


def known_model(model: str) -> str:
    """Return the model's name as given.

    Raises:
        ValueError: it is not in the catalogue; the nearest names are offered.
    """
    if lookup(model) is None:
        from rapidfuzz import process

        names = {_normal(a.model): a.model for a in CATALOGUE}
        near = [names[found[0]] for found in process.extract(_normal(model), list(names), limit=3)]
        raise ValueError(f"{model!r} is not in the catalogue; nearest are {', '.join(near)}")
    return model
