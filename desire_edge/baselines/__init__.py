"""The methods DESIRE-Net is compared with, one file each, all behind `Method`.

`METHODS` holds them by name, in the order of the paper's table, then what this project adds to it. The supervised
reference is no few-shot method and stands beside them. `PLAIN` holds what a user would write in a few lines of
scikit-learn, which stands beside every figure of ours.
"""

from desire_edge.baselines.all_positive import AllPositive
from desire_edge.baselines.ataml import Ataml
from desire_edge.baselines.centroid import NearestCentroid
from desire_edge.baselines.cosine import Cosine
from desire_edge.baselines.desire import DesireNet
from desire_edge.baselines.eszsl import Eszsl
from desire_edge.baselines.logistic import Logistic
from desire_edge.baselines.logistic_cosine import LogisticCosine
from desire_edge.baselines.logistic_offset import LogisticOffset
from desire_edge.baselines.logistic_priors import LogisticPriors
from desire_edge.baselines.maml import Maml
from desire_edge.baselines.maml_plus_plus import MamlPlusPlus
from desire_edge.baselines.no_inference import NoInference
from desire_edge.baselines.no_l2 import NoL2
from desire_edge.baselines.no_pretraining import NoPretraining
from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting
from desire_edge.baselines.plain_data import PlainData
from desire_edge.baselines.plain_pretraining import PlainPretraining, plain_classifier
from desire_edge.baselines.pretrained import Pretrained
from desire_edge.baselines.protonet import ProtoNet
from desire_edge.baselines.reptile import Reptile
from desire_edge.baselines.ridge import RidgeRegression
from desire_edge.baselines.supervised import SupervisedReference
from desire_edge.baselines.tfidf import Tfidf
from desire_edge.training.method import SEARCHES, MetaTrained, Method

METHODS: dict[str, type[Method]] = {
    "pretrained": Pretrained,
    "maml": Maml,
    "reptile": Reptile,
    "ataml": Ataml,
    "maml++": MamlPlusPlus,
    "no-l2": NoL2,
    "no-pretraining": NoPretraining,
    "no-inference": NoInference,
    "desire-net": DesireNet,
    "plain-pretraining": PlainPretraining,
    "protonet": ProtoNet,
    "all-positive": AllPositive,
}
"""Every method by the name that commands, caches and tables use."""

PLAIN: tuple[PlainBaseline, ...] = (Cosine(), RidgeRegression(), Logistic(), LogisticCosine(), Tfidf())
"""The plain baselines that stand beside every figure, in the order of the tables."""

EVERY_PLAIN: tuple[PlainBaseline, ...] = (
    Cosine(),
    Eszsl(),
    NearestCentroid(),
    RidgeRegression(),
    Logistic(),
    LogisticCosine(),
    LogisticOffset(),
    LogisticPriors(),
    Tfidf(),
)
"""All of them, and those that `desire-edge benchmark own` has beside."""

__all__ = [
    "EVERY_PLAIN",
    "METHODS",
    "PLAIN",
    "SEARCHES",
    "AllPositive",
    "Ataml",
    "Cosine",
    "DesireNet",
    "Eszsl",
    "Logistic",
    "LogisticCosine",
    "LogisticOffset",
    "LogisticPriors",
    "Maml",
    "MamlPlusPlus",
    "MetaTrained",
    "Method",
    "NearestCentroid",
    "NoInference",
    "NoL2",
    "NoPretraining",
    "PlainBaseline",
    "PlainData",
    "PlainPretraining",
    "PlainTask",
    "Pretrained",
    "ProtoNet",
    "Reptile",
    "RidgeRegression",
    "Setting",
    "SupervisedReference",
    "Tfidf",
    "plain_classifier",
]
