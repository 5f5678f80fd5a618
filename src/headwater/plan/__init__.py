"""From declarations and recorded state to frozen steps and a diff. Pure."""

from headwater.plan.build import build_plan
from headwater.plan.cache import AnalysisCache
from headwater.plan.steps import Difference, ForeignPort, ModelStep, Plan, ProductPlan, Recorded, SourceStep

__all__ = [
    "AnalysisCache",
    "Difference",
    "ForeignPort",
    "ModelStep",
    "Plan",
    "ProductPlan",
    "Recorded",
    "SourceStep",
    "build_plan",
]
