"""The frozen stages that a run can begin with, by what a user calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import VectorInput
from desire_edge.models.backbones import efficientnet, minilm, onnx_file, torch_module, words
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.options import BackboneOptions

Build = Callable[[str, Path, BackboneOptions], FrozenStage | None]
"""From a backbone's name, the folder that it is written into, and what the user says, to the stage."""

IDENTITY, MLP = "identity", "mlp"
_WHY_NOT = {
    MLP: "is trained anyway",
    IDENTITY: "has nothing to train",
    words.NAME: "has nothing to train",
}
PLAIN = {
    words.NAME: words.build,
    minilm.NAME: minilm.build,
    efficientnet.NAME: efficientnet.build,
}


def build_stage(name: str, folder: Path, options: BackboneOptions) -> FrozenStage | None:
    """The frozen stage called `name`, written into `folder`; None for `mlp`, all of which is trained."""
    if options.tune is not None and (name in _WHY_NOT or name.startswith(onnx_file.PREFIX)):
        raise DesireEdgeError(
            f"extractor.train_backbone is for minilm, efficientnet-lite0 and module:PKG.Class, and the backbone {name} "
            + _WHY_NOT.get(name, "is an ONNX file, which cannot be trained; name its torch module")
        )
    if name == MLP:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    if name == IDENTITY:
        if options.vector is None:
            raise DesireEdgeError(
                "the backbone identity takes vectors, and these data are texts or pictures; choose another --backbone"
            )
        stage = FrozenStage(IDENTITY, folder, VectorInput(options.vector), options.vector)
    elif name.startswith(onnx_file.PREFIX):
        stage = onnx_file.build(folder, options, Path(name.removeprefix(onnx_file.PREFIX)))
    elif name.startswith(torch_module.PREFIX):
        stage = torch_module.build(folder, options, name.removeprefix(torch_module.PREFIX))
    else:
        stage = PLAIN[name](folder, options)
    stage.save()
    return stage
