"""Data sets: readers, where the files are found, label splits, protocols and episodes."""

from desire_edge.data.dataset import Dataset
from desire_edge.data.episodes import Episode, EpisodeSampler
from desire_edge.data.partial import TARGETS, Targets, known_targets
from desire_edge.data.readers.delicious import (
    DataNotFoundError,
    DeliciousFiles,
    find_delicious,
    load_delicious,
)
from desire_edge.data.readers.files import load_files
from desire_edge.data.readers.sample import load_sample
from desire_edge.data.sources import lasting_source, load_dataset
from desire_edge.data.splits import (
    PROTOCOLS,
    LabelSplit,
    Protocol,
    ProtocolRows,
    given_labels,
    protocol_rows,
    split_labels,
)

__all__ = [
    "PROTOCOLS",
    "TARGETS",
    "DataNotFoundError",
    "Dataset",
    "DeliciousFiles",
    "Episode",
    "EpisodeSampler",
    "LabelSplit",
    "Protocol",
    "ProtocolRows",
    "Targets",
    "find_delicious",
    "given_labels",
    "known_targets",
    "lasting_source",
    "load_dataset",
    "load_delicious",
    "load_files",
    "load_sample",
    "protocol_rows",
    "split_labels",
]
