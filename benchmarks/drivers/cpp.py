"""Building and running the C++ client, for its tests and for benchmarks/everywhere.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from desire_edge.files import alone

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "build" / ".lock"
"""Of what is built or installed in the repository, for all that run tests side by side."""
TOOLS = ("cmake", "c++", "apt-get", "dpkg-deb")
"""What building it takes here; elsewhere an ONNX Runtime SDK stands in for the last two."""


@alone(LOCK)
def build_programs() -> Path:
    """Build `desire_edge_app` and the tests' `probe`, warnings being errors; return their folder."""
    runtime, build = ROOT / "build" / "onnxruntime", ROOT / "build" / "client"
    if not (runtime / "lib" / "libonnxruntime.so").exists():
        finished(ROOT / "desire_edge" / "clients" / "cpp" / "fetch_onnxruntime.sh", runtime, sys.executable)
    options = ("-DDESIRE_EDGE_BUILD_CLIENT=ON", "-DDESIRE_EDGE_BUILD_TESTS=ON")
    strict = ("-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", f"-DONNXRUNTIME_ROOT={runtime}")
    finished("cmake", "-S", ROOT, "-B", build, *options, *strict)
    finished("cmake", "--build", build, "--parallel", "2", "--target", "desire_edge_app", "probe")
    return build / "clients" / "cpp"


def text_microseconds(lexicon: Path, texts: Sequence[str]) -> float:
    """From a text to its features by a static lexicon, microseconds: the texts' mean, in the quickest of 20 rounds."""
    question = json.dumps({"lexicon": str(lexicon), "timed_texts": list(texts)})
    found: float = json.loads(finished(build_programs() / "probe", given=question))["microseconds"]
    return found


def finished(*command: str | Path, given: str | None = None) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
