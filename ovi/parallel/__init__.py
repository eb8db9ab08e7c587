"""One clip on several devices of one host, through processes that this package starts itself."""

from ovi.parallel.errors import RankError, RankOutOfMemory
from ovi.parallel.pipeline import ParallelPipeline, load_pipeline

__all__ = ["ParallelPipeline", "RankError", "RankOutOfMemory", "load_pipeline"]
