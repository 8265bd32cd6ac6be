"""How good codes are: metrics that are fair to ties, judged queries, baselines, and figures that need no label."""

from hashret.evaluate.comparison import Change, Comparison, compare
from hashret.evaluate.judged import Judgements
from hashret.evaluate.metrics import (
    average_precision,
    bootstrap,
    ndcg_at,
    precision_at,
    precision_at_recall,
    recall_at,
    within,
)
from hashret.evaluate.report import Figure, Options, Report, evaluate

__all__ = [
    "Change",
    "Comparison",
    "Figure",
    "Judgements",
    "Options",
    "Report",
    "average_precision",
    "bootstrap",
    "compare",
    "evaluate",
    "ndcg_at",
    "precision_at",
    "precision_at_recall",
    "recall_at",
    "within",
]
