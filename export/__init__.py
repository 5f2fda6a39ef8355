"""From a finished training run to a bundle for devices: graphs, weights, lexicon, and the parity that gates it."""

from .bundle import ExportOptions, check_out, export_bundle
from .parity import Parity
from .to_bundle import to_bundle

__all__ = ["ExportOptions", "Parity", "check_out", "export_bundle", "to_bundle"]
