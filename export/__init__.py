"""From a finished training run to a bundle for devices: graphs, weights, lexicon, and the parity that gates it."""

from .bundle import ExportOptions, check_out, export_bundle
from .parity import Parity

__all__ = ["ExportOptions", "Parity", "check_out", "export_bundle"]
